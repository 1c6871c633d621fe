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
_FULL = 1 << 61
"""Set in an id of which too few are left in its millisecond."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_UNKNOWN = SafeUUID.unknown
_new = UUID.__new__
# The slots' own setters: the class forbids assignment, and its constructor weighs six ways to say what the id is.
_set_int, _set_is_safe = (vars(UUID)[slot].__set__ for slot in ("int", "is_safe"))

# Ids need to differ, not to be secret: one seed from the system per process, and no system call per id.
_random = random.Random()  # noqa: S311
os.register_at_fork(after_in_child=_random.seed)
_lock = threading.Lock()
_last = 0


def uuid7(at: datetime | None = None) -> UUID:
    """A new id for now, or for the moment `at`. Ids that one process makes for now sort in the order they were made."""
    return uuid7s(1)[0] if at is None else _of(_first(_milliseconds(at)))


def uuid7s(count: int) -> list[UUID]:
    """New ids for now, as `uuid7` makes them, at half the price for each.

    72 bits beside the time are random; within one millisecond ids grow by random steps instead (RFC 9562,
    section 6.2, method 2). A millisecond that is full runs over into the next.
    """
    global _last
    with _lock:
        milliseconds, value = time.time_ns() // 1_000_000, _last
        if milliseconds > value >> 80:
            value = _first(milliseconds)
        elif value & _FULL:
            value = _first((value >> 80) + 1)
        random_bits = _random.getrandbits
        values = [value := value + random_bits(32) + 1 for _ in range(count)]
        _last = value
    return [_of(value) for value in values]


def _first(milliseconds: int) -> int:
    """A random id of that millisecond, with room above it."""
    randomness = _random.getrandbits(12) << 64 | _random.getrandbits(60)
    return milliseconds << 80 | _VERSION | _VARIANT | randomness


def _of(value: int) -> UUID:
    made = _new(UUID)
    _set_int(made, value)
    _set_is_safe(made, _UNKNOWN)
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
