"""R1 to R6 of the fault plan in the worker: one attempt recorded for each, the message kept, and nothing stops."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from connectors.message import RESPONSE_BODY_CAP, ErrorClass
from connectors.models import SHARDS, Attempt, Delivery, Shard, WaitingDelivery
from connectors.worker import DeliveryEngine
from tests.conftest import Tenant
from tests.connectors.servers import Authority, Link, Server
from tests.connectors.test_sender_receivers import BROKEN, LARGE, SLOW
from tests.receiver import Answer, Receiver
from tests.world import make_connector, make_data_point, make_gateway, make_trigger, reading
from triggers.intake import accept_readings

pytestmark = pytest.mark.django_db(transaction=True)

SLOW_PARTNERS = {f"slow: {name}": row for name, row in SLOW.items()}
"""With the policy gridx, for its deadline of 5 s; all others with one that tries again after a minute."""

STATUSES = (301, 307, 401, 403, 404, 429, 500, 503)


@pytest.fixture
def engine(transactional_db: None) -> Iterator[DeliveryEngine]:
    """A transactional test empties every table at its end, the shards of a migration too."""
    Shard.objects.bulk_create([Shard(id=number) for number in range(SHARDS)], ignore_conflicts=True)
    engine = DeliveryEngine()
    engine.start()
    yield engine
    engine.stop()


def wait_for_attempts(count: int, seconds: float = 40.0) -> None:
    end = time.monotonic() + seconds
    while Attempt.objects.count() < count:
        assert time.monotonic() < end, f"{Attempt.objects.count()} of {count} attempts were recorded"
        time.sleep(0.05)


def answering(stack: ExitStack, status: int) -> str:
    return stack.enter_context(Receiver(lambda _: Answer(status, (("Location", "/"), ("Retry-After", "soon"))))).url


def partners(stack: ExitStack, expired: ssl.SSLContext) -> dict[str, tuple[str, str | int]]:
    """URL, and the error or status that is recorded, by name."""
    found: dict[str, tuple[str, str | int]] = {}
    for name, (script, came_to) in BROKEN.items():
        if came_to != ErrorClass.TIMEOUT:
            found[name] = stack.enter_context(Server(script)).url, came_to
    for name, (scheme, script) in SLOW_PARTNERS.items():
        port = stack.enter_context(Server(script)).port
        found[name] = f"{scheme}://127.0.0.1:{port}/", ErrorClass.TIMEOUT
    for status in STATUSES:
        found[f"status {status}"] = answering(stack, status), status
    found["endless"] = stack.enter_context(Server(LARGE["endless chunks"])).url, 200
    found["expired"] = stack.enter_context(Server(Link.hold, tls=expired)).url, ErrorClass.TLS
    found["metadata"] = "https://169.254.169.254/latest/", ErrorClass.BLOCKED
    found["healthy"] = answering(stack, 200), 200
    return found


def test_each_hostile_partner_costs_one_recorded_attempt_and_is_tried_again(
    in_tenant: Tenant, engine: DeliveryEngine, tmp_path: Path
) -> None:
    make_gateway(company=in_tenant.company)
    make_data_point()
    with ExitStack() as stack:
        rows = partners(stack, Authority(tmp_path).server(ends=-1))
        names: dict[UUID, str] = {}
        for name, (url, _) in rows.items():
            policy = "gridx" if name in SLOW_PARTNERS else "urgent"
            connector = make_connector(url, name=name, retry_policy=policy)
            make_trigger(connector, "datapoint/value")
            names[connector.id] = name
        accept_readings(in_tenant.organization.id, [reading(100)], datetime.now(UTC))
        wait_for_attempts(len(rows))

    attempts = {names[attempt.connector_id]: attempt for attempt in Attempt.objects.all()}
    assert Attempt.objects.count() == len(attempts), "one each"
    assert {name: attempt.status or attempt.error for name, attempt in attempts.items()} == {
        name: came_to for name, (_, came_to) in rows.items()
    }
    assert max(len(attempt.response_body) for attempt in attempts.values()) == RESPONSE_BODY_CAP
    delivered = {name for name, (_, came_to) in rows.items() if came_to == 200}
    assert {names[delivery.connector_id] for delivery in Delivery.objects.filter(state="delivered")} == delivered
    waiting = {names[row.connector_id]: row for row in WaitingDelivery.objects.all()}
    assert waiting.keys() == rows.keys() - delivered
    assert {name for name, row in waiting.items() if row.attempts != 1 or row.next_at < datetime.now(UTC)} == set()
    assert all(thread.is_alive() for thread in engine._threads)
