"""Every 15 minutes (S0 line 3), whoever has been silent for longer than its deadline goes offline.

A gateway takes the appliances behind it along. The change of a device's row decides that its event is made, in the
same transaction, and rows that another sweep or an intake call holds are left to it: so several schedulers at once, a
tick that was missed, and one that is late make one event per transition. A sweep that breaks off is made up for by the
next, which looks at how things are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeAlias
from uuid import UUID

import structlog
from celery import shared_task
from django.conf import settings
from django.db import transaction

from portal.fleet import presence
from portal.fleet.presence import Device, Gone
from portal.lib.database import Cursor, batch_cursor, database_time
from triggers.intake import tell_connectivity

log = structlog.get_logger(__name__)

CHUNK = 5_000
"""Transitions per transaction: short locks, and bounded memory when a whole network goes silent."""

Take: TypeAlias = Callable[[Cursor], list[Gone]]


@shared_task
def take_silent_offline() -> None:
    tick(database_time())


def tick(now: datetime) -> int:
    """A sweep, unless there was none for long: after an outage all are silent, until they have had time to report."""
    interval = timedelta(minutes=int(settings.CONNECTIVITY_SWEEP_MINUTES))
    with transaction.atomic(), batch_cursor() as cursor:
        resuming = presence.is_resuming(cursor, now, interval)
    if resuming:
        log.warning("silent devices were not looked for in a while; they have until the next time to report")
        return 0
    return sweep(now)


def sweep(now: datetime, chunk: int = CHUNK) -> int:
    """Take offline whoever is due; returns how many. Gateways first: what is behind them goes as theirs."""
    debounce = timedelta(seconds=settings.CONNECTIVITY_DEBOUNCE_SECONDS)
    with transaction.atomic(), batch_cursor() as cursor:
        presence.set_back(cursor, now)
    takes: Sequence[Take] = (
        partial(presence.take_silent, now=now, debounce=debounce, limit=chunk, gateways=True),
        partial(presence.take_with_gateway, now=now, limit=chunk),
        partial(presence.take_silent, now=now, debounce=debounce, limit=chunk, gateways=False),
    )
    gone = sum(_take_all(take, now, chunk) for take in takes)
    if gone:
        log.info("devices went offline", devices=gone)
    return gone


def _take_all(take: Take, now: datetime, chunk: int) -> int:
    taken = 0
    while True:
        gone = _take(take, now)
        taken += len(gone)
        if len(gone) < chunk:
            return taken


def _take(take: Take, now: datetime) -> list[Gone]:
    with transaction.atomic(), batch_cursor() as cursor:
        gone = take(cursor)
        by_organization: dict[UUID, list[Device]] = defaultdict(list)
        for one in gone:
            by_organization[one.organization_id].append(one.device)
        for organization_id, devices in by_organization.items():
            tell_connectivity(organization_id, devices, now, online=False)
    return gone
