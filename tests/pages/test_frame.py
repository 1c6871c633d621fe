from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from connectors import context
from connectors.models import DeliveryWorker
from portal.lib import clock
from portal.tenants import scope
from portal.tenants.models import Membership, User
from tests.conftest import Tenant
from tests.pages.conftest import AsWhom
from tests.pages.seed import Portal

PAGES = [
    *("/", "/connectors/", "/connectors/new/", "/deliveries/", "/inbox/", "/notices/", "/companies/new/"),
    *("/organization/", "/aggregates/", "/aggregates/new/", "/faults/"),
]


@pytest.mark.parametrize("address", PAGES)
def test_who_is_not_signed_in_is_sent_to_sign_in_and_back(tenant: Tenant, address: str) -> None:
    answer = Client().get(address)
    assert answer.status_code == 302
    assert answer["Location"] == f"/accounts/login/?next={address}"


def test_a_fragment_sends_the_whole_page_to_sign_in(tenant: Tenant) -> None:
    answer = Client().get("/deliveries/", headers={"HX-Request": "true"})
    assert answer["HX-Redirect"] == "/accounts/login/"


@pytest.mark.parametrize("address", PAGES)
def test_pages_keep_to_the_strict_policy(owner: Client, portal: Portal, address: str) -> None:
    answer = owner.get(address)
    assert answer.status_code == 200
    assert "script-src 'self'" in answer["Content-Security-Policy"]
    text = answer.content.decode()
    assert "<style" not in text
    assert " style=" not in text
    assert "onclick" not in text
    assert text.count("<script") == text.count("<script src=")
    assert "no-store" in answer["Cache-Control"]
    assert "HX-Request" in answer["Vary"]


def test_somebody_without_an_organization_is_told_whom_to_ask(db: None) -> None:
    client = Client()
    client.force_login(
        User.objects.create_user("nobody@x.example", "x"),
        backend="allauth.account.auth_backends.AuthenticationBackend",
    )
    answer = client.get("/")
    assert answer.status_code == 403
    text = answer.content.decode()
    assert "Whoever runs this installation can add you" in text
    assert 'action="/accounts/logout/"' in text
    assert "To the overview" not in text  # which would be this page again


def test_a_person_of_two_organizations_switches_between_them(tenant: Tenant, stranger: Tenant, owner: Client) -> None:
    with scope.organization(stranger.organization.id):
        Membership.objects.create(user=tenant.people["owner"], role="viewer")
    assert b"Viewer of Fremd" in owner.get("/").content  # the first by name
    answer = owner.post("/organization/switch/", {"organization": tenant.organization.id}, follow=True)
    assert b"Owner of Nordlys" in answer.content


def test_the_address_of_the_switch_leads_to_the_overview(owner: Client) -> None:
    assert owner.get("/organization/switch/")["Location"] == "/"


def test_nobody_switches_to_an_organization_of_others(stranger: Tenant, owner: Client) -> None:
    answer = owner.post("/organization/switch/", {"organization": stranger.organization.id})
    assert answer.status_code == 404
    assert b"Owner of Nordlys" in owner.get("/").content


def test_the_frame_counts_what_fails_what_waits_and_who_works(
    tenant: Tenant, owner: Client, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = owner.get("/inbox/").content.decode()
    assert '<b class="count">1<span class="vh"> failing</span></b>' in text
    assert "1 worker" in text
    assert '<span class="num">2</span> waiting' in text
    DeliveryWorker.objects.update(lease_until=clock.now() - timedelta(seconds=1))
    monkeypatch.setattr(context, "COUNTED_TO", 1)
    text = owner.get("/inbox/").content.decode()
    assert "No worker" in text
    assert '<span class="num">1+</span> waiting' in text


@pytest.mark.parametrize(("cookie", "shown"), [("dark", ' data-theme="dark"'), ('"><script>', "")])
def test_the_theme_comes_from_the_cookie(owner: Client, cookie: str, shown: str) -> None:
    owner.cookies["theme"] = cookie
    assert f'<html lang="en"{shown}>' in owner.get("/inbox/").content.decode()


def test_another_organizations_objects_are_not_there(stranger: Tenant, owner: Client, portal: Portal) -> None:
    from tests.pages.seed import fill

    with scope.organization(stranger.organization.id):
        theirs = fill(stranger.organization)
    connector, delivery = theirs.connectors["Alarm desk"].id, theirs.deliveries["failed"]
    for path in (f"/connectors/{connector}/", f"/connectors/{connector}/change/", f"/deliveries/{delivery}/"):
        assert owner.get(path).status_code == 404
    for path in (
        f"/connectors/{connector}/switch/",
        f"/connectors/{connector}/test/",
        f"/deliveries/{delivery}/retry/",
    ):
        assert owner.post(path).status_code == 404
    shown = owner.get(f"/deliveries/?id={delivery}").content.decode()
    assert "No delivery matches" in shown


@pytest.mark.parametrize(
    ("path", "media_type"),
    [("/nowhere/", "text/html; charset=utf-8"), ("/api/v1/nowhere/", "application/problem+json")],
)
def test_a_wrong_address_is_answered_in_the_callers_language(owner: Client, path: str, media_type: str) -> None:
    answer = owner.get(path)
    assert answer.status_code == 404
    assert answer["Content-Type"] == media_type
    assert b"nothing at this address" in answer.content or b"Not Found" in answer.content


def test_a_fault_of_ours_names_the_request(signed_in: AsWhom, monkeypatch: pytest.MonkeyPatch) -> None:
    client = signed_in("viewer")
    client.raise_request_exception = False

    def broken() -> bool:
        raise RuntimeError("a fault of the test")

    monkeypatch.setattr("triggers.figures.has_deliveries", broken)
    answer = client.get("/")
    assert answer.status_code == 500
    assert re.search(r"name this request: <code>[0-9a-f-]{36}</code>", answer.content.decode())
    assert b"a fault of the test" not in answer.content


@pytest.mark.parametrize(("accept", "said"), [("text/html", b"Try again"), ("application/json", b'"status":503')])
def test_a_database_that_is_away_is_said_so(
    owner: Client, monkeypatch: pytest.MonkeyPatch, accept: str, said: bytes
) -> None:
    owner.raise_request_exception = False

    def away(*_: Any) -> None:
        raise OperationalError("the test took it away")

    monkeypatch.setattr("portal.tenants.access.of_session", away)
    answer = owner.get("/deliveries/", headers={"Accept": accept})
    assert answer.status_code == 503
    assert answer["Retry-After"]
    assert said in answer.content
