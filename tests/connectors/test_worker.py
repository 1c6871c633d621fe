"""The delivery engine inside this process: real PostgreSQL, real sockets, the product's own threads."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from standardwebhooks import Webhook

from connectors.models import Attempt, Connector, Delivery, DeliveryWorker, Shard, WaitingDelivery
from connectors.worker import DeliveryEngine
from portal.lib.database import stage_cursor
from portal.lib.uuid7 import uuid7
from portal.tenants import scope
from tests.conftest import Tenant
from tests.receiver import Answer, Received, Receiver
from tests.world import SECRET, make_connector, make_data_point, make_gateway, make_trigger, reading
from triggers.intake import accept_readings

pytestmark = pytest.mark.django_db(transaction=True)

OTHER_WORKER = uuid7()
HOUR = timedelta(hours=1)


def eventually(check: Callable[[], Any], seconds: float = 15) -> Any:
    """The first true answer of `check` within that many seconds."""
    end = time.monotonic() + seconds
    while not (answer := check()):
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.02)
    return answer


@pytest.fixture
def shards(transactional_db: None) -> None:
    """A transactional test empties every table at its end, the rows of a migration too."""
    from connectors.models import SHARDS

    Shard.objects.bulk_create([Shard(id=n) for n in range(SHARDS)], ignore_conflicts=True)


@pytest.fixture
def engine(shards: None) -> Iterator[DeliveryEngine]:
    engine = DeliveryEngine()
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture
def site(in_tenant: Tenant) -> Tenant:
    make_gateway(company=in_tenant.company)
    make_data_point()
    return in_tenant


def send(tenant: Tenant, *values: float) -> None:
    for value in values:
        accept_readings(tenant.organization.id, [reading(value)], datetime.now(UTC))


def test_a_reading_reaches_the_partner_signed_and_is_recorded(site: Tenant, engine: DeliveryEngine) -> None:
    with Receiver() as receiver:
        make_trigger(make_connector(receiver.url + "/hook"), "datapoint/value")
        send(site, 100.5)
        received = receiver.wait_for(1)[0]
        delivery = eventually(Delivery.objects.first)

    body = Webhook(SECRET).verify(received.body, received.headers)
    assert body["data"]["value"] == 100.5
    assert received.headers["webhook-id"] == str(delivery.id)
    assert (delivery.state, delivery.attempts, delivery.last_status) == ("delivered", 1, 200)
    assert WaitingDelivery.objects.count() == 0
    attempt = Attempt.objects.get()
    assert (attempt.delivery_id, attempt.number, attempt.status) == (delivery.id, 1, 200)
    assert "webhook-signature" in attempt.request_head
    assert SECRET not in attempt.request_head


def test_a_failure_is_tried_again_with_the_same_id(site: Tenant, engine: DeliveryEngine) -> None:
    def fail_once(received: Received) -> Answer:
        return Answer(503, body=b"busy") if received.number == 1 else Answer(204)

    with Receiver(fail_once) as receiver:
        make_trigger(make_connector(receiver.url), "datapoint/value")
        send(site, 100)
        eventually(lambda: WaitingDelivery.objects.filter(attempts=1, last_status=503).exists())
        first, second = receiver.wait_for(2, timeout=20)

        eventually(lambda: Delivery.objects.filter(state="delivered", attempts=2).exists())
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert [a.response_body for a in Attempt.objects.order_by("number")] == ["busy", ""]


def test_410_switches_the_connector_off_and_says_why(site: Tenant, engine: DeliveryEngine) -> None:
    with Receiver(lambda _: Answer(410)) as receiver:
        connector = make_connector(receiver.url)
        make_trigger(connector, "datapoint/value")
        send(site, 100)
        eventually(lambda: Connector.objects.filter(enabled=False, disabled_reason="gone").exists())
        send(site, 200)
    assert Delivery.objects.get().state == "failed"
    assert WaitingDelivery.objects.count() == 0, "nothing is matched for a disabled connector"


def test_a_hanging_partner_does_not_delay_the_others(site: Tenant, engine: DeliveryEngine) -> None:
    with Receiver(lambda _: Answer(hang=True)) as hanging, Receiver() as healthy:
        make_trigger(make_connector(hanging.url, name="Hanging", concurrency=5), "datapoint/value")
        make_trigger(make_connector(healthy.url, name="Healthy"), "datapoint/value")
        accept_readings(
            site.organization.id,
            [reading(1000 * n, datetime.fromtimestamp(time.time() - 3000 + n, UTC)) for n in range(200)],
            datetime.now(UTC),
        )
        healthy.wait_for(200, timeout=10)
        eventually(lambda: Delivery.objects.filter(state="delivered").count() == 200)
        assert len(hanging.requests) == 5, "its own limit of requests in flight"


def test_a_change_of_configuration_takes_effect_within_a_second(site: Tenant, engine: DeliveryEngine) -> None:
    with Receiver() as before, Receiver() as after:
        connector = make_connector(before.url)
        make_trigger(connector, "datapoint/value")
        send(site, 100)
        before.wait_for(1)
        connector.url = after.url
        connector.save()
        time.sleep(1)
        send(site, 200)
        after.wait_for(1)
        assert len(before.requests) == 1


def test_what_waits_for_a_disabled_connector_is_held_and_goes_out_when_it_is_enabled(
    site: Tenant, engine: DeliveryEngine
) -> None:
    with Receiver(lambda _: Answer(500)) as receiver:
        connector = make_connector(receiver.url)
        make_trigger(connector, "datapoint/value")
        send(site, 100)
        eventually(lambda: WaitingDelivery.objects.filter(attempts=1).exists())
        connector.enabled = False
        connector.save()
        WaitingDelivery.objects.update(next_at=datetime.now(UTC))
        time.sleep(3)
        assert len(receiver.requests) == 1
        receiver.script = lambda _: Answer(200)
        connector.enabled = True
        connector.save()
        receiver.wait_for(2)


def test_a_deep_backlog_is_delivered_once_each(site: Tenant, shards: None) -> None:
    with Receiver() as receiver:
        make_trigger(make_connector(receiver.url), "datapoint/value")
        start = time.time() - 10_000
        for base in range(0, 5000, 1000):
            accept_readings(
                site.organization.id,
                [reading(1000.0 * (base + n), datetime.fromtimestamp(start + base + n, UTC)) for n in range(1000)],
                datetime.now(UTC),
            )
        assert WaitingDelivery.objects.count() == 5000
        engine = DeliveryEngine()
        engine.start()
        try:
            eventually(lambda: WaitingDelivery.objects.count() == 0, seconds=60)
        finally:
            engine.stop()
        ids = [received.headers["webhook-id"] for received in receiver.requests]
    assert len(ids) == len(set(ids)) == 5000
    assert Delivery.objects.filter(state="delivered").count() == Attempt.objects.count() == 5000


def test_an_orderly_stop_finishes_what_is_in_flight_and_gives_the_shards_up(site: Tenant, shards: None) -> None:
    with Receiver(lambda _: Answer(delay=1.0)) as receiver:
        make_trigger(make_connector(receiver.url, concurrency=3), "datapoint/value")
        engine = DeliveryEngine()
        engine.start()
        send(site, 100, 200, 300, 400, 500)
        receiver.wait_for(3)
        engine.stop()
        assert len(receiver.requests) == 3
    assert Delivery.objects.filter(state="delivered").count() == 3
    assert WaitingDelivery.objects.filter(attempts=0).count() == 2
    assert not Shard.objects.filter(owner__isnull=False).exists()
    assert not DeliveryWorker.objects.exists()


def test_while_one_message_hangs_a_worker_that_stops_hands_everything_else_over(site: Tenant, shards: None) -> None:
    with Receiver(lambda _: Answer(hang=True)) as hanging:
        connector = make_connector(hanging.url, retry_policy="gridx", concurrency=1)  # ends after 5 s
        make_trigger(connector, "datapoint/value")
        engines = [DeliveryEngine(), DeliveryEngine()]
        for engine in engines:
            engine.start()
        eventually(lambda: sorted(owners().values()) == [32, 32])
        send(site, 100, 200)
        hanging.wait_for(1)
        held = Shard.objects.get(id=connector.shard).owner
        stopping = next(engine for engine in engines if engine._worker_id == held)
        stop = threading.Thread(target=stopping.stop)
        stop.start()
        (other,) = (engine for engine in engines if engine is not stopping)
        eventually(lambda: owners() == {held: 1, other._worker_id: 63}, 4.5)
        stop.join(15)
        assert Attempt.objects.filter(error="timeout", number=1).count() == 1, "finished and recorded before it left"
        eventually(lambda: owners() == {other._worker_id: 64})
        other.stop()


def owners() -> Counter[Any]:
    return Counter(Shard.objects.exclude(owner=None).values_list("owner", flat=True))


def test_two_engines_share_the_shards_and_hand_over(shards: None, in_tenant: Tenant) -> None:
    def owners() -> set[Any]:
        return set(Shard.objects.values_list("owner", flat=True))

    def counts() -> list[int]:
        from django.db.models import Count

        rows = Shard.objects.filter(owner__isnull=False).values("owner").annotate(n=Count("id"))
        return sorted(row["n"] for row in rows)

    first, second = DeliveryEngine(), DeliveryEngine()
    first.start()
    eventually(lambda: counts() == [64])
    second.start()
    eventually(lambda: counts() == [32, 32])
    first.stop()
    eventually(lambda: counts() == [64])
    second.stop()
    assert owners() == {None}
    with scope.every_organization():
        assert Connector.objects.count() == 0


def test_shards_lost_unnoticed_stop_the_sending_at_once(
    site: Tenant, shards: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the machine slept through its lease: nothing it sends then can be recorded, and others send it too."""
    monkeypatch.setattr("connectors.shards.RENEW_SECONDS", 6.0)
    with Receiver(lambda _: Answer(delay=0.02)) as receiver:
        make_trigger(make_connector(receiver.url, concurrency=5), "datapoint/value")
        start = time.time() - 10_000
        batch = [reading(1000.0 * n, datetime.fromtimestamp(start + n, UTC)) for n in range(1000)]
        accept_readings(site.organization.id, batch, datetime.now(UTC))
        engine = DeliveryEngine()
        engine.start()
        try:
            receiver.wait_for(50)
            DeliveryWorker.objects.create(
                id=OTHER_WORKER, name="other", started_at=datetime.now(UTC), lease_until=datetime.now(UTC) + HOUR
            )
            Shard.objects.update(owner=OTHER_WORKER, epoch=99)
            sent = len(receiver.requests)
            time.sleep(3)
            assert len(receiver.requests) - sent < 100
        finally:
            engine.stop()
    assert Shard.objects.filter(owner=OTHER_WORKER).count() == 64


def test_a_worker_back_from_a_lapsed_lease_sends_nothing_before_its_lanes_know_what_is_theirs(shards: None) -> None:
    engine = DeliveryEngine()

    def keep() -> None:
        with stage_cursor() as cursor:
            engine._keep_round(cursor)

    def claim() -> None:
        with stage_cursor() as cursor:
            engine._claimer.round(cursor)

    keep()
    assert engine._room(0, 0) == 0, "taken, but not told to the lanes yet"
    claim()
    keep()
    assert engine._room(0, 0) > 0
    Shard.objects.filter(id__lt=8).update(owner=OTHER_WORKER, epoch=99)
    engine._lease_ends = time.monotonic() - 60
    keep()
    assert engine._room(0, 0) == 0
    claim()
    keep()
    assert engine._room(0, 0) > 0
    engine._sender.close()


def test_when_the_lanes_fail_the_worker_ends_and_gives_its_shards_up(
    site: Tenant, shards: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: Any) -> Any:
        raise RuntimeError("a fault of our own")

    signals: list[tuple[int, int]] = []
    monkeypatch.setattr("os.kill", lambda *sent: signals.append(sent))
    monkeypatch.setattr("connectors.retry.decide", fault)
    with Receiver(lambda _: Answer(503)) as receiver:
        make_trigger(make_connector(receiver.url), "datapoint/value")
        engine = DeliveryEngine()
        engine.start()
        send(site, 100)
        receiver.wait_for(1)
        eventually(lambda: signals == [(os.getpid(), signal.SIGTERM)])
        eventually(lambda: not Shard.objects.filter(owner__isnull=False).exists())
        engine.stop()
    assert WaitingDelivery.objects.count() == 1, "for the next worker"


def test_workers_that_come_back_together_do_not_take_from_each_other(shards: None) -> None:
    """After the database was away every lease has run out; what each still has to record must not be fenced."""

    def look(*engines: DeliveryEngine) -> None:
        with stage_cursor() as cursor:
            for engine in engines:
                engine._keep_round(cursor)
                engine._claimer.round(cursor)

    def owned() -> dict[Any, int]:
        return dict(Shard.objects.values_list("id", "epoch"))

    first, second = DeliveryEngine(), DeliveryEngine()
    look(first)
    look(second, first, first, second)
    before = owned()
    assert Shard.objects.values("owner").distinct().count() == 2
    DeliveryWorker.objects.update(lease_until=datetime.now(UTC) - timedelta(minutes=1))
    first._lease_ends = second._lease_ends = time.monotonic() - 60
    look(first)
    assert owned() == before, "the other may only be late"
    look(second)
    DeliveryWorker.objects.filter(id=second._worker_id).update(lease_until=datetime.now(UTC) - timedelta(minutes=1))
    first._may_take = time.monotonic()
    look(first)
    assert Shard.objects.filter(owner=first._worker_id).count() == 64, "the other is gone"
    for engine in (first, second):
        engine._sender.close()


def test_connections_lost_under_every_stage_lose_nothing_and_send_nothing_twice(site: Tenant, shards: None) -> None:
    with Receiver() as receiver:
        make_trigger(make_connector(receiver.url, concurrency=4), "datapoint/value")
        engine = DeliveryEngine()
        engine.start()
        try:
            accepted = 0
            for _ in range(8):
                start = time.time() - 10_000 + accepted
                batch = [reading(1000.0 * n, datetime.fromtimestamp(start + n, UTC)) for n in range(300)]
                accepted += accept_readings(site.organization.id, batch, datetime.now(UTC)).accepted
                receiver.wait_for(accepted - 200, timeout=30)
                with connection.cursor() as cursor:
                    cursor.execute(
                        "select pg_terminate_backend(pid) from pg_stat_activity"
                        " where datname = current_database() and pid <> pg_backend_pid()"
                        " and backend_type = 'client backend'"
                    )
            eventually(lambda: WaitingDelivery.objects.count() == 0, seconds=30)
            ids = [received.headers["webhook-id"] for received in receiver.requests]
        finally:
            engine.stop()
    assert accepted == 2400
    assert Delivery.objects.filter(state="delivered").count() == len(set(ids)) == 2400
    assert len(ids) == 2400


@pytest.fixture
def few_sockets(settings: Any) -> None:
    settings.DELIVERY_MAX_SOCKETS = 60


def test_hanging_partners_that_want_every_socket_do_not_get_every_socket(
    site: Tenant, few_sockets: None, engine: DeliveryEngine
) -> None:
    def send_hundred(first: float) -> None:
        times = [datetime.fromtimestamp(first + n, UTC) for n in range(100)]
        batch = [reading(1000.0 * n, at) for n, at in enumerate(times)]
        accept_readings(site.organization.id, batch, datetime.now(UTC))

    with Receiver(lambda _: Answer(hang=True)) as hanging, Receiver() as healthy:
        for n in range(10):
            make_trigger(make_connector(hanging.url, name=f"Hanging {n}"), "datapoint/value")
        send_hundred(time.time() - 10_000)
        hanging.wait_for(20)
        time.sleep(1)
        make_trigger(make_connector(healthy.url, name="Healthy"), "datapoint/value")
        send_hundred(time.time() - 9_000)
        healthy.wait_for(100, timeout=10)
