"""Samples while something runs: each process's memory and open descriptors, and the size of the waiting table."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.whole.stack import Stack

MIB = 1024 * 1024
SIZES = """
select (select count(*) from connectors_waiting), pg_relation_size('connectors_waiting'),
       pg_indexes_size('connectors_waiting'),
       (select n_dead_tup from pg_stat_user_tables where relname = 'connectors_waiting')
"""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Of one process: `at` in seconds since the watch began, `rss` in bytes."""

    at: float
    name: str
    pid: int
    rss: int
    descriptors: int


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Of the waiting table: rows and, in bytes, the heap and all its indexes; `dead` rows by PostgreSQL's count."""

    at: float
    rows: int
    heap: int
    indexes: int
    dead: int


class Watch(threading.Thread):
    """Samples every `every` seconds until `finish`; `tell` gets a line each time."""

    def __init__(self, stack: Stack, *, workers: int, every: float, tell: Callable[[], None] = lambda: None) -> None:
        super().__init__(daemon=True)
        self.stack, self.every, self.tell = stack, every, tell
        self.names = {f"worker{number}": ("celery", f"worker{number}@") for number in range(1, workers + 1)}
        self.samples: list[Sample] = []
        self.sizes: list[Sizes] = []
        self.began = time.monotonic()
        self._stop_asked = threading.Event()

    def run(self) -> None:
        while not self._stop_asked.is_set():
            self.look()
            self.tell()
            self._stop_asked.wait(self.every)

    def finish(self) -> None:
        self._stop_asked.set()
        self.join(60)

    def look(self) -> None:
        now = time.monotonic() - self.began
        for name, words in self.names.items():
            for pid in self.stack.pids(*words):
                with suppress(OSError, StopIteration):  # it may end meanwhile
                    self.samples.append(_sample(now, name, pid))
        with suppress(psycopg.OperationalError):
            self.sizes.append(_sizes(now, self.stack.database_url))

    def processes(self) -> dict[str, Any]:
        """By worker: how many processes it has been, and of all of them the memory and the open descriptors."""
        found: dict[str, Any] = {}
        for name in self.names:
            mine = [sample for sample in self.samples if sample.name == name]
            if mine:
                found[name] = {
                    "processes": len({sample.pid for sample in mine}),
                    "rss_mib": _first_most_last([sample.rss / MIB for sample in mine]),
                    "descriptors": _first_most_last([float(sample.descriptors) for sample in mine]),
                }
        return found

    def table(self) -> dict[str, Any]:
        """The waiting table at its largest and now."""
        now = _sizes(time.monotonic() - self.began, self.stack.database_url)
        seen = [*self.sizes, now]
        most = {name: max(getattr(sizes, name) for sizes in seen) for name in ("rows", "heap", "indexes", "dead")}
        return {"most": most, "now": {key: value for key, value in asdict(now).items() if key != "at"}}

    def slopes(self, *, after: float) -> dict[str, dict[str, float]]:
        """By process, MiB and descriptors an hour by least squares over the samples later than `after` seconds."""
        slopes = {}
        for name in self.names:
            mine = [sample for sample in self.samples if sample.name == name and sample.at >= after]
            slopes[name] = {
                "rss_mib_per_hour": round(_slope([(s.at / 3600, s.rss / MIB) for s in mine]), 2),
                "descriptors_per_hour": round(_slope([(s.at / 3600, float(s.descriptors)) for s in mine]), 2),
            }
        return slopes


def _sample(now: float, name: str, pid: int) -> Sample:
    status = Path(f"/proc/{pid}/status").read_text()
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    descriptors = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    return Sample(at=now, name=name, pid=pid, rss=int(resident.split()[1]) * 1024, descriptors=descriptors)


def _sizes(now: float, database_url: str) -> Sizes:
    with psycopg.connect(database_url, connect_timeout=5, autocommit=True) as connection:
        rows, heap, indexes, dead = connection.execute(SIZES).fetchone() or (0, 0, 0, 0)
    return Sizes(at=now, rows=rows, heap=heap, indexes=indexes, dead=dead or 0)


def _first_most_last(values: list[float]) -> dict[str, float]:
    return {"first": round(values[0], 1), "most": round(max(values), 1), "last": round(values[-1], 1)}


def _slope(points: list[tuple[float, float]]) -> float:
    """Of the straight line with the least squares; 0 for fewer than two points."""
    if len(points) < 2:
        return 0.0
    mean_x, mean_y = (sum(values) / len(points) for values in zip(*points, strict=True))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
