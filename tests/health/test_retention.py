"""What makes room ahead, and what is forgotten: exactly what is too old, however often the task runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from portal.events.models import ProducerKey
from portal.lib.uuid7 import uuid7
from portal.tenants.models import IdempotentAnswer
from triggers.models import SchedulerTick
from triggers.scheduled import retention

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 21, 10, 30, tzinfo=UTC)


def partitions_of(table: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("select inhrelid::regclass::text from pg_inherits where inhparent = %s::regclass", [table])
        return {name for (name,) in cursor.fetchall()}


def add_day(table: str, day: datetime) -> str:
    name = f"{table}_{day:%Y%m%d}"
    start = day.replace(hour=0, minute=0, second=0, microsecond=0)
    with connection.cursor() as cursor:
        cursor.execute(f"drop table if exists {name}")
        cursor.execute(
            f"create table {name} partition of {table} for values from (%s) to (%s)",
            [start.isoformat(), (start + timedelta(days=1)).isoformat()],
        )
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


def test_producer_keys_are_dropped_by_the_day_once_nothing_can_refer_to_them() -> None:
    table = "events_producerkey"
    days = {age: add_day(table, NOW - timedelta(days=age)) for age in (7, 8, 9, 30)}
    old, recent = NOW - timedelta(days=60), NOW - timedelta(hours=1)
    for key, time in (("old", old), ("recent", recent)):
        ProducerKey.objects.create(organization_id=uuid7(), key=key, time=time)
    assert retention.forget_producer_keys(NOW) == [days[30], days[9]]
    assert retention.forget_producer_keys(NOW) == []
    left = partitions_of(table)
    assert {days[7], days[8], f"{table}_default"} <= left
    assert not {days[9], days[30]} & left
    assert [key.key for key in ProducerKey.objects.all()] == ["recent"]


def test_answers_are_kept_for_a_day_and_forgotten_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "CHUNK", 2)
    organization = uuid7()
    for number in range(7):
        row = IdempotentAnswer.objects.create(
            organization_id=organization, caller="key:fk_1", key=str(number), request_digest=b"x"
        )
        age = timedelta(hours=25) if number < 5 else timedelta(hours=23)
        IdempotentAnswer.objects.filter(pk=row.pk).update(created_at=NOW - age)
    assert retention.forget_answers(NOW) == 5
    assert retention.forget_answers(NOW) == 0
    assert set(IdempotentAnswer.objects.values_list("key", flat=True)) == {"5", "6"}


def test_the_schedulers_report_is_one_row_that_moves() -> None:
    retention.note_alive()
    first = SchedulerTick.objects.get().at
    SchedulerTick.objects.update(at=first - timedelta(minutes=5))
    retention.note_alive()
    assert SchedulerTick.objects.get().at >= first


def test_beat_knows_every_task_by_its_name(settings: Any) -> None:
    tasks = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    here = {retention.make_partitions_ahead.name, retention.forget_expired.name, retention.note_alive.name}
    assert here <= tasks
