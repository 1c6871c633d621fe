"""Times as the product writes them: RFC 3339, UTC, milliseconds, `Z`; and clocks that are off."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

LARGEST_SKEW_SECONDS = 60.0
"""By which a machine's clock may differ from the database's before that is told."""


def now() -> datetime:
    """The current moment; called at the edges only, everything inside takes `now` as an argument."""
    return datetime.now(UTC)


@lru_cache(maxsize=256)  # most of a batch happened at one moment
def rfc3339(moment: datetime) -> str:
    """`2026-11-21T10:00:00.000Z`, cut (not rounded) to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def skew_in_words(seconds: float) -> str:
    """Of a machine's clock that is so many seconds ahead of the database's."""
    return f"{abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} the database's"
