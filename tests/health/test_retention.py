"""What makes room ahead, and what is forgotten: exactly what is too old, however often the task runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connection

from connectors.models import ConnectorHour, Delivery, InboxMessage, WaitingDelivery
from portal.events.models import Event, Reading
from portal.lib import partitions
from portal.lib.uuid7 import uuid7
from portal.tenants import scope
from portal.tenants.models import IdempotentAnswer
from triggers.models import SchedulerTick
from triggers.scheduled import retention

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 21, 10, 30, tzinfo=UTC)


def partitions_of(table: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("select inhrelid::regclass::text from pg_inherits where inhparent = %s::regclass", [table])
        return {name for (name,) in cursor.fetchall()}


@pytest.fixture(autouse=True)
def everywhere() -> Iterator[None]:
    with scope.every_organization():
        yield


def add_day(table: str, day: datetime) -> str:
    daily = next(one for one in retention.TABLES if one.name == table)
    name, (low, high) = daily.partition(day.date()), daily.bounds(day.date())
    with connection.cursor() as cursor:
        cursor.execute(f"drop table if exists {name}")
        cursor.execute(f"create table {name} partition of {table} for values from (%s) to (%s)", [low, high])
    return name


def test_partitions_of_the_coming_days_are_made_again_when_they_are_missing() -> None:
    today = datetime.now(UTC)
    gone = [f"{table}_{today + timedelta(days=9):%Y%m%d}" for table in ("events_event", "connectors_attempt")]
    with connection.cursor() as cursor:
        for name in gone:
            cursor.execute(f"drop table {name}")
    retention.make_partitions_ahead()
    retention.make_partitions_ahead()
    assert gone[0] in partitions_of("events_event")
    assert gone[1] in partitions_of("connectors_attempt")


def rule(table: str) -> retention.Rule:
    return next(one for one in retention.rules() if one.table.name == table)


def wait_for(event_id: UUID, **fields: Any) -> WaitingDelivery:
    return WaitingDelivery.objects.create(
        **{
            "organization_id": uuid7(), "id": uuid7(), "connector_id": uuid7(), "event_id": event_id,
            "event_type": "gateway/online", "attempts": 3, "next_at": NOW, **fields,
        }
    )  # fmt: skip


def put_event(moment: datetime) -> UUID:
    event_id = uuid7(moment)
    Event.objects.create(organization_id=uuid7(), id=event_id, type="gateway/online", time=moment, body="{}")
    return event_id


def put_delivery(made: datetime, finished: datetime) -> None:
    Delivery.objects.create(
        organization_id=uuid7(), id=uuid7(made), connector_id=uuid7(), event_id=uuid7(made),
        event_type="gateway/online", state="delivered", attempts=1, finished_at=finished,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("table", "kept"),
    [
        ("events_event", 30),
        ("events_reading", 30),
        ("events_producerkey", 8),
        ("connectors_delivery", 90),
        ("connectors_attempt", 90),
    ],
)
def test_days_are_dropped_by_age_and_only_once(table: str, kept: int) -> None:
    days = {age: add_day(table, NOW - timedelta(days=age)) for age in (kept - 1, kept, kept + 1, kept + 300)}
    dropped = retention.drop_days(rule(table), NOW)
    assert dropped == [(NOW - timedelta(days=age)).date() for age in (kept + 300, kept + 1)]
    assert retention.drop_days(rule(table), NOW) == []
    left = partitions_of(table)
    assert {days[kept - 1], days[kept], f"{table}_default"} <= left
    assert not {days[kept + 1], days[kept + 300]} & left


def test_the_operators_days_hold(settings: Any) -> None:
    settings.RETENTION_EVENTS_DAYS = 3
    add_day("events_event", NOW - timedelta(days=4))
    assert retention.drop_days(rule("events_event"), NOW) == [(NOW - timedelta(days=4)).date()]


def test_a_day_is_kept_for_the_deliveries_that_wait_to_carry_it() -> None:
    days = {age: add_day("events_event", NOW - timedelta(days=age)) for age in (40, 41, 42)}
    held = wait_for(put_event(NOW - timedelta(days=41)))
    put_event(NOW - timedelta(days=42))
    wait_for(uuid7(NOW - timedelta(days=1)))
    assert retention.drop_days(rule("events_event"), NOW) == [(NOW - timedelta(days=n)).date() for n in (42, 40)]
    assert days[41] in partitions_of("events_event")
    assert Event.objects.get().id == held.event_id
    WaitingDelivery.objects.all().delete()
    assert retention.drop_days(rule("events_event"), NOW) == [(NOW - timedelta(days=41)).date()]


def test_a_delivery_that_waits_again_at_the_last_moment_still_keeps_its_day(monkeypatch: pytest.MonkeyPatch) -> None:
    name = add_day("events_event", NOW - timedelta(days=41))
    wait_for(put_event(NOW - timedelta(days=41)))
    monkeypatch.setattr(retention, "held_days", lambda _: frozenset())
    assert retention.drop_days(rule("events_event"), NOW) == []
    assert name in partitions_of("events_event")


def test_the_default_partitions_empty_themselves_by_age(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "CHUNK", 2)
    for age in (31, 32, 400, 500, 600, 29):
        moment = NOW - timedelta(days=age, hours=2)
        put_event(moment)
        Reading.objects.create(series_id=1, time=moment, number=1)
    put_delivery(NOW - timedelta(days=200), finished=NOW - timedelta(days=5))
    put_delivery(NOW - timedelta(days=200), finished=NOW - timedelta(days=99))
    assert [retention.empty_default(one, NOW) for one in retention.rules()] == [5, 5, 0, 1, 0, 0]
    assert [retention.empty_default(one, NOW) for one in retention.rules()] == [0] * 6
    assert (Event.objects.count(), Reading.objects.count(), Delivery.objects.count()) == (1, 1, 1)


def test_one_run_deletes_no_more_than_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "CHUNK", 2)
    monkeypatch.setattr(retention, "MOST_CHUNKS", 2)
    for minute in range(5):
        Reading.objects.create(series_id=1, time=NOW - timedelta(days=400, minutes=minute), number=1)
    assert [retention.empty_default(rule("events_reading"), NOW) for _ in range(3)] == [4, 1, 0]


def test_events_of_the_default_partition_are_kept_from_the_oldest_that_is_waited_for() -> None:
    older, held, younger = (put_event(NOW - timedelta(days=age)) for age in (300, 200, 100))
    wait_for(held)
    assert retention.empty_default(rule("events_event"), NOW) == 1
    assert set(Event.objects.values_list("id", flat=True)) == {held, younger}
    assert older not in {held, younger}


def test_one_table_that_fails_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    real = retention.empty_default

    def failing(one: retention.Rule, now: datetime) -> int:
        if one.table.name == "events_event":
            raise DatabaseError("no")
        return real(one, now)

    monkeypatch.setattr(retention, "empty_default", failing)
    Reading.objects.create(series_id=1, time=datetime.now(UTC) - timedelta(days=31), number=1)
    retention.drop_expired_days()
    assert Reading.objects.count() == 0


def test_a_worker_whose_clock_jumped_ahead_by_a_year_forgets_nothing() -> None:
    now = datetime.now(UTC)
    Reading.objects.create(series_id=1, time=now, number=1)
    kept = [partitions_of(table.name) for table in retention.TABLES]
    with time_machine.travel(now + timedelta(days=365), tick=True):
        retention.drop_expired_days()
        retention.make_partitions_ahead()
    assert [partitions_of(table.name) for table in retention.TABLES] == kept
    assert Reading.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_behind_a_long_query_a_day_waits_for_the_next_hour_and_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "DROP_LOCK_MILLISECONDS", 50)
    monkeypatch.setattr(retention, "DROP_PAUSE_SECONDS", 0)
    name = add_day("events_reading", NOW - timedelta(days=40))
    try:
        with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as other:
            other.execute("select count(*) from events_reading")
            assert retention.drop_days(rule("events_reading"), NOW) == []
            Reading.objects.create(series_id=1, time=NOW, number=1)
            assert name in partitions_of("events_reading")
        assert retention.drop_days(rule("events_reading"), NOW) == [(NOW - timedelta(days=40)).date()]
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"drop table if exists {name}")


def test_what_is_not_kept_by_the_day_is_forgotten_by_its_own_age(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "CHUNK", 2)
    now, organization = datetime.now(UTC), uuid7()
    for number in range(7):
        row = IdempotentAnswer.objects.create(
            organization_id=organization, caller="key:fk_1", key=str(number), request_digest=b"x"
        )
        age = timedelta(hours=25) if number < 5 else timedelta(hours=23)
        IdempotentAnswer.objects.filter(pk=row.pk).update(created_at=now - age)
    for days in (29, 31):
        InboxMessage.objects.create(
            organization_id=organization, received_at=now - timedelta(days=days), method="POST", path="/", headers={},
            body="{}", signing="none",
        )  # fmt: skip
    for days in (89, 91):
        ConnectorHour.objects.create(
            connector_id=uuid7(), hour=now - timedelta(days=days), organization_id=organization, attempts=1,
            delivered=1, failed=0,
        )  # fmt: skip
    for hours in (-1, 1):
        Session.objects.create(session_key=str(hours), session_data="", expire_date=now + timedelta(hours=hours))
    retention.forget_expired()
    retention.forget_expired()
    assert set(IdempotentAnswer.objects.values_list("key", flat=True)) == {"5", "6"}
    assert [now - message.received_at for message in InboxMessage.objects.all()] == [timedelta(days=29)]
    assert [now - figure.hour for figure in ConnectorHour.objects.all()] == [timedelta(days=89)]
    assert [session.session_key for session in Session.objects.all()] == ["1"]


def test_the_schedulers_report_is_one_row_that_moves() -> None:
    retention.note_alive()
    first = SchedulerTick.objects.get().at
    SchedulerTick.objects.update(at=first - timedelta(minutes=5))
    retention.note_alive()
    assert SchedulerTick.objects.get().at >= first


def test_beat_knows_every_task_by_its_name(settings: Any) -> None:
    tasks = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    ours = (
        retention.make_partitions_ahead,
        retention.drop_expired_days,
        retention.forget_expired,
        retention.note_alive,
    )
    here = {task.name for task in ours}
    assert here <= tasks


def test_what_was_sent_is_known_for_as_long_as_a_day_can_be_calculated_again(settings: Any) -> None:
    settings.RETENTION_DELIVERIES_DAYS, settings.RETENTION_READINGS_DAYS = 40, 60
    assert rule("triggers_dailyaggregate").days == 61
    add_day("triggers_dailyaggregate", NOW - timedelta(days=62))
    kept = add_day("triggers_dailyaggregate", NOW - timedelta(days=61))
    assert retention.drop_days(rule("triggers_dailyaggregate"), NOW) == [(NOW - timedelta(days=62)).date()]
    assert kept in partitions_of("triggers_dailyaggregate")
