"""CPU seconds of processes and their threads, read from /proc; the kernel counts them in hundredths of a second."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
USER, SYSTEM, CHILDREN_USER, CHILDREN_SYSTEM = 11, 12, 13, 14
"""Places in /proc/<pid>/stat behind the name, which is in brackets and may hold anything."""


def process_seconds(pid: int) -> float:
    """User and system time of a process with all its threads; 0 when it is gone."""
    with suppress(OSError):
        fields = _fields(Path(f"/proc/{pid}/stat"))
        return (int(fields[USER]) + int(fields[SYSTEM])) / TICKS
    return 0.0


def thread_seconds(pid: int) -> Counter[str]:
    """By the thread's name (bench/naming gives workers' threads theirs); threads of one name are added up."""
    found: Counter[str] = Counter()
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):
            fields = _fields(task / "stat")
            found[(task / "comm").read_text().strip()] += (int(fields[USER]) + int(fields[SYSTEM])) / TICKS  # type: ignore[assignment]
    return found


def family_seconds(pid: int) -> float:
    """Of a process, its children and what its children that ended have used: PostgreSQL with all its sessions."""
    with suppress(OSError):
        fields = _fields(Path(f"/proc/{pid}/stat"))
        own = sum(int(fields[place]) for place in (USER, SYSTEM, CHILDREN_USER, CHILDREN_SYSTEM)) / TICKS
        return own + sum(process_seconds(child) for child in children(pid))
    return 0.0


def children(pid: int) -> Iterator[int]:
    for thread in Path(f"/proc/{pid}/task").iterdir():
        yield from map(int, (thread / "children").read_text().split())


def processes_seconds(pids: Iterable[int]) -> float:
    return sum(process_seconds(pid) for pid in pids)


def _fields(stat: Path) -> list[str]:
    return stat.read_text().rpartition(")")[2].split()
