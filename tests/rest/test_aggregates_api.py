from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from portal.fleet.models import Appliance
from portal.lib.uuid7 import uuid7
from portal.tenants import scope
from tests.rest.world import World, by_key, errors, patch, post
from tests.world import make_gateway
from triggers.models import Aggregate, DailyAggregate

AGGREGATES = "/api/v1/aggregates/"
DAILY = "/api/v1/daily-aggregates/"
DAY = date(2026, 11, 20)


def point(world: World, **fields: Any) -> str:
    made: str = post(world.manager, "/api/v1/data-points/", {"name": "pv.energy", "unit": "kWh", **fields})["id"]
    return made


@pytest.mark.line(39)
def test_definitions_are_made_changed_listed_and_removed(world: World) -> None:
    body = {"name": "pv.energyOfDay", "function": "energy", "data_point": point(world, kind="counter")}
    made = post(world.manager, AGGREGATES, body)
    assert made | body == made
    assert (made["unit"], made["minimum_coverage"], made["holds_for"], made["enabled"]) == ("kWh", 80, None, True)
    changed = patch(world.manager, f"{AGGREGATES}{made['id']}/", {"function": "availability", "minimum_coverage": 50})
    assert (changed["unit"], changed["minimum_coverage"]) == ("%", 50)
    for reader in (world.teammate, world.reader, by_key(world.ours, ["read"], world.ours.company)):
        assert [one["name"] for one in reader.get(AGGREGATES).json()["results"]] == ["pv.energyOfDay"]
    assert world.stranger.get(AGGREGATES).json()["results"] == []
    assert world.manager.delete(f"{AGGREGATES}{made['id']}/").status_code == 204


@pytest.mark.parametrize(
    ("change", "pointer", "reason"),
    [
        ({"function": "energy"}, "/function", "Energy is the growth of a counter; pv.energy is a gauge."),
        ({"function": "median"}, "/function", "not a valid choice"),
        ({"minimum_coverage": 101}, "/minimum_coverage", "less than or equal to 100"),
        ({"holds_for": 100_000}, "/holds_for", "less than or equal to 86400"),
        ({"stuck_after": -1}, "/stuck_after", "greater than or equal to 0"),
        ({"data_point": str(uuid7())}, "/data_point", "There is no such data point."),
        ({"name": "taken"}, "/name", "This is taken already."),
        ({"nmae": "x"}, "/nmae", "There is no such field."),
    ],
)
def test_what_is_refused(world: World, change: dict[str, Any], pointer: str, reason: str) -> None:
    body = {"name": "p", "function": "mean", "data_point": point(world)}
    post(world.manager, AGGREGATES, body | {"name": "taken"})
    refused = world.manager.post(AGGREGATES, body | change, format="json")
    assert refused.status_code == 400
    assert reason in errors(refused)[pointer]
    with scope.organization(world.ours.organization.id):
        assert Aggregate.objects.count() == 1


def test_a_data_point_that_goes_takes_its_aggregates_along(world: World) -> None:
    measured = point(world)
    post(world.manager, AGGREGATES, {"name": "p", "function": "mean", "data_point": measured})
    assert world.manager.delete(f"/api/v1/data-points/{measured}/").status_code == 204
    assert world.manager.get(AGGREGATES).json()["results"] == []


@pytest.fixture
def days(world: World) -> dict[str, str]:
    """Of one gateway of each company: one aggregate that was sent, and one that was held back."""
    made = {}
    with scope.organization(world.ours.organization.id):
        for serial, company in (("GW-1", world.ours.company), ("GW-2", world.ours.other_company)):
            gateway = make_gateway(serial, company=company)
            inverter = Appliance.objects.get(gateway=gateway)
            common = {
                "organization_id": world.ours.organization.id,
                "gateway_id": gateway.id,
                "company_id": company.id,
                "coverage_percent": 70.0,
            }
            DailyAggregate.objects.create(
                **common, id=uuid7(), day=DAY, property="mean", state="sent", value=4.5, subject_id=gateway.id
            )
            DailyAggregate.objects.create(
                **common, id=uuid7(), day=DAY - timedelta(days=1), property="mean", state="held",
                reason="coverage", detail="Readings cover too little.", subject_id=inverter.id,
            )  # fmt: skip
            made[serial] = str(gateway.id)
    return made


@pytest.mark.line(37)
def test_what_was_held_back_is_listed_with_its_reason(world: World, days: dict[str, str]) -> None:
    held, sent = world.reader.get(DAILY, {"gateway": days["GW-1"]}).json()["results"]
    assert (held["day"], held["state"], held["value"], held["reason"]) == ("2026-11-19", "held", None, "coverage")
    assert (held["detail"], held["appliance"] is None) == ("Readings cover too little.", False)
    assert (sent["day"], sent["state"], sent["value"], sent["appliance"]) == ("2026-11-20", "sent", 4.5, None)


@pytest.mark.parametrize(
    ("query", "found"), [({}, 4), ({"day": "2026-11-20"}, 2), ({"state": "held"}, 2), ({"reason": "stuck"}, 0)]
)
def test_filters(world: World, days: dict[str, str], query: dict[str, str], found: int) -> None:
    assert len(world.teammate.get(DAILY, query).json()["results"]) == found


def test_pages(world: World, days: dict[str, str]) -> None:
    first = world.reader.get(DAILY, {"limit": 3}).json()
    second = world.reader.get(first["next"]).json()
    ids = [one["id"] for one in first["results"] + second["results"]]
    assert (len(ids), ids, second["next"]) == (4, sorted(ids, reverse=True), None)


def test_a_partner_sees_its_own_companys_and_a_stranger_none(world: World, days: dict[str, str]) -> None:
    partner = by_key(world.ours, ["read"], world.ours.company)
    assert {one["gateway"] for one in partner.get(DAILY).json()["results"]} == {days["GW-1"]}
    assert partner.get(DAILY, {"gateway": days["GW-2"]}).json()["results"] == []
    assert world.stranger.get(DAILY).json()["results"] == []
    assert world.manager.post(DAILY, {}, format="json").status_code == 405
