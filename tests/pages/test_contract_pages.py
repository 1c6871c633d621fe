"""The pages of contracts: what is listed, who may do what there, and that a confirmation says what it will do."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from portal.events.models import Event
from portal.fleet import contracts
from portal.fleet.contract_flow import Action, Who
from portal.fleet.models import Contract, Gateway, PairingCode
from portal.lib import clock
from portal.tenants import scope
from portal.tenants.models import Organization
from tests.conftest import Tenant
from tests.pages.conftest import AsWhom
from tests.world import make_gateway

CONTRACTS = "/contracts/"


@pytest.fixture
def pending(in_tenant: Tenant) -> Contract:
    return contracts.make(make_gateway(), in_tenant.company, Who.END_USER, clock.now())


def address(contract: Contract, action: str) -> str:
    return f"{CONTRACTS}{contract.id}/{action}/"


def state(contract: Contract) -> str:
    contract.refresh_from_db()
    return contract.state


def events() -> int:
    return Event.objects.filter(type="contract/status").count()


def test_the_list_shows_each_contract_with_what_can_be_done(owner: Client, pending: Contract, tenant: Tenant) -> None:
    other = contracts.make(make_gateway("GW-2"), tenant.company, Who.PLATFORM, clock.now())
    contracts.change(other, Action.ACCEPT, [Who.PARTNER], clock.now())
    text = owner.get(CONTRACTS).content.decode()
    assert "GW-1" in text
    assert "GW-2" in text
    offered = set(re.findall(r'href="/contracts/[0-9a-f-]{36}/(\w+)/"', text))
    assert offered == {"accept", "reject", "close", "revoke"}
    part = owner.get(f"{CONTRACTS}?state=active&q=gw", headers={"HX-Request": "true"}).content.decode()
    assert "GW-2" in part
    assert "GW-1" not in part
    assert "No contract matches" in owner.get(f"{CONTRACTS}?q=nothing-like-it").content.decode()


def test_an_empty_list_says_what_a_contract_is(owner: Client) -> None:
    assert "No contracts yet" in owner.get(CONTRACTS).content.decode()


@pytest.mark.line(12)
def test_a_confirmation_says_what_it_does_and_then_does_it(owner: Client, pending: Contract, tenant: Tenant) -> None:
    asked = owner.get(address(pending, "accept")).content.decode()
    assert f"is paired with {tenant.company.name}" in asked
    assert (state(pending), events()) == ("pending", 1)
    assert owner.post(address(pending, "accept"))["Location"] == CONTRACTS
    assert (state(pending), events()) == ("active", 2)
    assert Gateway.objects.get().sharing == "active"
    refused = owner.post(address(pending, "reject"), follow=True).content.decode()
    assert "Nothing has changed. The contract is active: reject is not possible. Allowed: revoke, close." in refused
    owner.post(address(pending, "close"))
    assert (state(pending), events()) == ("closed", 3)
    assert Gateway.objects.get().company is None
    owner.post(address(pending, "acknowledge"))
    assert state(pending) == "acknowledged"


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_who_does_not_manage_sees_and_changes_nothing(signed_in: AsWhom, pending: Contract, role: str) -> None:
    client = signed_in(role)
    assert 'aria-disabled="true"' in client.get(CONTRACTS).content.decode()
    for path in (address(pending, "accept"), f"{CONTRACTS}new/", f"{CONTRACTS}code/", f"{CONTRACTS}auto-accept/"):
        assert client.post(path, {"accept": "on", "serial_number": "GW-1"}).status_code == 403
    assert (state(pending), events()) == ("pending", 1)
    assert not PairingCode.objects.exists()
    assert not Organization.objects.filter(auto_accept_contracts=True).exists()


def test_a_stranger_finds_nothing(stranger: Tenant, pending: Contract) -> None:
    client = Client()
    client.force_login(stranger.people["owner"], backend="allauth.account.auth_backends.AuthenticationBackend")
    assert "GW-1" not in client.get(CONTRACTS).content.decode()
    for action in ("accept", "close", "explode"):
        assert client.post(address(pending, action)).status_code == 404
    new = {"serial_number": "GW-1", "company": str(stranger.company.id)}
    assert "There is no gateway with this serial number" in client.post(f"{CONTRACTS}new/", new).content.decode()
    assert "There is no gateway" in client.post(f"{CONTRACTS}code/", new).content.decode()
    assert (state(pending), events()) == ("pending", 1)
    assert not PairingCode._base_manager.exists()


def test_a_contract_is_made_once_and_accepted_at_once_where_chosen(owner: Client, in_tenant: Tenant) -> None:
    make_gateway()
    owner.post(f"{CONTRACTS}auto-accept/", {"accept": "on"})
    form = {"serial_number": "GW-1", "company": str(in_tenant.company.id)}
    assert owner.post(f"{CONTRACTS}new/", form)["Location"] == CONTRACTS
    again = owner.post(f"{CONTRACTS}new/", form).content.decode()
    assert "has a contract with this company already; it is active" in again
    assert [contract.state for contract in Contract.objects.all()] == ["active"]
    owner.post(f"{CONTRACTS}auto-accept/", {"accept": "off"})
    assert not Organization.objects.filter(auto_accept_contracts=True).exists()


def test_another_companys_contract_is_nobody_elses_choice(owner: Client, stranger: Tenant, in_tenant: Tenant) -> None:
    make_gateway()
    form = {"serial_number": "GW-1", "company": str(stranger.company.id)}
    assert owner.post(f"{CONTRACTS}new/", form).status_code == 200
    with scope.every_organization():
        assert not Contract.objects.exists()


def test_a_code_is_shown_once(owner: Client, in_tenant: Tenant) -> None:
    make_gateway()
    shown = owner.post(f"{CONTRACTS}code/", {"serial_number": "GW-1"})
    assert re.search(r"\b[2-9A-Z]{5}-[2-9A-Z]{5}\b", shown.content.decode())
    assert "no-store" in shown["Cache-Control"]
    assert not re.search(r"\b[2-9A-Z]{5}-[2-9A-Z]{5}\b", owner.get(f"{CONTRACTS}code/").content.decode())


def test_where_a_partners_links_may_lead_is_written_one_per_line(owner: Client, tenant: Tenant) -> None:
    path = f"{CONTRACTS}links/{tenant.company.id}/"
    uris = ["https://partner.example/a", "https://partner.example/b?c=d"]
    assert owner.post(path, {"redirect_uris": "\r\n".join(["", *uris, ""])})["Location"] == f"{CONTRACTS}links/"
    assert all(uri in owner.get(f"{CONTRACTS}links/").content.decode() for uri in uris)
    assert f"companyId={tenant.company.id}" in owner.get(path).content.decode()
    for bad in ("http://partner.example/a", f"{uris[0]}\n{uris[0]}", "https://partner.example/#a"):
        assert 'role="alert"' in owner.post(path, {"redirect_uris": bad}).content.decode()
    tenant.company.refresh_from_db()
    assert tenant.company.redirect_uris == uris
    owner.post(path, {"redirect_uris": ""})
    tenant.company.refresh_from_db()
    assert tenant.company.redirect_uris == []


def test_where_links_lead_is_not_for_others_to_say(signed_in: AsWhom, stranger: Tenant, tenant: Tenant) -> None:
    path, body = f"{CONTRACTS}links/{tenant.company.id}/", {"redirect_uris": "https://evil.example/"}
    assert signed_in("viewer").post(path, body).status_code == 403
    client = Client()
    client.force_login(stranger.people["owner"], backend="allauth.account.auth_backends.AuthenticationBackend")
    assert client.post(path, body).status_code == 404
    tenant.company.refresh_from_db()
    assert tenant.company.redirect_uris == []
