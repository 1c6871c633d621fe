"""Pausing and resuming over REST, the limits beside it, and who may."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from connectors.models import Connector, ConnectorHealth
from portal.lib import clock
from portal.tenants import scope
from portal.tenants.models import Role
from tests.rest.world import World, by_session, errors, patch, post

CONNECTORS = "/api/v1/connectors/"
BODY = {"name": "Partner", "url": "https://partner.example/hooks", "profile": "standard"}


@pytest.fixture
def path(world: World) -> str:
    made = post(world.manager, CONNECTORS, BODY)
    patch(world.manager, f"{CONNECTORS}{made['id']}/", {"enabled": True})
    return f"{CONNECTORS}{made['id']}/"


def test_pausing_says_since_when_why_by_whom_and_what_becomes_of_the_rest(world: World, path: str) -> None:
    assert world.reader.get(path).json()["paused"] is None
    before = clock.rfc3339(clock.now())
    shown = post(world.owner, f"{path}pause/", {"waiting": "drop"}, 200)
    assert shown["health"] == "paused"
    assert before <= shown["paused"].pop("at") <= clock.rfc3339(clock.now())
    assert shown["paused"] == {"reason": "manual", "detail": "By ida@example.com.", "waiting": "drop"}
    assert world.reader.get(CONNECTORS).json()["results"][0]["health"] == "paused"
    resumed = post(world.manager, f"{path}resume/", {}, 200)
    assert (resumed["paused"], resumed["health"]) == (None, "new")


def test_repeating_is_fine_and_changes_only_what_is_asked(world: World, path: str) -> None:
    first = post(world.owner, f"{path}pause/", {}, 200)["paused"]
    assert first["waiting"] == "hold", "the harmless one, when nothing is said"
    assert post(world.manager, f"{path}pause/", {"waiting": "hold"}, 200)["paused"] == first
    assert post(world.manager, f"{path}pause/", {"waiting": "drop"}, 200)["paused"] == first | {"waiting": "drop"}
    for _ in range(2):
        assert post(world.manager, f"{path}resume/", {}, 200)["paused"] is None


def test_a_key_is_named_by_its_prefix(world: World, path: str) -> None:
    assert post(world.manager, f"{path}pause/", {}, 200)["paused"]["detail"].startswith("By the API key fk_")


@pytest.mark.parametrize("body", [{"waiting": "burn"}, {"waiting": None}, {"wait": "hold"}])
def test_a_wish_that_makes_no_sense_pauses_nothing(world: World, path: str, body: dict[str, Any]) -> None:
    refused = world.manager.post(f"{path}pause/", body, format="json")
    assert refused.status_code == 400
    assert set(errors(refused)) == {f"/{name}" for name in body}
    assert world.reader.get(path).json()["paused"] is None


CALLERS = [
    ("teammate", 403),
    ("reader", 403),
    ("ingester", 403),
    ("partner", 404),
    ("stranger", 404),
    ("anonymous", 401),
]


@pytest.mark.parametrize(("who", "status"), CALLERS)
def test_who_may_not_neither_pauses_nor_resumes(world: World, path: str, who: str, status: int) -> None:
    assert getattr(world, who).post(f"{path}pause/", {"waiting": "drop"}, format="json").status_code == status
    assert world.manager.get(path).json()["paused"] is None
    paused = post(world.manager, f"{path}pause/", {}, 200)["paused"]
    assert getattr(world, who).post(f"{path}resume/", {}, format="json").status_code == status
    assert world.manager.get(path).json()["paused"] == paused


def test_an_operator_pauses_and_resumes_but_configures_nothing(world: World, path: str) -> None:
    operator = by_session(world.ours, "olga@example.com", Role.OPERATOR)
    assert post(operator, f"{path}pause/", {}, 200)["paused"]["detail"] == "By olga@example.com."
    assert operator.patch(path, {"rate_limit": 5}, format="json").status_code == 403
    assert post(operator, f"{path}resume/", {}, 200)["rate_limit"] is None


def test_a_partner_pauses_its_own_subscriptions_connector_which_stays_a_subscriptions(world: World) -> None:
    wish = {"event_types": ["gateway/online"], "target_url": "https://partner.example/", "active": True}
    made = post(world.partner, "/api/v1/subscriptions/", wish)
    path = f"{CONNECTORS}{made['connector']}/"
    assert post(world.partner, f"{path}pause/", {}, 200)["health"] == "paused"
    assert world.partner.get(f"/api/v1/subscriptions/{made['id']}/").json()["active"] is True
    assert world.partner.patch(path, {"rate_limit": 5}, format="json").status_code == 409
    assert post(world.partner, f"{path}resume/", {}, 200)["enabled"] is True


def test_a_partner_does_not_read_who_of_the_staff_paused(world: World) -> None:
    wish = {"event_types": ["gateway/online"], "target_url": "https://partner.example/", "active": True}
    made = post(world.partner, "/api/v1/subscriptions/", wish)
    path = f"{CONNECTORS}{made['connector']}/"
    admin = by_session(world.ours, "ada@example.com", Role.ADMIN)
    post(world.owner, f"{path}pause/", {}, 200)
    for answer in (
        world.partner.get(path),
        world.partner.get(CONNECTORS),
        world.partner.get("/api/v1/subscriptions/"),
        world.partner.get(f"/api/v1/subscriptions/{made['id']}/"),
        world.partner.post(f"{path}pause/", {"waiting": "hold"}, format="json"),
    ):
        assert answer.status_code == 200
        assert "ida@" not in answer.content.decode()
    assert world.partner.get(path).json()["paused"]["detail"] == "By hand."
    for colleague in (world.owner, admin, world.teammate, world.reader):
        assert colleague.get(path).json()["paused"]["detail"] == "By ida@example.com."
    assert world.stranger.get(path).status_code == 404


def test_a_partner_reads_its_own_key_and_no_other_and_why_the_product_paused(world: World) -> None:
    wish = {"event_types": ["gateway/online"], "target_url": "https://partner.example/", "active": True}
    path = f"{CONNECTORS}{post(world.partner, '/api/v1/subscriptions/', wish)['connector']}/"
    own = post(world.partner, f"{path}pause/", {}, 200)["paused"]["detail"]
    assert own.startswith("By the API key fk_")
    post(world.partner, f"{path}resume/", {}, 200)
    assert post(world.manager, f"{path}pause/", {}, 200)["paused"]["detail"] not in ("By hand.", own)
    assert world.partner.get(path).json()["paused"]["detail"] == "By hand."
    with scope.organization(world.ours.organization.id):
        Connector.objects.update(paused_reason="failing", paused_detail="All 61 attempts failed.")
    assert world.partner.get(path).json()["paused"]["detail"] == "All 61 attempts failed."


def test_an_answer_about_one_connector_reads_its_health_once(world: World, path: str) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert world.reader.get(path).json()["resting_until"] is None
    asked = [query["sql"] for query in queries if 'FROM "connectors_connectorhealth"' in query["sql"]]
    assert len(asked) == 1


def test_off_says_more_than_paused(world: World, path: str) -> None:
    post(world.manager, f"{path}pause/", {}, 200)
    off = patch(world.manager, path, {"enabled": False})
    assert (off["health"], off["paused"] is None) == ("disabled", False)
    on = patch(world.manager, path, {"enabled": True})
    assert on["health"] == "paused", "a pause by hand outlasts the switch"


@pytest.mark.parametrize("change", [{"enabled": True}, {"url": "https://elsewhere.example/"}])
def test_a_fresh_start_has_its_days_of_failures_before_it(world: World, path: str, change: dict[str, Any]) -> None:
    now = clock.now()
    with scope.organization(world.ours.organization.id):
        connector = Connector.objects.get()
        ConnectorHealth.objects.create(
            connector_id=connector.id, last_attempt_at=now, failures_in_a_row=50, failing_since=now - timedelta(days=4),
            organization_id=connector.organization_id,
        )  # fmt: skip
        patch(world.manager, path, {"concurrency": 3})
        assert ConnectorHealth.objects.get().failing_since < now, "no fresh start"
        patch(world.manager, path, change)
        assert ConnectorHealth.objects.get().failing_since > now


def test_rate_limit_and_order_are_stored_and_taken_back(world: World, path: str) -> None:
    assert post(world.manager, CONNECTORS, BODY | {"name": "B", "rate_limit": 90, "ordered": True})["rate_limit"] == 90
    changed = patch(world.manager, path, {"rate_limit": 600, "ordered": True})
    assert (changed["rate_limit"], changed["ordered"]) == (600, True)
    changed = patch(world.manager, path, {"rate_limit": None, "ordered": False})
    assert (changed["rate_limit"], changed["ordered"]) == (None, False)


@pytest.mark.parametrize(
    "change",
    [{"rate_limit": 0}, {"rate_limit": -1}, {"rate_limit": 1_000_001}, {"rate_limit": 1.5}, {"rate_limit": "many"},
     {"ordered": "perhaps"}, {"ordered": None}],
)  # fmt: skip
def test_limits_that_make_no_sense_are_refused_by_field(world: World, path: str, change: dict[str, Any]) -> None:
    before = world.reader.get(path).json()
    refused = world.manager.patch(path, change, format="json")
    assert refused.status_code == 400
    assert set(errors(refused)) == {f"/{name}" for name in change}
    assert world.reader.get(path).json() == before
