"""The life of a delivery on real PostgreSQL: who may record what, what "retry" finds, and how a queue is dropped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from connectors import configure, outbox
from connectors.message import ErrorClass, Outcome
from connectors.models import Attempt, ConnectorHealth, Delivery, Shard, WaitingDelivery
from connectors.outbox import Due, Result
from portal.events.models import Event
from portal.lib.database import batch_cursor
from portal.lib.uuid7 import uuid7
from portal.tenants import scope
from tests.conftest import Tenant
from tests.world import make_connector, make_data_point, make_gateway, make_trigger, reading
from triggers.intake import accept_readings

pytestmark = pytest.mark.django_db(transaction=True)

OWNER, OTHER = uuid7(), uuid7()
OK = Outcome(status=200, error=None, detail="", headers=(), body=b"ok", truncated=False, duration=0.1)
NOT_NOW = Outcome(status=503, error=None, detail="", headers=(), body=b"", truncated=False, duration=0.1)
URL = "https://partner.example/hook"


@pytest.fixture
def shard(in_tenant: Tenant) -> Shard:
    """A shard that OWNER holds under epoch 7."""
    return Shard.objects.update_or_create(id=5, defaults={"owner": OWNER, "epoch": 7})[0]


def waiting(tenant: Tenant, **fields: Any) -> WaitingDelivery:
    return WaitingDelivery.objects.create(
        **{
            "organization_id": tenant.organization.id,
            "id": uuid7(),
            "connector_id": uuid7(),
            "event_id": uuid7(),
            "event_type": "datapoint/value",
            "attempts": 0,
            "next_at": datetime.now(UTC),
            **fields,
        }
    )


def result(row: WaitingDelivery, **fields: Any) -> Result:
    due = Due(
        id=row.id,
        organization_id=row.organization_id,
        connector_id=row.connector_id,
        event_id=row.event_id,
        attempts=row.attempts,
        next_at=row.next_at,
        crashes=0,
    )
    return Result(
        **{
            "due": due,
            "shard": 5,
            "epoch": 7,
            "request_id": uuid7(),
            "started_at": datetime.now(UTC),
            "outcome": OK,
            "request_head": "POST /",
            "request_digest": b"",
            "state": "delivered",
            "delay": 0.0,
            "in_line": False,
            "rests": 0.0,
            **fields,
        }
    )


def record(*results: Result, owner: UUID = OWNER) -> list[Result]:
    with batch_cursor() as cursor:
        return outbox.record(cursor, owner, results)


@pytest.mark.parametrize(("owner", "fields"), [(OWNER, {"epoch": 6}), (OTHER, {}), (OWNER, {"shard": 6})])
def test_a_late_owners_results_change_nothing(in_tenant: Tenant, shard: Shard, owner: UUID, fields: Any) -> None:
    row = waiting(in_tenant)
    assert record(result(row, **fields), owner=owner) == []
    assert WaitingDelivery.objects.get().attempts == 0
    assert not Attempt.objects.exists()
    assert not Delivery.objects.exists()
    assert not ConnectorHealth.objects.exists()


def test_of_a_mixed_batch_only_what_is_still_owned_counts(in_tenant: Tenant, shard: Shard) -> None:
    mine, lost = waiting(in_tenant), waiting(in_tenant)
    counted = record(result(mine), result(lost, shard=6))
    assert [one.due.id for one in counted] == [mine.id]
    assert Delivery.objects.get().id == mine.id
    assert WaitingDelivery.objects.get().id == lost.id


def test_each_outcome_moves_its_delivery(in_tenant: Tenant, shard: Shard) -> None:
    done, failed, again = (waiting(in_tenant) for _ in range(3))
    timeout = Outcome(
        status=None,
        error=ErrorClass.TIMEOUT,
        detail="no complete answer within 20 s",
        headers=(),
        body=b"",
        truncated=False,
        duration=20.0,
    )
    before = datetime.now(UTC)
    record(result(done), result(failed, state="failed"), result(again, state="retry", delay=300.0, outcome=timeout))
    assert dict(Delivery.objects.values_list("id", "state")) == {done.id: "delivered", failed.id: "failed"}
    left = WaitingDelivery.objects.get()
    assert (left.id, left.attempts, left.last_status, left.last_error) == (again.id, 1, None, "timeout")
    assert 299 < (left.next_at - before).total_seconds() < 310
    assert Attempt.objects.count() == 3


def test_a_retry_in_line_keeps_its_place_and_is_held(in_tenant: Tenant, shard: Shard) -> None:
    row = waiting(in_tenant, crashes=1)
    record(result(row, state="retry", delay=3600.0, in_line=True, outcome=NOT_NOW))
    after = WaitingDelivery.objects.get(id=row.id)
    assert (after.next_at, after.attempts, after.crashes) == (row.next_at, 1, 0)
    assert after.hold_until is not None
    assert 3500 < (after.hold_until - datetime.now(UTC)).total_seconds() < 3700
    outbox.retry_now(in_tenant.organization.id, row.id)
    after.refresh_from_db()
    assert (after.next_at, after.hold_until) == (row.next_at, None), "by hand it goes at once, and still in its place"


def test_health_tells_since_when_a_connector_only_fails_and_whether_it_is_left_alone(
    in_tenant: Tenant, shard: Shard
) -> None:
    start = datetime(2026, 11, 21, 10, tzinfo=UTC)
    connector_id = uuid7()

    def attempt(minute: int, state: str, rests: float = 0.0) -> ConnectorHealth:
        row = waiting(in_tenant, connector_id=connector_id)
        at = start + timedelta(minutes=minute)
        outcome = OK if state == "delivered" else NOT_NOW
        record(result(row, state=state, started_at=at, rests=rests, delay=60.0, outcome=outcome))
        return ConnectorHealth.objects.get(connector_id=connector_id)

    assert attempt(0, "delivered").failing_since is None
    assert attempt(1, "retry").failing_since == start + timedelta(minutes=1)
    health = attempt(2, "retry", rests=30.0)
    assert (health.failing_since, health.failures_in_a_row) == (start + timedelta(minutes=1), 2)
    assert health.resting_until is not None
    assert health.resting_until > datetime.now(UTC)
    health = attempt(3, "delivered")
    assert (health.failing_since, health.failures_in_a_row, health.resting_until) == (None, 0, None)


@pytest.mark.line(171)
def test_a_partners_answer_of_any_bytes_is_stored(in_tenant: Tenant, shard: Shard) -> None:
    headers = (("X-Odd", "a\x00b\xff"),)
    odd = Outcome(status=200, error=None, detail="", headers=headers, body=b"\x00\xff\xfe", truncated=False, duration=0)
    record(result(waiting(in_tenant), outcome=odd))
    assert (Attempt.objects.get().response_head, Attempt.objects.get().response_body) == ("X-Odd: a�bÿ", "�\\xff\\xfe")


def test_the_count_of_attempts_ends_and_the_record_does_not(in_tenant: Tenant, shard: Shard) -> None:
    """A delivery retried by hand without end must not stop the recorder for everybody."""
    often, other = waiting(in_tenant, attempts=outbox.MOST_ATTEMPTS), waiting(in_tenant)
    record(result(often), result(other))
    assert dict(Delivery.objects.values_list("id", "attempts")) == {often.id: outbox.MOST_ATTEMPTS, other.id: 1}


# by hand


def kept_event(tenant: Tenant) -> UUID:
    fields = {"type": "gateway/online", "time": datetime.now(UTC), "body": "{}"}
    return Event.objects.create(organization_id=tenant.organization.id, id=uuid7(), **fields).id


def finished(tenant: Tenant, **fields: Any) -> Delivery:
    return Delivery.objects.create(
        **{
            "organization_id": tenant.organization.id,
            "id": uuid7(),
            "connector_id": uuid7(),
            "event_id": uuid7(),
            "event_type": "gateway/online",
            "state": "failed",
            "attempts": 3,
            "last_status": 500,
            "finished_at": datetime.now(UTC),
            **fields,
        }
    )


def test_retry_makes_a_waiting_delivery_due(in_tenant: Tenant) -> None:
    row = waiting(in_tenant, attempts=2, next_at=datetime.now(UTC) + timedelta(hours=5))
    outbox.retry_now(in_tenant.organization.id, row.id)
    row = WaitingDelivery.objects.get()
    assert row.next_at <= datetime.now(UTC)
    assert row.attempts == 2


@pytest.mark.parametrize("state", ["delivered", "failed", "dropped"])
def test_retry_brings_a_finished_delivery_back_with_its_id_and_count(in_tenant: Tenant, state: str) -> None:
    connector = make_connector(URL)
    row = finished(in_tenant, connector_id=connector.id, event_id=kept_event(in_tenant), state=state)
    outbox.retry_now(in_tenant.organization.id, row.id)
    assert not Delivery.objects.exists()
    back = WaitingDelivery.objects.get()
    assert (back.id, back.attempts, back.last_status) == (row.id, 3, 500)


@pytest.mark.parametrize(
    ("lacking", "error"),
    [("event", outbox.NotKept), ("connector", outbox.ConnectorGone), ("organization", outbox.NotFound)],
)
def test_a_retry_that_cannot_be_changes_nothing(
    in_tenant: Tenant, stranger: Tenant, lacking: str, error: type[Exception]
) -> None:
    connector_id = uuid7() if lacking == "connector" else make_connector(URL).id
    event_id = uuid7() if lacking == "event" else kept_event(in_tenant)
    row = finished(in_tenant, connector_id=connector_id, event_id=event_id)
    asking = stranger if lacking == "organization" else in_tenant
    with pytest.raises(error):
        outbox.retry_now(asking.organization.id, row.id)
    assert Delivery.objects.get().state == "failed"
    assert not WaitingDelivery.objects.exists()


def test_two_who_retry_at_once_both_have_their_wish(in_tenant: Tenant) -> None:
    row = finished(in_tenant, connector_id=make_connector(URL).id, event_id=kept_event(in_tenant))
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            outbox.retry_now(in_tenant.organization.id, row.id)
            second = pool.submit(closing(lambda: outbox.retry_now(in_tenant.organization.id, row.id)))
            until_somebody_waits_for_a_lock()
        second.result(timeout=10)
    assert WaitingDelivery.objects.get().id == row.id


# drop


def test_what_waits_is_dropped_in_chunks_and_listed(in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "DROP_CHUNK", 3)
    gone = uuid7()
    rows = [waiting(in_tenant, connector_id=gone, attempts=n) for n in range(8)]
    other = waiting(in_tenant)
    assert outbox.drop_waiting(gone, "The connector was deleted.") == 8
    assert WaitingDelivery.objects.get().id == other.id
    dropped = Delivery.objects.order_by("id")
    assert [row.id for row in dropped] == [row.id for row in rows]
    assert {(row.state, row.last_error) for row in dropped} == {("dropped", "The connector was deleted.")}
    assert [row.attempts for row in dropped] == list(range(8))


def test_a_drop_neither_waits_for_a_record_nor_passes_over_what_it_put_off(in_tenant: Tenant) -> None:
    """Both write many rows, in orders of their own: were the drop to wait, either could be the victim of a deadlock."""
    gone = uuid7()
    first, second = waiting(in_tenant, connector_id=gone), waiting(in_tenant, connector_id=gone)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            put_off(second)
            drop = pool.submit(closing(lambda: outbox.drop_waiting(gone, "gone")))
            eventually_dropped(first)
            put_off(first)
        assert drop.result(timeout=10) == 2
    assert not WaitingDelivery.objects.exists()


def test_what_an_intake_call_leaves_to_a_deleted_connector_is_dropped_in_the_end(in_tenant: Tenant) -> None:
    """The call knew the connector when it began, and commits when the deletion is over."""
    make_gateway(company=in_tenant.company)
    make_data_point()
    connector = make_connector(URL)
    connector_id = connector.id
    make_trigger(connector, "datapoint/value")
    other = waiting(in_tenant, connector_id=make_connector(URL, name="Other").id)
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        accept_readings(in_tenant.organization.id, [reading(100)], datetime.now(UTC))
        pool.submit(closing(in_every_organization(lambda: configure.remove_connector(connector)))).result(timeout=10)
    assert WaitingDelivery.objects.filter(connector_id=connector_id).count() == 1
    assert outbox.drop_orphans() == 1
    assert Delivery.objects.get().state == "dropped"
    assert WaitingDelivery.objects.get().id == other.id


def in_every_organization(work: Callable[[], Any]) -> Callable[[], Any]:
    def run() -> Any:
        with scope.every_organization():
            return work()

    return run


def put_off(row: WaitingDelivery) -> None:
    WaitingDelivery.objects.filter(id=row.id).update(next_at=datetime.now(UTC) + timedelta(hours=1))


def eventually_dropped(row: WaitingDelivery) -> None:
    with other_connection() as see:
        end = time.monotonic() + 5
        while not see("select count(*) from connectors_delivery where id = %s", row.id):
            assert time.monotonic() < end, "the drop waits"
            time.sleep(0.02)


def until_somebody_waits_for_a_lock() -> None:
    with other_connection() as see:
        end = time.monotonic() + 10
        while not see("select count(*) from pg_locks where not granted"):
            assert time.monotonic() < end
            time.sleep(0.02)


@contextmanager
def other_connection() -> Iterator[Callable[..., int]]:
    """Counts, as seen outside this thread's transaction."""
    import psycopg

    with psycopg.connect(**connection.get_connection_params(), autocommit=True) as other:  # type: ignore[arg-type]

        def see(query: Any, *parameters: Any) -> int:
            row = other.execute(query, parameters).fetchone()
            return int(row[0]) if row else 0

        yield see


def closing(work: Callable[[], Any]) -> Callable[[], Any]:
    """For a thread: its database connection goes when the work is done."""

    def run() -> Any:
        assert threading.current_thread() is not threading.main_thread()
        try:
            return work()
        finally:
            connection.close()

    return run
