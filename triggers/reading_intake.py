"""What readings need on their way in: they are checked and stored, and those that pass their filter become events."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

from msgspec import structs

from portal.events import store
from portal.events.models import Quality
from portal.events.store import NewEvent, NewReading
from portal.fleet import series
from portal.fleet.locate import Located, Source
from portal.fleet.series import SeriesKey, SeriesState
from portal.lib import clock
from portal.lib.database import Cursor
from portal.lib.uuid7 import uuid7s
from triggers import filters
from triggers.event_intake import DATAPOINT_VALUE, new_event, shares_values
from triggers.filters import Reason, Sent
from triggers.items import ReadingItem, Result, check_time, unknown
from triggers.matching import Configuration, Point

GoodReading: TypeAlias = tuple[ReadingItem, Source, Point]


def checked(
    items: Sequence[tuple[int, ReadingItem]],
    located: Located,
    config: Configuration,
    now: datetime,
    oldest: timedelta | None,
    result: Result,
) -> list[GoodReading]:
    """Those that are in order; `result` refuses the others."""
    return [
        (item, *place)
        for index, item in items
        if (place := _check_reading(index, item, located, config, now, oldest, result))
    ]


def _check_reading(
    index: int,
    item: ReadingItem,
    located: Located,
    config: Configuration,
    now: datetime,
    oldest: timedelta | None,
    result: Result,
) -> tuple[Source, Point] | None:
    source = located[item.gateway, item.appliance]
    point = config.points.get(item.property)
    errors = check_time(item.time, now, oldest)
    if isinstance(item.value, float) and not math.isfinite(item.value):
        errors.append(("/value", "The number is not finite."))
    if not isinstance(source, Source):
        errors.append(unknown(source, item.gateway, item.appliance))
    if point is None:
        errors.append(("/property", f"There is no data point named {item.property!r}."))
    elif point.rule.kind != "state" and not filters.is_number(item.value):
        errors.append(("/value", f"A number is expected: {item.property} is a {point.rule.kind}."))
    if errors or point is None or not isinstance(source, Source):
        result.refuse(index, *errors)
        return None
    return source, point


def store_readings(
    cursor: Cursor, good: Sequence[GoodReading], states: dict[SeriesKey, SeriesState], result: Result
) -> list[GoodReading]:
    """Store what is new, and return it in the order of time. A reading's identity is its series and its time."""
    rows: dict[tuple[int, datetime], tuple[GoodReading, NewReading]] = {}
    for entry in good:
        item, source, point = entry
        number, text = series.split(item.value)
        series_id = states[source.subject_id, point.id].id
        reading = NewReading(
            series_id=series_id, time=item.time, number=number, text=text, quality=Quality[item.quality.upper()]
        )
        rows.setdefault((series_id, item.time), (entry, reading))
    stored = store.add_readings(cursor, [reading for _, reading in rows.values()])
    result.accepted += len(stored)
    result.duplicates += len(good) - len(stored)
    new = [entry for key, (entry, _) in rows.items() if key in stored]
    return sorted(new, key=lambda entry: entry[0].time)


def value_events(
    config: Configuration, organization_id: UUID, new: Sequence[GoodReading], states: dict[SeriesKey, SeriesState]
) -> list[NewEvent]:
    """Move each series on, and turn the readings that pass into events.

    A late reading (older than the last one of its series) is kept but never sent, and so is a bad one, of which no
    snapshot tells either. While a gateway's data points do not leave, nothing counts as sent, so that the first value
    after they do is. What passes goes as the data point's resolution rounds it; the reading is kept as it was measured.
    """
    passed: list[tuple[ReadingItem, Source, Point, Reason, Sent | None]] = []
    for item, source, point in new:
        state = states[source.subject_id, point.id]
        if item.quality == "bad" or (state.last_time is not None and item.time <= state.last_time):
            continue
        state.last_time, state.last_value = item.time, item.value
        if not (config.sends and shares_values(config, source)):
            state.sent_time = state.sent_value = None
            continue
        sent = _last_sent(state)
        value = filters.rounded(point.rule, item.value)
        reason = filters.judge(point.rule, sent, value, item.time)
        if reason is not None:
            shown = item if value is item.value else structs.replace(item, value=value)
            passed.append((shown, source, point, reason, sent))
            state.sent_direction = filters.direction(sent, value, reason)
            state.sent_time, state.sent_value = item.time, value
    ids = uuid7s(len(passed))
    return [_value_event(event_id, organization_id, *entry) for event_id, entry in zip(ids, passed, strict=True)]


def _last_sent(state: SeriesState) -> Sent | None:
    if state.sent_time is None:
        return None
    return Sent(value=state.sent_value, time=state.sent_time, direction=state.sent_direction)


def _value_event(
    event_id: UUID,
    organization_id: UUID,
    item: ReadingItem,
    source: Source,
    point: Point,
    reason: Reason,
    sent: Sent | None,
) -> NewEvent:
    data: dict[str, Any] = {"property": item.property, "value": item.value}
    if point.unit:
        data["unit"] = point.unit
    data["quality"] = item.quality
    data["reason"] = reason.value
    if sent is not None:
        data["previous"] = {"value": sent.value, "time": clock.rfc3339(sent.time)}
    return new_event(event_id, DATAPOINT_VALUE, organization_id, source, item.time, None, data)
