"""What people do on the pages, with mouse and keyboard."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from connectors.models import Connector, WaitingDelivery
from portal.tenants import scope
from tests.browser.conftest import SignIn
from tests.conftest import Tenant
from tests.pages.seed import Portal, ended
from tests.receiver import Answer, Receiver
from tests.world import make_connector

pytestmark = pytest.mark.browser


def test_signing_in_and_out(page: Page, transactional_db: None, tenant: Tenant) -> None:
    page.goto("/inbox/")
    page.get_by_label("Email").fill("owner@nordlys.example")
    page.get_by_label("Password").fill("correct horse battery")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()
    page.get_by_label("Account of owner@nordlys.example").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_from_nothing_to_the_last_step(page: Page, empty: None, own_inbox: None, tenant: Tenant) -> None:
    """Connector to the built-in inbox, test message, switch, trigger: all but the first event, on a few pages."""
    page.goto("/")
    page.get_by_role("link", name="Add a connector").click()
    page.get_by_label("Name", exact=True).fill("First")
    page.get_by_label("The built-in inbox").check()
    expect(page.get_by_label("URL", exact=True)).to_be_hidden()
    page.get_by_role("button", name="Make the connector").click()
    expect(page.get_by_text("The signing secret, shown this once")).to_be_visible()
    page.get_by_role("button", name="Send test message").click()
    expect(page.get_by_text("It arrived")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Send test message")).to_be_focused()
    page.get_by_role("switch", name="First on").click()
    expect(page.get_by_text("Nothing is sent here yet")).to_be_visible()
    page.get_by_role("button", name="Send these events here").click()
    expect(page.get_by_role("switch", name="First: events on")).to_be_checked()
    expect(page.get_by_text("Nothing is sent here yet")).to_be_hidden()
    page.goto("/")
    expect(page.locator(".steps .done")).to_have_count(4)
    page.goto("/inbox/")
    expect(page.locator(".arrived .pill")).to_have_text(["Verified"])
    page.locator(".arrived summary").click()
    expect(page.get_by_label("Body of the message")).to_contain_text('"type": "ping"')


def test_a_connector_is_switched_by_keyboard_and_the_focus_stays(page: Page, portal: Portal) -> None:
    page.goto("/connectors/")
    switch = page.get_by_role("switch", name="Grid operations on")
    switch.focus()
    page.keyboard.press("Space")
    expect(switch).not_to_be_checked()
    expect(switch).to_be_focused()
    expect(page.locator("#toasts")).to_contain_text("what waits is held")
    assert not Connector._base_manager.get(name="Grid operations").enabled
    page.keyboard.press("Enter")
    expect(switch).to_be_checked()
    expect(switch).to_be_focused()


def test_typing_in_the_search_is_never_lost(page: Page, portal: Portal) -> None:
    page.goto("/connectors/")
    search = page.get_by_placeholder("Search name or URL")
    search.press_sequentially("heat pump", delay=60)
    expect(search).to_have_value("heat pump")
    expect(page.locator("#rows .name")).to_have_count(1)
    expect(page).to_have_url("/connectors/?q=heat+pump")
    search.fill("nothing like it")
    expect(page.get_by_text("No connector matches")).to_be_visible()
    page.get_by_role("link", name="Clear filters").click()
    expect(page.locator("#rows .name")).to_have_count(7)


def test_a_failed_test_says_why_in_the_drawer(page: Page, portal: Portal, tenant: Tenant) -> None:
    with Receiver(lambda _: Answer(503, body=b"maintenance until noon")) as receiver:
        with scope.organization(tenant.organization.id):
            make_connector(f"{receiver.url}/hook", "Scripted")
        page.goto("/connectors/")
        page.get_by_label("Actions for Scripted").click()
        page.get_by_role("button", name="Send test message").click()
        drawer = page.get_by_role("dialog")
        expect(drawer).to_contain_text("The receiver answered 503")
        expect(drawer).to_contain_text("maintenance until noon")
        drawer.get_by_role("button", name="Send again").click()
        receiver.wait_for(2)
    drawer.get_by_role("button", name="Close").click()
    expect(drawer).to_be_hidden()


def test_deliveries_are_filtered_and_looked_into(page: Page, portal: Portal) -> None:
    page.goto("/deliveries/")
    expect(page.locator("#rows tbody tr")).to_have_count(35)
    page.get_by_label("Failed").check()
    expect(page.locator("#rows tbody tr")).to_have_count(2)
    page.get_by_label("Answer").select_option("No answer")
    expect(page.locator("#rows tbody tr")).to_have_count(1)
    row = page.locator("#rows a.row")
    row.focus()
    page.keyboard.press("Enter")
    drawer = page.get_by_role("dialog")
    expect(drawer).to_contain_text("No complete answer within 20 s")
    address = f"/deliveries/{portal.deliveries['failed']}/?state=failed&status_class=none"
    expect(page).to_have_url(address)
    drawer.get_by_role("link", name="1 timeout").click()
    expect(page).to_have_url(f"{address}&attempt=1")
    expect(drawer.locator("#a-1")).to_have_attribute("aria-current", "true")
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(page).to_have_url("/deliveries/?state=failed&status_class=none")
    expect(row).to_be_focused()
    page.reload()
    expect(page.locator("#rows tbody tr")).to_have_count(1)


def test_a_deliverys_address_opens_its_drawer_and_back_leaves_it(page: Page, portal: Portal) -> None:
    page.goto("/deliveries/")
    page.locator(f"#d-{portal.deliveries['delivered']}").click()
    expect(page.get_by_role("dialog")).to_contain_text("Message id")
    page.reload()
    expect(page.get_by_role("dialog")).to_contain_text("Message id")
    page.go_back()
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("#rows tbody tr")).to_have_count(35)


def test_a_drawer_over_a_connectors_page_leads_back_to_it(page: Page, portal: Portal) -> None:
    address = f"/connectors/{portal.connectors['Daily settlement'].id}/"
    page.goto(address)
    page.locator("a.row").click()
    expect(page.get_by_role("dialog")).to_contain_text("Message id")
    page.get_by_role("button", name="Close").click()
    expect(page).to_have_url(address)


def test_retrying_from_the_drawer(page: Page, portal: Portal) -> None:
    key = portal.deliveries["failed"]
    page.goto(f"/deliveries/{key}/")
    page.get_by_role("button", name="Retry now").click()
    expect(page.get_by_role("dialog").locator(".facts .pill")).to_have_text("Retrying")
    expect(page.locator("#toasts")).to_contain_text("It is tried again now.")
    assert WaitingDelivery._base_manager.filter(id=key).exists()


def test_new_deliveries_appear_by_themselves(page: Page, portal: Portal, tenant: Tenant) -> None:
    page.goto("/deliveries/?state=failed")
    expect(page.locator("#rows tbody tr")).to_have_count(2)
    with scope.organization(tenant.organization.id):
        from portal.lib import clock

        ended(portal.connectors["Alarm desk"], clock.now(), state="failed", status=500)
    expect(page.locator("#rows tbody tr")).to_have_count(3)


def test_a_viewer_is_told_what_is_missing(page: Page, portal: Portal, tenant: Tenant, sign_in: SignIn) -> None:
    sign_in(tenant, "viewer")
    page.goto("/connectors/")
    switch = page.get_by_role("switch", name="Grid operations on")
    switch.click(force=True)
    expect(page.locator("#toasts")).to_contain_text("Switching needs the role admin; you are viewer.")
    assert Connector._base_manager.get(name="Grid operations").enabled


def test_the_theme_is_kept(page: Page, empty: None) -> None:
    page.emulate_media(color_scheme="light")
    page.goto("/")
    page.get_by_role("button", name="Switch between light and dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_a_server_that_fails_is_said_in_words(
    page: Page, portal: Portal, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A filter that cannot be loaded offers another try; the same answer to a poll only marks the page as old."""

    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("a fault of the test")

    page.goto("/connectors/")
    with monkeypatch.context() as patched:
        patched.setattr("connectors.views.connectors.cards", broken)
        page.get_by_label("Failing 1").check()
        expect(page.get_by_text("This could not be loaded")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#rows .name")).to_have_count(1)
    with monkeypatch.context() as patched:
        patched.setattr("connectors.views.connectors.cards", broken)
        expect(page.get_by_text("Not up to date")).to_be_visible()
    expect(page.locator("#rows .name")).to_have_count(1)
    expect(page.get_by_text("Not up to date")).to_be_hidden()
    assert all("500" in one for one in said)
    said.clear()
