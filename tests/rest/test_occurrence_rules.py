"""The rules of faults over REST: who may change them, what is refused, and that they work from the next event on."""

from __future__ import annotations

from typing import Any

import pytest

from portal.tenants import scope
from tests.rest.world import World, errors, patch, post
from triggers.models import OccurrenceRule

pytestmark = pytest.mark.line(6, 7, 8, 9)

RULES = "/api/v1/occurrence-rules/"
EVENTS = "/api/v1/events/"
TWICE = {"conditions": {"occurrences": {"count": 2, "within": 600}}}


def own(world: World) -> list[dict[str, Any]]:
    with scope.organization(world.ours.organization.id):
        return list(OccurrenceRule.objects.order_by("id").values())


def raised(world: World) -> str | None:
    """Send a raise in; why it was held back."""
    fault = {"type": "appliance/error", "gateway": "GW-1", "appliance": "INV-1", "data": {"active": True, "code": "F1"}}
    post(world.ingester, EVENTS, {"events": [fault]}, 202)
    newest = world.reader.get(EVENTS).json()["results"][0]
    why: str | None = newest["held_because"]
    return why


def test_a_rule_is_made_changed_and_deleted_and_works_at_once(world: World) -> None:
    gateway = post(world.manager, "/api/v1/gateways/", {"serial_number": "GW-1"})["id"]
    post(world.manager, "/api/v1/appliances/", {"gateway": gateway, "serial_number": "INV-1", "type": "inverter"})
    made = post(world.manager, RULES, TWICE)
    assert {key: made[key] for key in ("code", "appliance_type", "severity")} == {
        "code": "",
        "appliance_type": "",
        "severity": "any",
    }
    assert world.teammate.get(f"{RULES}{made['id']}/").json() == made
    assert raised(world) == "it has occurred once within 10 min, and 2 times are needed"
    own_code = post(world.owner, RULES, {"code": "F1", "conditions": {"occurrences": {"count": 9, "within": 5.5}}})
    assert raised(world) == "it has occurred 2 times within 5.5 s, and 9 times are needed"
    patch(world.manager, f"{RULES}{own_code['id']}/", {"conditions": {}})
    assert raised(world) is None
    assert world.manager.delete(f"{RULES}{made['id']}/").status_code == 204
    assert [one["id"] for one in world.reader.get(RULES, {"code": "F1"}).json()["results"]] == [own_code["id"]]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"conditions": {"occurrences": {"count": 1, "within": 60}}}, "/conditions/occurrences/count"),
        ({"conditions": {"occurrences": {"count": 3}}}, "/conditions/occurrences"),
        ({"conditions": {"delay": {"seconds": "60"}}}, "/conditions/delay/seconds"),
        ({"conditions": {"delay": {"seconds": 60, "minutes": 1}}}, "/conditions/delay"),
        ({"conditions": {"duration": {"seconds": 0}}}, "/conditions/duration/seconds"),
        ({"conditions": {"duration": 60}}, "/conditions/duration"),
        ({"conditions": {"weekday": {}}}, "/conditions/weekday"),
        ({"conditions": []}, "/conditions"),
        ({}, "/conditions"),
        (TWICE | {"severity": "fatal"}, "/severity"),
        (TWICE | {"appliance_type": "toaster"}, "/appliance_type"),
        (TWICE | {"code": "a\0b"}, "/code"),
        (TWICE | {"codes": "F1"}, "/codes"),
    ],
)
def test_bad_rules_are_refused_by_field(world: World, fields: dict[str, Any], pointer: str) -> None:
    answer = world.manager.post(RULES, fields, format="json")
    assert answer.status_code == 400, answer.content
    assert set(errors(answer)) == {pointer}
    assert own(world) == []


def test_there_is_one_rule_for_the_same_faults(world: World) -> None:
    post(world.manager, RULES, TWICE | {"code": "F1"})
    other = post(world.manager, RULES, TWICE)
    before = own(world)
    again = world.manager.post(RULES, TWICE | {"code": "F1"}, format="json")
    moved = world.manager.patch(f"{RULES}{other['id']}/", {"code": "F1"}, format="json")
    assert [(one.status_code, errors(one)) for one in (again, moved)] == [
        (400, {"/code": "This is taken already."})
    ] * 2
    assert own(world) == before
    post(world.stranger, RULES, TWICE | {"code": "F1"})


@pytest.mark.parametrize(("who", "status"), [("teammate", 403), ("reader", 403), ("partner", 403), ("stranger", 404)])
def test_who_may_not_changes_nothing(world: World, who: str, status: int) -> None:
    made = post(world.manager, RULES, TWICE)
    before, client = own(world), getattr(world, who)
    path = f"{RULES}{made['id']}/"
    assert client.patch(path, {"conditions": {}}, format="json").status_code == status
    assert client.delete(path).status_code == status
    assert own(world) == before
    if who in {"partner", "stranger"}:
        assert client.get(RULES).json()["results"] == []
