"""The processes that a measurement starts: each in a session of its own, and stopped by its own pid, also on Ctrl-C.

They are the product's Program and its way of starting and stopping one: should the measurement itself be killed, the
kernel ends them.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from portal.runtime.program import Program, Stop, spawn, stop, wait_until_ready

ROOT = Path(__file__).resolve().parents[1]
SILENT = Path("/dev/null")


def stop_on_signals() -> None:
    """SIGTERM and Ctrl-C alike raise KeyboardInterrupt: what was started is stopped on the way out."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGINT, interrupt)


def python(*words: str) -> list[str]:
    return [sys.executable, *words]


class Process:
    """A program and, once it is started, its pid. `log` None throws its output away."""

    def __init__(
        self, name: str, command: Sequence[str], *, env: Mapping[str, str] | None = None, log: Path | None = None
    ) -> None:
        program = Program(name=name, command=command, cwd=ROOT, stops=(Stop(signal=signal.SIGTERM, seconds=10.0),))
        self._program = replace(program, log=log or SILENT, **({} if env is None else {"env": env}))

    @classmethod
    def of(cls, program: Program, log: Path) -> Self:
        """One of the product's own, with its output in a file instead of a pipe that somebody has to read."""
        process = cls(program.name, program.command)
        process._program = replace(program, log=log, announces=None)
        return process

    def start(self) -> Self:
        self._process: subprocess.Popen[str] = spawn(self._program)
        return self

    def wait_until_ready(self) -> None:
        """Raises StartError when it ends first, or is not ready in time."""
        wait_until_ready(self._program, self._process)

    def stop(self) -> None:
        stop(self._program, self._process)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def name(self) -> str:
        return self._program.name

    @property
    def pid(self) -> int:
        """Of the program itself: what starts it replaces itself by it."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None


def run(command: Sequence[str], env: Mapping[str, str]) -> str:
    """The standard output of a command; raises RuntimeError with its last words when it fails."""
    done = subprocess.run(  # noqa: S603 - the words are this package's own
        command, env=dict(env), cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:5])} failed: {done.stderr.strip()[-2000:]}")
    return done.stdout
