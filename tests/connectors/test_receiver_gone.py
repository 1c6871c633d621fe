"""After a 410: what waits for a subscription is dropped, without the recorder waiting for it."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors import outbox
from connectors.models import Connector, Delivery, Origin, WaitingDelivery
from connectors.receiver_gone import receiver_gone
from portal.lib.uuid7 import uuid7
from tests.conftest import Tenant
from tests.world import make_connector

pytestmark = pytest.mark.django_db(transaction=True)


def enqueue(tenant: Tenant, connector: Connector) -> None:
    fields: dict[str, Any] = {"id": uuid7(), "event_id": uuid7(), "event_type": "gateway/online", "attempts": 0}
    WaitingDelivery.objects.create(
        organization_id=tenant.organization.id, connector_id=connector.id, next_at=datetime.now(UTC), **fields
    )


@pytest.mark.line(167)
def test_a_subscription_ends_and_its_recorder_does_not_wait(in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    connector = make_connector("https://partner.example/", origin=Origin.SUBSCRIPTION)
    enqueue(in_tenant, connector)
    may_drop = threading.Event()
    drop = outbox.drop_waiting

    def slow_drop(*args: Any) -> int:
        assert may_drop.wait(20)
        return drop(*args)

    monkeypatch.setattr(outbox, "drop_waiting", slow_drop)
    receiver_gone(connector.id)
    receiver_gone(connector.id)
    assert not Connector.objects.get().enabled, "nothing is matched for it any more"

    enqueue(in_tenant, connector)  # by an intake call that was under way
    may_drop.set()
    end = time.monotonic() + 20
    while Connector.objects.exists() or WaitingDelivery.objects.exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    assert [row.state for row in Delivery.objects.all()] == ["dropped", "dropped"]


def test_an_admins_connector_is_kept_with_what_waits_for_it(in_tenant: Tenant) -> None:
    connector = make_connector("https://partner.example/")
    enqueue(in_tenant, connector)
    receiver_gone(connector.id)
    assert (Connector.objects.get().enabled, Connector.objects.get().disabled_reason) == (False, "gone")
    assert WaitingDelivery.objects.count() == 1
