"""The first minutes of a new user: `up --demo`, sign in with what it printed, and see deliveries in a browser."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.whole.stack import Api, Stack, eventually

pytestmark = [pytest.mark.whole, pytest.mark.browser]


def printed(stack: Stack, label: str) -> str:
    found = re.search(rf"^\s*{label}: (\S.*)$", stack.log, re.MULTILINE)
    assert found, stack.log
    return found[1]


def test_from_the_first_start_to_deliveries_on_screen(tmp_path: Path, browser: Browser) -> None:
    began = time.monotonic()
    with Stack(tmp_path, demo=True) as stack:
        api = Api(stack.url, printed(stack, "API key"))
        eventually(lambda: api.must("GET", "deliveries/?state=delivered&limit=1")["results"], 60, "a first delivery")
        assert time.monotonic() - began < 90, "a minute is promised; a busy test machine may take half as long again"

        page = browser.new_page()
        page.goto(stack.url)
        page.locator("input[name=login]").fill(printed(stack, "Sign in as"))
        page.locator("input[name=password]").fill(printed(stack, "Password"))
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()

        page.goto(f"{stack.url}/deliveries/?state=delivered")
        expect(page.locator("tbody tr").first).to_contain_text("Delivered")
        page.goto(f"{stack.url}/inbox/")
        expect(page.get_by_text("Verified").first).to_be_visible()
        expect(page.get_by_text("Wrong signature")).to_have_count(0)
        page.close()

        profiles = {row["profile"].partition(".")[0] for row in api.must("GET", "connectors/")["results"]}
        assert profiles == {"standard", "gridx"}
        delivered = {row["id"] for row in api.must("GET", "deliveries/?state=delivered")["results"]}
        assert stack.stop() == 0

    with Stack(tmp_path, demo=True) as again:
        assert printed(again, "Password") == "as set at the first start"
        assert printed(again, "API key") == api.key
        kept = Api(again.url, api.key)
        first = next(iter(delivered))
        assert kept.must("GET", f"deliveries/{first}/")["state"] == "delivered"
        assert kept.must("GET", f"deliveries/{first}/attempts/")["results"][0]["status"] == 200
