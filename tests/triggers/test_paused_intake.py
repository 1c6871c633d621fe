"""What comes for a paused connector: kept waiting, or listed as dropped, and from the very next call."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from connectors import configure, outbox, pausing
from connectors.models import Connector, Delivery, PauseReason, WaitingDelivery, WhilePaused
from portal.events.models import Event
from portal.lib import clock
from tests.conftest import Tenant
from tests.world import make_connector, make_gateway, make_trigger
from triggers import subscribe
from triggers.intake import accept_events
from triggers.items import EventItem
from triggers.models import Subscription

pytestmark = pytest.mark.django_db


@pytest.fixture
def told(in_tenant: Tenant) -> Tenant:
    make_gateway(company=in_tenant.company)
    for name in ("One", "Other"):
        make_trigger(make_connector("https://partner.example/", name), "gateway/online")
    return in_tenant


def send(tenant: Tenant, count: int = 1) -> None:
    items = [EventItem(type="gateway/online", gateway="GW-1") for _ in range(count)]
    assert accept_events(tenant.organization.id, items, clock.now()).accepted == count


def pause(connector: Connector, waiting: str) -> None:
    fields: Any = {"reason": PauseReason.MANUAL, "detail": "By ida.", "now": clock.now()}
    pausing.pause(connector, waiting=WhilePaused(waiting), **fields)
    pausing._dropping.submit(int).result(20)


@pytest.mark.django_db(transaction=True)
def test_held_waits_and_dropped_is_listed_beside_others_that_go_on(told: Tenant) -> None:
    one, other = Connector.objects.order_by("name")
    pause(one, "hold")
    send(told)
    assert {row.connector_id for row in WaitingDelivery.objects.all()} == {one.id, other.id}
    pause(one, "drop")
    send(told, 2)
    dropped = list(Delivery.objects.order_by("id"))
    assert [(row.connector_id, row.state, row.last_error) for row in dropped] == [
        (one.id, "dropped", "The connector was paused.")
    ] * 3
    new = dropped[-1]
    assert (new.attempts, new.event_type, new.last_status) == (0, "gateway/online", None)
    assert Event.objects.filter(id=new.event_id, gateway_id=new.gateway_id, company_id=new.company_id).exists()
    assert {row.connector_id for row in WaitingDelivery.objects.all()} == {other.id}

    pausing.resume(one)
    outbox.retry_now(told.organization.id, new.id)
    send(told)
    assert WaitingDelivery.objects.filter(connector_id=one.id).count() == 2


def test_dropping_costs_one_statement_whatever_the_number(told: Tenant) -> None:
    pause(Connector.objects.get(name="One"), "drop")
    send(told)

    def cost(count: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            send(told, count)
        return len(captured)

    assert cost(1) == cost(30)


def subscribed(tenant: Tenant) -> Subscription:
    connector = make_connector("https://partner.example/", "Theirs", origin="subscription")
    fields: dict[str, Any] = {"event_types": ["gateway/online"], "company": tenant.company}
    return Subscription.objects.create(connector=connector, active=True, **fields)


@pytest.mark.parametrize(("reason", "paused"), [(PauseReason.FAILING, False), (PauseReason.MANUAL, True)])
def test_a_partner_who_activates_again_ends_the_pause_of_failures_and_no_other(
    told: Tenant, reason: PauseReason, paused: bool
) -> None:
    subscription = subscribed(told)
    pausing.pause(subscription.connector, waiting=WhilePaused.HOLD, reason=reason, detail="why", now=clock.now())
    subscription.refresh_from_db()
    subscribe.change(subscription, {"active": True}, clock.now())
    stored = Connector.objects.get(name="Theirs")
    assert (stored.paused_at is not None, stored.enabled) == (paused, True)


def test_saving_a_form_does_not_undo_a_pause_that_came_meanwhile(told: Tenant) -> None:
    read_before = Connector.objects.get(name="One")
    pause(Connector.objects.get(name="One"), "hold")
    configure.change_connector(read_before, {"concurrency": 3}, clock.now())
    stored = Connector.objects.get(name="One")
    assert (stored.concurrency, stored.paused_detail) == (3, "By ida.")
