"""The organization's page and its companies': members read them, admins change them, by the rules that REST has."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from portal.tenants.models import Company, Organization
from tests.conftest import Tenant
from tests.pages.conftest import AsWhom

PAGE = "/organization/"
SETTINGS = {"languages": "nl, pt-BR en", "requires_ownership_check": "on", "auto_accept_contracts": "on"}
COMPANY = {
    "name": "Fjord Solar", "external_id": "C-7", "languages": "nb", "data_points_enabled": "on",
    "daily_aggregates_enabled": "on",
}  # fmt: skip


def settings_of(tenant: Tenant) -> tuple[Any, ...]:
    row = Organization.objects.get(id=tenant.organization.id)
    return row.name, row.plan, row.languages, row.requires_ownership_check, row.auto_accept_contracts


def company(tenant: Tenant) -> dict[str, Any]:
    return dict(Company._base_manager.values().get(id=tenant.company.id))


def sign_in(tenant: Tenant) -> Client:
    client = Client()
    client.force_login(tenant.people["owner"], backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


@pytest.mark.parametrize("role", ["owner", "admin"])
def test_an_admin_changes_the_settings(tenant: Tenant, signed_in: AsWhom, role: str) -> None:
    client = signed_in(role)
    assert client.post(PAGE, SETTINGS | {"name": "Mine", "plan": "basic"})["Location"] == PAGE
    assert settings_of(tenant) == ("Nordlys", "datastreams", ["nl", "pt-BR", "en"], True, True)
    page = client.get(PAGE).content.decode()
    assert 'value="nl, pt-BR, en"' in page
    assert page.count(" checked") == 2
    client.post(PAGE, {"languages": "en"})
    assert settings_of(tenant)[2:] == (["en"], False, False)


@pytest.mark.parametrize(
    ("languages", "reason"),
    [
        ("", "This field is required."),
        ("english", "Write each language as en, nl or pt-BR"),
        ("en_US", "Write each language as en, nl or pt-BR"),
        ("de-AT, de-at", "Each language once."),
        (", ".join(f"{a}{b}" for a in "abc" for b in "abcd"), "no more than 10"),
    ],
)
def test_what_is_refused_is_said_beside_its_field(tenant: Tenant, owner: Client, languages: str, reason: str) -> None:
    answer = owner.post(PAGE, SETTINGS | {"languages": languages})
    assert reason in str(answer.context["form"].errors["languages"])
    assert "Not saved yet" in answer.content.decode()
    assert settings_of(tenant) == ("Nordlys", "datastreams", ["en"], False, False)


@pytest.mark.parametrize("role", ["operator", "viewer"])
def test_a_member_reads_and_changes_nothing(tenant: Tenant, signed_in: AsWhom, role: str) -> None:
    client, before = signed_in(role), (settings_of(tenant), company(tenant))
    page = client.get(PAGE).content.decode()
    for part in ("Nordlys partner", "Requests of one caller", "4.0\xa0MB", f"you are {role}", ' value="en"'):
        assert part in page
    assert page.count(" disabled") == 3
    assert "/companies/" not in page
    assert ">Save<" not in page
    assert client.post(PAGE, SETTINGS).status_code == 403
    path = f"/companies/{tenant.company.id}/"
    assert (client.get(path).status_code, client.post(path, COMPANY).status_code) == (403, 403)
    assert (settings_of(tenant), company(tenant)) == before


def test_strangers_find_their_own_only(tenant: Tenant, stranger: Tenant) -> None:
    client, before = sign_in(stranger), (settings_of(tenant), company(tenant))
    client.post(PAGE, SETTINGS)
    assert settings_of(stranger)[3] is True
    assert "Nordlys" not in client.get(PAGE).content.decode()
    path = f"/companies/{tenant.company.id}/"
    assert (client.get(path).status_code, client.post(path, COMPANY).status_code) == (404, 404)
    assert (settings_of(tenant), company(tenant)) == before
    assert Client().post(PAGE, SETTINGS)["Location"].startswith("/accounts/login/")


def test_a_company_is_added_and_changed(tenant: Tenant, owner: Client) -> None:
    assert owner.post("/companies/new/?back", {"name": "Øst", "external_id": ""})["Location"] == PAGE
    made = Company._base_manager.get(name="Øst")
    assert (made.external_id, made.languages, made.data_points_enabled) == (None, [], False)
    assert owner.post(f"/companies/{tenant.company.id}/", COMPANY)["Location"] == PAGE
    changed = company(tenant)
    expected = {"name": "Fjord Solar", "external_id": "C-7", "languages": ["nb"], "daily_aggregates_enabled": True}
    assert changed | expected == changed
    page = owner.get(PAGE).content.decode()
    for part in ("Texts in nb", "C-7", "it has opted in to nothing else", "they are refused"):
        assert part in page


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"name": ""}, "name", "This field is required."),
        ({"name": "x" * 201}, "name", "at most 200 characters"),
        ({"name": "Øst"}, "name", "Another company has this already."),
        ({"external_id": "E-1"}, "external_id", "Another company has this already."),
        ({"languages": "NL"}, "languages", "Write each language as"),
    ],
)
def test_a_bad_company_is_told_at_its_field(
    tenant: Tenant, owner: Client, fields: dict[str, str], field: str, reason: str
) -> None:
    owner.post("/companies/new/", {"name": "Øst", "external_id": "E-1"})
    before = company(tenant)
    for path in ("new", str(tenant.company.id)):
        errors = owner.post(f"/companies/{path}/", COMPANY | fields).context["form"].errors
        assert (list(errors), reason in str(errors[field])) == ([field], True)
    assert company(tenant) == before
    assert Company._base_manager.count() == 2


def test_many_companies_have_pages(tenant: Tenant, owner: Client) -> None:
    Company._base_manager.bulk_create(
        Company(organization=tenant.organization, name=f"Company {number:02}") for number in range(50)
    )
    first, second = owner.get(PAGE).content.decode(), owner.get(f"{PAGE}?page=2").content.decode()
    assert ("Page 1 of 2" in first, "Company 49" in first, "Nordlys partner" in first) == (True, True, False)
    assert "Nordlys partner" in second
