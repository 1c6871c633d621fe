"""What data points add to the intake: steadiness, resolution, and whose the values are from one moment to the next."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.models import WaitingDelivery
from portal.events.models import Event, Reading
from portal.fleet import contracts, pairing
from portal.fleet.models import DataPoint, Gateway, Series
from portal.tenants.models import Company
from tests.conftest import Tenant
from tests.world import make_connector, make_data_point, make_gateway, make_trigger, reading
from triggers.intake import accept_readings

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
URL = "https://partner.example/hook"


@pytest.fixture
def site(in_tenant: Tenant) -> Tenant:
    make_gateway(company=in_tenant.company)
    make_trigger(make_connector(URL), "datapoint/value")
    return in_tenant


def measure(tenant: Tenant, *numbers: Any, start: int = 0) -> None:
    """One value each minute, each in a call of its own; `start` in minutes."""
    for minute, number in enumerate(numbers, start):
        time = NOW - timedelta(hours=1) + timedelta(minutes=minute)
        assert accept_readings(tenant.organization.id, [reading(number, time)], NOW).accepted == 1


def sent() -> list[tuple[Any, str | None]]:
    """Each value that left, and the company it was for."""
    documents = [json.loads(event.body) for event in Event.objects.order_by("id")]
    return [(document["data"]["value"], document.get("company")) for document in documents]


def values() -> list[Any]:
    return [value for value, _ in sent()]


@pytest.mark.line(18, 19, 20, 21)
def test_noise_around_a_value_is_not_sent_up_and_down(site: Tenant) -> None:
    make_data_point(threshold=10, hysteresis=5)
    measure(site, 100, 110, 100, 110, 120, 110, 105, 95, 109, 110)
    assert values() == [100, 110, 120, 105, 95, 110]


def test_an_unsteady_series_is_sent_as_ever_without_hysteresis(site: Tenant) -> None:
    make_data_point(threshold=10)
    measure(site, 100, 110, 100, 110)
    assert values() == [100, 110, 100, 110]


@pytest.mark.line(17)
def test_values_go_out_in_their_resolution_and_are_kept_as_measured(site: Tenant) -> None:
    make_data_point(threshold=0.5, resolution=0.5)
    measure(site, 20.26, 20.3, 20.74, 20.76)
    assert values() == [20.5, 21.0]
    assert [one.number for one in Reading.objects.order_by("time")] == [20.26, 20.3, 20.74, 20.76]
    previous = json.loads(Event.objects.order_by("-id")[0].body)["data"]["previous"]["value"]
    assert previous == 20.5
    assert Series.objects.get().last_number == 20.76


@pytest.mark.line(15)
def test_each_state_is_sent_once(site: Tenant) -> None:
    make_data_point(kind="state", threshold=0)
    measure(site, "standby", "standby", "heating", "heating", "standby", True, 1)
    assert values() == ["standby", "heating", "standby", True, 1]


@pytest.mark.line(19)
def test_a_changed_data_point_counts_with_the_next_reading(site: Tenant) -> None:
    point = make_data_point(threshold=10)
    measure(site, 100, 104)
    point.threshold = 1
    point.save()
    measure(site, 104.5, start=2)
    DataPoint.objects.filter(pk=point.pk).update(resolution=10)
    measure(site, 111, start=3)
    assert values() == [100, 104.5, 110]


@pytest.mark.line(22, 23)
def test_after_pairing_and_access_the_next_reading_leaves(site: Tenant) -> None:
    """The source allows five minutes; here it is the next reading, and it needs no change."""
    make_data_point()
    gateway = pairing.unpair(Gateway.objects.get())
    measure(site, 100)
    pairing.pair(gateway, site.company, None)
    measure(site, 100, start=1)
    assert sent() == [], "paired, but nobody has granted access"
    pairing.pair(gateway, site.company, True)
    measure(site, 100, start=2)
    assert sent() == [(100, str(site.company.id))]


@pytest.mark.line(24)
def test_after_unpairing_nothing_leaves_any_more(site: Tenant) -> None:
    """The source allows five minutes; here the next reading stays."""
    make_data_point()
    measure(site, 100)
    contracts.unpair(Gateway.objects.get(), NOW)
    measure(site, 500, 900, start=1)
    assert sent() == [(100, str(site.company.id))]
    assert WaitingDelivery.objects.filter(event_type="datapoint/value").count() == 1


@pytest.mark.line(21, 22, 143)
@pytest.mark.parametrize("between", ["nothing", "a reading"])
def test_another_company_gets_a_first_value_of_its_own(site: Tenant, between: str) -> None:
    """What was sent to the one before is none of its business: neither as `previous`, nor to hold values back."""
    make_data_point()
    other = Company.objects.create(name="Another", data_points_enabled=True)
    gateway = Gateway.objects.get()
    measure(site, 100)
    if between == "a reading":
        pairing.unpair(gateway)
        measure(site, 100, start=1)
    pairing.pair(gateway, other, True)
    measure(site, 101, start=2)
    assert sent() == [(100, str(site.company.id)), (101, str(other.id))]
    data = json.loads(Event.objects.order_by("-id")[0].body)["data"]
    assert (data["reason"], "previous" in data) == ("first", False)


def test_pairing_it_again_with_the_same_company_repeats_nothing(site: Tenant) -> None:
    make_data_point()
    measure(site, 100)
    pairing.pair(Gateway.objects.get(), site.company, True)
    measure(site, 100, start=1)
    assert values() == [100]


def test_the_wish_of_a_company_counts_from_the_next_reading_on(site: Tenant) -> None:
    make_data_point()
    measure(site, 100)
    site.company.data_points_enabled = False
    site.company.save()
    measure(site, 200, start=1)
    site.company.data_points_enabled = True
    site.company.save()
    measure(site, 200, start=2)
    assert values() == [100, 200]
