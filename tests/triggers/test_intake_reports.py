"""Reports, snapshots and changes of devices and quantities on their way in."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.models import WaitingDelivery
from portal.events.catalogue import CATALOGUE
from portal.events.models import Event
from portal.fleet.models import Gateway
from portal.tenants.models import Plan
from tests.conftest import Tenant
from tests.world import make_connector, make_gateway, make_trigger
from triggers.intake import accept_events
from triggers.items import EventItem

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
VALUES = ("datapoint/report", "telemetry/snapshot")
CHANGES = [f"{thing}/{action}" for thing in ("device", "quantity") for action in ("add", "update", "delete")]


@pytest.fixture
def site(in_tenant: Tenant) -> Tenant:
    make_gateway(company=in_tenant.company)
    make_trigger(make_connector("https://partner.example/hook"), *VALUES, *CHANGES)
    return in_tenant


def send(tenant: Tenant, name: str, **fields: Any) -> dict[str, Any]:
    sample = copy.deepcopy(dict(CATALOGUE[name].sample)) | fields.pop("data", {})
    about = {} if CATALOGUE[name].subject == "organization" else {"gateway": "GW-1"}
    item = EventItem(**{"type": name, "time": NOW - timedelta(minutes=1), "data": sample, **about, **fields})
    return accept_events(tenant.organization.id, [item], NOW).as_json()


@pytest.mark.parametrize("name", [*VALUES, *CHANGES])
def test_it_is_stored_and_put_on_its_way(site: Tenant, name: str) -> None:
    assert send(site, name) == {"accepted": 1, "duplicates": 0, "rejected": []}
    document = json.loads(Event.objects.get().body)
    assert (document["type"], document["data"]) == (name, CATALOGUE[name].sample)
    assert WaitingDelivery.objects.count() == 1


@pytest.mark.line(23, 26, 27)
@pytest.mark.parametrize("closed", ["company", "pairing", "access", "plan"])
@pytest.mark.parametrize("name", VALUES)
def test_measured_values_leave_only_with_the_gateways_data_points(site: Tenant, name: str, closed: str) -> None:
    if closed == "company":
        site.company.data_points_enabled = False
        site.company.save()
    elif closed == "plan":
        site.organization.plan = Plan.BASIC
        site.organization.save()
    else:
        Gateway.objects.update(**({"company": None} if closed == "pairing" else {"access_granted": False}))
    assert send(site, name)["accepted"] == 1
    assert (Event.objects.count(), WaitingDelivery.objects.count()) == (1, 0)


def test_changes_of_devices_leave_without_data_points(site: Tenant) -> None:
    site.company.data_points_enabled = False
    site.company.save()
    send(site, "device/add")
    assert WaitingDelivery.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "fields", "pointer"),
    [
        ("datapoint/report", {"gateway": None}, "/gateway"),
        ("datapoint/report", {"data": {"observations": []}}, "/data/observations"),
        (
            "datapoint/report",
            {"data": {"observations": [{"property": "p", "value": 1, "time": "2026-12-31T23:59:60Z"}]}},
            "/data/observations/0/time",
        ),
        ("telemetry/snapshot", {"gateway": None}, "/gateway"),
        ("telemetry/snapshot", {"data": {"expires_at": "2026-11-21t12:00:00z"}}, "/data/expires_at"),
        ("telemetry/snapshot", {"data": {"grid": {"active_power": 1}}}, "/data/grid"),
        ("device/add", {"gateway": None}, "/gateway"),
        ("quantity/add", {"data": {"name": {"nl": "Vermogen"}}}, "/data/name/en"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(
    site: Tenant, name: str, fields: dict[str, Any], pointer: str
) -> None:
    (refused,) = send(site, name, **fields)["rejected"]
    assert [error["pointer"] for error in refused["errors"]] == [pointer]
    assert (Event.objects.count(), WaitingDelivery.objects.count()) == (0, 0)
