"""UUIDs of version 7: they carry the millisecond they were made in, so a range of ids is a range of time."""

from __future__ import annotations

import os
import time
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

_VERSION = 7 << 76
_VARIANT = 2 << 62
_RANDOM_A = (1 << 12) - 1
_RANDOM_B = (1 << 62) - 1


def uuid7(at: datetime | None = None) -> UUID:
    """A new id for now, or for the moment `at`; the 74 bits beside the time are random."""
    milliseconds = time.time_ns() // 1_000_000 if at is None else int(at.timestamp() * 1000)
    random = int.from_bytes(os.urandom(10), "big")
    return UUID(
        int=(milliseconds << 80) | _VERSION | ((random >> 62 & _RANDOM_A) << 64) | _VARIANT | (random & _RANDOM_B)
    )


def time_of(key: UUID) -> datetime:
    """The moment an id of version 7 was made, in UTC."""
    return datetime.fromtimestamp((key.int >> 80) / 1000, UTC)


def lowest(at: datetime) -> UUID:
    """The lower bound of all ids made at `at` or later."""
    return UUID(int=int(at.timestamp() * 1000) << 80)


def day_bounds(day: date) -> tuple[UUID, UUID]:
    """The half-open range of ids made on one UTC day."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return lowest(start), lowest(start + timedelta(days=1))
