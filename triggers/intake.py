"""The only way in: validate → store → filter → match → enqueue, in one transaction; the answer follows the commit.

REST calls, file imports and scheduled jobs all come through here. A batch costs the same number of statements
whatever its size. Bad items are refused one by one, each with its reasons, and the good ones go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import transaction

from connectors import hints, outbox, pausing
from portal.events.store import NewEvent
from portal.fleet import series
from portal.fleet.locate import locate
from portal.fleet.presence import Device, Signs
from portal.lib.database import Cursor, batch_cursor
from triggers import event_intake, held_back, presence, reading_intake
from triggers.event_intake import GoodEvent
from triggers.items import OLDEST, EventItem, ReadingItem, Result
from triggers.matching import Configuration, configuration


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
        good = reading_intake.checked(items, located, config, now, oldest, result)
        keys = {(source.subject_id, point.id): source.gateway_id for _, source, point in good}
        states = series.lock(cursor, organization_id, keys)
        new = reading_intake.store_readings(cursor, good, states, result)
        if oldest is not None:  # what is imported was measured once; it is no sign of life
            note_devices(cursor, organization_id, presence.heard((source for _, source, _ in good), now), now)
        events = reading_intake.value_events(config, organization_id, new, states)
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
        located = event_intake.sources(cursor, organization_id, items, company_id, concerning)
        good = event_intake.checked(items, located, now, result)
        keyed = any(item.id is not None for item, _, _ in good)
        signs = presence.told(event_intake.happened(good, now), now) if from_devices else {}
        judged = not decided and held_back.any_judged(item.type for item, _, _ in good)
        # Most calls write with one statement, which needs no transaction around it: two round trips fewer.
        with transaction.atomic() if keyed or config.dropping or signs or judged else nullcontext():
            if keyed:
                good = event_intake.leave_out_duplicates(cursor, organization_id, good, now, result)
                signs = presence.told(event_intake.happened(good, now), now) if from_devices else {}
            note_devices(cursor, organization_id, signs, now, good)
            result.accepted += len(good)
            good, why = event_intake.hold_back(cursor, organization_id, config, good, now) if judged else (good, {})
            events = event_intake.new_events(organization_id, good, why, now)
            leaving = event_intake.leaving(config, events, good)
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
        announced = presence.announced(event_intake.happened(events, now))
        tell_connectivity(organization_id, [device for device in back if device not in announced], now, online=True)
