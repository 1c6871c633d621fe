"""Pausing in the browser: what is said before and after, by whom it may be done, and where it shows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from connectors.models import Connector, PauseReason, WhilePaused
from connectors.pausing import pause
from portal.lib import clock
from tests.conftest import Tenant, make_tenant
from tests.pages.conftest import AsWhom
from tests.pages.seed import waiting
from tests.pages.test_connector_pages import HTMX, NEW, names
from tests.world import make_connector

WHY = "All 61 attempts since 15 November 2026, 10:00 UTC failed; the last one had no answer (timeout)."


@pytest.fixture
def connector(in_tenant: Tenant) -> Connector:
    """One delivery waits for it."""
    made = make_connector("https://hooks.gridops.example/in", "Grid operations")
    waiting(made, clock.now())
    return made


def stored(connector: Connector) -> Connector:
    return Connector._base_manager.get(id=connector.id)


def paused(connector: Connector, reason: PauseReason = PauseReason.MANUAL) -> None:
    pause(connector, waiting=WhilePaused.HOLD, reason=reason, detail=WHY, now=clock.now())


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_the_question_says_what_will_happen_to_how_many(owner: Client, connector: Connector) -> None:
    page = f"/connectors/{connector.id}/pause/"
    assert page in text_of(owner.get(f"/connectors/{connector.id}/"))
    text = text_of(owner.get(page))
    for part in (
        "1 delivery waits now",
        "All is sent once the connector is resumed",
        "dropped now (1 delivery)",
        'value="hold" checked',
    ):
        assert part in text
    assert stored(connector).paused_at is None, "asking changes nothing"


def test_pausing_and_resuming_by_hand(owner: Client, tenant: Tenant, connector: Connector) -> None:
    answer = owner.post(f"/connectors/{connector.id}/pause/", {"waiting": "hold"}, follow=True)
    text = text_of(answer)
    for part in (
        "Grid operations is paused. What waits is held, and so is what comes.",
        f"By {tenant.people['owner'].email}.",
        "1 delivery is held; new events are kept, too.",
        '<span class="pill paused">Paused</span>',
    ):
        assert part in text
    answer = owner.post(f"/connectors/{connector.id}/resume/", {"of": "page"}, headers=HTMX)
    assert 'class="pill paused"' not in text_of(answer)
    assert json.loads(answer["HX-Trigger-After-Settle"])["toast"]["text"].startswith("Grid operations is resumed.")
    assert stored(connector).paused_at is None


def test_a_paused_one_may_be_told_to_drop_instead(owner: Client, connector: Connector) -> None:
    paused(connector)
    page = f"/connectors/{connector.id}/pause/"
    assert "Change the pause?" in text_of(owner.get(page))
    text = text_of(owner.post(page, {"waiting": "drop"}, follow=True))
    assert "What waits is dropped now, and what comes, too." in text
    assert f"{WHY} New events are dropped; 1 from before still waits and is dropped in the background." in text
    assert f"?connector={connector.id}&amp;state=dropped" in text
    assert (stored(connector).while_paused, stored(connector).paused_detail) == ("drop", WHY)


def test_without_a_choice_it_asks_again(owner: Client, connector: Connector) -> None:
    for wish in ({}, {"waiting": "burn"}):
        assert "Pause Grid operations?" in text_of(owner.post(f"/connectors/{connector.id}/pause/", wish))
    assert stored(connector).paused_at is None


def test_one_that_paused_for_its_failures_says_so_everywhere(owner: Client, connector: Connector) -> None:
    paused(connector, PauseReason.FAILING)
    text = text_of(owner.get(f"/connectors/{connector.id}/"))
    assert text.count("because it only failed") == 1
    assert f"{WHY} 1 delivery is held" in text
    assert "Send a test; when it arrives, resume." in text
    assert names(owner.get("/connectors/?status=paused", headers=HTMX)) == ["Grid operations"]
    overview = text_of(owner.get("/"))
    assert "because it only failed" in overview
    assert '<span class="pill paused">Paused</span>' in overview


def test_it_is_resumed_in_the_list(owner: Client, connector: Connector) -> None:
    paused(connector)
    answer = owner.post(f"/connectors/{connector.id}/resume/", {"of": "row"}, headers=HTMX)
    assert f'<tr id="c-{connector.id}">' in text_of(answer)
    assert f"/connectors/{connector.id}/pause/" in text_of(answer)


def test_an_operator_may_and_a_viewer_may_not(signed_in: AsWhom, connector: Connector) -> None:
    pause_, resume = f"/connectors/{connector.id}/pause/", f"/connectors/{connector.id}/resume/"
    viewer = signed_in("viewer")
    assert pause_ not in text_of(viewer.get(f"/connectors/{connector.id}/"))
    for call in (viewer.get(pause_), viewer.post(pause_, {"waiting": "drop"})):
        assert call.status_code == 403
    assert stored(connector).paused_at is None
    assert signed_in("operator").post(pause_, {"waiting": "hold"}).status_code == 302
    before = stored(connector)
    assert viewer.post(resume, {"of": "page"}, headers=HTMX).status_code == 403
    seen = text_of(viewer.get(f"/connectors/{connector.id}/"))
    assert resume not in seen
    assert "This needs the role operator; you are viewer." in seen
    assert (stored(connector).paused_at, stored(connector).while_paused) == (before.paused_at, "hold")


def test_a_stranger_finds_nothing_to_pause(signed_in: AsWhom, connector: Connector) -> None:
    stranger = make_tenant("Fremd")
    client = Client()
    client.force_login(stranger.people["owner"], backend="allauth.account.auth_backends.AuthenticationBackend")
    for path in ("pause", "resume"):
        answer = client.post(f"/connectors/{connector.id}/{path}/", {"waiting": "drop"})
        assert answer.status_code == 404
    assert client.get(f"/connectors/{connector.id}/pause/").status_code == 404
    assert stored(connector).paused_at is None


def test_limits_are_asked_shown_and_taken_back(owner: Client, connector: Connector) -> None:
    form = f"/connectors/{connector.id}/change/"
    fields = NEW | {"name": "Grid operations", "retry_policy": "standard", "signing": "standard_webhooks"}
    owner.post(form, fields | {"rate_limit": "1500", "ordered": "on"})
    assert (stored(connector).rate_limit, stored(connector).ordered) == (1500, True)
    text = text_of(owner.get(f"/connectors/{connector.id}/"))
    assert '1,500 <span class="quiet">a minute' in text
    assert "As events happen" in text
    assert "paused after 5 days of only failures" in text
    assert 'name="rate_limit" value="1500"' in text_of(owner.get(form))
    assert "greater than or equal to 1" in text_of(owner.post(form, fields | {"rate_limit": "0"}))
    owner.post(form, fields | {"rate_limit": ""})
    assert (stored(connector).rate_limit, stored(connector).ordered) == (None, False)


def test_the_form_says_after_how_long_of_failures_it_pauses(owner: Client) -> None:
    text = text_of(owner.get("/connectors/new/"))
    for days in ("After 5 days of nothing but failures", "After 1 day of nothing but failures"):
        assert days in text
