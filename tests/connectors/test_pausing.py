"""Pausing: what is said of it, what becomes of the waiting, and what pauses by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pghistory.models
import pytest
from django.db import transaction

from connectors import outbox, pausing
from connectors.models import Connector, ConnectorHealth, Delivery, PauseReason, WaitingDelivery, WhilePaused
from connectors.pausing import pause, pause_if_failing, resume
from portal.lib.uuid7 import uuid7
from tests.conftest import Tenant
from tests.world import make_connector

pytestmark = pytest.mark.django_db

committed = pytest.mark.django_db(transaction=True)
"""What is dropped is dropped after the commit, by another connection."""

URL = "https://partner.example/hook"
NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
DAY = timedelta(days=1)


def enqueue(connector: Connector, count: int = 1) -> None:
    WaitingDelivery.objects.bulk_create(
        WaitingDelivery(
            organization_id=connector.organization_id,
            connector_id=connector.id,
            id=uuid7(),
            event_id=uuid7(),
            event_type="gateway/online",
            attempts=0,
            next_at=datetime.now(UTC),
        )
        for _ in range(count)
    )


def by_hand(connector: Connector, waiting: str = "hold", now: datetime = NOW) -> None:
    pause(connector, waiting=WhilePaused(waiting), reason=PauseReason.MANUAL, detail="By ida.", now=now)


def eventually(seen: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not seen():
        assert time.monotonic() < end
        time.sleep(0.01)


def health(connector: Connector, since: datetime, failures: int, **fields: Any) -> ConnectorHealth:
    return ConnectorHealth.objects.create(
        connector_id=connector.id,
        organization_id=connector.organization_id,
        failures_in_a_row=failures,
        failing_since=since,
        **{"last_attempt_at": NOW, "last_status": 503, **fields},
    )


def paused(connector: Connector) -> bool:
    return Connector.objects.get(id=connector.id).paused_at is not None


def test_held_is_kept_and_said_once(in_tenant: Tenant) -> None:
    connector = make_connector(URL)
    enqueue(connector, 2)
    by_hand(connector)
    assert (connector.paused_at, connector.paused_reason, connector.paused_detail) == (NOW, "manual", "By ida.")
    pause(connector, waiting=WhilePaused.HOLD, reason=PauseReason.MANUAL, detail="By uwe.", now=NOW + DAY)
    assert (connector.paused_at, connector.paused_detail) == (NOW, "By ida."), "the first one counts"
    assert WaitingDelivery.objects.count() == 2
    resume(connector)
    resume(connector)
    stored = Connector.objects.get()
    assert (stored.paused_at, stored.paused_reason, stored.paused_detail, stored.while_paused) == (None, "", "", "hold")
    assert WaitingDelivery.objects.count() == 2


@committed
def test_dropped_is_listed_and_only_its_own(in_tenant: Tenant) -> None:
    connector, other = make_connector(URL), make_connector(URL, "Other")
    enqueue(connector, 3)
    enqueue(other)
    by_hand(connector)
    by_hand(connector, "drop")
    eventually(lambda: Delivery.objects.count() == 3)
    assert {(row.state, row.last_error) for row in Delivery.objects.all()} == {("dropped", pausing.DROPPED)}
    assert [row.connector_id for row in WaitingDelivery.objects.all()] == [other.id]


@committed
def test_a_pause_that_is_rolled_back_drops_nothing(in_tenant: Tenant) -> None:
    connector = make_connector(URL)
    enqueue(connector)
    with transaction.atomic():
        by_hand(connector, "drop")
        transaction.set_rollback(True)
    pausing._dropping.submit(int).result(20)
    assert (paused(connector), WaitingDelivery.objects.count()) == (False, 1)


@committed
def test_what_comes_after_the_resume_is_not_dropped_by_a_drop_under_way(
    in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector = make_connector(URL)
    enqueue(connector, 3)
    monkeypatch.setattr(outbox, "DROP_CHUNK", 1)
    asked = iter([True, True])

    def still(*_: Any) -> bool:
        if next(asked, None) is None:
            resume(connector)
            enqueue(connector)
        return Connector.objects.get(id=connector.id).paused_at is not None

    monkeypatch.setattr(pausing, "_drops", still)
    by_hand(connector, "drop")
    pausing._dropping.submit(int).result(20)
    assert (Delivery.objects.count(), WaitingDelivery.objects.count()) == (2, 2)


FAILING = [
    ("standard", 5 * DAY, 10, True),
    ("standard", 5 * DAY, 9, False),
    ("standard", 5 * DAY - timedelta(seconds=1), 500, False),
    ("gridx", DAY, 10, True),
    ("urgent", DAY, 10, True),
    ("none", timedelta(hours=23), 5000, False),
]


@pytest.mark.parametrize(("policy", "lasted", "failures", "wanted"), FAILING)
def test_only_failures_for_as_long_as_the_policy_allows(
    in_tenant: Tenant, policy: str, lasted: timedelta, failures: int, wanted: bool
) -> None:
    connector = make_connector(URL, retry_policy=policy)
    health(connector, NOW - lasted, failures)
    assert pause_if_failing([connector.id], NOW) == ([connector.id] if wanted else [])
    assert paused(connector) is wanted


def test_it_says_why_holds_what_waits_and_does_it_once(in_tenant: Tenant) -> None:
    connector, idle = make_connector(URL), make_connector(URL, "Healthy")
    enqueue(connector)
    health(connector, NOW - 6 * DAY, 37)
    asked = {connector.id, idle.id}
    assert (pause_if_failing(asked, NOW), pause_if_failing(asked, NOW + DAY)) == ([connector.id], [])
    stored = Connector.objects.get(id=connector.id)
    assert (stored.paused_at, stored.paused_reason, stored.while_paused) == (NOW, "failing", "hold")
    why = "All 37 attempts since 15 November 2026, 10:00 UTC failed; the last one was answered 503."
    assert stored.paused_detail == why
    assert WaitingDelivery.objects.count() == 1
    (change,) = pghistory.models.Events.objects.tracks(stored).filter(pgh_label="update")
    assert change.pgh_context["who"] == "system: only failures"
    assert not paused(idle)


def test_an_attempt_without_an_answer_is_named_by_its_error(in_tenant: Tenant) -> None:
    row = health(make_connector(URL), NOW - 6 * DAY, 10, last_status=None, last_error="timeout")
    assert pausing.detail_of(row).endswith("the last one had no answer (timeout).")


@pytest.mark.parametrize("fields", [{"enabled": False}, {"retry_policy": "gone with an old version"}])
def test_what_sends_nothing_anyway_is_not_paused(in_tenant: Tenant, fields: dict[str, Any]) -> None:
    connector = make_connector(URL, **fields)
    health(connector, NOW - 6 * DAY, 37)
    assert pause_if_failing([connector.id], NOW) == []


def test_nothing_to_do_costs_one_query(in_tenant: Tenant, django_assert_num_queries: Any) -> None:
    connector = make_connector(URL)
    health(connector, NOW - timedelta(hours=1), 37)
    with django_assert_num_queries(0):
        assert pause_if_failing([], NOW) == []
    with django_assert_num_queries(1):
        assert pause_if_failing([connector.id], NOW) == []


def test_a_resumed_connector_has_its_days_before_it(in_tenant: Tenant) -> None:
    connector = make_connector(URL)
    health(connector, NOW - 6 * DAY, 37)
    pause_if_failing([connector.id], NOW)
    resume(connector)
    resumed_at = datetime.now(UTC)
    assert pause_if_failing([connector.id], resumed_at + 4 * DAY) == []
    assert pause_if_failing([connector.id], resumed_at + 5 * DAY) == [connector.id]
