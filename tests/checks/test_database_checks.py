"""What the database must be like, and what is only said of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.db import OperationalError, connection

from portal.checks import GUARANTEES, database
from portal.checks.database import Server

GOOD = {"off": (), "version": 18, "connections": 97, "skew": 0.1}


def ids(messages: list[CheckMessage]) -> set[str]:
    return {message.id or "" for message in messages if (message.id or "").startswith("database")}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, set()),
        ({"off": ["fsync"]}, {"database.E001"}),
        ({"off": ["full_page_writes", "synchronous_commit"]}, {"database.E001"}),
        ({"version": 15}, {"database.E002"}),
        ({"version": 16}, set()),
        ({"connections": 29}, {"database.E003"}),
        ({"connections": 30}, set()),
        ({"skew": 61}, {"database.W002"}),
        ({"skew": -3600}, {"database.W002"}),
        ({"skew": 59}, set()),
    ],
)
def test_each_fault_has_its_sentence(settings: Any, changed: dict[str, Any], said: set[str]) -> None:
    settings.WEB_WORKERS, settings.WEB_THREADS, settings.WORKERS = 2, 8, 1
    assert ids(list(database.judge(Server(**{**GOOD, **changed})))) == said


def test_more_processes_need_more_connections(settings: Any) -> None:
    settings.WEB_WORKERS, settings.WEB_THREADS, settings.WORKERS = 4, 16, 8
    (error,) = database.judge(Server(**GOOD))
    assert error.msg == (
        "The database has 97 connections for us, and 129 may be needed: 17 in each of 4 web processes, "
        "7 in each of 8 workers, and 5 to spare."
    )


@pytest.mark.django_db
def test_the_server_is_asked_only_where_servers_are_asked(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert ids(run_checks(tags=[GUARANTEES])) == set()
    assert "database.E001" in ids(run_checks(tags=[GUARANTEES], databases=["default"])), "the tests' has fsync off"


@pytest.mark.django_db
def test_the_server_tells_what_it_is(settings: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("set synchronous_commit = off")
        cursor.execute("show max_connections")
        most = int(cursor.fetchone()[0])
        found = database.ask()
        cursor.execute("reset synchronous_commit")
    assert "synchronous_commit" in found.off
    assert found.version == connection.pg_version // 10_000
    assert found.connections == most - 3
    assert abs(found.skew) < 5
    settings.ALLOW_DATA_LOSS = True
    assert "database.W003" in ids(database.check_database(databases=["default"]))


def test_a_database_that_is_away_refuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("host=secret-host password=hush")

    monkeypatch.setattr(connection, "cursor", away)
    (caution,) = database.check_database(databases=["default"])
    assert (caution.id, caution.is_serious()) == ("database.W001", False)
    assert "hush" not in str(caution)
