"""The page that a partner's link leads to: who may make a contract there, and where it sends people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.test import Client

from portal.events.models import Event
from portal.fleet import pairing_codes
from portal.fleet.models import Contract, Gateway, PairingCode
from portal.lib import clock
from portal.tenants import redirect_uris, scope
from portal.tenants.models import Organization
from tests.conftest import Tenant
from tests.world import make_gateway

BACK = "https://partner.example/connected?lang=nb"
WRONG = "Serial number and code do not fit together"


@pytest.fixture
def gateway(in_tenant: Tenant) -> Iterator[Gateway]:
    """Of the tenant whose company may have people sent back to BACK."""
    cache.clear()
    in_tenant.company.redirect_uris = [BACK]
    in_tenant.company.save()
    yield make_gateway()
    cache.clear()


def address(tenant: Tenant, **changed: Any) -> str:
    query = {"companyId": tenant.company.id, "redirectUri": BACK, "sessionId": "visit 7/ü"} | changed
    return f"/pair/?{urlencode({name: value for name, value in query.items() if value is not None}, doseq=True)}"


def send(tenant: Tenant, code: str, serial_number: str = "GW-1") -> Any:
    return Client().post(address(tenant), {"serial_number": serial_number, "code": code})


def issue(gateway: Gateway) -> str:
    return pairing_codes.issue(gateway, clock.now())[0]


@pytest.mark.line(11, 13, 22)
def test_from_the_partners_link_to_a_contract_and_back(tenant: Tenant, gateway: Gateway) -> None:
    page = Client().get(address(tenant))
    assert page.status_code == 200
    assert "form-action 'self' https://partner.example" in page["Content-Security-Policy"]
    answer = send(tenant, issue(gateway).lower().replace("-", " "))
    assert answer.status_code == 303
    assert answer["Location"].startswith(f"{BACK}&")
    assert parse_qs(urlsplit(answer["Location"]).query) == {
        "lang": ["nb"],
        "gatewayId": [str(gateway.id)],
        "contractStatus": ["pending"],
        "sessionId": ["visit 7/ü"],
    }
    contract = Contract.objects.get()
    assert (contract.state, contract.initiator, contract.company_id) == ("pending", "end_user", tenant.company.id)
    assert Event.objects.get(type="contract/status").company_id == tenant.company.id
    assert not PairingCode.objects.exists()


def test_where_contracts_are_accepted_at_once_the_partner_hears_so(tenant: Tenant, gateway: Gateway) -> None:
    Organization.objects.filter(id=tenant.organization.id).update(auto_accept_contracts=True)
    assert "contractStatus=active" in send(tenant, issue(gateway))["Location"]
    again = send(tenant, issue(gateway))
    assert "contractStatus=active" in again["Location"]
    assert Contract.objects.count() == 1
    assert Event.objects.filter(type="contract/status").count() == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"redirectUri": "https://evil.example/"},
        {"redirectUri": BACK + "&more=1"},
        {"redirectUri": BACK.upper()},
        {"redirectUri": "https://partner.example/"},
        {"redirectUri": "https://partner.example/connected"},
        {"redirectUri": BACK.replace("https", "http")},
        {"redirectUri": "//partner.example/connected?lang=nb"},
        {"redirectUri": "https://partner.example\\@evil.example/"},
        {"redirectUri": "https://partner.example@evil.example/"},
        {"redirectUri": "javascript:alert(1)"},
        {"redirectUri": ""},
        {"redirectUri": None},
        {"redirectUri": [BACK, "https://evil.example/"]},
        {"companyId": "0193f6a0-5b7e-7c3a-9d41-2f6b8f0f5a11"},
        {"companyId": "not an id"},
        {"sessionId": None},
        {"sessionId": "x" * 201},
        {"sessionId": "a\r\nSet-Cookie: b=c"},
    ],
)
def test_a_link_that_is_not_wholly_right_leads_nowhere(
    tenant: Tenant, gateway: Gateway, changed: dict[str, Any]
) -> None:
    code = issue(gateway)
    for answer in (
        Client().get(address(tenant, **changed)),
        Client().post(address(tenant, **changed), {"serial_number": "GW-1", "code": code}),
    ):
        assert answer.status_code == 400
        assert "Location" not in answer
        assert "evil.example" not in answer.content.decode() + answer["Content-Security-Policy"]
    assert not Contract.objects.exists()
    assert PairingCode.objects.exists()


def test_one_companys_address_is_not_anothers(tenant: Tenant, stranger: Tenant, gateway: Gateway) -> None:
    assert Client().get(address(stranger)).status_code == 400


def test_who_has_no_code_binds_nothing(tenant: Tenant, stranger: Tenant, gateway: Gateway) -> None:
    """A guess, another gateway's code, another organization's, and one that is used up, all get the same words."""
    other, code = issue(make_gateway("GW-2")), issue(gateway)
    with scope.organization(stranger.organization.id):
        theirs = issue(make_gateway("GW-9"))
    for serial_number, typed in (("GW-1", "AAAAA-AAAAA"), ("GW-1", other), ("GW-9", theirs), ("GW-404", code)):
        answer = send(tenant, typed, serial_number)
        assert answer.status_code == 200
        assert WRONG in answer.content.decode()
    assert not Contract._base_manager.exists()
    assert send(tenant, code).status_code == 303
    assert WRONG in send(tenant, code).content.decode()
    assert Contract._base_manager.count() == 1


def test_a_code_dies_of_wrong_tries_and_of_time(tenant: Tenant, gateway: Gateway) -> None:
    now = clock.now()
    code, _ = pairing_codes.issue(gateway, now)
    assert pairing_codes.spend("GW-1", code, now + pairing_codes.LIFE) is None
    for _ in range(pairing_codes.MOST_WRONG):
        assert pairing_codes.spend("GW-1", "AAAAA-AAAAA", now) is None
    assert pairing_codes.spend("GW-1", code, now) is None
    newer, _ = pairing_codes.issue(gateway, now)
    assert pairing_codes.spend("GW-1", code, now) is None
    assert pairing_codes.spend("GW-1", newer, now + pairing_codes.LIFE - timedelta(seconds=1)) == gateway


def test_who_tries_too_often_waits(tenant: Tenant, gateway: Gateway) -> None:
    answers = [send(tenant, "AAAAA-AAAAA", "GW-404").status_code for _ in range(21)]
    assert answers == [200] * 20 + [429]
    assert send(tenant, issue(gateway)).status_code == 429
    assert not Contract.objects.exists()


def test_a_code_is_kept_as_a_digest_and_needs_the_forms_own_page(tenant: Tenant, gateway: Gateway) -> None:
    code = issue(gateway)
    kept = PairingCode.objects.values_list().get()
    assert code.replace("-", "") not in str(kept)
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(address(tenant), {"serial_number": "GW-1", "code": code}).status_code == 403
    assert not Contract.objects.exists()


@pytest.mark.parametrize(
    "uri",
    [
        "http://partner.example/",
        "https:///path",
        "https:partner.example",
        "HTTPS://partner.example/",
        "https://user@partner.example/",
        "https://partner.example/#part",
        "https://partner.example/a b",
        "https://partner.example\\@evil.example/",
        "https://pärtner.example/",
        "https://partner.example:port/",
        "https://partner.example/\n",
        "//partner.example/",
        "javascript:alert(1)",
        "",
    ],
)
def test_an_address_that_nobody_is_sent_back_to(uri: str) -> None:
    with pytest.raises(ValidationError):
        redirect_uris.refuse_unsafe(uri)


@pytest.mark.parametrize("uri", [BACK, "https://partner.example", "https://partner.example:8443/a/b?c=%20"])
def test_an_address_that_people_may_be_sent_back_to(uri: str) -> None:
    redirect_uris.refuse_unsafe(uri)
