"""Faults as they come in: a raise and its clear are sent once each, and what is transient is held back, visibly."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from connectors.models import Connector, WaitingDelivery
from portal.events.models import Event
from portal.fleet import pairing
from portal.fleet.models import Appliance, Gateway
from portal.tenants.models import Company, Plan
from tests.conftest import Tenant
from tests.world import make_connector, make_gateway, make_trigger
from triggers import faults
from triggers.intake import accept_events
from triggers.items import EventItem
from triggers.models import Fault, OccurrenceRule

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TIMES = {"occurrences": {"count": 3, "within": 3600}}


@pytest.fixture
def site(in_tenant: Tenant) -> Tenant:
    make_gateway(company=in_tenant.company)
    make_trigger(make_connector("https://partner.example/hook"), *faults.SEVERITIES, kind="alarms")
    return in_tenant


def at(seconds: float) -> datetime:
    return NOW - timedelta(hours=2) + timedelta(seconds=seconds)


def fault(
    seconds: float, active: bool = True, code: str = "F71A", of: str = "appliance/error", **data: Any
) -> EventItem:
    return EventItem(
        type=of,
        gateway="GW-1",
        appliance="GW-1-INV",
        time=at(seconds),
        data={"active": active, "code": code, **data},
    )


def send(tenant: Tenant, *items: EventItem, now: datetime = NOW) -> None:
    result = accept_events(tenant.organization.id, items, now)
    assert (result.accepted, result.rejected) == (len(items), [])


def sent() -> list[tuple[bool, str]]:
    """What goes to the connector: raised or not, and the fault's id."""
    events = Event.objects.filter(id__in=[row.event_id for row in WaitingDelivery.objects.all()]).order_by("id")
    return [(data["active"], data["fault_id"]) for event in events for data in [json.loads(event.body)["data"]]]


def held() -> list[str | None]:
    return list(Event.objects.order_by("id").values_list("held_because", flat=True))


def rule(conditions: dict[str, Any] = TIMES, **fields: Any) -> OccurrenceRule:
    return OccurrenceRule.objects.create(conditions=conditions, **fields)


@pytest.mark.line(5, 6)
def test_a_raise_and_its_clear_are_a_pair_with_one_id(site: Tenant) -> None:
    send(site, fault(0))
    send(site, fault(60, active=False))
    (raised, first), (cleared, second) = sent()
    assert (raised, cleared, first == second) == (True, False, True)
    send(site, fault(90, fault_id="F-9"), fault(95, active=False, fault_id="another"))
    assert sent()[2:] == [(True, "F-9"), (False, "F-9")]
    assert held() == [None] * 4


@pytest.mark.line(5)
def test_errors_and_warnings_of_several_codes_are_faults_of_their_own(site: Tenant) -> None:
    send(site, fault(0), fault(1, code="W1"), fault(2, of="appliance/warning"), fault(3, active=False, code="W1"))
    assert [raised for raised, _ in sent()] == [True, True, True, False]
    assert len({fault_id for _, fault_id in sent()}) == 3


def test_a_raise_again_while_it_is_open_adds_nothing(site: Tenant) -> None:
    send(site, fault(0), fault(10), fault(20))
    send(site, fault(30, active=False), fault(40, active=False))
    assert [raised for raised, _ in sent()] == [True, False]
    assert held() == [None, faults.ALREADY_OPEN, faults.ALREADY_OPEN, None, faults.NOT_OPEN]
    told = json.loads(Event.objects.order_by("-id")[1].body)["data"]
    assert (told["occurrences"], told["since"]) == (3, "2026-11-21T10:00:00.000Z")


@pytest.mark.line(7, 10)
def test_what_occurs_too_seldom_is_held_back_with_its_clear(site: Tenant) -> None:
    rule()
    send(site, fault(0), fault(10, active=False), fault(20), fault(30, active=False))
    assert (sent(), WaitingDelivery.objects.count()) == ([], 0)
    assert held() == [
        "it has occurred once within 1 h, and 3 times are needed",
        faults.RAISE_HELD,
        "it has occurred 2 times within 1 h, and 3 times are needed",
        faults.RAISE_HELD,
    ]
    send(site, fault(3600))
    assert [raised for raised, _ in sent()] == [True]
    told = json.loads(Event.objects.order_by("-id")[0].body)["data"]
    assert (told["occurrences"], told["since"]) == (3, "2026-11-21T10:00:00.000Z")


@pytest.mark.line(8, 10)
def test_a_fault_that_flutters_counts_once_until_the_delay_is_over(site: Tenant) -> None:
    rule({"delay": {"seconds": 60}})
    for second in (0, 10, 50, 59, 60):
        send(site, fault(second), fault(second, active=False))
    assert [raised for raised, _ in sent()] == [True, False, True, False]
    assert held()[2] == "it occurs too soon after the last time, and counts as one with it"


def test_the_most_specific_rule_counts(site: Tenant) -> None:
    rule(appliance_type="inverter")
    rule({"delay": {"seconds": 60}}, code="F71A")
    rule({"delay": {"seconds": 60}}, severity="warning")
    send(site, fault(0), fault(0, code="B"), fault(0, code="C", of="appliance/warning"))
    assert [why is None for why in held()] == [True, False, False]


def test_a_rule_works_from_the_next_call_on(site: Tenant) -> None:
    made = rule()
    send(site, fault(0))
    made.delete()
    send(site, fault(1))
    assert [raised for raised, _ in sent()] == [True]


def test_what_is_late_changes_nothing(site: Tenant) -> None:
    send(site, fault(100), fault(50, active=False))
    send(site, fault(50, active=False))
    assert held() == [None, faults.NOT_OPEN, faults.LATE]
    send(site, fault(200, active=False))
    assert [raised for raised, _ in sent()] == [True, False]


def test_a_clock_that_is_ahead_makes_no_clear_late(site: Tenant) -> None:
    send(site, fault(7200 + 240))
    send(site, fault(7200 + 5, active=False), now=NOW + timedelta(seconds=5))
    assert [raised for raised, _ in sent()] == [True, False]


def test_while_nothing_leaves_nothing_counts_as_sent(site: Tenant) -> None:
    site.organization.plan = Plan.BASIC
    site.organization.save()
    send(site, fault(0))
    site.organization.plan = Plan.DATASTREAMS
    site.organization.save()
    send(site, fault(10), fault(20, active=False))
    assert [raised for raised, _ in sent()] == [True, False]


def test_a_company_that_takes_over_is_told_of_what_is_there(site: Tenant) -> None:
    """Its next report is the new company's first; who pairs again, or is nobody, is told of nothing twice."""
    other = Company.objects.create(name="Other")
    for company in (site.company, other):
        make_trigger(make_connector("https://partner.example/own", company.name, company=company), *faults.SEVERITIES)
    gateway = Gateway.objects.get()
    send(site, fault(0))
    pairing.unpair(gateway)
    send(site, fault(1))
    pairing.pair(gateway, site.company, True)
    send(site, fault(2))
    pairing.pair(gateway, other, True)
    send(site, fault(3), fault(4))
    send(site, fault(5, active=False))
    assert [why is None for why in held()] == [True, False, False, True, False, True]
    assert len({fault_id for _, fault_id in sent()}) == 1
    own = {connector.company_id: connector.id for connector in Connector.objects.all()}
    told = Counter(WaitingDelivery.objects.values_list("connector_id", flat=True))
    assert (told[own[site.company.id]], told[own[other.id]]) == (1, 2)


def test_a_batch_costs_the_same_statements_whatever_its_size(site: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    run: list[Any] = []
    execute = psycopg.Cursor.execute

    def counted(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        run.append(query)
        return execute(self, query, *args, **kwargs)

    monkeypatch.setattr(psycopg.Cursor, "execute", counted)

    def statements(*items: EventItem) -> int:
        run.clear()
        send(site, *items)
        return len(run)

    other = EventItem(type="gateway/online", gateway="GW-1")
    statements(fault(0))
    without, one = statements(other), statements(fault(1, code="A"))
    assert statements(*(fault(2, code=f"C{n}") for n in range(200))) == one
    # The lock, the state written back, and the transaction around them; nothing for other types.
    assert one - without <= 4


def test_codes_of_any_text_but_nul(site: Tenant) -> None:
    result = accept_events(site.organization.id, [fault(0, code="a\0b"), fault(1, code='{",}\\')], NOW)
    assert (result.accepted, [one["errors"][0]["pointer"] for one in result.rejected]) == (1, ["/data/code"])
    assert Fault.objects.get().appliance_id == Appliance.objects.get().id
