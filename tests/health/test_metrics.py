"""The product's own figures on /metrics, beside those of the web processes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from connectors.models import SHARDS, DeliveryWorker, Shard, WaitingDelivery
from portal.lib import clock
from portal.lib.uuid7 import uuid7
from triggers.scheduled.retention import note_alive


def figures() -> dict[str, float]:
    answer = Client().get("/metrics")
    assert answer.status_code == 200
    lines = [line for line in answer.content.decode().splitlines() if line.startswith("feeder_")]
    return {name: float(value) for name, value in (line.split(" ") for line in lines)}


def test_an_idle_product(db: None) -> None:
    Shard.objects.all().delete()  # whoever was here before may have left none, or owned ones
    Shard.objects.bulk_create(Shard(id=number) for number in range(SHARDS))
    assert figures() == {
        "feeder_waiting_deliveries": 0,
        "feeder_oldest_waiting_delivery_seconds": 0,
        "feeder_delivery_workers": 0,
        "feeder_shards_without_owner": 64,
    }


def test_work_that_waits_is_counted_with_its_age(in_tenant: Any) -> None:
    now = clock.now()
    for seconds in (40, 10):
        made = now - timedelta(seconds=seconds)
        WaitingDelivery.objects.create(
            organization_id=in_tenant.organization.id,
            id=uuid7(made),
            connector_id=uuid7(),
            event_id=uuid7(),
            event_type="ping",
            attempts=0,
            next_at=made,
        )
    DeliveryWorker.objects.create(name="w", started_at=now, lease_until=now + timedelta(minutes=5), clock_ahead=-90)
    note_alive()
    found = figures()
    assert found["feeder_waiting_deliveries"] == 2
    assert 39 <= found["feeder_oldest_waiting_delivery_seconds"] < 100
    assert found["feeder_delivery_workers"] == 1
    assert found["feeder_scheduler_age_seconds"] < 60
    assert found["feeder_worker_clock_skew_seconds"] == 90


def test_while_the_database_is_away_the_web_figures_stay(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(connection, "cursor", away)
        answer = Client().get("/metrics")
    assert answer.status_code == 200
    assert b"django_http_requests" in answer.content
    assert b"feeder_" not in answer.content


def test_the_figures_are_there_with_several_web_processes_too(
    db: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    assert figures()["feeder_waiting_deliveries"] == 0
