"""Storing what came in: bulk statements that leave duplicates out and say which rows were new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

import psycopg
from msgspec import Struct

from portal.events.models import DEDUPLICATION_DAYS
from portal.lib import arrays
from portal.lib.database import Row

Cursor: TypeAlias = psycopg.Cursor[Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReading:
    series_id: int
    time: datetime
    number: float | None
    text: str | None
    quality: int


class NewEvent(Struct, frozen=True, kw_only=True, gc=False):
    """An event ready to be stored; `body` is its document's exact text, in UTF-8.

    One that is `held_because` of something is only stored.
    """

    id: UUID
    type: str
    time: datetime
    company_id: UUID | None
    gateway_id: UUID | None
    appliance_id: UUID | None
    body: bytes
    held_because: str | None = None


_READINGS = """
insert into events_reading (series_id, time, number, text, quality)
select * from unnest(%b::bigint[], %b::timestamptz[], %b::float8[], %b::text[], %b::int2[])
    on conflict do nothing
returning series_id, time
"""
ADD_EVENTS = """
insert into events_event (organization_id, id, type, time, company_id, gateway_id, appliance_id, body, held_because)
select %b, u.* from unnest(%b::uuid[], %b::text[], %b::timestamptz[], %b::uuid[], %b::uuid[], %b::uuid[], %b::text[],
                           %b::text[]) u
"""
_NONE_HELD = arrays.texts([])
"""Of columns of different lengths, `unnest` fills the shorter with nulls."""
_PRODUCER_KEYS = """
insert into events_producerkey (organization_id, key, time)
select %b, k.key, %b
  from unnest(%b::text[]) k(key)
 where not exists (select from events_producerkey p
                    where p.organization_id = %b and p.key = k.key and p.time >= %b)
 order by k.key
    on conflict do nothing
returning key
"""


def add_readings(cursor: Cursor, readings: Sequence[NewReading]) -> set[tuple[int, datetime]]:
    """Store readings; returns the (series, time) of those that were not there yet."""
    if not readings:
        return set()
    cursor.execute(
        _READINGS,
        [
            [reading.series_id for reading in readings],
            [reading.time for reading in readings],
            [reading.number for reading in readings],
            [reading.text for reading in readings],
            [reading.quality for reading in readings],
        ],
    )
    return set(cursor.fetchall())


def add_producer_keys(cursor: Cursor, organization_id: UUID, keys: Sequence[str], now: datetime) -> set[str]:
    """Remember the producers' own event ids; returns those not seen in the last DEDUPLICATION_DAYS.

    Always in the same order: two calls with the same ids wait for each other and never deadlock.
    """
    if not keys:
        return set()
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    since = today - timedelta(days=DEDUPLICATION_DAYS)
    cursor.execute(_PRODUCER_KEYS, [organization_id, today, list(keys), organization_id, since])
    return {key for (key,) in cursor}


def columns(organization_id: UUID, events: Sequence[NewEvent]) -> list[Any]:
    """The parameters of ADD_EVENTS. The events' ids are new, so there is nothing to leave out."""
    return [
        organization_id,
        arrays.uuids([event.id for event in events]),
        arrays.texts([event.type for event in events]),
        [event.time for event in events],
        arrays.uuids([event.company_id for event in events]),
        arrays.uuids([event.gateway_id for event in events]),
        arrays.uuids([event.appliance_id for event in events]),
        arrays.utf8([event.body for event in events]),
        _held([event.held_because for event in events]),
    ]


def _held(reasons: list[str | None]) -> arrays.Array | list[str | None]:
    return reasons if any(reasons) else _NONE_HELD
