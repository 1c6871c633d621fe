"""More processes beside those of `manage.py up`, by the product's own command lines: schedulers, workers."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.soak import faults
from portal.runtime import programs
from portal.runtime.program import Program, spawn, stop
from tests.whole.stack import Stack, eventually


class Beside:
    """`with Beside(…):` runs until the end of the block, whatever happens meanwhile."""

    process: subprocess.Popen[str]

    def __init__(self, program: Program, log: Path) -> None:
        self._program = replace(program, log=log)
        self._log_file = log

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        stop(self._program, self.process)

    def start(self) -> None:
        self.process = spawn(self._program)

    def kill(self) -> None:
        faults.kill(self.process.pid)
        self.process.wait(30)

    @property
    def log(self) -> str:
        return self._log_file.read_text(errors="replace")


class HastyBeat(Beside):
    """A scheduler with a schedule file of its own, which counts its ticks in `ticks`."""

    def __init__(self, stack: Stack, name: str, ticks: Path) -> None:
        directory = stack.directory / name
        directory.mkdir()
        env = {**stack.env, "DJANGO_SETTINGS_MODULE": "bench.soak.hasty_settings", "TICKS_FILE": str(ticks)}
        super().__init__(programs.beat(directory, env), directory / "log")


class OffWorker(Beside):
    """A worker whose clock is `ahead` seconds ahead, or behind where that is negative."""

    def __init__(self, stack: Stack, number: int, ahead: float) -> None:
        self._clock = stack.directory / f"clock-of-worker{number}"
        self.jump(ahead)
        env = {**stack.env, "DJANGO_SETTINGS_MODULE": "bench.soak.off_settings", "CLOCK_FILE": str(self._clock)}
        program = programs.worker(number, env)
        super().__init__(program, stack.directory / f"worker{number}.log")
        self._ready = str(program.announces)

    def jump(self, ahead: float) -> None:
        self.ahead = ahead
        written = self._clock.with_suffix(".new")
        written.write_text(str(ahead))
        written.replace(self._clock)

    def wait_until_ready(self) -> None:
        eventually(lambda: self.process.poll() is not None or self._ready in self.log, 90, "a worker")
        if self.process.poll() is not None:
            raise RuntimeError(f"a worker ended: {self.log}")
