"""The pages of contracts in a browser: fit for everybody, and the way from a partner's link back to the partner."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.cache import cache
from playwright.sync_api import Page, Route, expect

from portal.fleet import contracts, pairing_codes
from portal.fleet.contract_flow import Action, Who
from portal.fleet.models import Contract
from portal.lib import clock
from portal.tenants import scope
from portal.tenants.models import Company
from tests.browser.test_every_page import look_at
from tests.conftest import Tenant
from tests.world import make_gateway

pytestmark = pytest.mark.browser

BACK = "https://partner.example/connected"


@pytest.fixture
def made(empty: None, tenant: Tenant) -> Iterator[list[Contract]]:
    """Contracts in several states with a company whose links may lead to BACK, and the owner signed in."""
    cache.clear()
    with scope.organization(tenant.organization.id):
        Company.objects.filter(id=tenant.company.id).update(redirect_uris=[BACK])
        rows = [
            contracts.make(make_gateway(f"GW-{number}"), tenant.company, Who.END_USER, clock.now())
            for number in range(3)
        ]
        for contract, action in ((rows[1], Action.ACCEPT), (rows[2], Action.CLOSE)):
            contracts.change(contract, action, list(Who), clock.now())
    yield rows
    cache.clear()


def link_of(tenant: Tenant) -> str:
    return f"/pair/?{urlencode({'companyId': tenant.company.id, 'redirectUri': BACK, 'sessionId': 'visit-7'})}"


def test_each_page_is_fit_for_everybody(page: Page, made: list[Contract], tenant: Tenant, live_server: Any) -> None:
    for address in (
        "/contracts/",
        f"/contracts/{made[1].id}/close/",
        "/contracts/new/",
        "/contracts/code/",
        f"/contracts/links/{tenant.company.id}/",
        link_of(tenant),
    ):
        look_at(page, address, live_server.url)


def test_the_browser_lets_the_form_lead_back_to_the_partner(
    page: Page, made: list[Contract], tenant: Tenant, said: list[str]
) -> None:
    """Browsers hold a redirect that follows a form against the page's policy for forms."""
    with scope.organization(tenant.organization.id):
        code, _ = pairing_codes.issue(make_gateway("GW-9"), clock.now())

    def partner(route: Route) -> None:
        route.fulfill(body="<title>Back at the partner's</title>", content_type="text/html")

    page.route(f"{BACK}*", partner)
    page.goto(link_of(tenant))
    page.get_by_label("Serial number of the gateway").fill("GW-9")
    page.get_by_label("One-time code").fill(code)
    page.get_by_role("button", name="Give access and go back").click()
    expect(page).to_have_title("Back at the partner's")
    assert "contractStatus=pending&sessionId=visit-7" in page.url
    said[:] = [words for words in said if not words.startswith(f"asked {BACK}?")]
