"""Room for the days to come, and an end for what is no longer needed.

Each task may run twice, late, or at the same time as itself, and does no harm.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

import structlog
from celery import shared_task
from django.db import DatabaseError, connection, transaction

from connectors import outbox
from connectors.models import DAILY_TABLES as CONNECTOR_TABLES
from portal.events.models import DAILY_TABLES as EVENT_TABLES
from portal.events.models import DEDUPLICATION_DAYS, ProducerKey
from portal.lib import clock, partitions
from portal.tenants.models import IdempotentAnswer

ANSWERS_KEPT = timedelta(hours=24)
log = structlog.get_logger(__name__)

CHUNK = 1_000
"""Rows per DELETE: short locks, and a bounded transaction however much there is to forget."""
LOCK_SECONDS = 5
"""Dropping a partition locks its table for a moment. Behind a long query it gives up rather than hold all others up."""

PRODUCER_KEYS = ProducerKey._meta.db_table


@shared_task
def make_partitions_ahead() -> None:
    """A table that is locked for too long has its turn again an hour later; the others do not wait for it."""
    today = clock.now().date()
    for table in (*EVENT_TABLES, *CONNECTOR_TABLES):
        try:
            partitions.ensure(table, today)
        except DatabaseError as error:
            log.warning("partitions could not be made; trying again in an hour", table=table.name, error=str(error))


@shared_task
def forget_expired() -> None:
    now = clock.now()
    forget_answers(now)
    forget_producer_keys(now)
    outbox.drop_orphans()


@shared_task
def note_alive() -> None:
    """By the database's clock, which is also the one that the age is judged by."""
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into triggers_schedulertick (id, at) values (1, now()) on conflict (id) do update set at = now()"
        )


def forget_answers(now: datetime) -> int:
    """Forget the answers to calls with an Idempotency-Key once they are a day old; returns how many."""
    forgotten = 0
    while True:
        old = IdempotentAnswer.objects.filter(created_at__lt=now - ANSWERS_KEPT).values("pk")[:CHUNK]
        deleted, _ = IdempotentAnswer.objects.filter(pk__in=old).delete()
        forgotten += deleted
        if deleted < CHUNK:
            return forgotten


def forget_producer_keys(now: datetime) -> list[str]:
    """Drop the days that no repeated call can refer to any more; returns the partitions dropped."""
    first_kept = now.date() - timedelta(days=DEDUPLICATION_DAYS + 1)
    dropped = [name for name, day in _days_of(PRODUCER_KEYS) if day < first_kept and _drop(name)]
    with connection.cursor() as cursor:
        # The default partition holds only what no day had: little, if anything.
        cursor.execute(f"delete from {PRODUCER_KEYS}_default where time < %s", [first_kept])  # noqa: S608 - our own name
    return dropped


def _days_of(table: str) -> list[tuple[str, date]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid"
            " where i.inhparent = %s::regclass order by c.relname",
            [table],
        )
        names = [name for (name,) in cursor.fetchall()]
    days = ((name, re.fullmatch(rf"{table}_(\d{{8}})", name)) for name in names)
    return [(name, datetime.strptime(found[1], "%Y%m%d").date()) for name, found in days if found]  # noqa: DTZ007 - a day


def _drop(partition: str) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"set local lock_timeout = '{LOCK_SECONDS}s'")
            cursor.execute(f"drop table if exists {partition}")
    except DatabaseError:
        return False
    return True
