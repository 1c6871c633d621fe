"""Retry policies over REST: the built-in ones to read, the organization's own to make, change and delete."""

from __future__ import annotations

from typing import Any

import pytest

from connectors import policies
from connectors.models import Connector, RetryPolicy
from connectors.retry import POLICIES
from portal.tenants import scope
from tests.rest.world import World, errors, patch, post

POLICIES_URL = "/api/v1/retry-policies/"
CONNECTORS = "/api/v1/connectors/"
NIGHT = {"name": "Night shift", "schedule": [60, 3600]}


def own(world: World) -> list[dict[str, Any]]:
    with scope.organization(world.ours.organization.id):
        return list(RetryPolicy.objects.order_by("id").values())


def names(client: Any) -> list[str]:
    return [policy["name"] for policy in client.get(POLICIES_URL).json()["results"]]


def test_a_policy_is_made_with_what_is_usual_and_drawn(world: World) -> None:
    made = post(world.manager, POLICIES_URL, NIGHT)
    assert (made["success"], made["gone"], made["transient"]) == (["2xx"], [410], None)
    assert (made["timeout"], made["pause_after"], made["expires"], made["built_in"]) == (20, 432_000, False, False)
    assert made["summary"] == "3 tries over about 61 min"
    assert made["timeline"][2] == {"attempt": 3, "wait": 3600.0, "at": 3660.0}
    assert made["sentences"][0] == "At once, then after 1 min and 1 h: 3 tries over about 61 min."
    assert world.reader.get(f"{POLICIES_URL}{made['id']}/").json() == made


def test_the_list_has_the_built_in_ones_first(world: World) -> None:
    post(world.manager, POLICIES_URL, NIGHT)
    assert names(world.reader) == [*POLICIES, "Night shift"]
    assert names(world.teammate) == [*POLICIES, "Night shift"]
    assert names(world.partner) == list(POLICIES)  # a company's key has the built-in ones
    assert names(world.stranger) == list(POLICIES)
    post(world.manager, POLICIES_URL, NIGHT | {"name": "Day shift"})
    page = world.reader.get(POLICIES_URL, {"limit": 1}).json()
    assert [policy["name"] for policy in page["results"]] == [*POLICIES, "Day shift"]
    assert [policy["name"] for policy in world.reader.get(page["next"]).json()["results"]] == ["Night shift"]


@pytest.mark.parametrize("name", list(POLICIES))
def test_a_built_in_policy_is_read_by_its_name_and_stays(world: World, name: str) -> None:
    shown = world.reader.get(f"{POLICIES_URL}{name}/").json()
    assert (shown["id"], shown["built_in"], shown["tries"]) == (name, True, POLICIES[name].tries)
    assert world.manager.patch(f"{POLICIES_URL}{name}/", {"timeout": 9}, format="json").status_code == 409
    assert world.manager.delete(f"{POLICIES_URL}{name}/").status_code == 409


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({"schedule": [0, 5]}, {"/schedule/0"}),
        ({"schedule": []}, {"/schedule"}),
        ({"schedule": [5, "soon"]}, {"/schedule/1"}),
        ({"schedule": [604_800] * 5}, {"/schedule"}),
        ({"name": "Standard"}, {"/name"}),
        ({"name": ""}, {"/name"}),
        ({"timeout": 61}, {"/timeout"}),
        ({"success": ["2xx", 600]}, {"/success"}),
        ({"success": 200}, {"/success"}),
        ({"success": []}, {"/success"}),
        ({"transient": [500], "gone": [500]}, {"/transient", "/gone"}),
        ({"pause_after": 60}, {"/pause_after"}),
        ({"tries": 5}, set()),
        ({"retries": 5}, {"/retries"}),
    ],
)
def test_bad_policies_are_refused_by_field(world: World, fields: dict[str, Any], pointers: set[str]) -> None:
    answer = world.manager.post(POLICIES_URL, NIGHT | fields, format="json")
    if pointers:
        assert answer.status_code == 400, answer.content
        assert set(errors(answer)) == pointers
        assert own(world) == []
    else:
        assert answer.json()["tries"] == 3  # what is only read is passed over


def test_a_name_is_used_once_in_an_organization(world: World) -> None:
    post(world.manager, POLICIES_URL, NIGHT)
    refused = world.manager.post(POLICIES_URL, NIGHT, format="json")
    assert errors(refused) == {"/name": "This is taken already."}
    assert post(world.stranger, POLICIES_URL, NIGHT)["name"] == "Night shift"


def test_a_change_is_held_against_the_whole_policy(world: World) -> None:
    made = post(world.manager, POLICIES_URL, NIGHT)
    path = f"{POLICIES_URL}{made['id']}/"
    changed = patch(world.manager, path, {"transient": [503], "success": [200, 202]})
    assert (changed["transient"], changed["success"], changed["schedule"]) == ([503], [200, 202], [60, 3600])
    assert errors(world.manager.patch(path, {"gone": [200]}, format="json")).keys() == {"/gone"}
    assert patch(world.manager, path, {"transient": None})["transient"] is None
    assert [row["gone"] for row in own(world)] == [[410]]


def test_a_repeated_call_makes_one(world: World) -> None:
    for _ in range(2):
        answer = world.manager.post(POLICIES_URL, NIGHT, format="json", HTTP_IDEMPOTENCY_KEY="once")
        assert answer.status_code == 201
    assert len(own(world)) == 1


def test_a_connector_takes_an_own_policy_and_then_it_stays(world: World) -> None:
    made = post(world.manager, POLICIES_URL, NIGHT)
    body = {"name": "Alarm desk", "url": "https://partner.example/", "profile": "standard"}
    connector = post(world.manager, CONNECTORS, body | {"retry_policy": "Night shift"})
    assert connector["retry_policy"] == "Night shift"
    refused = world.manager.delete(f"{POLICIES_URL}{made['id']}/")
    assert refused.status_code == 409
    assert "Alarm desk" in refused.json()["detail"]
    assert len(own(world)) == 1
    renamed = patch(world.manager, f"{POLICIES_URL}{made['id']}/", {"name": "Late shift"})
    shown = world.reader.get(f"{CONNECTORS}{connector['id']}/").json()
    assert (renamed["name"], shown["retry_policy"]) == ("Late shift", "Late shift")
    patch(world.manager, f"{CONNECTORS}{connector['id']}/", {"retry_policy": "gridx"})
    assert world.manager.delete(f"{POLICIES_URL}{made['id']}/").status_code == 204
    assert own(world) == []


def test_a_connector_does_not_take_anothers_policy(world: World) -> None:
    post(world.stranger, POLICIES_URL, NIGHT)
    body = {"name": "Alarm desk", "url": "https://partner.example/", "profile": "standard"}
    refused = world.manager.post(CONNECTORS, body | {"retry_policy": "Night shift"}, format="json")
    assert "/retry_policy" in errors(refused)
    with scope.organization(world.ours.organization.id):
        assert Connector.objects.count() == 0


def test_a_policy_that_goes_while_a_connector_takes_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the check and the storing another call may delete it."""
    body = {"name": "Alarm desk", "url": "https://partner.example/", "profile": "standard"}
    connector = post(world.manager, CONNECTORS, body)
    known = policies.known

    def known_and_gone(name: object) -> bool:
        found = known(name)
        RetryPolicy.objects.all().delete()
        return found

    monkeypatch.setattr(policies, "known", known_and_gone)
    for send, path, change in (
        (world.manager.post, CONNECTORS, body | {"name": "Other"}),
        (world.manager.patch, f"{CONNECTORS}{connector['id']}/", {}),
    ):
        post(world.manager, POLICIES_URL, NIGHT)
        refused = send(path, change | {"retry_policy": "Night shift"}, format="json")
        assert refused.status_code == 400
        assert set(errors(refused)) == {"/retry_policy"}
        with scope.organization(world.ours.organization.id):
            RetryPolicy.objects.all().delete()
    with scope.organization(world.ours.organization.id):
        assert [row.retry_policy for row in Connector.objects.all()] == ["standard"]


def test_every_change_is_in_the_audit_trail(world: World) -> None:
    made = post(world.manager, POLICIES_URL, NIGHT)
    patch(world.manager, f"{POLICIES_URL}{made['id']}/", {"timeout": 9})
    world.manager.delete(f"{POLICIES_URL}{made['id']}/")
    changes = RetryPolicy.pgh_event_model._base_manager.order_by("pgh_id")
    assert [(one.pgh_label, one.timeout) for one in changes] == [("insert", 20), ("update", 9), ("delete", 9)]
    assert all(one.pgh_context.metadata["who"].startswith("key:") for one in changes)
