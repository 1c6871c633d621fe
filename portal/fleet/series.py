"""The state of series during an intake call: locked, read and written back with one statement each."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import psycopg

from portal.lib.database import Row, batch_cursor

SeriesKey: TypeAlias = tuple[UUID, UUID]
"""Subject (appliance or gateway) and data point."""


@dataclass(slots=True, kw_only=True)
class SeriesState:
    """One locked series. The intake moves it on and writes it back with `save`."""

    id: int
    last_time: datetime | None
    last_value: Any
    sent_time: datetime | None
    sent_value: Any
    sent_direction: int = 0


_LOCK = """
select s.subject_id, s.data_point_id, s.id, s.last_time, s.sent_time, s.sent_number, s.sent_text,
       s.sent_direction
  from unnest(%b::uuid[], %b::uuid[]) k(subject_id, data_point_id)
  join fleet_series s on s.subject_id = k.subject_id and s.data_point_id = k.data_point_id
 order by s.id
   for update of s
"""
_ADD = """
insert into fleet_series (organization_id, gateway_id, subject_id, data_point_id)
select %b, k.gateway_id, k.subject_id, k.data_point_id
  from unnest(%b::uuid[], %b::uuid[], %b::uuid[]) k(gateway_id, subject_id, data_point_id)
 order by k.subject_id, k.data_point_id
    on conflict do nothing
"""
_SAVE = """
update fleet_series s
   set last_time = u.last_time, last_number = u.last_number, last_text = u.last_text,
       sent_time = u.sent_time, sent_number = u.sent_number, sent_text = u.sent_text,
       sent_direction = u.sent_direction
  from unnest(%b::bigint[], %b::timestamptz[], %b::float8[], %b::text[], %b::timestamptz[], %b::float8[], %b::text[],
              %b::int2[])
       u(id, last_time, last_number, last_text, sent_time, sent_number, sent_text, sent_direction)
 where s.id = u.id
"""


def lock(
    cursor: psycopg.Cursor[Row], organization_id: UUID, gateways: dict[SeriesKey, UUID]
) -> dict[SeriesKey, SeriesState]:
    """Lock the series of these keys (each with its gateway), made where they do not exist yet.

    Always in the order of their ids, so that two calls for the same devices wait for each other and never deadlock.
    """
    states = _lock(cursor, gateways)
    missing = [key for key in gateways if key not in states]
    if missing:
        subjects, points = zip(*missing, strict=True)
        owners = [gateways[key] for key in missing]
        cursor.execute(_ADD, [organization_id, owners, list(subjects), list(points)])
        states = _lock(cursor, gateways)
    return states


def _lock(cursor: psycopg.Cursor[Row], keys: Collection[SeriesKey]) -> dict[SeriesKey, SeriesState]:
    cursor.execute(_LOCK, [[subject for subject, _ in keys], [point for _, point in keys]])
    return {
        (subject, point): SeriesState(
            id=series_id,
            last_time=last_time,
            last_value=None,
            sent_time=sent_time,
            sent_value=number if text is None else json.loads(text),
            sent_direction=direction or 0,
        )
        for subject, point, series_id, last_time, sent_time, number, text, direction in cursor
    }


def save(cursor: psycopg.Cursor[Row], states: Iterable[SeriesState]) -> None:
    """Write back the series that got a newer reading."""
    moved = [state for state in states if state.last_value is not None]
    if not moved:
        return
    last = [split(state.last_value) for state in moved]
    sent = [split(state.sent_value) for state in moved]
    cursor.execute(
        _SAVE,
        [
            [state.id for state in moved],
            [state.last_time for state in moved],
            [number for number, _ in last],
            [text for _, text in last],
            [state.sent_time for state in moved],
            [number for number, _ in sent],
            [text for _, text in sent],
            [state.sent_direction for state in moved],
        ],
    )


_FORGET_SENT = """
update fleet_series set sent_time = null, sent_number = null, sent_text = null, sent_direction = null
 where id = any(array(select id from fleet_series
                       where subject_id = %b or subject_id in (select id from fleet_appliance where gateway_id = %b)
                       order by id for update))
"""


def forget_sent(gateway_id: UUID) -> None:
    """Nothing of this gateway counts as sent any more: the next value of each series passes its filter."""
    with batch_cursor() as cursor:
        cursor.execute(_FORGET_SENT, [gateway_id, gateway_id])


def split(value: Any) -> tuple[float | None, str | None]:
    """A value as its two columns: numbers as such, booleans and strings as JSON text."""
    if value is None:
        return None, None
    if isinstance(value, (bool, str)):
        return None, json.dumps(value, ensure_ascii=False)
    return float(value), None
