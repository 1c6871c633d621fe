"""The pages in the system's Chromium, over the live server. Every page must end without a word in the console."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import BrowserContext, ConsoleMessage, Page

from portal.tenants import scope
from tests.conftest import Tenant
from tests.pages.seed import Portal, fill

WAIT_MS = 10_000

SignIn = Callable[[Tenant, str], None]


@pytest.fixture(scope="session", autouse=True)
def _django_beside_playwright() -> Iterator[None]:
    """Playwright's synchronous API keeps a running loop in this thread, which Django would refuse to work under."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    yield
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session")
def browser_context_args(live_server: Any) -> dict[str, Any]:
    return {"viewport": {"width": 1360, "height": 900}, "base_url": live_server.url}


@pytest.fixture
def said(page: Page, live_server: Any) -> list[str]:
    """What the page said that nobody should hear: errors, policy violations, requests to other hosts."""
    heard: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            heard.append(f"{page.url}: {message.text}")

    page.on("console", listen)
    page.on("pageerror", lambda error: heard.append(f"{page.url}: {error}"))
    page.on(
        "request",
        lambda request: None if request.url.startswith(live_server.url) else heard.append(f"asked {request.url}"),
    )
    return heard


@pytest.fixture(autouse=True)
def _silence(said: list[str], page: Page) -> Iterator[None]:
    page.set_default_timeout(WAIT_MS)
    yield
    assert said == []


@pytest.fixture
def sign_in(context: BrowserContext, live_server: Any) -> SignIn:
    """Signed in without the form, which has a test of its own."""

    def as_person(tenant: Tenant, role: str) -> None:
        client = Client()
        client.force_login(tenant.people[role], backend="allauth.account.auth_backends.AuthenticationBackend")
        context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])

    return as_person


@pytest.fixture
def portal(transactional_db: None, tenant: Tenant, sign_in: SignIn) -> Portal:
    """Something on every page, and its owner signed in."""
    sign_in(tenant, "owner")
    with scope.organization(tenant.organization.id):
        return fill(tenant.organization)


@pytest.fixture
def empty(transactional_db: None, tenant: Tenant, sign_in: SignIn) -> None:
    """A new organization, and its owner signed in."""
    sign_in(tenant, "owner")


@pytest.fixture
def own_inbox(live_server: Any, settings: Any) -> None:
    """The built-in inbox is this live server's."""
    settings.INBOX_ADDRESS = (live_server.thread.host, live_server.thread.port)
