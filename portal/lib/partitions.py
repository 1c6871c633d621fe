"""Tables partitioned by day: the statements that make them, and that make each day's partition ahead of time.

A default partition takes what no day has: history that is imported, and everything should the daily job not have run
for longer than DAYS_AHEAD.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from django.db import DatabaseError, connection, transaction

from portal.lib import uuid7

DAYS_AHEAD = 14
DAYS_BEHIND = 1
"""Yesterday too: readings and ids of the last hours of a day arrive after midnight."""


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

    A day whose rows are already in the default partition stays there: PostgreSQL refuses to make its partition.
    """
    made = []
    with connection.cursor() as cursor:
        cursor.execute("select inhrelid::regclass::text from pg_inherits where inhparent = %s::regclass", [table.name])
        present = {name for (name,) in cursor.fetchall()}
        for offset in range(-DAYS_BEHIND, DAYS_AHEAD + 1):
            day = today + timedelta(days=offset)
            name = table.partition(day)
            if name in present:
                continue
            low, high = table.bounds(day)
            try:
                with transaction.atomic():
                    cursor.execute(
                        f"create table if not exists {name} partition of {table.name} "
                        f"for values from ('{low}') to ('{high}')"
                    )
            except DatabaseError:
                continue
            made.append(name)
    return made


def partitioned(name: str, columns: str, column: str) -> str:
    """SQL for a migration: table `name` partitioned by range of `column`, with its default partition."""
    return (
        f"create table {name} ({columns}) partition by range ({column});\n"
        f"create table {name}_default partition of {name} default;\n"
    )
