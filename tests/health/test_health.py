"""What operators' probes see: the truth, quickly, with the reason."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import time_machine
from django.db import OperationalError, connection
from django.db.migrations.loader import MigrationLoader
from django.test import Client

from connectors.models import DeliveryWorker
from portal.lib import clock
from triggers import health
from triggers.models import SchedulerTick
from triggers.scheduled.retention import note_alive

LONG_UP = 1_000.0


@pytest.fixture
def up_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_started", time.monotonic() - LONG_UP)


@pytest.fixture(autouse=True)
def in_this_thread(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Another thread's connection would not see what a test has not committed."""
    if "apart" not in request.fixturenames:
        monkeypatch.setattr(health, "in_time", lambda ask: ask())


@pytest.fixture
def apart(transactional_db: None) -> Iterator[int]:
    """The process id of the database's side of the connection that /readyz asks over."""
    found: list[int] = []

    def ask() -> health.Findings:
        with connection.cursor() as cursor:
            cursor.execute("select pg_backend_pid()")
            found.append(cursor.fetchone()[0])
        return {}

    health.in_time(ask)
    yield found[0]
    health._Asker.pool.submit(lambda: connection.close()).result(5)  # noqa: PLW0108 - that thread's


@pytest.fixture
def all_running(db: None) -> None:
    note_alive()
    now = clock.now()
    DeliveryWorker.objects.create(name="w", started_at=now, lease_until=now + timedelta(minutes=5))


def ready() -> tuple[int, dict[str, Any]]:
    answer = Client().get("/readyz")
    return answer.status_code, answer.json()


def test_the_process_answers_without_a_database() -> None:
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.usefixtures("all_running", "up_for_long")
def test_ready_when_everything_runs() -> None:
    names = ("database", "schema", "scheduler", "workers", "clocks", "broker")
    assert ready() == (200, {"status": "ready", "wrong": [], "checks": dict.fromkeys(names, "ok")})


@pytest.mark.usefixtures("db")
def test_right_after_the_start_the_others_may_still_be_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_started", time.monotonic())
    status, body = ready()
    assert (status, body["wrong"]) == (200, [])
    assert body["checks"]["scheduler"] == "starting: has never reported"
    assert body["checks"]["workers"] == "starting: no delivery worker is alive"


@pytest.mark.usefixtures("all_running", "up_for_long")
def test_a_silent_scheduler_and_dead_workers_are_named() -> None:
    SchedulerTick.objects.update(at=clock.now() - timedelta(minutes=10))
    DeliveryWorker.objects.update(lease_until=clock.now() - timedelta(seconds=1))
    status, body = ready()
    assert status == 503
    assert body["wrong"] == ["scheduler", "workers"]
    assert body["checks"]["scheduler"].startswith("failed: reported last 60")


@pytest.mark.usefixtures("all_running", "up_for_long")
def test_a_clock_that_is_off_is_told_and_stops_nothing() -> None:
    DeliveryWorker.objects.update(clock_ahead=59.0)
    assert ready()[1]["checks"]["clocks"] == "ok"
    DeliveryWorker.objects.update(clock_ahead=-86_400.0)
    with time_machine.travel(clock.now() + timedelta(hours=1), tick=True):
        status, body = ready()
    assert (status, body["status"], body["wrong"]) == (200, "ready", [])
    assert body["checks"]["clocks"] == (
        "warning: the clock of this web process is 3600 s ahead of the database's, "
        "the clock of w is 86400 s behind the database's"
    )


@pytest.mark.parametrize(
    ("age", "uptime", "state"),
    [
        (0, 5, "ok"),
        (120, LONG_UP, "ok"),
        (121, LONG_UP, "failed"),
        (86_400, 5, "starting"),
        (None, 5, "starting"),
        (None, LONG_UP, "failed"),
    ],
)
def test_the_schedulers_age_is_judged_once_it_had_time_to_start(age: float | None, uptime: float, state: str) -> None:
    assert health.judge_scheduler(age, uptime).state == state


@pytest.mark.usefixtures("all_running", "up_for_long")
def test_a_schema_that_is_behind_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health._Schema, "current", False)
    ours = sorted(name for app, name in MigrationLoader(connection).graph.nodes if app == "triggers")
    with connection.cursor() as cursor:
        cursor.execute("delete from django_migrations where app = 'triggers'")
    status, body = ready()
    assert (status, body["wrong"]) == (503, ["schema"])
    assert (
        body["checks"]["schema"] == f"failed: {len(ours)} migrations are not applied, the first is triggers.{ours[0]}"
    )


@pytest.mark.usefixtures("all_running", "up_for_long")
def test_a_database_that_is_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("connection refused: host=secret-host")

    with monkeypatch.context() as patched:
        patched.setattr(connection, "cursor", away)
        status, body = ready()
    assert (status, body["wrong"]) == (503, ["database"])
    assert body["checks"]["database"] == "failed: not available (OperationalError)"


def timed() -> tuple[int, dict[str, Any], bool]:
    began = time.monotonic()
    status, body = ready()
    return status, body["checks"], time.monotonic() - began < 2


@pytest.mark.usefixtures("up_for_long")
def test_a_frozen_database_is_named_within_two_seconds(apart: int, all_running: None) -> None:
    assert ready()[0] == 200
    os.kill(apart, signal.SIGSTOP)
    try:
        for _ in range(2):
            assert timed() == (503, {"database": "failed: does not answer within 1.5 s", "broker": "ok"}, True)
    finally:
        os.kill(apart, signal.SIGCONT)
    assert ready()[0] == 200


@pytest.mark.usefixtures("up_for_long")
def test_a_table_that_is_locked_is_named_within_two_seconds(apart: int, all_running: None) -> None:
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as other:
        other.execute("lock table triggers_schedulertick in access exclusive mode")
        status, checks, quickly = timed()
        assert (status, quickly) == (503, True)
        assert checks["database"].startswith("failed: ")
    deadline = time.monotonic() + 5
    while ready()[0] != 200:
        assert time.monotonic() < deadline


@contextmanager
def silent_server() -> Iterator[int]:
    """Takes connections, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.usefixtures("all_running", "up_for_long")
def test_a_silent_broker_is_named_within_a_second(settings: Any) -> None:
    with silent_server() as port:
        settings.REDIS_URL = f"redis://127.0.0.1:{port}/0"
        began = time.monotonic()
        status, body = ready()
        took = time.monotonic() - began
    assert (status, body["wrong"]) == (503, ["broker"])
    assert body["checks"]["broker"] == "failed: not available (TimeoutError)"
    assert took < 2
