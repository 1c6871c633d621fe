"""Times as the product writes them: RFC 3339, UTC, milliseconds, `Z`."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


def now() -> datetime:
    """The current moment; called at the edges only, everything inside takes `now` as an argument."""
    return datetime.now(UTC)


@lru_cache(maxsize=256)  # most of a batch happened at one moment
def rfc3339(moment: datetime) -> str:
    """`2026-11-21T10:00:00.000Z`, cut (not rounded) to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
