"""Tables partitioned by day: the statements that make them, and that make each day's partition ahead of time.

A default partition takes what no day has: history that is imported, and everything should the daily job not have run
for longer than DAYS_AHEAD.
"""

from __future__ import annotations

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


def partitioned(name: str, columns: str, column: str) -> str:
    """SQL for a migration: table `name` partitioned by range of `column`, with its default partition."""
    return (
        f"create table {name} ({columns}) partition by range ({column});\n"
        f"create table {name}_default partition of {name} default;\n"
    )
