"""Tables partitioned by day: the statements that make them, that make each day's partition ahead of time and drop it.

A default partition takes what no day has: history that is imported, and everything should the daily job not have run
for longer than DAYS_AHEAD.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import structlog
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.db.backends.utils import CursorWrapper

from portal.lib import uuid7

log = structlog.get_logger(__name__)

DAYS_AHEAD = 14
DAYS_BEHIND = 1
"""Yesterday too: readings and ids of the last hours of a day arrive after midnight."""
LOCK_SECONDS = 5
"""Behind a long query it gives up rather than hold all others up; there are days ahead to try again."""
DROP_LOCK_MILLISECONDS = 200
"""Dropping a day locks the whole table, and all who come meanwhile wait behind it: this long at most. (DETACH
CONCURRENTLY, which would not, is not to be had where there is a default partition.)"""
DROP_SECONDS = 2
"""For each statement of a drop, once the lock is held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyTable:
    """A table partitioned by range: over an id of version 7, or over a time."""

    name: str
    key: Literal["uuid", "time"]

    def partition(self, day: date) -> str:
        return f"{self.name}_{day:%Y%m%d}"

    def bounds(self, day: date) -> tuple[str, str]:
        if self.key == "uuid":
            low, high = uuid7.day_bounds(day)
            return str(low), str(high)
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return start.isoformat(), (start + timedelta(days=1)).isoformat()


def ensure(table: DailyTable, today: date) -> list[str]:
    """Make the missing partitions from yesterday to DAYS_AHEAD; returns the names of those made.

    A day whose rows are already in the default partition stays there: PostgreSQL refuses to attach its partition.
    Reading and writing go on meanwhile, but for the moment in which the default partition is searched for such rows.
    Raises OperationalError behind a query that holds the default partition for longer than LOCK_SECONDS.
    """
    made = []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"set local lock_timeout = '{LOCK_SECONDS}s'")
        # What attaching takes anyway, taken first: two processes do not make the same day.
        cursor.execute(f"lock table {table.name} in share update exclusive mode")
        cursor.execute("select inhrelid::regclass::text from pg_inherits where inhparent = %s::regclass", [table.name])
        present = {name for (name,) in cursor.fetchall()}
        for offset in range(-DAYS_BEHIND, DAYS_AHEAD + 1):
            day = today + timedelta(days=offset)
            if table.partition(day) not in present and _make(cursor, table, day):
                made.append(table.partition(day))
    return made


def _make(cursor: CursorWrapper, table: DailyTable, day: date) -> bool:
    """By making and attaching it: making it in place would lock the whole table against every reader and writer."""
    name, (low, high) = table.partition(day), table.bounds(day)
    try:
        with transaction.atomic():
            cursor.execute(f"create table {name} (like {table.name} including all)")
            cursor.execute(f"alter table {table.name} attach partition {name} for values from ('{low}') to ('{high}')")
    except (IntegrityError, ProgrammingError) as error:
        log.warning("a day stays in the default partition", partition=name, error=str(error).strip())
        return False
    return True


def days(table: DailyTable) -> list[date]:
    """The days that have a partition, the oldest first."""
    with connection.cursor() as cursor:
        cursor.execute("select inhrelid::regclass::text from pg_inherits where inhparent = %s::regclass", [table.name])
        found = [re.fullmatch(rf"{table.name}_(\d{{8}})", name) for (name,) in cursor.fetchall()]
    return sorted(date.fromisoformat(match[1]) for match in found if match)


def drop(table: DailyTable, day: date, still_needed: Callable[[CursorWrapper], bool]) -> bool:
    """Drop a day's partition in a short transaction of its own, unless `still_needed` says, under the lock, that it is.

    Raises OperationalError behind a query that holds the table for longer than DROP_LOCK_MILLISECONDS; nothing has
    changed then.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"set local lock_timeout = '{DROP_LOCK_MILLISECONDS}ms'")
        cursor.execute(f"set local statement_timeout = '{DROP_SECONDS}s'")
        # What dropping takes anyway, taken first: what is found now stays so until the day is gone.
        cursor.execute(f"lock table only {table.name} in access exclusive mode")
        if still_needed(cursor):
            return False
        cursor.execute(f"drop table if exists {table.partition(day)}")
    return True


def partitioned(name: str, columns: str, column: str) -> str:
    """SQL for a migration: table `name` partitioned by range of `column`, with its default partition."""
    return (
        f"create table {name} ({columns}) partition by range ({column});\n"
        f"create table {name}_default partition of {name} default;\n"
    )
