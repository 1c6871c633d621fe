"""Faults that have to last: sent once they have, by whichever scheduler comes first, and never when they were over."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from connectors.models import WaitingDelivery
from portal.events.models import Event
from portal.lib.uuid7 import uuid7
from portal.tenants import scope
from tests.conftest import Tenant
from tests.triggers.test_faults import NOW, at, fault, held, rule, send, sent, site
from triggers import faults
from triggers.models import Alarm, Fault
from triggers.scheduled.faults import FAULTS_KEPT, forget, let_go

__all__ = ["site"]
LASTS = {"duration": {"seconds": 300}}


@pytest.mark.line(6, 10)
def test_a_fault_that_lasts_goes_out_when_it_has(site: Tenant) -> None:
    rule(LASTS)
    send(site, fault(0, texts={"de": "Zu heiß."}, fault_id="F-1"))
    assert (sent(), held()) == ([], ["it has to last for 5 min"])
    assert let_go(at(299)) == 0
    assert let_go(at(300)) == 1
    assert let_go(at(900)) == 0
    send(site, fault(600, active=False))
    assert sent() == [(True, "F-1"), (False, "F-1")]
    event = Event.objects.order_by("id")[1]
    data = json.loads(event.body)["data"]
    assert (event.held_because, event.time, data["texts"]) == (None, at(0), {"de": "Zu heiß."})
    assert Fault.objects.get().data is None


@pytest.mark.line(10)
def test_a_transient_fault_is_never_sent(site: Tenant) -> None:
    rule(LASTS)
    send(site, fault(0), fault(299, active=False))
    assert let_go(at(400)) == 0
    assert (sent(), held()) == ([], ["it has to last for 5 min", faults.RAISE_HELD])


@pytest.mark.parametrize("together", [True, False])
def test_a_fault_that_has_lasted_is_told_though_its_clear_comes_before_a_look(site: Tenant, together: bool) -> None:
    """A gateway may send a morning's reports together, and a scheduler looks once a minute only."""
    rule(LASTS)
    life = [fault(0, fault_id="F-1", texts={"en": "Hot."}), fault(300, active=False), fault(310), fault(311, False)]
    for items in [life] if together else [[one] for one in life]:
        send(site, *items)
    assert sent() == [(True, "F-1"), (False, "F-1")]
    raised = Event.objects.filter(held_because=None).order_by("id")[0]
    assert (raised.time, json.loads(raised.body)["data"]["texts"]) == (at(0), {"en": "Hot."})
    waits = "it has to last for 5 min"
    assert held() == [waits, None, None, waits, faults.RAISE_HELD]
    assert let_go(at(900)) == 0


def test_a_report_that_it_still_holds_lets_it_go_too(site: Tenant) -> None:
    rule(LASTS)
    send(site, fault(0), fault(300))
    assert let_go(at(400)) == 0
    assert [raised for raised, _ in sent()] == [True]


@pytest.mark.line(8)
def test_what_came_too_soon_and_stays_is_sent_when_the_delay_is_over(site: Tenant) -> None:
    rule({"delay": {"seconds": 60}})
    send(site, fault(0), fault(5, active=False), fault(10))
    assert let_go(at(59)) == 0
    assert let_go(at(60)) == 1
    assert [raised for raised, _ in sent()] == [True, False, True]


def test_a_rule_that_was_changed_meanwhile_is_asked(site: Tenant) -> None:
    made = rule(LASTS)
    send(site, fault(0))
    made.conditions = {"duration": {"seconds": 600}}
    made.save()
    assert let_go(at(300)) == 0
    assert let_go(at(600)) == 1


def test_a_device_that_was_removed_is_passed_over_and_forgotten(site: Tenant) -> None:
    from portal.fleet.models import Gateway

    rule(LASTS)
    send(site, fault(0))
    Gateway.objects.all().delete()
    assert let_go(at(300)) == 0
    assert forget(NOW) == 1
    assert not Fault.objects.exists()


def test_what_is_closed_is_forgotten_when_no_rule_asks_any_more(site: Tenant) -> None:
    send(site, fault(0), fault(1, active=False), fault(2, code="B"))
    assert forget(at(1) + FAULTS_KEPT) == 0
    assert forget(at(3) + FAULTS_KEPT) == 1
    assert Fault.objects.get().code == "B"
    row: dict[str, Any] = {"organization_id": site.organization.id, "gateway_id": Fault.objects.get().gateway_id}
    for number, status in enumerate(("open", "closed", "")):
        Alarm.objects.create(
            id=uuid7(), alarm_id=str(number), status=status, changed_at=NOW - timedelta(days=31), **row
        )
    assert forget(NOW) == 2
    assert Alarm.objects.get().status == "open"


@pytest.mark.django_db(transaction=True)
def test_two_schedulers_at_once_send_each_fault_once(site: Tenant) -> None:
    rule(LASTS)
    send(site, *(fault(0, code=f"C{number}") for number in range(40)))

    def run(_: int) -> int:
        try:
            with scope.every_organization():
                return let_go(at(400))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(run, range(4))) == 40
    assert WaitingDelivery.objects.count() == 40
    assert Event.objects.filter(held_because=None).count() == 40
