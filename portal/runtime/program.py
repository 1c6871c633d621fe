"""One process that somebody else keeps: how it is started, when it is ready, how it is stopped."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

POLL_SECONDS = 0.05
KILL_SECONDS = 5.0  # a killed process is gone at once, unless it hangs in the kernel
# Without it (not on Linux), programs outlive a supervisor that is killed.
SETPRIV = shutil.which("setpriv")


class StartError(Exception):
    """Something needed for the start is not there. The text is the one sentence that the operator reads."""


@dataclass(frozen=True, kw_only=True)
class Stop:
    """A signal that asks a program to end, and the seconds it has for that before the next, harder one."""

    signal: signal.Signals
    seconds: float


def _always() -> bool:
    return True


def _nothing() -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class Program:
    """`stops` goes from soft to hard; SIGKILL always follows. `log` keeps its output off the console.

    A program that `announces` is ready when a line of its output contains those words, instead of `ready`.
    A program that `answers` writes an answer to its standard output, and log lines only to standard error.
    """

    name: str
    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    cwd: Path | None = None
    account: Sequence[str] = ()  # setpriv's options: run it as another user
    log: Path | None = None
    answers: bool = False
    announces: str | None = None
    before_start: Callable[[], None] = _nothing
    ready: Callable[[], bool] = _always
    ready_within: float = 60.0
    stops: Sequence[Stop] = (Stop(signal=signal.SIGTERM, seconds=10.0),)


def spawn(program: Program) -> subprocess.Popen[str]:
    """Start it in a session of its own, so that the terminal's Ctrl-C reaches only the supervisor.

    Call it from the main thread: the kernel sends the parent-death signal when the thread that forked ends.
    """
    program.before_start()
    try:
        with _output(program.log) as output:
            return subprocess.Popen(  # noqa: S603 - the words are this package's own
                _privileged(program),
                env=dict(program.env),
                cwd=program.cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.PIPE if program.answers else subprocess.STDOUT,
                start_new_session=True,
                text=True,
                errors="replace",
            )
    except OSError as error:
        raise StartError(f"{program.name} cannot be started: {error}.") from None


@contextmanager
def _output(log: Path | None) -> Iterator[IO[str] | int]:
    if log is None:
        yield subprocess.PIPE
        return
    with log.open("a") as stream:
        yield stream


def _privileged(program: Program) -> list[str]:
    if SETPRIV is None:
        return list(program.command)
    death = program.stops[0].signal.name.removeprefix("SIG")
    return [SETPRIV, f"--pdeathsig={death}", *program.account, *program.command]


def wait_until_ready(
    program: Program, process: subprocess.Popen[str], pause: Callable[[float], None] = time.sleep
) -> None:
    """Raise StartError when the process ends first, or is not ready in time."""
    deadline = time.monotonic() + program.ready_within
    while not program.ready():
        if process.poll() is not None:
            raise StartError(f"{program.name} {ending(process)} before it was ready{_last_words(program.log)}.")
        if time.monotonic() > deadline:
            raise StartError(
                f"{program.name} was not ready within {program.ready_within:.0f} s{_last_words(program.log)}."
            )
        pause(POLL_SECONDS)


def ending(process: subprocess.Popen[str]) -> str:
    """How a process ended, in words."""
    code = process.returncode
    if code >= 0:
        return f"ended with code {code}"
    return f"was ended by {signal.Signals(-code).name}"


def _last_words(log: Path | None) -> str:
    with suppress(OSError):
        if log:
            return f"; the last line of {log}: {last_line(log.read_text(errors='replace'))}"
    return "; see its lines above"


def last_line(text: str) -> str:
    """Without its full stop, so that it can stand inside a sentence."""
    return (text.strip().splitlines() or ["no reason given"])[-1].rstrip(".")


def stop(
    program: Program,
    process: subprocess.Popen[str],
    *,
    hurry: Callable[[], bool] = lambda: False,
) -> None:
    """Ask softly, then harder, until it is gone. `hurry` turning true goes on to the next, harder signal."""
    steps = [*program.stops, Stop(signal=signal.SIGKILL, seconds=KILL_SECONDS)]
    for step in steps[1:] if hurry() else steps:
        if process.poll() is None:
            process.send_signal(step.signal)
        rushed = hurry()
        deadline = time.monotonic() + step.seconds
        while process.poll() is None and time.monotonic() < deadline and hurry() == rushed:
            time.sleep(POLL_SECONDS)
        if process.poll() is not None:
            break
    sweep(process)


def sweep(process: subprocess.Popen[str]) -> None:
    """Kill what a process left behind in its session, such as the workers of a killed gunicorn."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
