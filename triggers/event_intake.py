"""What events need on their way in: they are checked, left out when known, held back by rules, and written down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import orjson
from msgspec import structs

from portal.events import catalogue, store
from portal.events.store import NewEvent
from portal.fleet.locate import Located, Source, locate
from portal.lib import clock
from portal.lib.database import Cursor
from portal.lib.uuid7 import uuid7s
from triggers import held_back, presence
from triggers.items import OLDEST, EventItem, Result, check_time, unknown
from triggers.matching import Configuration

LARGEST_DATA = 64 * 1024
"""Bytes of an event's `data` as JSON. Receivers expect messages of some 20 kB at most; workers hold many at once."""
DATAPOINT_VALUE = "datapoint/value"
"""Made by the intake only, of a reading that passed its change filter."""
DEEPER = 10
"""Levels that documents and wire formats put around an event's `data`, within those that a JSON text may have."""

GoodEvent: TypeAlias = tuple[EventItem, Source | None, orjson.Fragment]
"""With its source, when it names one, and its `data` as JSON."""


def sources(
    cursor: Cursor,
    organization_id: UUID,
    items: Sequence[tuple[int, EventItem]],
    company_id: UUID | None,
    concerning: UUID | None,
) -> Located:
    """Where the events come from, by what they name; as `concerning`'s when they are all about that company."""
    references = ((item.gateway, item.appliance) for _, item in items if item.gateway is not None)
    located = locate(cursor, organization_id, references, company_id)
    return located if concerning is None else _concerning(located, concerning)


def _concerning(located: Located, company_id: UUID) -> Located:
    """The sources as this company's, whoever their gateways are paired with."""
    return {
        name: replace(found, company_id=company_id) if isinstance(found, Source) else found
        for name, found in located.items()
    }


def checked(items: Sequence[tuple[int, EventItem]], located: Located, now: datetime, result: Result) -> list[GoodEvent]:
    """Those that are in order; `result` refuses the others."""
    return [good for index, item in items if (good := _check_event(index, item, located, now, result))]


def _check_event(index: int, item: EventItem, located: Located, now: datetime, result: Result) -> GoodEvent | None:
    event_type = catalogue.get(item.type)
    if event_type is None or not event_type.subscribable:
        reason = "event-types/ lists them" if event_type is None else "it is only sent by tests and pings"
        result.refuse(index, ("/type", f"There is no event type {item.type!r} to send in; {reason}."))
        return None
    if item.type == DATAPOINT_VALUE:
        result.refuse(index, ("/type", "Values come in through readings/, where the change filter applies."))
        return None
    errors = [] if item.time is None else check_time(item.time, now, OLDEST)
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


def happened(good: Iterable[GoodEvent], now: datetime) -> Iterable[presence.Happened]:
    return ((item.type, source, item.time or now) for item, source, _ in good)


def leave_out_duplicates(
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


def hold_back(
    cursor: Cursor, organization_id: UUID, config: Configuration, good: Sequence[GoodEvent], now: datetime
) -> tuple[list[GoodEvent], dict[int, str]]:
    """The events, faults and alarms with what their data lacked, and a raise before each clear that came sooner than a
    scheduler's look; and by index why some of them are held back."""
    situated = {
        index: (item.type, source, item.time or now, item.data)
        for index, (item, source, _) in enumerate(good)
        if source is not None
    }
    judged, overdue = held_back.judge(cursor, organization_id, config, situated, now)
    told: list[GoodEvent] = []
    why: dict[int, str] = {}
    for index, (item, source, written) in enumerate(good):
        if (ripe := overdue.get(index)) is not None:
            before = structs.replace(item, time=ripe.time, correlation_id=None, data=ripe.data)
            told.append((before, source, orjson.Fragment(orjson.dumps(ripe.data))))
        data, because = judged.get(index, (None, None))
        if because is not None:
            why[len(told)] = because
        told.append((item, source, written if data is None else orjson.Fragment(orjson.dumps(data))))
    return told, why


def new_events(
    organization_id: UUID, good: Sequence[GoodEvent], why: Mapping[int, str], now: datetime
) -> list[NewEvent]:
    """`why` says by index why some are held back."""
    made = []
    for index, (event_id, (item, source, data)) in enumerate(zip(uuid7s(len(good)), good, strict=True)):
        time, held_because = item.time or now, why.get(index)
        made.append(
            new_event(event_id, item.type, organization_id, source, time, item.correlation_id, data, held_because)
        )
    return made


def leaving(config: Configuration, events: Sequence[NewEvent], good: Sequence[GoodEvent]) -> list[NewEvent]:
    """Those of the events, each made of the good one at its place, that connectors may get."""
    return [
        event
        for event, entry in zip(events, good, strict=True)
        if event.held_because is None and _may_leave(config, entry)
    ]


def _may_leave(config: Configuration, entry: GoodEvent) -> bool:
    """Reports and snapshots hold measured values: they leave with the gateway's data points, or not at all."""
    item, source, _ = entry
    if catalogue.CATALOGUE[item.type].flow != "values":
        return True
    return source is not None and shares_values(config, source)


def shares_values(config: Configuration, source: Source) -> bool:
    """A gateway's data points leave while it is paired, access is granted, and the company has opted in."""
    return source.access_granted and source.company_id in config.opted_in


def new_event(
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
