"""When a trigger by the clock is due: for each of its sites, or its connector, once per interval. Pure.

The moment within the interval follows from the two ids, so that it stays the same from interval to interval, and
thousands of them are spread evenly.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

SET_BACK = timedelta(seconds=10)
"""A moment that is done and yet ahead by more than this tells of a clock that was set back, not of another process."""

DUE = (
    "mod(%(until)b::bigint - mod(uuid_hash_extended({id}, %(seed)b::bigint), %(period)b::bigint), %(period)b::bigint)"
    " < %(length)b::bigint"
)
"""SQL: whether a moment of the row with this id is in the window whose parameters `Window.parameters` gives."""


class ClockTrigger(NamedTuple):
    """A trigger by the clock, as far as its work needs it: a row of the statement that finds it."""

    id: UUID
    organization_id: UUID
    kind: str
    interval_seconds: int
    level: str
    gateways: list[UUID]
    connector_id: UUID
    company_id: UUID | None  # the connector's; None for one of the whole organization

    @property
    def interval(self) -> timedelta:
        return timedelta(seconds=self.interval_seconds)

    @property
    def latest(self) -> timedelta:
        """How late a snapshot may come: later it is missed, and the next one tells more."""
        return max(timedelta(seconds=10), self.interval / 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The moments after `start`, up to `end`."""

    start: datetime
    end: datetime

    def parameters(self, trigger: ClockTrigger) -> dict[str, int]:
        until, since = ((time - _EPOCH) // _MILLISECOND for time in (self.end, self.start))
        seed = int.from_bytes(trigger.id.bytes[8:], signed=True)
        return {"until": until, "length": until - since, "seed": seed, "period": trigger.interval_seconds * 1000}


def window(trigger: ClockTrigger, done_until: datetime, now: datetime) -> Window | None:
    """What is due at `now`; None when all is done until now, or by another process a little ahead.

    It is at most as long as a moment may come late: what was missed before is not made up for. After the clock was set
    back by much, it goes on from the new time with nothing due.
    """
    if done_until > now + SET_BACK:
        return Window(start=now, end=now)
    if done_until >= now:
        return None
    return Window(start=max(done_until, now - trigger.latest), end=now)
