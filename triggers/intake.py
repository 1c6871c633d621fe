"""The only way in: validate → store → filter → match → enqueue, in one transaction; the answer follows the commit.

REST calls, file imports and scheduled jobs all come through here. A batch costs the same number of statements
whatever its size. Bad items are refused one by one, each with its reasons, and the good ones go on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

import orjson
import psycopg
from django.db import transaction
from msgspec import Meta, Struct, structs

from connectors import hints, outbox, pausing
from portal.events import catalogue, store
from portal.events.models import Quality
from portal.events.store import NewEvent, NewReading
from portal.fleet import series
from portal.fleet.locate import Located, Source, UnknownAppliance, locate
from portal.fleet.presence import Device, Signs
from portal.fleet.series import SeriesKey, SeriesState
from portal.lib import clock
from portal.lib.database import Row, batch_cursor
from portal.lib.uuid7 import uuid7s
from triggers import filters, held_back, presence
from triggers.filters import Reason, Sent
from triggers.matching import Configuration, Point, configuration

Cursor: TypeAlias = psycopg.Cursor[Row]

FUTURE = timedelta(minutes=5)
"""A device's clock may be ahead by this much."""
OLDEST = timedelta(days=31)
"""What is older is history, and history is imported, not streamed."""
LARGEST_DATA = 64 * 1024
"""Bytes of an event's `data` as JSON. Receivers expect messages of some 20 kB at most; workers hold many at once."""
DATAPOINT_VALUE = "datapoint/value"
"""Made here only, of a reading that passed its change filter."""
DEEPER = 10
"""Levels that documents and wire formats put around an event's `data`, within those that a JSON text may have."""


Reference: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
"""An id or a serial number. PostgreSQL's text holds no NUL: refused here, it does not fail the whole batch."""
Time: TypeAlias = Annotated[datetime, Meta(tz=True)]


class ReadingItem(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One measured value as it arrives; gateway and appliance by id or serial number."""

    gateway: Reference
    appliance: Reference | None = None
    property: Reference
    value: float | int | bool | Annotated[str, Meta(max_length=1000)]
    time: Time
    quality: Literal["good", "uncertain", "bad"] = "good"


class EventItem(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One event as it arrives. `id` is the producer's own and keeps a repeated call from adding it twice."""

    type: str
    gateway: Reference | None = None
    appliance: Reference | None = None
    time: Time | None = None
    id: Reference | None = None
    correlation_id: UUID | None = None
    data: dict[str, Any] = {}


@dataclass(slots=True, kw_only=True)
class Result:
    """How a batch fared. `rejected` names each refused item by its index, with a pointer into it and the reason."""

    accepted: int = 0
    duplicates: int = 0
    rejected: list[dict[str, Any]] = field(default_factory=list)

    def refuse(self, index: int, *errors: tuple[str, str]) -> None:
        listed = [{"pointer": pointer, "detail": detail} for pointer, detail in errors]
        self.rejected.append({"index": index, "errors": listed})

    def as_json(self) -> dict[str, Any]:
        rejected = sorted(self.rejected, key=lambda item: item["index"])
        return {"accepted": self.accepted, "duplicates": self.duplicates, "rejected": rejected}


def accept_readings(
    organization_id: UUID,
    items: Iterable[ReadingItem],
    now: datetime,
    *,
    oldest: timedelta | None = OLDEST,
    company_id: UUID | None = None,
) -> Result:
    """Take readings in; those that pass their change filter become `datapoint/value` events.

    `oldest` None lets history in. `company_id` is that of a key narrowed to one company: other gateways are unknown
    to it.
    """
    return take_readings(organization_id, list(enumerate(items)), now, Result(), oldest=oldest, company_id=company_id)


def accept_events(
    organization_id: UUID,
    items: Iterable[EventItem],
    now: datetime,
    *,
    company_id: UUID | None = None,
    concerning: UUID | None = None,
    decided: bool = False,
    to: UUID | None = None,
) -> Result:
    """Take events in: validated against the catalogue, stored, matched, put on their way.

    `concerning` is the company that all of them are about, where that is not the one each gateway is paired with now.
    `decided`: faults among them are to go out, whatever their rules say. `to` is the connector that they were made for:
    they go there and nowhere else.
    """
    numbered = list(enumerate(items))
    return take_events(
        organization_id,
        numbered,
        now,
        Result(),
        company_id=company_id,
        concerning=concerning,
        from_devices=False,
        decided=decided,
        to=to,
    )


def tell_connectivity(organization_id: UUID, devices: Iterable[Device], now: datetime, *, online: bool) -> None:
    """Events of devices that came online or went offline. One that was removed meanwhile has nothing to tell."""
    state = "online" if online else "offline"
    items = [
        EventItem(
            type=f"{'gateway' if device.appliance_id is None else 'appliance'}/{state}",
            gateway=str(device.gateway_id),
            appliance=None if device.appliance_id is None else str(device.appliance_id),
            time=now,
        )
        for device in devices
    ]
    if items:
        accept_events(organization_id, items, now)


def take_readings(
    organization_id: UUID,
    items: Sequence[tuple[int, ReadingItem]],
    now: datetime,
    result: Result,
    *,
    oldest: timedelta | None = OLDEST,
    company_id: UUID | None = None,
) -> Result:
    """`accept_readings` for items that were parsed by the caller, who has already refused some in `result`."""
    with transaction.atomic(), batch_cursor() as cursor:
        config = configuration(cursor, organization_id)
        located = locate(cursor, organization_id, ((item.gateway, item.appliance) for _, item in items), company_id)
        good = [
            (item, source, point)
            for index, item in items
            if (checked := _check_reading(index, item, located, config, now, oldest, result))
            for source, point in [checked]
        ]
        keys = {(source.subject_id, point.id): source.gateway_id for _, source, point in good}
        states = series.lock(cursor, organization_id, keys)
        new = _store_readings(cursor, good, states, result)
        if oldest is not None:  # what is imported was measured once; it is no sign of life
            note_devices(cursor, organization_id, presence.heard((source for _, source, _ in good), now), now)
        events = _filtered(config, organization_id, new, states)
        series.save(cursor, states.values())
        _store_and_enqueue(cursor, organization_id, config, events, events)
    return result


def take_events(
    organization_id: UUID,
    items: Sequence[tuple[int, EventItem]],
    now: datetime,
    result: Result,
    *,
    company_id: UUID | None = None,
    concerning: UUID | None = None,
    from_devices: bool = True,
    decided: bool = False,
    to: UUID | None = None,
) -> Result:
    """`accept_events` for items that were parsed by the caller, who has already refused some in `result`.

    What comes `from_devices` is a sign of their life; what the platform makes of itself is not.
    """
    with batch_cursor() as cursor:
        config = configuration(cursor, organization_id)
        references = ((item.gateway, item.appliance) for _, item in items if item.gateway is not None)
        located = locate(cursor, organization_id, references, company_id)
        if concerning is not None:
            located = _concerning(located, concerning)
        good = [checked for index, item in items if (checked := _check_event(index, item, located, now, result))]
        keyed = any(item.id is not None for item, _, _ in good)
        # Most calls write with one statement, which needs no transaction around it: two round trips fewer.
        signs = presence.told(_happened(good, now), now) if from_devices else {}
        judged = not decided and held_back.any_judged(item.type for item, _, _ in good)
        with transaction.atomic() if keyed or config.dropping or signs or judged else nullcontext():
            if keyed:
                good = _leave_out_duplicates(cursor, organization_id, good, now, result)
                signs = presence.told(_happened(good, now), now) if from_devices else {}
            note_devices(cursor, organization_id, signs, now, good)
            result.accepted += len(good)
            why: dict[int, str] = {}
            if judged:
                good, why = _hold_back(cursor, organization_id, config, good, now)
            events = _events(organization_id, good, why, now)
            leaving = [
                event
                for event, entry in zip(events, good, strict=True)
                if event.held_because is None and _may_leave(config, entry)
            ]
            _store_and_enqueue(cursor, organization_id, config, events, leaving, to)
    return result


def _store_and_enqueue(
    cursor: Cursor,
    organization_id: UUID,
    config: Configuration,
    events: Sequence[NewEvent],
    leaving: Sequence[NewEvent],
    to: UUID | None = None,
) -> None:
    """All of them are stored; those in `leaving` also go to the connectors that want them, or to that one alone."""
    pairs = [
        (event, connector_id)
        for event in leaving
        if config.sends
        for connector_id in (
            config.connectors_for(event.type, event.gateway_id, event.company_id) if to is None else (to,)
        )
    ]
    if config.dropping:
        dropped = [pair for pair in pairs if pair[1] in config.dropping]
        outbox.drop_new(cursor, organization_id, dropped, pausing.DROPPED)
        pairs = [pair for pair in pairs if pair[1] not in config.dropping]
    outbox.enqueue(cursor, organization_id, events, pairs)
    transaction.on_commit(partial(hints.publish, {connector_id for _, connector_id in pairs}))


def note_devices(
    cursor: Cursor, organization_id: UUID, signs: Signs, now: datetime, events: Sequence[GoodEvent] = ()
) -> None:
    """Who is heard again after it was offline is told of as online, unless one of these events tells of it."""
    back = presence.note_seen(cursor, organization_id, signs, now)
    if back:
        announced = presence.announced(_happened(events, now))
        tell_connectivity(organization_id, [device for device in back if device not in announced], now, online=True)


# Readings


Good: TypeAlias = tuple[ReadingItem, Source, Point]


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
    errors = _check_time(item.time, now, oldest)
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


def _check_time(time: datetime, now: datetime, oldest: timedelta | None) -> list[tuple[str, str]]:
    if time > now + FUTURE:
        return [("/time", f"The time is in the future by more than {FUTURE.seconds // 60} minutes.")]
    if oldest is not None and time < now - oldest:
        return [("/time", f"The time is more than {oldest.days} days ago; import history instead.")]
    return []


def unknown(error: Exception, gateway: str, appliance: str | None) -> tuple[str, str]:
    if isinstance(error, UnknownAppliance):
        return "/appliance", f"Gateway {gateway!r} has no appliance {appliance!r}."
    return "/gateway", f"There is no gateway {gateway!r}."


def _store_readings(
    cursor: Cursor, good: Sequence[Good], states: dict[SeriesKey, SeriesState], result: Result
) -> list[Good]:
    """Store what is new, and return it in the order of time. A reading's identity is its series and its time."""
    rows: dict[tuple[int, datetime], tuple[Good, NewReading]] = {}
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


def _filtered(
    config: Configuration, organization_id: UUID, new: Sequence[Good], states: dict[SeriesKey, SeriesState]
) -> list[NewEvent]:
    """Move each series on, and turn the readings that pass into events.

    A late reading (older than the last one of its series) is kept but never sent. While a gateway's data points do
    not leave, nothing counts as sent, so that the first value after they do is. What passes goes as the data point's
    resolution rounds it; the reading is kept as it was measured.
    """
    passed: list[tuple[ReadingItem, Source, Point, Reason, Sent | None]] = []
    for item, source, point in new:
        state = states[source.subject_id, point.id]
        if state.last_time is not None and item.time <= state.last_time:
            continue
        state.last_time, state.last_value = item.time, item.value
        if not (config.sends and _shares_values(config, source)):
            state.sent_time = state.sent_value = None
            continue
        if item.quality == "bad":
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


def _shares_values(config: Configuration, source: Source) -> bool:
    """A gateway's data points leave while it is paired, access is granted, and the company has opted in."""
    return source.access_granted and source.company_id in config.opted_in


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
    return _new_event(event_id, DATAPOINT_VALUE, organization_id, source, item.time, None, data)


# Events


GoodEvent: TypeAlias = tuple[EventItem, Source | None, orjson.Fragment]
"""With its source, when it names one, and its `data` as JSON."""


def _check_event(index: int, item: EventItem, located: Located, now: datetime, result: Result) -> GoodEvent | None:
    event_type = catalogue.get(item.type)
    if event_type is None or not event_type.subscribable:
        reason = "event-types/ lists them" if event_type is None else "it is only sent by tests and pings"
        result.refuse(index, ("/type", f"There is no event type {item.type!r} to send in; {reason}."))
        return None
    if item.type == DATAPOINT_VALUE:
        result.refuse(index, ("/type", "Values come in through readings/, where the change filter applies."))
        return None
    errors = [] if item.time is None else _check_time(item.time, now, OLDEST)
    data, wrong = _written(item.data)
    errors += wrong
    errors += [(f"/data{pointer}", detail) for pointer, detail in catalogue.validate(event_type, item.data)]
    source = None
    if item.gateway is not None:
        found = located[item.gateway, item.appliance]
        if isinstance(found, Source):
            source = found
        else:
            errors.append(unknown(found, item.gateway, item.appliance))
    elif event_type.subject != "organization":
        errors.append(("/gateway", "is required for this type"))
    if item.appliance is None and event_type.subject == "appliance":
        errors.append(("/appliance", "is required for this type"))
    if errors:
        result.refuse(index, *errors)
        return None
    return item, source, data


def _happened(good: Iterable[GoodEvent], now: datetime) -> Iterable[presence.Happened]:
    return ((item.type, source, item.time or now) for item, source, _ in good)


def _concerning(located: Located, company_id: UUID) -> Located:
    """The sources as this company's, whoever their gateways are paired with."""
    return {
        name: replace(found, company_id=company_id) if isinstance(found, Source) else found
        for name, found in located.items()
    }


def _events(organization_id: UUID, good: Sequence[GoodEvent], why: Mapping[int, str], now: datetime) -> list[NewEvent]:
    """`why` says by index why some are held back."""
    made = []
    for index, (event_id, (item, source, data)) in enumerate(zip(uuid7s(len(good)), good, strict=True)):
        time, held_because = item.time or now, why.get(index)
        made.append(
            _new_event(event_id, item.type, organization_id, source, time, item.correlation_id, data, held_because)
        )
    return made


def _may_leave(config: Configuration, entry: GoodEvent) -> bool:
    """Reports and snapshots hold measured values: they leave with the gateway's data points, or not at all."""
    item, source, _ = entry
    if catalogue.CATALOGUE[item.type].flow != "values":
        return True
    return source is not None and _shares_values(config, source)


def _hold_back(
    cursor: Cursor, organization_id: UUID, config: Configuration, good: Sequence[GoodEvent], now: datetime
) -> tuple[list[GoodEvent], dict[int, str]]:
    """The events, faults and alarms with what their data lacked; and by index why some of them are held back."""
    happened = {
        index: (item.type, source, item.time or now, item.data)
        for index, (item, source, _) in enumerate(good)
        if source is not None
    }
    judged = held_back.judge(cursor, organization_id, config, happened, now)
    told = list(good)
    for index, (data, _) in judged.items():
        item, source, _ = good[index]
        told[index] = item, source, orjson.Fragment(orjson.dumps(data))
    return told, {index: because for index, (_, because) in judged.items() if because is not None}


def _written(data: dict[str, Any]) -> tuple[orjson.Fragment, list[tuple[str, str]]]:
    """It as JSON, and why it cannot be written, or carried inside a partner's format too."""
    try:
        text = orjson.dumps(_within(data))[DEEPER:-DEEPER]
    except TypeError:
        return orjson.Fragment(b"null"), [("/data", "is nested too deeply, or holds what JSON cannot")]
    large = len(text) > LARGEST_DATA
    return orjson.Fragment(text), [("/data", f"is larger than {LARGEST_DATA} bytes")] if large else []


def _within(data: Any) -> Any:
    """In as many lists as levels are needed around it: the JSON of all these is that of `data` between brackets."""
    for _ in range(DEEPER):
        data = [data]
    return data


def _leave_out_duplicates(
    cursor: Cursor, organization_id: UUID, good: Sequence[GoodEvent], now: datetime, result: Result
) -> list[GoodEvent]:
    """Those that are new: the first with its producer's id, in this batch and the days before."""
    keys = list(dict.fromkeys(item.id for item, _, _ in good if item.id is not None))
    fresh = store.add_producer_keys(cursor, organization_id, keys, now)
    new = []
    for entry in good:
        key = entry[0].id
        if key is None or key in fresh:
            new.append(entry)
            fresh.discard(key or "")
    result.duplicates += len(good) - len(new)
    return new


def _new_event(
    event_id: UUID,
    event_type: str,
    organization_id: UUID,
    source: Source | None,
    time: datetime,
    correlation_id: UUID | None,
    data: dict[str, Any] | orjson.Fragment,
    held_because: str | None = None,
) -> NewEvent:
    """The event with its document; docs/event-document.md describes the keys."""
    document: dict[str, Any] = {
        "id": event_id,
        "type": event_type,
        "version": catalogue.CATALOGUE[event_type].version,
        "time": clock.rfc3339(time),
        "organization": organization_id,
    }
    if source is not None and source.company_id is not None:
        document["company"] = source.company_id
    if correlation_id is not None:
        document["correlation_id"] = correlation_id
    if source is not None:
        document.update(source.parts)
    document["data"] = data
    return NewEvent(
        id=event_id,
        type=event_type,
        time=time,
        company_id=source.company_id if source else None,
        gateway_id=source.gateway_id if source else None,
        appliance_id=source.appliance_id if source else None,
        body=orjson.dumps(document),
        held_because=held_because,
    )
