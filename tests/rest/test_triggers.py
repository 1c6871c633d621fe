from __future__ import annotations

import pytest

from portal.events.catalogue import CATALOGUE
from portal.tenants import scope
from tests.rest.world import World, errors, patch, post
from triggers.models import Trigger

TRIGGERS = "/api/v1/triggers/"
CONNECTORS = "/api/v1/connectors/"


def connector(world: World, profile: str = "standard") -> str:
    body = {"name": f"Partner {profile}", "url": "https://partner.example/", "profile": profile}
    made: str = post(world.manager, CONNECTORS, body)["id"]
    return made


def triggers(world: World) -> int:
    with scope.organization(world.ours.organization.id):
        return Trigger.objects.count()


def test_what_a_values_trigger_carries_by_itself_is_what_its_format_can(world: World) -> None:
    defaults = [
        post(world.manager, TRIGGERS, {"name": name, "kind": "values", "connector": connector(world, name)})[
            "event_types"
        ]
        for name in ("smartgridone", "withthegrid")
    ]
    assert defaults == [["telemetry/snapshot"], ["datapoint/value"]]


@pytest.mark.line(131, 140, 141)
def test_the_kinds_and_their_defaults(world: World) -> None:
    target = connector(world)
    values = post(world.manager, TRIGGERS, {"name": "V", "kind": "values", "connector": target})
    assert (values["event_types"], values["gateways"], values["enabled"]) == (["datapoint/value"], [], False)
    alarms = post(world.manager, TRIGGERS, {"name": "A", "kind": "alarms", "connector": target})
    assert {CATALOGUE[name].flow for name in alarms["event_types"]} == {"alarms"}
    refused = world.manager.post(TRIGGERS, {"name": "E", "kind": "events", "connector": target}, format="json")
    assert "/event_types" in errors(refused)
    events = {"name": "E", "kind": "events", "connector": target, "event_types": ["gateway/online"] * 2}
    made = post(world.manager, TRIGGERS, events)
    assert made["event_types"] == ["gateway/online"]
    changed = patch(world.manager, f"{TRIGGERS}{made['id']}/", {"kind": "alarms"})
    assert changed["event_types"] == alarms["event_types"]
    assert patch(world.manager, f"{TRIGGERS}{made['id']}/", {"enabled": True})["enabled"] is True
    assert world.manager.delete(f"{TRIGGERS}{made['id']}/").status_code == 204
    assert triggers(world) == 2


@pytest.mark.parametrize(
    ("change", "pointer", "reason"),
    [
        ({"event_types": ["gateway/online", "inverter/status"]}, "/event_types/1", "belongs to the kind alarms"),
        ({"event_types": ["gateway/explode"]}, "/event_types/0", "There is no event type"),
        ({"event_types": ["ping"]}, "/event_types/0", "tests only"),
        ({"event_types": []}, "/event_types", "may not be empty"),
        ({"kind": "sometimes"}, "/kind", "not a valid choice"),
        ({"connector": "00000000-0000-0000-0000-000000000000"}, "/connector", "There is no such connector."),
        ({"gateways": ["00000000-0000-0000-0000-000000000000"]}, "/gateways/0", "There is no such gateway."),
        ({"gateways": ["GW-1"]}, "/gateways/0", "Must be a valid UUID."),
    ],
)
def test_what_is_refused(world: World, change: dict[str, object], pointer: str, reason: str) -> None:
    body = {"name": "E", "kind": "events", "event_types": ["gateway/online"], "connector": connector(world)}
    refused = world.manager.post(TRIGGERS, body | change, format="json")
    assert refused.status_code == 400
    assert reason in errors(refused)[pointer]
    assert triggers(world) == 0
    made = post(world.manager, TRIGGERS, body)
    refused = world.manager.patch(f"{TRIGGERS}{made['id']}/", change, format="json")
    assert reason in errors(refused)[pointer]
    assert world.reader.get(f"{TRIGGERS}{made['id']}/").json() == made


def test_types_that_the_connectors_profile_cannot_carry(world: World) -> None:
    body = {"name": "V", "kind": "values", "connector": connector(world, "gridx")}
    refused = world.manager.post(TRIGGERS, body, format="json")
    assert errors(refused)["/event_types/0"].startswith("gridX has no event for measured values")
    made = post(world.manager, TRIGGERS, body | {"connector": connector(world)})
    refused = world.manager.patch(f"{TRIGGERS}{made['id']}/", {"connector": body["connector"]}, format="json")
    assert refused.status_code == 400
    assert triggers(world) == 1


@pytest.mark.line(137, 142, 143)
def test_gateways_and_connectors_of_others_do_not_exist(world: World) -> None:
    theirs = post(world.stranger, "/api/v1/gateways/", {"serial_number": "GW-1"})["id"]
    mine = post(world.manager, "/api/v1/gateways/", {"serial_number": "GW-1"})["id"]
    target = connector(world)
    body = {"name": "V", "kind": "values", "connector": target, "gateways": [mine, theirs]}
    refused = world.manager.post(TRIGGERS, body, format="json")
    assert errors(refused) == {"/gateways/1": "There is no such gateway."}
    refused = world.stranger.post(TRIGGERS, body | {"gateways": []}, format="json")
    assert errors(refused) == {"/connector": "There is no such connector."}
    partners = world.partner.post(TRIGGERS, body | {"gateways": []}, format="json")
    assert errors(partners) == {"/connector": "There is no such connector."}
    assert triggers(world) == 0


@pytest.mark.line(109, 114, 115, 116, 117)
def test_a_trigger_by_the_clock(world: World) -> None:
    target = connector(world, "smartgridone")
    made = post(world.manager, TRIGGERS, {"name": "S", "kind": "snapshot", "connector": target})
    assert (made["event_types"], made["interval_seconds"], made["level"]) == (["telemetry/snapshot"], 60, "device_type")
    one = f"{TRIGGERS}{made['id']}/"
    assert patch(world.manager, one, {"interval_seconds": 5, "level": "device"})["interval_seconds"] == 5
    assert patch(world.manager, one, {"enabled": True})["level"] == "device"
    for caller, status in ((world.reader, 403), (world.teammate, 403), (world.partner, 404), (world.stranger, 404)):
        assert caller.patch(one, {"interval_seconds": 10}, format="json").status_code == status
    assert world.reader.get(one).json()["interval_seconds"] == 5
    target = connector(world)
    beat = post(world.manager, TRIGGERS, {"name": "H", "kind": "heartbeat", "connector": target})
    assert (beat["event_types"], beat["interval_seconds"], beat["level"]) == (["system/heartbeat"], 60, "")
    other = patch(world.manager, f"{TRIGGERS}{beat['id']}/", {"kind": "values"})
    assert (other["interval_seconds"], other["level"]) == (None, "")


@pytest.mark.line(114)
@pytest.mark.parametrize(
    ("body", "pointer", "reason"),
    [
        ({"kind": "snapshot", "interval_seconds": 4}, "/interval_seconds", "Between 5 and 86400"),
        ({"kind": "snapshot", "interval_seconds": 86401}, "/interval_seconds", "Between 5 and 86400"),
        ({"kind": "heartbeat", "interval_seconds": 29}, "/interval_seconds", "Between 30 and 86400"),
        ({"kind": "snapshot", "level": "site"}, "/level", "not a valid choice"),
        ({"kind": "heartbeat", "level": "device"}, "/level", "Only snapshots"),
        ({"kind": "values", "interval_seconds": 60}, "/interval_seconds", "go by the clock"),
        ({"kind": "snapshot", "event_types": ["datapoint/value"]}, "/event_types/0", "telemetry/snapshot alone"),
        ({"kind": "events", "event_types": ["system/heartbeat"]}, "/event_types/0", "of the kind heartbeat"),
    ],
)
def test_what_the_clock_does_not_do(world: World, body: dict[str, object], pointer: str, reason: str) -> None:
    refused = world.manager.post(TRIGGERS, {"name": "T", "connector": connector(world), **body}, format="json")
    assert refused.status_code == 400
    assert reason in errors(refused)[pointer]
    assert triggers(world) == 0


def test_a_format_that_holds_no_snapshots(world: World) -> None:
    body = {"name": "S", "kind": "snapshot", "connector": connector(world, "gridx")}
    assert "/event_types/0" in errors(world.manager.post(TRIGGERS, body, format="json"))
    assert triggers(world) == 0
