"""At 13:00 UTC, the aggregates of the day before (S0 lines 32 and 33).

The task runs every few minutes and does nothing once a day is finished: a tick that was missed, or a run that broke
off, is made up for by the next. Which day is due, the database's clock says. The row of a run is locked for a chunk of
gateways at a time, so a second scheduler at the same time finds it taken and leaves it.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

import structlog
from celery import shared_task
from django.db import connection, transaction

from connectors.notices import notify
from portal.lib.database import database_time
from portal.tenants import scope
from triggers.daily_aggregates import AGGREGATE_FAILED, Done, decide

log = structlog.get_logger(__name__)

DUE_HOUR = 13
"""UTC. Readings of the day's end have half a day to come in."""


@shared_task
def aggregate_the_day_before() -> None:
    aggregate_due(database_time())


def due_day(now: datetime) -> date:
    """The latest day whose aggregates are due."""
    return (now - timedelta(hours=DUE_HOUR)).date() - timedelta(days=1)


def aggregate_due(now: datetime) -> None:
    """Finish the due day for every organization; what fails in one stops no other, and is tried again."""
    day = due_day(now)
    for organization_id in _unfinished(day):
        with scope.organization(organization_id):
            try:
                _finish(organization_id, day, now)
            except Exception:
                log.exception("daily aggregates broke off", organization=str(organization_id), day=str(day))
                text = f"The daily aggregates of {day} broke off for an internal error, and are tried again by and by."
                notify(organization_id, AGGREGATE_FAILED, "aggregates", text, now)


def _unfinished(day: date) -> list[UUID]:
    """The organizations that have aggregates, and have not finished the day."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select distinct a.organization_id from triggers_aggregate a"
            "  join tenants_organization o on o.id = a.organization_id and o.plan = 'datastreams'"
            " where a.enabled and not exists (select from triggers_aggregaterun r where r.day = %s"
            "       and r.organization_id = a.organization_id and r.finished_at is not null)"
            " order by a.organization_id",
            [day],
        )
        return [organization_id for (organization_id,) in cursor.fetchall()]


def _finish(organization_id: UUID, day: date, now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into triggers_aggregaterun (organization_id, day) values (%s, %s) on conflict do nothing",
            [organization_id, day],
        )
    while (done := _step(organization_id, day, now)) is not None:
        log.info("daily aggregates", day=str(day), gateways=done.gateways, sent=done.sent, held=dict(done.held))


def _step(organization_id: UUID, day: date, now: datetime) -> Done | None:
    """The next chunk; None when there is none left, or another run is at it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "select after from triggers_aggregaterun where organization_id = %s and day = %s and finished_at is null"
            "   for update skip locked",
            [organization_id, day],
        )
        row = cursor.fetchone()
        if row is None:
            return None
        done = decide(organization_id, day, row[0], now)
        cursor.execute(
            "update triggers_aggregaterun set after = coalesce(%s, after), finished_at = %s"
            " where organization_id = %s and day = %s",
            [done.last, None if done.last else now, organization_id, day],
        )
    return done if done.last else None
