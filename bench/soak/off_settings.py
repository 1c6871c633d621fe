"""The product's settings for a process whose clock is off, by the seconds that stand in the file CLOCK_FILE.

What is written there later makes the clock jump. The monotonic clock goes on as it is, as a machine's does.
"""

import os
import threading
import time
from pathlib import Path

import time_machine

from bench.soak.poisoned_settings import *  # noqa: F403 - a settings module that adds to another

LOOK_SECONDS = 0.1


def _ahead() -> float:
    return float(Path(os.environ["CLOCK_FILE"]).read_text())


def _follow() -> None:
    while not _never.wait(LOOK_SECONDS):
        _clock.move_to(time_machine.escape_hatch.time.time() + _ahead())


_never = threading.Event()
_clock = time_machine.travel(time.time() + _ahead(), tick=True).start()
threading.Thread(target=_follow, name="clock", daemon=True).start()
