"""Poison on real PostgreSQL: workers that die while they make a message, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest

from connectors import making, quarantine
from connectors.claimer import Claimer
from connectors.dispatch import Target
from connectors.making import Work
from connectors.message import ErrorClass, Outcome
from connectors.models import SHARDS, Connector, WaitingDelivery
from portal.events.models import Event
from portal.lib.database import stage_cursor
from portal.lib.uuid7 import uuid7
from tests.conftest import Tenant
from tests.world import make_connector

pytestmark = pytest.mark.django_db(transaction=True)

ALL = dict.fromkeys(range(SHARDS), 1)


class Dead(BaseException):
    """What `os._exit` would be: nothing catches it."""


class Lanes:
    def __init__(self) -> None:
        self.works: list[Work] = []

    def deliver(self, works: list[Work]) -> None:
        self.works += works

    def retarget(self, *_: object) -> None:
        pass


@pytest.fixture
def connector(in_tenant: Tenant) -> Connector:
    return make_connector("https://partner.example/hook")


def wait(connector: Connector) -> UUID:
    organization_id, now = connector.organization_id, datetime.now(UTC)
    event = Event.objects.create(
        organization_id=organization_id, id=uuid7(), type="gateway/online", time=now, body="{}"
    )
    row = WaitingDelivery.objects.create(
        organization_id=organization_id,
        id=uuid7(),
        event_id=event.id,
        event_type=event.type,
        connector_id=connector.id,
        attempts=0,
        next_at=now,
    )
    return row.id


def worker_takes_over(die_of: UUID | None, monkeypatch: pytest.MonkeyPatch) -> list[Work]:
    """A new worker on shards whose owner died; the work that it hands to its lanes, if it lives that long."""

    def make(target: Target, work: Work, now: datetime) -> object:
        if work.due.id == die_of:
            raise Dead
        made.append(work.due.id)
        return making.make_one(target, work, now)

    made: list[UUID] = []
    given = Lanes()
    claimer = Claimer(given)  # type: ignore[arg-type]
    claimer.own(ALL, frozenset(ALL))
    with monkeypatch.context() as patch, stage_cursor() as cursor:
        patch.setattr(quarantine, "make_one", make)
        try:
            claimer.round(cursor)
        except Dead:
            return []
    return given.works


@pytest.fixture
def crashes() -> Callable[[], dict[UUID, int]]:
    return lambda: dict(WaitingDelivery.objects.values_list("id", "crashes"))


def test_what_killed_three_workers_is_set_aside_and_the_others_go_out(
    connector: Connector, monkeypatch: pytest.MonkeyPatch, crashes: Callable[[], dict[UUID, int]]
) -> None:
    before, poison, behind = wait(connector), wait(connector), wait(connector)
    assert worker_takes_over(poison, monkeypatch) == [], "the second that dies: the first one was not careful yet"
    assert crashes() == {before: 1, poison: 1, behind: 1}, "nobody knows which it was"
    assert worker_takes_over(poison, monkeypatch) == []
    assert crashes() == {before: 0, poison: 2, behind: 1}, "tried one by one, each is cleared or found out"

    works = worker_takes_over(None, monkeypatch)
    assert [work.due.id for work in works] == [before, poison, behind]
    assert {work.due.id for work in works if work.refusal} == {poison}
    assert crashes() == {before: 0, poison: 2, behind: 0}


def test_what_is_set_aside_fails_with_the_reason(connector: Connector, monkeypatch: pytest.MonkeyPatch) -> None:
    poison = wait(connector)
    WaitingDelivery.objects.filter(id=poison).update(crashes=quarantine.MOST_CRASHES)
    (work,) = worker_takes_over(poison, monkeypatch)
    outcome = making.make_one(None, work, datetime.now(UTC)).request  # type: ignore[arg-type]
    assert isinstance(outcome, Outcome)
    assert (outcome.error, outcome.detail) == (ErrorClass.RENDER, quarantine.REFUSAL)


def test_shards_of_a_worker_that_left_in_order_are_not_tried_out(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait(connector)
    monkeypatch.setattr(quarantine, "make_one", lambda *_: pytest.fail("made on trial"))
    given = Lanes()
    claimer = Claimer(given)  # type: ignore[arg-type]
    claimer.own(ALL)
    with stage_cursor() as cursor:
        claimer.round(cursor)
    assert len(given.works) == 1
