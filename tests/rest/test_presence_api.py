"""Whether devices are heard of, over REST; heartbeats, and who may send and change what."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from portal.events.models import Event
from portal.fleet.models import Presence
from portal.lib import clock
from portal.tenants import scope
from tests.rest.world import World, by_key, errors, patch, post
from triggers import presence as remembered
from triggers.scheduled.connectivity import sweep

GATEWAYS, APPLIANCES, HEARTBEATS = "/api/v1/gateways/", "/api/v1/appliances/", "/api/v1/heartbeats/"


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    yield
    remembered._noted.clear()


@pytest.fixture
def devices(world: World) -> dict[str, str]:
    """The paths of a gateway and of an appliance behind it."""
    company = {"company": str(world.ours.company.id)}
    gateway = post(world.manager, GATEWAYS, {"serial_number": "GW-1", "protocol": "lorawan", **company})
    appliance = post(world.manager, APPLIANCES, {"gateway": gateway["id"], "serial_number": "INV-1"})
    assert (gateway["protocol"], gateway["online"], gateway["last_seen_at"]) == ("lorawan", None, None)
    return {"gateway": f"{GATEWAYS}{gateway['id']}/", "appliance": f"{APPLIANCES}{appliance['id']}/"}


def beat(client: Any, status: int = 202, **fields: Any) -> Any:
    answer = client.post(HEARTBEATS, {"heartbeats": [{"gateway": "GW-1", **fields}]}, format="json")
    assert answer.status_code == status, answer.content
    return answer.json()


def listed(client: Any, path: str, **query: Any) -> list[str]:
    return [one["serial_number"] for one in client.get(path, query).json()["results"]]


def shown(world: World, path: str) -> tuple[bool | None, bool, str | None]:
    """Online, whether it was seen, and what is expected."""
    device = world.teammate.get(path).json()
    return device["online"], device["last_seen_at"] is not None, device["expect_before"]


@pytest.mark.line(2)
def test_a_heartbeat_brings_a_device_online_and_silence_takes_it_off(world: World, devices: dict[str, str]) -> None:
    assert listed(world.reader, GATEWAYS, online="true") == listed(world.reader, GATEWAYS, online="false") == []
    assert beat(world.ingester, appliance="INV-1") == {"accepted": 1, "duplicates": 0, "rejected": []}
    assert shown(world, devices["gateway"]) == shown(world, devices["appliance"]) == (True, True, None)
    assert listed(world.reader, GATEWAYS, online="true") == ["GW-1"]

    sweep(clock.now() + timedelta(days=2))
    assert shown(world, devices["gateway"])[0] is shown(world, devices["appliance"])[0] is False
    assert listed(world.reader, GATEWAYS, online="true") == []
    assert listed(world.partner, APPLIANCES, online="false") == ["INV-1"]
    beat(world.ingester)
    assert shown(world, devices["appliance"])[0] is True
    with scope.organization(world.ours.organization.id):
        assert sorted(Event.objects.filter(type__endswith="line").values_list("type", flat=True)) == [
            "appliance/offline", "appliance/online", "gateway/offline", "gateway/online",
        ]  # fmt: skip


def test_deadlines_are_changed_and_are_no_change_of_the_appliance(world: World, devices: dict[str, str]) -> None:
    for path in devices.values():
        assert patch(world.manager, path, {"offline_after": 600})["offline_after"] == 600
        assert patch(world.manager, path, {"offline_after": None})["offline_after"] is None
    assert patch(world.manager, devices["gateway"], {"protocol": "wired"})["protocol"] == "wired"
    with scope.organization(world.ours.organization.id):
        assert not Event.objects.filter(type="appliance/update").exists()


def test_the_next_report_is_expected_and_the_expectation_taken_back(world: World, devices: dict[str, str]) -> None:
    soon = clock.rfc3339(clock.now() + timedelta(minutes=10))
    for path in devices.values():
        assert patch(world.manager, path, {"expect_before": soon})["expect_before"] == soon
        assert shown(world, path) == (None, False, soon)
        assert patch(world.manager, path, {"name": "Roof"})["expect_before"] == soon
        assert patch(world.manager, path, {"expect_before": None})["expect_before"] is None
        patch(world.manager, path, {"expect_before": soon})
    beat(world.ingester, appliance="INV-1", expect_before=soon)
    assert shown(world, devices["gateway"]) == (True, True, None)
    assert shown(world, devices["appliance"]) == (True, True, soon)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"offline_after": 59}, "/offline_after"),
        ({"offline_after": 32 * 86_400}, "/offline_after"),
        ({"expect_before": "2020-01-01T00:00:00Z"}, "/expect_before"),
        ({"expect_before": "9999-12-31T12:00:00Z"}, "/expect_before"),
        ({"expect_before": "soon"}, "/expect_before"),
        ({"online": True, "colour": "red"}, "/colour"),
    ],
)
def test_what_cannot_be_meant_is_refused(world: World, devices: dict[str, str], body: Any, pointer: str) -> None:
    for path in devices.values():
        refused = world.manager.patch(path, body, format="json")
        assert refused.status_code == 400
        assert pointer in errors(refused)
    with scope.organization(world.ours.organization.id):
        assert not Presence.objects.exists()


def test_who_may_not_changes_nothing(world: World, devices: dict[str, str]) -> None:
    body = {"offline_after": 600, "expect_before": clock.rfc3339(clock.now() + timedelta(days=1))}
    for path in devices.values():
        for client, status in ((world.teammate, 403), (world.reader, 403), (world.partner, 403), (world.stranger, 404)):
            assert client.patch(path, body, format="json").status_code == status
    assert shown(world, devices["gateway"]) == (None, False, None)
    assert world.owner.patch(devices["gateway"], body, format="json").status_code == 200


def test_heartbeats_need_the_right_to_send_in_and_a_device_of_ones_own(world: World, devices: dict[str, str]) -> None:
    for client, status in ((world.reader, 403), (world.anonymous, 401)):
        beat(client, status)
    assert beat(world.stranger, 422)["rejected"][0]["errors"][0]["pointer"] == "/gateway"
    other = by_key(world.ours, ["ingest"], world.ours.other_company)
    assert beat(other, 422)["rejected"][0]["errors"][0]["pointer"] == "/gateway"
    with scope.organization(world.ours.organization.id):
        assert not Presence.objects.exists()
    assert world.ingester.get(HEARTBEATS).status_code == 405
    far = beat(world.ingester, 422, expect_before="9999-12-31T23:59:59-01:00")
    assert far["rejected"][0]["errors"][0]["detail"] == "The time is more than 31 days ahead."
    assert listed(world.teammate, GATEWAYS) == ["GW-1"], "a year that no calendar knows would keep the list from it"
    bad = beat(world.ingester, 422, expect_before="soon")
    assert bad["rejected"][0]["errors"][0]["detail"].startswith("A time with its zone is expected")
