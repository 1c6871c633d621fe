from __future__ import annotations

import pytest

from portal.events.models import Event
from portal.fleet.models import Appliance, Gateway, System
from portal.tenants import scope
from tests.rest.world import World, errors, patch, post

GATEWAYS = "/api/v1/gateways/"
APPLIANCES = "/api/v1/appliances/"


def event_types(world: World) -> list[str]:
    with scope.organization(world.ours.organization.id):
        return list(Event.objects.order_by("id").values_list("type", flat=True))


def test_a_gateway_gets_a_system_of_its_own_and_an_event(world: World) -> None:
    gateway = post(world.manager, GATEWAYS, {"serial_number": "GW-1", "name": "Cellar"})
    system = world.reader.get(f"/api/v1/systems/{gateway['system']}/").json()
    assert system["name"] == "Cellar"
    assert gateway["sharing"] == "not paired with a company"
    assert event_types(world) == ["gateway/create"]
    assert gateway["created_at"].endswith("Z")
    assert len(gateway["created_at"]) == len("2026-11-21T10:00:00.000Z")


def test_pairing_and_unpairing(world: World) -> None:
    gateway = post(world.manager, GATEWAYS, {"serial_number": "GW-1"})
    path = f"{GATEWAYS}{gateway['id']}/"
    company = str(world.ours.company.id)
    paired = post(world.manager, path + "pair/", {"company": company}, 200)
    assert (paired["company"], paired["sharing"]) == (company, "access is not granted")
    granted = world.manager.patch(path, {"access_granted": True}, format="json").json()
    assert granted["sharing"] == "active"
    moved = post(world.manager, path + "pair/", {"company": str(world.ours.other_company.id)}, 200)
    assert moved["access_granted"] is False
    unpaired = post(world.manager, path + "unpair/", {}, 200)
    assert (unpaired["company"], unpaired["access_granted"]) == (None, False)


def test_the_company_is_given_at_creation_and_later_by_pairing_only(world: World) -> None:
    company = str(world.ours.company.id)
    body = {"serial_number": "GW-1", "company": company, "access_granted": True}
    gateway = post(world.manager, GATEWAYS, body)
    assert gateway["sharing"] == "active"
    refused = world.manager.patch(f"{GATEWAYS}{gateway['id']}/", {"company": None}, format="json")
    assert refused.status_code == 400
    assert errors(refused) == {"/company": "Pairing is changed with pair/ and unpair/."}
    assert world.reader.get(f"{GATEWAYS}{gateway['id']}/").json()["company"] == company


def test_a_taken_serial_number_is_the_fields_error(world: World) -> None:
    post(world.manager, GATEWAYS, {"serial_number": "GW-1"})
    again = world.manager.post(GATEWAYS, {"serial_number": "GW-1"}, format="json")
    assert again.status_code == 400
    assert errors(again) == {"/serial_number": "This is taken already."}
    with scope.organization(world.ours.organization.id):
        assert System.objects.count() == Gateway.objects.count() == 1
    post(world.stranger, GATEWAYS, {"serial_number": "GW-1"})


def test_an_appliance_comes_changes_and_goes(world: World) -> None:
    gateway = post(world.manager, GATEWAYS, {"serial_number": "GW-1"})
    body = {"gateway": gateway["id"], "serial_number": "INV-1", "type": "inverter", "kind": "hybrid"}
    appliance = post(world.manager, APPLIANCES, body)
    path = f"{APPLIANCES}{appliance['id']}/"
    assert world.manager.patch(path, {"name": "Roof"}, format="json").status_code == 200
    assert world.manager.patch(path, {"name": "Roof"}, format="json").status_code == 200  # changes nothing
    assert world.manager.delete(path).status_code == 204
    assert event_types(world) == ["gateway/create", "appliance/create", "appliance/update", "appliance/delete"]
    last = world.reader.get("/api/v1/events/", {"type": "appliance/delete"}).json()["results"]
    assert [event["appliance"]["name"] for event in last] == ["Roof"]


def test_deleting_a_gateway_tells_of_each_appliance_behind_it(world: World) -> None:
    gateway = post(world.manager, GATEWAYS, {"serial_number": "GW-1"})
    for number in "12":
        post(world.manager, APPLIANCES, {"gateway": gateway["id"], "serial_number": number})
    assert world.manager.delete(f"{GATEWAYS}{gateway['id']}/").status_code == 204
    assert event_types(world)[-2:] == ["appliance/delete", "appliance/delete"]
    with scope.organization(world.ours.organization.id):
        assert not Appliance.objects.exists()


@pytest.mark.parametrize(
    ("body", "pointer", "reason"),
    [
        ({"type": "heater", "kind": "pv"}, "/kind", "has no kind"),
        ({"type": "inverter", "kind": "grid"}, "/kind", "is one of"),
        ({"type": "toaster"}, "/type", "not a valid choice"),
        ({"colour": "red"}, "/colour", "There is no such field."),
    ],
)
def test_an_appliance_that_cannot_be(world: World, body: dict[str, str], pointer: str, reason: str) -> None:
    gateway = post(world.manager, GATEWAYS, {"serial_number": "GW-1"})
    refused = world.manager.post(APPLIANCES, {"gateway": gateway["id"], "serial_number": "1"} | body, format="json")
    assert refused.status_code == 400
    assert reason in errors(refused)[pointer]
    assert event_types(world) == ["gateway/create"]


@pytest.mark.parametrize("system", ["theirs", "00000000-0000-0000-0000-000000000000", "not an id", 7])
def test_anothers_system_is_no_system(world: World, system: object) -> None:
    if system == "theirs":
        system = post(world.stranger, GATEWAYS, {"serial_number": "GW-9"})["system"]
    refused = world.manager.post(GATEWAYS, {"serial_number": "GW-1", "system": system}, format="json")
    assert refused.status_code == 400
    assert errors(refused) == {"/system": "There is no such system."}
    with scope.organization(world.ours.organization.id):
        assert not Gateway.objects.exists()


def test_lists_by_serial_number_and_by_pages(world: World) -> None:
    for number in range(5):
        post(world.manager, GATEWAYS, {"serial_number": f"GW-{number}"})
    found = world.reader.get(GATEWAYS, {"serial_number": "GW-3"}).json()["results"]
    assert [row["serial_number"] for row in found] == ["GW-3"]
    seen, url = [], f"{GATEWAYS}?limit=2"
    while url:
        page = world.reader.get(url).json()
        seen += [row["serial_number"] for row in page["results"]]
        url = page["next"]
    assert seen == ["GW-4", "GW-3", "GW-2", "GW-1", "GW-0"]
    assert page["previous"] is not None
    assert len(world.reader.get("/api/v1/systems/", {"serial_number": "GW-3"}).json()["results"]) == 1


def test_a_partner_sees_its_own_and_changes_nothing_of_the_fleet(world: World) -> None:
    mine = post(world.manager, GATEWAYS, {"serial_number": "GW-1", "company": str(world.ours.company.id)})
    foreign = post(world.manager, GATEWAYS, {"serial_number": "GW-2"})
    seen = world.partner.get(GATEWAYS).json()["results"]
    assert [row["id"] for row in seen] == [mine["id"]]
    assert world.partner.get(f"{GATEWAYS}{foreign['id']}/").status_code == 404
    refused = world.partner.patch(f"{GATEWAYS}{mine['id']}/", {"access_granted": True}, format="json")
    assert refused.status_code == 403
    assert world.reader.get(f"{GATEWAYS}{mine['id']}/").json()["access_granted"] is False


@pytest.mark.line(19, 29)
def test_data_points(world: World) -> None:
    path = "/api/v1/data-points/"
    body = {"name": "ac.power", "unit": "W", "threshold": 50, "min_interval": 10, "max_interval": 900}
    point = post(world.manager, path, body)
    assert (point["threshold"], point["threshold_kind"], point["kind"]) == (50.0, "absolute", "gauge")
    for change, pointer in (
        ({"threshold": -1}, "/threshold"),
        ({"threshold": "NaN"}, "/threshold"),
        ({"threshold": "5"}, "/threshold"),
        ({"max_interval": 5}, "/max_interval"),
    ):
        refused = world.manager.patch(f"{path}{point['id']}/", change, format="json")
        assert refused.status_code == 400
        assert list(errors(refused)) == [pointer]
    assert world.reader.get(f"{path}{point['id']}/").json() == point
    assert world.manager.delete(f"{path}{point['id']}/").status_code == 204


@pytest.mark.line(89, 90)
def test_a_quantity_comes_changes_and_goes(world: World) -> None:
    path = "/api/v1/data-points/"
    point = post(world.manager, path, {"name": "ac.power", "title": "Power"})
    one = f"{path}{point['id']}/"
    for change in ({"title": "Active power"}, {"title": "Active power"}, {"threshold": 5}, {"title": ""}):
        assert world.manager.patch(one, change, format="json").status_code == 200
    assert world.manager.delete(one).status_code == 204
    assert event_types(world) == ["quantity/add", "quantity/update", "quantity/update", "quantity/delete"]
    told = world.reader.get("/api/v1/events/").json()["results"][::-1]
    assert [event["data"]["name"]["en"] for event in told] == ["Power", "Active power", "ac.power", "ac.power"]
    assert {event["data"]["property"] for event in told} == {"ac.power"}


def test_a_quantity_that_is_refused_is_told_of_to_nobody(world: World) -> None:
    assert world.reader.post("/api/v1/data-points/", {"name": "ac.power"}, format="json").status_code == 403
    assert world.manager.post("/api/v1/data-points/", {"name": ""}, format="json").status_code == 400
    assert event_types(world) == []


@pytest.mark.line(17, 19)
def test_hysteresis_and_resolution_of_a_data_point(world: World) -> None:
    path = "/api/v1/data-points/"
    made = post(world.manager, path, {"name": "ac.power"})
    assert (made["hysteresis"], made["resolution"]) == (0, None)
    changed = patch(world.manager, f"{path}{made['id']}/", {"hysteresis": 5, "resolution": 0.1})
    assert (changed["hysteresis"], changed["resolution"]) == (5, 0.1)
    for body, pointer in (
        ({"hysteresis": -1}, "/hysteresis"),
        ({"resolution": 0}, "/resolution"),
        ({"expected_interval": 1e300}, "/expected_interval"),
        ({"expected_interval": -1}, "/expected_interval"),
        ({"kind": "counter"}, "/hysteresis"),
        ({"kind": "state", "hysteresis": 0}, "/resolution"),
    ):
        assert pointer in errors(world.manager.patch(f"{path}{made['id']}/", body, format="json"))
    for caller, status in ((world.reader, 403), (world.partner, 403), (world.teammate, 403), (world.stranger, 404)):
        refused = caller.patch(f"{path}{made['id']}/", {"resolution": 1}, format="json")
        assert refused.status_code == status
    assert world.reader.get(f"{path}{made['id']}/").json() == changed
