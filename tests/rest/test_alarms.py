"""Alarms over REST and from their producers: one life each, in order, with one name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.rest.world import World, post
from triggers.alarms import ALLOWED, LATE

ALARMS = "/api/v1/alarms/"
EVENTS = "/api/v1/events/"
STATUS = {"raised": "open", "acknowledged": "acknowledged", "closed": "closed"}


def tell(world: World, what: str, alarm_id: str = "A-1", severity: str = "critical", **more: str) -> None:
    data = {"alarm_id": alarm_id, "status": STATUS[what], "severity": severity, "texts": {"de": "Zu heiß."}}
    item = {"type": f"alarm/{what}", "gateway": "GW-1", "data": data, **more}
    post(world.ingester, EVENTS, {"events": [item]}, 202)


def events(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.reader.get(EVENTS, {"type": [f"alarm/{what}" for what in STATUS]}).json()[
        "results"
    ]
    return found


def told(world: World) -> list[tuple[str, str, str, str | None]]:
    """The events, oldest first: type, alarm, severity, and why held back."""
    found = events(world)[::-1]
    return [(e["type"], e["data"]["alarm_id"], e["data"]["severity"], e["held_because"]) for e in found]


@pytest.fixture
def alarm(world: World) -> str:
    """The path of an open alarm on a gateway of the partner's company."""
    post(world.manager, "/api/v1/gateways/", {"serial_number": "GW-1", "company": str(world.ours.company.id)})
    tell(world, "raised")
    (row,) = world.reader.get(ALARMS, {"status": "open"}).json()["results"]
    assert (row["alarm_id"], row["severity"], row["data"]["texts"]) == ("A-1", "critical", {"de": "Zu heiß."})
    return f"{ALARMS}{row['id']}/"


@pytest.mark.parametrize("who", ["owner", "manager", "partner"])
def test_an_alarm_is_acknowledged_and_closed_with_an_event_each(world: World, alarm: str, who: str) -> None:
    client = getattr(world, who)
    acknowledged = post(client, f"{alarm}acknowledge/", {}, 200)
    assert acknowledged["status"] == "acknowledged"
    closed = post(client, f"{alarm}close/", {}, 200)
    assert (closed["status"], closed["raised_at"]) == ("closed", acknowledged["raised_at"])
    assert told(world) == [(f"alarm/{what}", "A-1", "critical", None) for what in STATUS]
    documents = events(world)
    assert len({document["data"]["raised_at"] for document in documents}) == 1
    assert [document["data"]["texts"] for document in documents] == [{"de": "Zu heiß."}] * 3


def test_what_is_not_possible_names_what_is(world: World, alarm: str) -> None:
    def refused(path: str) -> str:
        answer = world.manager.post(f"{alarm}{path}/", {}, format="json")
        assert answer.status_code == 409
        detail: str = answer.json()["detail"]
        return detail

    post(world.manager, f"{alarm}acknowledge/", {}, 200)
    before = told(world)
    assert refused("acknowledge") == "The alarm is acknowledged; possible now: close."
    assert told(world) == before
    post(world.manager, f"{alarm}close/", {}, 200)
    assert refused("close") == "The alarm is closed; only its producer can raise it again."
    assert len(told(world)) == len(before) + 1


def test_producers_walk_the_same_way_and_the_impossible_is_held_back(world: World, alarm: str) -> None:
    for what in ("raised", "acknowledged", "closed", "acknowledged", "raised"):
        tell(world, what, severity="standard")
    tell(world, "closed", "A-2")
    assert [(event_type, why) for event_type, _, _, why in told(world)][1:] == [
        ("alarm/raised", "the alarm is open"),
        ("alarm/acknowledged", None),
        ("alarm/closed", None),
        ("alarm/acknowledged", "the alarm is closed"),
        ("alarm/raised", None),
        ("alarm/closed", "no such alarm was raised"),
    ]
    shown = world.reader.get(alarm).json()
    assert (shown["status"], shown["severity"]) == ("open", "standard")
    assert len(world.reader.get(ALARMS).json()["results"]) == 1


def test_what_comes_out_of_order_opens_no_alarm_that_is_over(world: World) -> None:
    post(world.manager, "/api/v1/gateways/", {"serial_number": "GW-1", "company": str(world.ours.company.id)})
    ago = {minutes: (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat() for minutes in range(1, 10)}
    for what, minutes in (("closed", 8), ("raised", 9), ("raised", 7), ("closed", 3), ("raised", 5), ("raised", 2)):
        tell(world, what, time=ago[minutes])
    tell(world, "closed", time=ago[6])
    assert [(event_type, why) for event_type, _, _, why in told(world)] == [
        ("alarm/closed", "no such alarm was raised"),
        ("alarm/raised", LATE),
        ("alarm/raised", None),
        ("alarm/closed", None),
        ("alarm/raised", LATE),
        ("alarm/raised", None),
        ("alarm/closed", LATE),
    ]
    (row,) = world.reader.get(ALARMS).json()["results"]
    assert row["status"] == "open"


def test_a_device_whose_clock_is_off_closes_what_somebody_took_note_of(world: World, alarm: str) -> None:
    ahead, behind = (datetime.now(UTC) + timedelta(minutes=minutes) for minutes in (4, -4))
    tell(world, "raised", "ahead", time=ahead.isoformat())
    tell(world, "raised", "behind", time=behind.isoformat())
    for row in world.reader.get(ALARMS, {"status": "open"}).json()["results"]:
        post(world.manager, f"{ALARMS}{row['id']}/acknowledge/", {}, 200)
    tell(world, "closed", "ahead")
    tell(world, "closed", "behind", time=(behind + timedelta(seconds=1)).isoformat())
    states = {row["alarm_id"]: row["status"] for row in world.reader.get(ALARMS).json()["results"]}
    assert states == {"A-1": "acknowledged", "ahead": "closed", "behind": "closed"}


def test_the_alarm_of_an_appliance_that_was_removed_is_closed_by_people(world: World, alarm: str) -> None:
    gateway = world.reader.get(alarm).json()["gateway"]
    made = post(world.manager, "/api/v1/appliances/", {"gateway": gateway, "serial_number": "INV-1"})
    tell(world, "raised", "A-2", appliance="INV-1")
    assert world.manager.delete(f"/api/v1/appliances/{made['id']}/").status_code == 204
    (row,) = world.reader.get(ALARMS, {"alarm_id": "A-2"}).json()["results"]
    assert row["appliance"] == made["id"]
    assert post(world.manager, f"{ALARMS}{row['id']}/close/", {}, 200)["status"] == "closed"
    assert told(world)[-1] == ("alarm/closed", "A-2", "critical", None)


def test_every_status_has_its_way(world: World) -> None:
    assert {status: set(to) for status, to in ALLOWED.items()} == {
        "": {"open"},
        "open": {"acknowledged", "closed"},
        "acknowledged": {"closed"},
        "closed": {"open"},
    }


def test_two_gateways_may_name_theirs_alike(world: World, alarm: str) -> None:
    post(world.manager, "/api/v1/gateways/", {"serial_number": "GW-2"})
    data: dict[str, Any] = {"alarm_id": "A-1", "status": "open", "severity": "standard"}
    post(world.ingester, EVENTS, {"events": [{"type": "alarm/raised", "gateway": "GW-2", "data": data}]}, 202)
    assert len(world.reader.get(ALARMS, {"alarm_id": "A-1"}).json()["results"]) == 2
    assert len(world.partner.get(ALARMS).json()["results"]) == 1


@pytest.mark.parametrize(("who", "status"), [("teammate", 403), ("reader", 403), ("ingester", 403), ("stranger", 404)])
def test_who_may_not_changes_nothing(world: World, alarm: str, who: str, status: int) -> None:
    before = world.reader.get(alarm).json(), told(world)
    for what in ("acknowledge", "close"):
        assert getattr(world, who).post(f"{alarm}{what}/", {}, format="json").status_code == status
    assert (world.reader.get(alarm).json(), told(world)) == before
