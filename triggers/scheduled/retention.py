"""Room for the days to come, and an end for what is no longer needed.

Each task may run twice, late, or at the same time as itself, and does no harm. What one part of a task cannot do now
(a table is busy, a statement takes too long) is left for the next hour, and stops no other part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from importlib import import_module
from time import sleep
from uuid import UUID

import structlog
from celery import shared_task
from django.conf import settings
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper

from connectors import outbox
from connectors.models import DAILY_TABLES as CONNECTOR_TABLES
from connectors.models import ConnectorHour, InboxMessage
from portal.events.models import DAILY_TABLES as EVENT_TABLES
from portal.events.models import DEDUPLICATION_DAYS
from portal.lib import partitions, uuid7
from portal.lib.database import database_time
from portal.lib.partitions import DailyTable
from portal.tenants.models import IdempotentAnswer
from triggers.models import DAILY_TABLES as TRIGGER_TABLES
from triggers.models import AggregateRun

log = structlog.get_logger(__name__)

TABLES = (*EVENT_TABLES, *CONNECTOR_TABLES, *TRIGGER_TABLES)
ANSWERS_KEPT = timedelta(hours=24)
CHUNK = 5_000
"""Rows per DELETE: short locks, and a bounded transaction however much there is to forget."""
MOST_CHUNKS = 200
"""Per table and run. A longer history, such as an import's, goes in several hours."""
CHUNK_SECONDS = 60
"""Celery's time limit does not reach a thread of its pool; the database ends what hangs."""
DROP_TRIES = 5
DROP_PAUSE_SECONDS = 0.5
"""A drop waits only a moment for the table, so it tries a few times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How long a daily table is kept. `age` is the column that tells the age of a row of the default partition.

    A day that is `held` by waiting deliveries is kept, however old: their messages are still to be made from it.
    """

    table: DailyTable
    days: int
    age: str
    held: bool = False

    def first_kept(self, now: datetime) -> date:
        return (now - timedelta(days=self.days)).date()


def rules() -> list[Rule]:
    tables = {table.name: table for table in TABLES}
    events, readings = tables["events_event"], tables["events_reading"]
    deliveries, attempts = tables["connectors_delivery"], tables["connectors_attempt"]
    # They say what was sent, while deliveries are listed or a day could be calculated again from its readings.
    aggregates_days = max(settings.RETENTION_DELIVERIES_DAYS, settings.RETENTION_READINGS_DAYS + 1)
    return [
        Rule(table=events, days=settings.RETENTION_EVENTS_DAYS, age="id", held=True),
        Rule(table=readings, days=settings.RETENTION_READINGS_DAYS, age="time"),
        Rule(table=tables["events_producerkey"], days=DEDUPLICATION_DAYS + 1, age="time"),
        Rule(table=deliveries, days=settings.RETENTION_DELIVERIES_DAYS, age="finished_at"),
        Rule(table=attempts, days=settings.RETENTION_ATTEMPTS_DAYS, age="started_at"),
        Rule(table=tables["triggers_dailyaggregate"], days=aggregates_days, age="day"),
    ]


def readings_kept_from(now: datetime) -> datetime:
    """Readings of before this are deleted within the hour."""
    first = next(rule for rule in rules() if rule.table.name == "events_reading").first_kept(now)
    return datetime(first.year, first.month, first.day, tzinfo=UTC)


@shared_task
def make_partitions_ahead() -> None:
    """A table that is locked for too long has its turn again an hour later; the others do not wait for it."""
    today = database_time().date()
    for table in TABLES:
        with _apart("making partitions ahead", table.name):
            partitions.ensure(table, today)


@shared_task
def drop_expired_days() -> None:
    """History, by its age: whole days by dropping their partitions, and what lies in the default partitions."""
    now = database_time()
    for rule in rules():
        drop_days(rule, now)
        with _apart("emptying the default partition", rule.table.name):
            empty_default(rule, now)


@shared_task
def forget_expired() -> None:
    """What is not kept by the day, each by its own age."""
    now = database_time()
    bodies = timedelta(days=settings.RETENTION_EVENTS_DAYS)
    deliveries = timedelta(days=settings.RETENTION_DELIVERIES_DAYS)
    # The figures need no index by the hour: PostgreSQL 18 skips from organization to organization through the index
    # of the charts (0.1 ms beside 500,000 rows kept), an older one reads them all, once an hour.
    parts: dict[str, Callable[[], object]] = {
        "answers": partial(_delete, IdempotentAnswer._meta.db_table, "created_at", now - ANSWERS_KEPT),
        "inbox": partial(_delete, InboxMessage._meta.db_table, "received_at", now - bodies),
        "figures": partial(_delete, ConnectorHour._meta.db_table, "hour", now - deliveries),
        "runs of aggregates": partial(_delete, AggregateRun._meta.db_table, "day", now - deliveries),
        "sessions": import_module(settings.SESSION_ENGINE).SessionStore.clear_expired,
        "orphaned deliveries": outbox.drop_orphans,
    }
    for name, forget in parts.items():
        with _apart("forgetting", name):
            forget()


@shared_task
def note_alive() -> None:
    """By the database's clock, which is also the one that the age is judged by."""
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into triggers_schedulertick (id, at) values (1, now()) on conflict (id) do update set at = now()"
        )


# whole days


def drop_days(rule: Rule, now: datetime) -> list[date]:
    """Drop the days that are too old, each by itself; returns those dropped."""
    expired = [day for day in partitions.days(rule.table) if day < rule.first_kept(now)]
    held = held_days(rule.first_kept(now)) if rule.held and expired else frozenset()
    if kept := held.intersection(expired):
        log.info("days are kept for deliveries that still wait", table=rule.table.name, days=sorted(map(str, kept)))
    dropped = [day for day in expired if day not in held and _drop(rule, day)]
    if dropped:
        log.info("days of history are dropped", table=rule.table.name, days=sorted(map(str, dropped)))
    return dropped


def _drop(rule: Rule, day: date) -> bool:
    for _ in range(DROP_TRIES):
        try:
            return partitions.drop(rule.table, day, partial(_is_held, rule, day))
        except OperationalError:
            sleep(DROP_PAUSE_SECONDS)
        except DatabaseError as error:
            log.warning("a day could not be dropped", table=rule.table.name, day=str(day), error=str(error).strip())
            return False
    log.warning("a day is kept for another hour: the table is busy", table=rule.table.name, day=str(day))
    return False


def _is_held(rule: Rule, day: date, cursor: CursorWrapper) -> bool:
    """Asked again under the lock: a delivery that is tried again by hand may wait since the first look."""
    if not rule.held:
        return False
    cursor.execute(
        "select exists (select from connectors_waiting where event_id >= %s and event_id < %s)",
        [*uuid7.day_bounds(day)],
    )
    return bool(cursor.fetchone()[0])


def held_days(before: date) -> frozenset[date]:
    """Days before this one with events that deliveries still wait to carry: one look through the small waiting table.

    An event's id is of version 7: its first 48 bits are the milliseconds since 1970.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select distinct ('x' || translate(left(event_id::text, 13), '-', ''))::bit(48)::bigint / 86400000"
            "  from connectors_waiting where event_id < %s",
            [uuid7.day_bounds(before)[0]],
        )
        return frozenset(date(1970, 1, 1) + timedelta(days=days) for (days,) in cursor.fetchall())


# by the row


def empty_default(rule: Rule, now: datetime) -> int:
    """Delete what is too old from the default partition, where imports and days without a partition lie.

    Of events only what is older than the oldest that a delivery waits to carry.
    """
    first_kept = rule.first_kept(now)
    if rule.held:
        first_kept = min(held_days(first_kept) | {first_kept})
    start = datetime(first_kept.year, first_kept.month, first_kept.day, tzinfo=UTC)
    return _delete(f"{rule.table.name}_default", rule.age, uuid7.lowest(start) if rule.age == "id" else start)


def _delete(table: str, column: str, before: datetime | UUID) -> int:
    """Delete rows in chunks, each in a transaction of its own; returns how many."""
    deleted = 0
    for _ in range(MOST_CHUNKS):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"set local statement_timeout = '{CHUNK_SECONDS}s'")
            cursor.execute(
                f"delete from {table} where ctid = any(array("  # noqa: S608 - our own names
                f"select ctid from {table} where {column} < %s limit %s))",
                [before, CHUNK],
            )
            deleted += cursor.rowcount
            if cursor.rowcount < CHUNK:
                break
    return deleted


@contextmanager
def _apart(what: str, name: str) -> Iterator[None]:
    """A part of a task whose failure is told, and stops nothing else."""
    try:
        yield
    except DatabaseError as error:
        log.warning("left for the next hour", what=what, name=name, error=str(error).strip())
