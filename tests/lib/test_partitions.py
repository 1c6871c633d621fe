from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from portal.lib import partitions
from portal.lib.partitions import DAYS_AHEAD, DailyTable, ensure, partitioned
from portal.lib.uuid7 import uuid7

BY_ID = DailyTable(name="probe_by_id", key="uuid")
BY_TIME = DailyTable(name="probe_by_time", key="time")
TODAY = date(2026, 11, 21)
DAYS = [TODAY + timedelta(days=offset) for offset in range(-1, DAYS_AHEAD + 1)]


@pytest.fixture
def tables(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(partitioned("probe_by_id", "id uuid primary key, word text not null default 'x'", "id"))
        cursor.execute("create index probe_word on probe_by_id (word, id)")
        cursor.execute(partitioned("probe_by_time", "at timestamptz not null", "at"))


def put(table: str, value: UUID | datetime) -> str:
    """Insert one row; returns the partition it went to."""
    with connection.cursor() as cursor:
        cursor.execute(f"insert into {table} values (%s) returning tableoid::regclass::text", [value])
        return str(cursor.fetchone()[0])


def indexes(table: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("select indexdef from pg_indexes where tablename = %s", [table])
        return sorted(definition.split(" USING ")[1] for (definition,) in cursor.fetchall())


def test_days_are_made_ahead_once(tables: None) -> None:
    assert ensure(BY_ID, TODAY) == [f"probe_by_id_{day:%Y%m%d}" for day in DAYS]
    assert ensure(BY_ID, TODAY) == []
    assert ensure(BY_ID, TODAY + timedelta(days=1)) == ["probe_by_id_20261206"]


def test_a_day_has_what_its_table_has(tables: None) -> None:
    ensure(BY_ID, TODAY)
    assert indexes("probe_by_id_20261121") == indexes("probe_by_id_default") == ["btree (id)", "btree (word, id)"]
    put("probe_by_id", uuid7(datetime(2026, 11, 21, tzinfo=UTC)))
    with connection.cursor() as cursor:
        cursor.execute("select word from probe_by_id_20261121")
        assert cursor.fetchall() == [("x",)]
        cursor.execute("select count(*) from pg_inherits i join pg_class c on c.oid = i.inhparent "
                       "where c.relname in ('probe_by_id_pkey', 'probe_word')")  # fmt: skip
        assert cursor.fetchone() == (2 * (len(DAYS) + 1),)


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 11, 20, tzinfo=UTC), "20261120"),
        (datetime(2026, 11, 20, 23, 59, 59, 999_999, tzinfo=UTC), "20261120"),
        (datetime(2026, 11, 21, tzinfo=UTC), "20261121"),
        (datetime(2026, 12, 5, 23, 59, 59, 999_999, tzinfo=UTC), "20261205"),
        (datetime(2026, 12, 6, tzinfo=UTC), "default"),
        (datetime(2026, 11, 19, 23, 59, 59, 999_999, tzinfo=UTC), "default"),
        (datetime(2012, 1, 1, tzinfo=UTC), "default"),
    ],
)
def test_ids_and_times_of_one_moment_go_to_the_same_day(tables: None, moment: datetime, day: str) -> None:
    ensure(BY_ID, TODAY)
    ensure(BY_TIME, TODAY)
    assert put("probe_by_id", uuid7(moment)) == f"probe_by_id_{day}"
    assert put("probe_by_time", moment) == f"probe_by_time_{day}"


def test_a_day_whose_rows_came_before_it_stays_in_the_default_partition_and_breaks_no_other(tables: None) -> None:
    early = datetime(2026, 11, 25, 12, tzinfo=UTC)
    assert put("probe_by_time", early) == "probe_by_time_default"
    assert ensure(BY_TIME, TODAY) == [f"probe_by_time_{day:%Y%m%d}" for day in DAYS if day != early.date()]
    assert put("probe_by_time", early) == "probe_by_time_default"
    assert put("probe_by_time", early + timedelta(days=1)) == "probe_by_time_20261126"
    with connection.cursor() as cursor:
        cursor.execute("delete from probe_by_time_default")
    assert ensure(BY_TIME, TODAY) == ["probe_by_time_20261125"]


@pytest.fixture
def committed() -> Iterator[psycopg.Connection]:
    """A table that other connections see, and another connection."""
    with connection.cursor() as cursor:
        cursor.execute(partitioned("probe_by_time", "at timestamptz not null", "at"))
    try:
        with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as other:
            other.execute("set lock_timeout = '2s'")
            yield other
    finally:
        with connection.cursor() as cursor:
            cursor.execute("drop table probe_by_time")


@pytest.mark.django_db(transaction=True)
def test_what_is_being_written_is_not_waited_for(committed: psycopg.Connection) -> None:
    ensure(BY_TIME, TODAY)
    committed.execute("insert into probe_by_time values ('2026-11-21T10:00:00Z')")
    assert ensure(BY_TIME, TODAY + timedelta(days=2)) == ["probe_by_time_20261206", "probe_by_time_20261207"]
    committed.commit()


@pytest.mark.django_db(transaction=True)
def test_behind_a_long_query_it_gives_up(committed: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "LOCK_SECONDS", 0.1)
    committed.execute("select count(*) from probe_by_time")
    with pytest.raises(OperationalError):
        ensure(BY_TIME, TODAY)
    committed.rollback()
    assert len(ensure(BY_TIME, TODAY)) == len(DAYS)


@pytest.mark.django_db(transaction=True)
def test_two_processes_make_each_day_once(committed: psycopg.Connection) -> None:
    with transaction.atomic():
        ensure(BY_TIME, TODAY)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            committed.execute("lock table probe_by_time in share update exclusive mode nowait")
    committed.rollback()
    assert ensure(BY_TIME, TODAY) == []
