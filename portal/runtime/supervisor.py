"""Keeps the processes of one run: in order up, in reverse order down, and up again when one dies.

Start: one after the other, each waited for until it is ready. Stop: from the last to the first, each with the
time that its work in flight needs, so that a worker still has its broker and its database while it finishes.
"""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO, TextIO

from portal.runtime.program import (
    POLL_SECONDS,
    Program,
    StartError,
    ending,
    spawn,
    stop,
    sweep,
    wait_until_ready,
)

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0  # a process that lived this long starts again with the first pause
BRIEF_SECONDS = 5.0  # a process that lived no longer has failed, however well it ended
WATCH_SECONDS = 0.2
LAST_LINES_SECONDS = 1.0  # to print what an ended process wrote last
NAME_WIDTH = 9
COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class StopRequested(Exception):
    """Leaves whatever the supervisor waits for when a signal comes in."""


class Console:
    """One line at a time from many processes, each with its name in front; coloured on a terminal."""

    def __init__(self, stream: TextIO = sys.stdout) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._colours: dict[str, int] = {}

    def line(self, name: str, text: str) -> None:
        prefix = f"{name:<{NAME_WIDTH}}|"
        if self._stream.isatty():
            colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
            prefix = f"\x1b[{colour}m{prefix}\x1b[0m"
        self.block(f"{prefix} {text}\n")

    def block(self, text: str) -> None:
        """A reader that went away (`| head`, a closed terminal) must not stop the processes."""
        with self._lock:
            try:
                self._stream.write(text)
                self._stream.flush()
            except (OSError, ValueError):
                return


@dataclass(kw_only=True)
class Kept:
    """A program and its present process; a dead one starts again when it is `due` (monotonic seconds)."""

    program: Program
    process: subprocess.Popen[str]
    started: float
    failures: int = 0
    due: float | None = None


class Supervisor:
    """In the main thread: `with supervisor.signals():`, then `start` and `run` in order, then `watch`."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._kept: list[Kept] = []
        self._readers: dict[int, list[threading.Thread]] = {}  # by process id
        self._announced: set[int] = set()  # process ids
        self._requests = 0

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Stop on SIGTERM, Ctrl-C or a closed terminal. At the end all is stopped, whatever happened."""
        before = {number: signal.getsignal(number) for number in SIGNALS}
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:  # as under nohup
                signal.signal(number, lambda *_: self.request_stop())
        try:
            yield
        except StopRequested:
            pass
        finally:
            self.stop()
            for number, handler in before.items():
                signal.signal(number, handler)

    def request_stop(self) -> None:
        """The first time: an orderly stop. The second time: at once."""
        self._requests += 1

    def start(self, program: Program) -> None:
        """Return when it is ready. Raises StartError or StopRequested, and then it does not run."""
        self.wait(0)
        process, started = self._spawn(program), time.monotonic()
        if program.announces:
            program = replace(program, ready=lambda: process.pid in self._announced)
        try:
            wait_until_ready(program, process, self.wait)
        except BaseException:
            stop(program, process)
            self._join_readers(process)
            raise
        self._kept.append(Kept(program=program, process=process, started=started))
        self.console.line(program.name, "ready")

    def run(self, program: Program) -> str:
        """Run it to its end and return its answer, if it gives one. Raises StartError when it fails."""
        self.wait(0)
        answer: list[str] = []
        process = self._spawn(program, answer)
        try:
            while process.poll() is None:
                self.wait(POLL_SECONDS)
        finally:
            stop(program, process)
            self._join_readers(process)
        if process.returncode != 0:
            raise StartError(f"`{program.name}` {ending(process)}: see its lines above.")
        return "".join(answer)

    def watch(self) -> None:
        """Keep all running until a signal comes in: then StopRequested."""
        while True:
            self.wait(WATCH_SECONDS)

    def wait(self, seconds: float) -> None:
        """Sleep, and look after what runs. Raises StopRequested."""
        if self._requests:
            raise StopRequested
        for kept in self._kept:
            if kept.due is None and kept.process.poll() is not None:
                sweep(kept.process)
                self._join_readers(kept.process)
                if _orderly(kept):
                    self.console.line(kept.program.name, f"{ending(kept.process)}; starts again at once")
                    self._start_again(kept)
                else:
                    self._put_off(kept, ending(kept.process))
            elif kept.due is not None and kept.due <= time.monotonic():
                self._start_again(kept)
        time.sleep(seconds)

    def stop(self) -> None:
        """From the last to the first."""
        for kept in reversed(self._kept):
            if kept.process.poll() is None:
                seconds = kept.program.stops[0].seconds
                notice = f"stopping, within {seconds:.0f} s (Ctrl-C again: at once)"
                self.console.line(kept.program.name, notice)
                stop(kept.program, kept.process, hurry=lambda: self._requests > 1)
                self._join_readers(kept.process)
                self.console.line(kept.program.name, ending(kept.process))
        self._kept.clear()

    def _put_off(self, kept: Kept, reason: str) -> None:
        now = time.monotonic()
        kept.failures = 1 if now - kept.started > STEADY_SECONDS else kept.failures + 1
        pause = min(FIRST_PAUSE_SECONDS * 2 ** (kept.failures - 1), LONGEST_PAUSE_SECONDS)
        kept.due = now + pause
        self.console.line(kept.program.name, f"{reason}; starts again in {pause:g} s")

    def _start_again(self, kept: Kept) -> None:
        kept.started = time.monotonic()
        try:
            kept.process = self._spawn(kept.program)
        except StartError as error:
            self._put_off(kept, str(error))
        else:
            kept.due = None

    def _spawn(self, program: Program, answer: list[str] | None = None) -> subprocess.Popen[str]:
        process = spawn(program)
        if program.answers and answer is not None and process.stdout is not None:
            self._read(process, process.stdout, answer.append)
        log = process.stderr if program.answers else process.stdout
        if log is not None:
            self._read(process, log, lambda line: self._take_line(program, process.pid, line))
        return process

    def _take_line(self, program: Program, pid: int, line: str) -> None:
        self.console.line(program.name, line.rstrip())
        if program.announces and program.announces in line:
            self._announced.add(pid)

    def _read(self, process: subprocess.Popen[str], stream: IO[str], take: Callable[[str], None]) -> None:
        """In a daemon thread: a grandchild that holds the pipe open must not hold the supervisor."""

        def read() -> None:
            with stream:
                for line in stream:
                    take(line)

        reader = threading.Thread(target=read, daemon=True)
        self._readers.setdefault(process.pid, []).append(reader)
        reader.start()

    def _join_readers(self, process: subprocess.Popen[str]) -> None:
        for reader in self._readers.pop(process.pid, []):
            reader.join(LAST_LINES_SECONDS)


def _orderly(kept: Kept) -> bool:
    """Whether an operator asked it to end, as in a rolling restart: it neither died nor found nothing to do."""
    return kept.process.returncode == 0 and time.monotonic() - kept.started > BRIEF_SECONDS
