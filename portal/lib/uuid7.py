"""UUIDs of version 7: they carry the millisecond they were made in, so a range of ids is a range of time."""

from __future__ import annotations

import os
import random
import threading
import time
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, SafeUUID

_VERSION = 7 << 76
_VARIANT = 2 << 62
_TAIL_BITS = 74
_LOW_BITS = (1 << 62) - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_new, _set = UUID.__new__, object.__setattr__

# Ids need to differ, not to be secret: one seed from the system per process, and no system call per id.
_random = random.Random()  # noqa: S311
os.register_at_fork(after_in_child=_random.seed)
_lock = threading.Lock()
_last = (0, 0)


def uuid7(at: datetime | None = None) -> UUID:
    """A new id for now, or for the moment `at`. Ids that one process makes for now sort in the order they were made.

    The 74 bits beside the time are random; within one millisecond they grow by random steps instead (RFC 9562,
    section 6.2, method 2).
    """
    if at is not None:
        return _assembled(_milliseconds(at), _random.getrandbits(_TAIL_BITS))
    global _last
    with _lock:
        milliseconds, tail = max(time.time_ns() // 1_000_000, _last[0]), _random.getrandbits(_TAIL_BITS - 1)
        if milliseconds == _last[0]:
            tail = _last[1] + (tail & 0xFFFFFFFF) + 1
        if tail >> _TAIL_BITS:
            milliseconds, tail = milliseconds + 1, tail & _LOW_BITS
        _last = (milliseconds, tail)
    return _assembled(milliseconds, tail)


def _assembled(milliseconds: int, tail: int) -> UUID:
    """Without the constructor, which weighs six ways to say what the id is: a quarter of the time."""
    made = _new(UUID)
    _set(made, "int", (milliseconds << 80) | _VERSION | ((tail >> 62) << 64) | _VARIANT | (tail & _LOW_BITS))
    _set(made, "is_safe", SafeUUID.unknown)
    return made


def _milliseconds(at: datetime) -> int:
    """Since 1970, cut. In whole numbers: a float may fall just short, into the millisecond before."""
    return (at - _EPOCH) // _MILLISECOND


def time_of(key: UUID) -> datetime:
    """The moment an id of version 7 was made, in UTC."""
    return _EPOCH + (key.int >> 80) * _MILLISECOND


def lowest(at: datetime) -> UUID:
    """The lower bound of all ids made at `at` or later."""
    return UUID(int=_milliseconds(at) << 80)


def day_bounds(day: date) -> tuple[UUID, UUID]:
    """The half-open range of ids made on one UTC day."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return lowest(start), lowest(start + timedelta(days=1))
