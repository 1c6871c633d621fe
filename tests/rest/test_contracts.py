"""Contracts over REST: who may do what, what a change does to the gateway, and that each is one event."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from portal.events.models import Event
from portal.fleet.api import GatewaySerializer
from portal.fleet.models import Contract, Gateway, PairingCode
from portal.tenants import scope
from portal.tenants.models import Company
from tests.rest.world import World, by_key, patch, post

GATEWAYS, CONTRACTS = "/api/v1/gateways/", "/api/v1/contracts/"


def make_gateway(world: World, serial_number: str = "GW-1") -> str:
    gateway_id: str = post(world.manager, GATEWAYS, {"serial_number": serial_number})["id"]
    return gateway_id


def make_contract(world: World, gateway: str, company: Company | None = None) -> dict[str, Any]:
    body = {"gateway": gateway, "company": str((company or world.ours.company).id)}
    made: dict[str, Any] = post(world.manager, CONTRACTS, body)
    return made


def gateway_of(world: World, gateway: str) -> tuple[str | None, bool]:
    found = world.reader.get(f"{GATEWAYS}{gateway}/").json()
    return found["company"], found["access_granted"]


def changes(world: World) -> list[tuple[str | None, str, str, str]]:
    """Every event of a contract: before, after, who, and the company it is about."""
    found = world.reader.get("/api/v1/events/", {"type": "contract/status"}).json()["results"]
    told = [(event["data"], event["company"]) for event in reversed(found)]
    return [(data["previous_status"], data["status"], data["initiator"], company) for data, company in told]


@pytest.mark.line(11, 12, 13, 22, 23)
def test_a_contract_from_its_making_to_its_end(world: World) -> None:
    gateway, partner = make_gateway(world), str(world.ours.company.id)
    made = make_contract(world, gateway)
    assert (made["state"], made["initiator"], made["serial_number"]) == ("pending", "platform", "GW-1")
    assert gateway_of(world, gateway) == (None, False)
    path = f"{CONTRACTS}{gateway}/"
    seen = world.partner.get(path).json()
    assert (seen["id"], seen["allowed_actions"]) == (made["id"], ["accept", "reject"])

    assert patch(world.partner, path, {"action": "accept"})["state"] == "active"
    assert gateway_of(world, gateway) == (partner, True)
    assert patch(world.manager, path, {"action": "close"})["state"] == "closed"
    assert gateway_of(world, gateway) == (None, False)
    assert world.partner.delete(path).status_code == 204
    assert world.partner.get(path).json()["state"] == "acknowledged"
    assert changes(world) == [
        (None, "pending", "platform", partner),
        ("pending", "active", "partner", partner),
        ("active", "closed", "end_user", partner),
        ("closed", "acknowledged", "partner", partner),
    ]


@pytest.mark.line(14)
@pytest.mark.parametrize(
    ("done", "asked", "allowed"),
    [
        ([], "revoke", "accept, reject"),
        ([], "delete", "accept, reject"),
        (["accept"], "accept", "revoke"),
        (["accept"], "reject", "revoke"),
        (["reject"], "accept", "nothing"),
        (["accept", "revoke"], "accept", "nothing"),
    ],
)
def test_an_impossible_change_names_those_that_are_possible(
    world: World, done: list[str], asked: str, allowed: str
) -> None:
    path = f"{CONTRACTS}{make_contract(world, make_gateway(world))['gateway']}/"
    for action in done:
        patch(world.partner, path, {"action": action})
    before, told = world.partner.get(path).json(), changes(world)
    refused = world.partner.delete(path) if asked == "delete" else world.partner.patch(path, {"action": asked}, "json")
    assert refused.status_code == 409
    assert refused["Content-Type"] == "application/problem+json"
    assert refused.json()["detail"].endswith(f"Allowed: {allowed}.")
    assert (world.partner.get(path).json(), changes(world)) == (before, told)


def test_the_organization_hears_of_closing_too(world: World) -> None:
    """It stands in for the end user, and for a partner that asks it to."""
    path = f"{CONTRACTS}{make_contract(world, make_gateway(world))['gateway']}/"
    assert world.manager.get(path).json()["allowed_actions"] == ["accept", "reject", "close"]
    patch(world.manager, path, {"action": "accept"})
    refused = world.manager.patch(path, {"action": "reject"}, "json")
    assert refused.json()["detail"] == "The contract is active: reject is not possible. Allowed: revoke, close."


def test_the_end_users_part_is_not_the_partners(world: World) -> None:
    path = f"{CONTRACTS}{make_contract(world, make_gateway(world))['gateway']}/"
    refused = world.partner.patch(path, {"action": "close"}, "json")
    assert refused.status_code == 409
    assert world.partner.get(path).json()["state"] == "pending"
    assert len(changes(world)) == 1


@pytest.mark.line(12, 13)
def test_a_gateway_that_moves_to_another_company_closes_one_contract_and_opens_another(world: World) -> None:
    """The event of each goes to its own company, and only the new one sees the gateway from then on."""
    gateway, first, second = make_gateway(world), world.ours.company, world.ours.other_company
    other = by_key(world.ours, ["read", "manage"], second)
    path = f"{CONTRACTS}{gateway}/"
    make_contract(world, gateway, first)
    patch(world.partner, path, {"action": "accept"})
    make_contract(world, gateway, second)
    assert gateway_of(world, gateway) == (None, False)
    patch(other, path, {"action": "accept"})
    assert gateway_of(world, gateway) == (str(second.id), True)
    assert changes(world)[2:] == [
        ("active", "closed", "end_user", str(first.id)),
        (None, "pending", "platform", str(second.id)),
        ("pending", "active", "partner", str(second.id)),
    ]
    assert world.partner.get(path).json()["state"] == "closed"
    assert other.get(path).json()["state"] == world.manager.get(path).json()["state"] == "active"
    assert world.partner.delete(path).status_code == 204
    assert gateway_of(world, gateway) == (str(second.id), True)
    assert changes(world)[-1] == ("closed", "acknowledged", "partner", str(first.id))
    assert len(world.partner.get("/api/v1/events/", {"type": "contract/status"}).json()["results"]) == 4


def test_a_second_contract_with_the_same_company_is_a_conflict(world: World) -> None:
    gateway = make_gateway(world)
    make_contract(world, gateway)
    body = {"gateway": gateway, "company": str(world.ours.company.id)}
    assert world.manager.post(CONTRACTS, body, "json").status_code == 409
    assert len(changes(world)) == 1
    patch(world.partner, f"{CONTRACTS}{gateway}/", {"action": "reject"})
    make_contract(world, gateway)
    states = [row["state"] for row in world.reader.get(CONTRACTS).json()["results"]]
    assert states == ["pending", "rejected"]
    found = world.reader.get(CONTRACTS, {"state": "rejected"}).json()["results"]
    assert [row["state"] for row in found] == ["rejected"]


def test_contracts_are_accepted_at_once_where_the_organization_chose_that(world: World) -> None:
    patch(world.manager, "/api/v1/organization/", {"auto_accept_contracts": True})
    gateway, company = make_gateway(world), str(world.ours.company.id)
    assert make_contract(world, gateway)["state"] == "active"
    assert gateway_of(world, gateway) == (company, True)
    assert [change[:3] for change in changes(world)] == [
        (None, "pending", "platform"),
        ("pending", "active", "platform"),
    ]
    assert world.teammate.patch("/api/v1/organization/", {"auto_accept_contracts": False}, "json").status_code == 403
    assert world.partner.patch("/api/v1/organization/", {"auto_accept_contracts": False}, "json").status_code == 403
    assert world.reader.get("/api/v1/organization/").json()["auto_accept_contracts"] is True


@pytest.mark.parametrize("way", ["unpair", "pair elsewhere", "delete the gateway", "delete the system"])
def test_what_takes_the_gateway_away_closes_its_contract(world: World, way: str) -> None:
    gateway, company = make_gateway(world), str(world.ours.company.id)
    make_contract(world, gateway)
    patch(world.partner, f"{CONTRACTS}{gateway}/", {"action": "accept"})
    if way == "unpair":
        post(world.manager, f"{GATEWAYS}{gateway}/unpair/", {}, 200)
        assert gateway_of(world, gateway) == (None, False)
    elif way == "pair elsewhere":
        other = str(world.ours.other_company.id)
        post(world.manager, f"{GATEWAYS}{gateway}/pair/", {"company": other}, 200)
        assert gateway_of(world, gateway) == (other, False)
    else:
        system = world.reader.get(f"{GATEWAYS}{gateway}/").json()["system"]
        path = f"/api/v1/systems/{system}/" if way == "delete the system" else f"{GATEWAYS}{gateway}/"
        assert world.manager.delete(path).status_code == 204
    assert changes(world)[2:] == [("active", "closed", "end_user", company)]


def test_access_is_not_changed_beside_an_open_contract(world: World) -> None:
    gateway, company = make_gateway(world), str(world.ours.company.id)
    make_contract(world, gateway)
    body = {"company": company, "access_granted": True}
    assert world.manager.post(f"{GATEWAYS}{gateway}/pair/", body, "json").status_code == 409
    assert world.manager.patch(f"{GATEWAYS}{gateway}/", {"access_granted": True}, "json").status_code == 409
    assert gateway_of(world, gateway) == (None, False)
    patch(world.manager, f"{GATEWAYS}{gateway}/", {"name": "Cellar", "access_granted": False})


def test_a_change_of_the_gateway_does_not_bring_back_access_that_ended_meanwhile(world: World) -> None:
    gateway, company = make_gateway(world), world.ours.company
    make_contract(world, gateway)
    patch(world.partner, f"{CONTRACTS}{gateway}/", {"action": "accept"})
    with scope.organization(world.ours.organization.id):
        read_before = Gateway.objects.select_related("company").get(id=gateway)
        patch(world.partner, f"{CONTRACTS}{gateway}/", {"action": "revoke"})
        body = {"name": "Cellar", "company": str(company.id)}
        change = GatewaySerializer(read_before, data=body, partial=True)
        change.is_valid(raise_exception=True)
        change.save()
    assert gateway_of(world, gateway) == (None, False)
    assert world.reader.get(f"{GATEWAYS}{gateway}/").json()["name"] == "Cellar"


@pytest.mark.parametrize("who", ["teammate", "reader", "ingester", "stranger", "other partner", "partner that reads"])
def test_who_may_not_change_a_contract(world: World, who: str) -> None:
    gateway = make_contract(world, make_gateway(world))["gateway"]
    callers: dict[str, APIClient] = {
        "other partner": by_key(world.ours, ["read", "manage"], world.ours.other_company),
        "partner that reads": by_key(world.ours, ["read"], world.ours.company),
    }
    caller = callers.get(who) or getattr(world, who)
    path, hidden = f"{CONTRACTS}{gateway}/", who in {"stranger", "other partner"}
    told = changes(world)
    assert caller.patch(path, {"action": "accept"}, "json").status_code == (404 if hidden else 403)
    assert caller.delete(path).status_code == (404 if hidden else 403)
    assert caller.get(path).status_code == (404 if hidden else 403 if who == "ingester" else 200)
    body = {"gateway": gateway, "company": str(world.ours.other_company.id)}
    assert caller.post(CONTRACTS, body, "json").status_code == (400 if who == "stranger" else 403)
    if hidden:
        assert caller.get(CONTRACTS).json()["results"] == []
    assert changes(world) == told
    with scope.organization(world.ours.organization.id):
        assert [row.state for row in Contract.objects.all()] == ["pending"]


def test_the_owner_and_the_partners_own_key_may(world: World) -> None:
    path = f"{CONTRACTS}{make_contract(world, make_gateway(world))['gateway']}/"
    assert patch(world.partner, path, {"action": "accept"})["state"] == "active"
    assert patch(world.owner, path, {"action": "close"})["state"] == "closed"


@pytest.mark.parametrize(
    "body", [{}, {"action": "create"}, {"action": "acknowledge"}, {"action": "accept", "state": "active"}]
)
def test_a_body_that_is_none(world: World, body: dict[str, str]) -> None:
    path = f"{CONTRACTS}{make_contract(world, make_gateway(world))['gateway']}/"
    assert world.partner.patch(path, body, "json").status_code == 400
    assert world.partner.get(path).json()["state"] == "pending"


def test_a_repeated_call_with_its_key_makes_one_contract(world: World) -> None:
    body = {"gateway": make_gateway(world), "company": str(world.ours.company.id)}
    answers = [world.manager.post(CONTRACTS, body, "json", headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert len(changes(world)) == 1


def test_when_the_event_cannot_be_stored_nothing_has_changed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = make_contract(world, make_gateway(world))["gateway"]

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("triggers.intake.accept_events", fail)
    assert world.partner.patch(f"{CONTRACTS}{gateway}/", {"action": "accept"}, "json").status_code == 500
    monkeypatch.undo()
    assert world.partner.get(f"{CONTRACTS}{gateway}/").json()["state"] == "pending"
    assert gateway_of(world, gateway) == (None, False)
    with scope.organization(world.ours.organization.id):
        assert Event.objects.filter(type="contract/status").count() == 1


def test_where_partners_send_people_back_to_is_the_organizations_to_say(world: World) -> None:
    path, uris = f"/api/v1/companies/{world.ours.company.id}/", ["https://partner.example/connected"]
    assert patch(world.manager, path, {"redirect_uris": uris})["redirect_uris"] == uris
    for caller in (world.partner, world.teammate, world.reader):
        assert caller.patch(path, {"redirect_uris": []}, "json").status_code == 403
    assert world.stranger.patch(path, {"redirect_uris": []}, "json").status_code == 404
    for bad in (["http://partner.example/"], [*uris, *uris], ["https://a.example/#b"]):
        refused = world.manager.patch(path, {"redirect_uris": bad}, "json")
        assert refused.status_code == 400
        assert all(error["pointer"].startswith("/redirect_uris") for error in refused.json()["errors"])
    assert world.reader.get(path).json()["redirect_uris"] == uris


def test_a_pairing_code_is_made_by_who_manages(world: World) -> None:
    path = f"{GATEWAYS}{make_gateway(world)}/pairing-code/"
    for caller, status in ((world.teammate, 403), (world.reader, 403), (world.partner, 403), (world.stranger, 404)):
        assert caller.post(path, {}, "json").status_code == status
    with scope.organization(world.ours.organization.id):
        assert not PairingCode.objects.exists()
    first, second = (post(world.manager, path, {}) for _ in range(2))
    assert first["code"] != second["code"]
    assert set(first) == {"code", "expires_at"}
    with scope.organization(world.ours.organization.id):
        assert PairingCode.objects.count() == 1
