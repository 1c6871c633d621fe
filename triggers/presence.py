"""What a batch says of its devices: who lives, by anything that came of it, and who is said to be offline.

Whatever comes of an appliance comes through its gateway, and is a sign of that one's life too. What was noted a moment
ago is remembered in memory, so that most calls have nothing to note.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import TypeAlias
from uuid import UUID

from django.db import transaction

from portal.fleet import presence
from portal.fleet.locate import Source
from portal.fleet.presence import NOTED_FOR, Device, Sign, Signs
from portal.lib.database import Cursor

MOST_REMEMBERED = 50_000
"""Devices per process; the one noted longest ago is forgotten first."""
ONLINE = frozenset({"gateway/online", "appliance/online"})
OFFLINE = frozenset({"gateway/offline", "appliance/offline"})

_noted: OrderedDict[UUID, datetime] = OrderedDict()

Happened: TypeAlias = tuple[str, Source | None, datetime]
"""An event's type, where it comes from, and when it happened."""


def heard(sources: Iterable[Source], now: datetime) -> dict[UUID, Sign]:
    """Signs of life of these and their gateways, without those noted a moment ago."""
    signs: dict[UUID, Sign] = {}
    for source in sources:
        for subject_id in (source.gateway_id, source.subject_id):
            if subject_id not in signs and not _is_noted(subject_id, now):
                signs[subject_id] = Sign(gateway_id=source.gateway_id, online=True, at=now)
    return signs


def told(happened: Iterable[Happened], now: datetime) -> dict[UUID, Sign]:
    """The same of events. To be told offline is no sign of life of anybody; of one device, the last word counts."""
    signs: dict[UUID, Sign] = {}
    for event_type, source, time in happened:
        if source is None:
            continue
        if event_type in OFFLINE:
            subject_id = source.gateway_id if event_type == "gateway/offline" else source.subject_id
            signs[subject_id] = Sign(gateway_id=source.gateway_id, online=False, at=time)
            continue
        for subject_id in (source.gateway_id, source.subject_id):
            if subject_id in signs or not _is_noted(subject_id, now):
                signs[subject_id] = Sign(gateway_id=source.gateway_id, online=True, at=now)
    return signs


def announced(happened: Iterable[Happened]) -> set[Device]:
    """The devices whose coming online the batch tells of by itself."""
    return {
        Device(gateway_id=source.gateway_id, appliance_id=source.appliance_id if event_type[0] == "a" else None)
        for event_type, source, _ in happened
        if event_type in ONLINE and source is not None
    }


def note_seen(cursor: Cursor, organization_id: UUID, signs: Signs, now: datetime) -> list[Device]:
    """`portal.fleet.presence.note`, remembered once it is committed."""
    back = presence.note(cursor, organization_id, signs, now)
    if signs:
        transaction.on_commit(partial(_remember, signs, now))
    return back


def _is_noted(subject_id: UUID, now: datetime) -> bool:
    noted = _noted.get(subject_id)
    return noted is not None and timedelta(0) <= now - noted < NOTED_FOR


def _remember(signs: Signs, now: datetime) -> None:
    for subject_id, sign in signs.items():
        _noted.pop(subject_id, None)
        if sign.online and sign.expect_before is None:
            _noted[subject_id] = now
    while len(_noted) > MOST_REMEMBERED:
        _noted.popitem(last=False)
