"""Each page at two widths and in two themes: nothing for axe to find, nothing to scroll sideways, a silent console."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from connectors.models import Connector, ConnectorHealth
from portal.lib import clock
from portal.tenants import scope
from tests.conftest import Tenant
from tests.pages.seed import Portal
from tests.world import make_data_point, make_gateway
from triggers.intake import accept_events
from triggers.items import EventItem
from triggers.models import Aggregate, OccurrenceRule

pytestmark = pytest.mark.browser

LOOKS = [(1360, "light"), (1360, "dark"), (390, "light"), (390, "dark")]
PAGES = {
    "overview": "/",
    "connectors": "/connectors/",
    "no match": "/connectors/?q=nothing-like-it",
    "connector": "/connectors/{Heat pump fleet}/",
    "new connector": "/connectors/new/",
    "change": "/connectors/{Demo inbox}/change/",
    "what arrives": "/connectors/{Heat pump fleet}/format/",
    "pause": "/connectors/{Heat pump fleet}/pause/",
    "retry policies": "/connectors/policies/",
    "new retry policy": "/connectors/policies/new/",
    "delete": "/connectors/{Heat pump fleet}/delete/",
    "deliveries": "/deliveries/",
    "a failed delivery": "/deliveries/{failed}/?state=failed",
    "a waiting delivery": "/deliveries/{waiting}/",
    "inbox": "/inbox/",
    "notices": "/notices/",
    "new channel": "/notices/channels/new/",
    "new company": "/companies/new/",
    "change password": "/accounts/password/change/",
}
SIGNED_OUT = {
    "sign in": "/accounts/login/",
    "sign up": "/accounts/signup/",
    "forgotten password": "/accounts/password/reset/",
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_fit_for_everybody(page: Page, portal: Portal, live_server: Any, name: str) -> None:
    ids = {key: connector.id for key, connector in portal.connectors.items()} | portal.deliveries
    look_at(page, PAGES[name].format(**ids), live_server.url)


def test_a_paused_connectors_page_is_too(page: Page, portal: Portal, live_server: Any) -> None:
    connector = portal.connectors["Daily settlement"]
    paused: Any = {"paused_at": clock.now(), "paused_reason": "failing", "paused_detail": "All 61 attempts failed."}
    Connector._base_manager.filter(id=connector.id).update(**paused)
    look_at(page, f"/connectors/{connector.id}/", live_server.url)


def test_an_ownership_checks_pages_are_too(page: Page, portal: Portal, live_server: Any) -> None:
    connector = portal.connectors["Alarm desk"]
    asked = {"ownership_asked_at": clock.now(), "ownership_digest": hashlib.sha256(b"token").hexdigest()}
    Connector._base_manager.filter(id=connector.id).update(ownership="link", **asked)
    look_at(page, f"/connectors/{connector.id}/", live_server.url)
    link = f"/ownership/{connector.organization_id}/{connector.id}/token/"
    look_at(page, link, live_server.url)
    page.get_by_role("button", name="Yes, send them here").click()
    expect(page.get_by_text("Confirmed")).to_be_visible()


def test_the_page_of_an_endpoint_that_is_left_alone_is_too(page: Page, portal: Portal, live_server: Any) -> None:
    connector = portal.connectors["Grid operations"]
    resting = {"failures_in_a_row": 14, "resting_until": clock.now() + timedelta(minutes=5)}
    ConnectorHealth._base_manager.filter(connector_id=connector.id).update(**resting)
    look_at(page, f"/connectors/{connector.id}/", live_server.url)
    expect(page.get_by_text("Left alone for a while")).to_be_visible()


def test_the_page_of_faults_is_too(page: Page, portal: Portal, live_server: Any) -> None:
    organization_id = next(iter(portal.connectors.values())).organization_id
    with scope.organization(organization_id):
        make_gateway("GW-F")
        OccurrenceRule.objects.create(code="F71A", conditions={"duration": {"seconds": 300}})
    alarm = {"alarm_id": "A-17", "status": "open", "severity": "critical"}
    data = {"active": True, "code": "F71A"}
    items = [
        EventItem(type="appliance/error", gateway="GW-F", appliance="GW-F-INV", data=data),
        EventItem(type="alarm/raised", gateway="GW-F", data=alarm),
    ]
    assert accept_events(organization_id, items, clock.now()).accepted == 2
    look_at(page, "/faults/", live_server.url)
    expect(page.get_by_text("held back, because it has to last for 5 min")).to_be_visible()


def test_the_pages_that_configure_are_too(page: Page, empty: None, tenant: Tenant, live_server: Any) -> None:
    with scope.organization(tenant.organization.id):
        rule = OccurrenceRule.objects.create(code="F71A", conditions={"duration": {"seconds": 300}})
        point = make_data_point()
        aggregate = Aggregate.objects.create(name="pv.runTime", function="run_time", data_point=point)
    addresses = (
        "/organization/",
        f"/companies/{tenant.company.id}/",
        f"/faults/rules/{rule.id}/",
        "/aggregates/",
        "/aggregates/new/",
        f"/aggregates/{aggregate.id}/delete/",
    )
    for address in addresses:
        look_at(page, address, live_server.url)


def test_an_aggregate_is_configured_with_the_keyboard(
    page: Page, empty: None, tenant: Tenant, live_server: Any
) -> None:
    """Fields that do not matter for a figure are not shown, and the switch keeps the focus."""
    with scope.organization(tenant.organization.id):
        make_data_point()
    page.goto("/aggregates/new/")
    page.get_by_label("Name").fill("pv.runTime")
    page.get_by_label("Of the data point").select_option(label="pv.power (gauge, in W)")
    expect(page.get_by_label("Runs above")).to_be_hidden()
    page.get_by_label("Figure").select_option("run_time")
    page.get_by_label("Runs above").fill("50")
    page.get_by_label("Stuck when the same for").fill("soon")
    page.keyboard.press("Enter")
    expect(page.get_by_text("“soon” is no duration")).to_be_visible()
    expect(page.get_by_label("Runs above")).to_have_value("50")
    page.get_by_label("Stuck when the same for").fill("3 h")
    page.keyboard.press("Enter")
    switch = page.get_by_role("switch", name="pv.runTime on")
    switch.focus()
    page.keyboard.press("Space")
    expect(switch).not_to_be_checked()
    expect(switch).to_be_focused()
    made = Aggregate._base_manager.get()
    assert (made.running_above, made.stuck_after, made.enabled) == (50, 10_800, False)


@pytest.mark.parametrize("name", ["overview", "connectors", "deliveries", "inbox"])
def test_an_empty_page_is_too(page: Page, empty: None, live_server: Any, name: str) -> None:
    look_at(page, PAGES[name], live_server.url)


@pytest.mark.parametrize("name", SIGNED_OUT)
def test_pages_before_signing_in_are_too(transactional_db: None, page: Page, live_server: Any, name: str) -> None:
    look_at(page, SIGNED_OUT[name], live_server.url)


def look_at(page: Page, address: str, origin: str) -> None:
    for width, theme in LOOKS:
        page.set_viewport_size({"width": width, "height": 844})
        page.context.add_cookies([{"name": "theme", "value": theme, "url": origin}])
        page.goto(address)
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = Axe().run(page).response["violations"]
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
