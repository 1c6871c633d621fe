"""A worker whose machine's clock is wrong does what one with the right time would do, and says so."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import pytest
import structlog
import time_machine

from connectors.models import Attempt, Connector, ConnectorHealth, DeliveryWorker, Shard
from connectors.shared_time import SharedTime
from connectors.worker import DeliveryEngine
from portal.lib import clock
from portal.lib.database import database_time
from tests.conftest import Tenant
from tests.receiver import Answer, Receiver
from tests.world import make_connector, make_data_point, make_gateway, make_trigger, reading
from triggers.intake import accept_readings

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def test_it_goes_on_from_what_it_was_told_whatever_the_machine_says() -> None:
    shared, told = SharedTime(), clock.now() - 3 * HOUR
    shared.tell(told)
    before = time.monotonic()
    with time_machine.travel(clock.now() + 24 * HOUR, tick=True):
        assert timedelta(0) <= shared.now() - told < MINUTE + timedelta(seconds=time.monotonic() - before)


def test_a_clock_that_is_off_is_said_once_and_again_when_that_changes() -> None:
    shared = SharedTime()
    with structlog.testing.capture_logs() as logged:
        for ahead in (0, 30, 59, 3600, 3610, -86_400, -86_400, 1):
            shared.tell(clock.now() - timedelta(seconds=ahead))
    assert [(line["log_level"], line.get("by")) for line in logged] == [
        ("warning", "3600 s ahead of the database's"),
        ("warning", "86400 s behind the database's"),
        ("info", None),
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("off", [-25 * HOUR, 25 * HOUR])
def test_signatures_and_pauses_go_by_the_databases_clock(in_tenant: Tenant, off: timedelta) -> None:
    """A policy that pauses after a day of only failures has not had its day because a machine thinks so."""
    Shard.objects.bulk_create([Shard(id=n) for n in range(64)], ignore_conflicts=True)
    make_gateway(company=in_tenant.company)
    make_data_point()
    with Receiver(lambda _: Answer(500)) as receiver:
        connector = make_connector(receiver.url, retry_policy="none")
        make_trigger(connector, "datapoint/value")
        began = database_time()
        ConnectorHealth.objects.create(
            connector_id=connector.id,
            organization_id=in_tenant.organization.id,
            last_attempt_at=began,
            failures_in_a_row=50,
            failing_since=began,
        )
        accept_readings(in_tenant.organization.id, [reading(100.0)], began)
        with time_machine.travel(clock.now() + off, tick=True):
            engine = DeliveryEngine()
            engine.start()
            try:
                (received,) = receiver.wait_for(1)
                found = DeliveryWorker.objects.get()
            finally:
                engine.stop()
    signed_at = datetime.fromtimestamp(int(received.headers["webhook-timestamp"]), began.tzinfo)
    assert abs(signed_at - began) < MINUTE
    assert abs(Attempt.objects.get().started_at - began) < MINUTE
    assert abs(found.clock_ahead - off.total_seconds()) < 60
    assert ConnectorHealth.objects.get().failures_in_a_row == 51
    assert Connector.objects.get().paused_at is None
