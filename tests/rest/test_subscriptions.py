from __future__ import annotations

import pytest

from connectors.models import Connector
from connectors.signing import SCHEMES, Incoming
from portal.lib import clock
from portal.tenants import scope
from tests.receiver import Receiver
from tests.rest.world import World, errors, patch, post
from triggers.models import Subscription

SUBSCRIPTIONS = "/api/v1/subscriptions/"
BODY = {"event_types": ["gateway/online", "gateway/offline"], "target_url": "https://partner.example/in"}


def test_a_subscription_from_its_making_to_its_end(world: World) -> None:
    made = post(world.partner, SUBSCRIPTIONS, BODY | {"active": False})
    assert made["secret"].startswith("whsec_")
    assert (made["active"], made["profile"]) == (False, "gridx.2026-03")
    assert made["company"] == str(world.ours.company.id)
    path = f"{SUBSCRIPTIONS}{made['id']}/"
    assert "secret" not in world.partner.get(path).json()
    put = {"event_types": ["gateway/create"], "target_url": "https://partner.example/new", "active": True}
    answer = world.partner.put(path, put, format="json")
    assert answer.status_code == 200, answer.content
    assert {name: answer.json()[name] for name in put} == put
    with scope.organization(world.ours.organization.id):
        connector = Connector.objects.get()
        assert (connector.enabled, connector.signing, connector.retry_policy) == (True, "x_signature", "gridx")
    assert patch(world.partner, path, {"active": False})["active"] is False
    assert world.partner.delete(path).status_code == 204
    with scope.organization(world.ours.organization.id):
        assert not Connector.objects.exists()
        assert not Subscription.objects.exists()


@pytest.mark.parametrize("missing", ["event_types", "target_url", "active"])
def test_put_takes_all_three(world: World, missing: str) -> None:
    made = post(world.manager, SUBSCRIPTIONS, BODY)
    put = {**BODY, "active": True}
    del put[missing]
    refused = world.manager.put(f"{SUBSCRIPTIONS}{made['id']}/", put, format="json")
    assert errors(refused) == {f"/{missing}": "This field is required."}
    assert world.reader.get(f"{SUBSCRIPTIONS}{made['id']}/").json()["active"] is False


@pytest.mark.parametrize(
    ("change", "pointer", "reason"),
    [
        ({"event_types": ["gateway/online", "ping"]}, "/event_types/1", "tests only"),
        ({"event_types": ["gateway/explode"]}, "/event_types/0", "'gateway/explode'"),
        ({"event_types": ["datapoint/value"]}, "/event_types/0", "measured values"),
        ({"event_types": []}, "/event_types", "may not be empty"),
        ({"target_url": "http://169.254.169.254/"}, "/target_url", "not one that connectors may reach"),
        ({"profile": "morse"}, "/profile", "no such profile"),
        ({"profile": "wattsense"}, "/profile", "has routes"),
        ({"eventTypes": []}, "/eventTypes", "no such field"),
    ],
)
def test_what_cannot_be_subscribed_to(world: World, change: dict[str, object], pointer: str, reason: str) -> None:
    refused = world.manager.post(SUBSCRIPTIONS, BODY | change, format="json")
    assert refused.status_code == 400
    assert reason in errors(refused)[pointer]
    with scope.organization(world.ours.organization.id):
        assert not Connector.objects.exists()


def test_values_in_the_standard_profile(world: World) -> None:
    body = BODY | {"event_types": ["datapoint/value"], "profile": "standard"}
    assert post(world.manager, SUBSCRIPTIONS, body)["profile"] == "standard.2026-11"


def test_a_ping_goes_out_while_inactive_and_a_rotation_signs_with_both(world: World) -> None:
    with Receiver() as receiver:
        made = post(world.manager, SUBSCRIPTIONS, BODY | {"target_url": receiver.url})
        path = f"{SUBSCRIPTIONS}{made['id']}/"
        new = post(world.manager, path + "secret/", {}, 200)["secret"]
        exchange = post(world.manager, path + "ping/", {}, 200)
        (received,) = receiver.wait_for(1)
    assert exchange["delivered"] is True
    assert received.json()["type"] == "ping"
    now = int(clock.now().timestamp())
    verify = SCHEMES["x_signature"].verify
    arrived = Incoming(method="POST", path="/", headers=received.headers, body=received.body)
    assert verify([made["secret"]], arrived, now)
    assert verify([new], arrived, now)


def test_its_connector_is_seen_but_not_changed(world: World) -> None:
    made = post(world.manager, SUBSCRIPTIONS, BODY)
    path = f"/api/v1/connectors/{made['connector']}/"
    assert world.reader.get(path).json()["origin"] == "subscription"
    patch(world.manager, path, {"enabled": True}, 409)
    assert world.manager.delete(path).status_code == 409
    assert world.reader.get(path).json()["enabled"] is False
    trigger = {"name": "T", "kind": "alarms", "connector": made["connector"]}
    refused = world.manager.post("/api/v1/triggers/", trigger, format="json")
    assert errors(refused) == {"/connector": "This connector belongs to a subscription."}


def test_company_and_profile_are_settled_at_creation(world: World) -> None:
    made = post(world.manager, SUBSCRIPTIONS, BODY | {"company": str(world.ours.company.id)})
    path = f"{SUBSCRIPTIONS}{made['id']}/"
    answer = patch(world.manager, path, {"company": None, "profile": "standard"}, 400)
    assert {error["pointer"] for error in answer["errors"]} == {"/company", "/profile"}
    patch(world.manager, path, {"company": made["company"], "profile": "gridx"})


@pytest.mark.parametrize(
    ("asked", "version"),
    [("gridx", "gridx.2026-03"), ("gridx.2026-06", "gridx.2026-06"), ("standard", "standard.2026-11")],
)
def test_a_newer_version_is_sent_only_to_who_asks_for_it(world: World, asked: str, version: str) -> None:
    made = post(world.manager, SUBSCRIPTIONS, BODY | {"profile": asked})
    assert made["profile"] == version
    bare = version.partition(".")[0]
    assert patch(world.manager, f"{SUBSCRIPTIONS}{made['id']}/", {"profile": bare})["profile"] == version


def test_the_documented_version_takes_the_types_that_a_later_one_removed(world: World) -> None:
    types = {"event_types": ["ev/create", "ev/control"]}
    assert post(world.manager, SUBSCRIPTIONS, BODY | types)["event_types"] == types["event_types"]
    refused = world.manager.post(SUBSCRIPTIONS, BODY | types | {"profile": "gridx.2026-06"}, format="json")
    assert "removed the event type ev/create" in errors(refused)["/event_types/0"]


def test_a_partner_sees_only_its_companys(world: World) -> None:
    foreign = post(world.manager, SUBSCRIPTIONS, BODY | {"company": str(world.ours.other_company.id)})
    wide = post(world.manager, SUBSCRIPTIONS, BODY)
    assert world.partner.get(SUBSCRIPTIONS).json()["results"] == []
    for row in (foreign, wide):
        assert world.partner.delete(f"{SUBSCRIPTIONS}{row['id']}/").status_code == 404
        assert world.partner.post(f"{SUBSCRIPTIONS}{row['id']}/secret/").status_code == 404
    other = BODY | {"company": str(world.ours.other_company.id)}
    assert errors(world.partner.post(SUBSCRIPTIONS, other, format="json")) == {"/company": "There is no such company."}
    assert len(world.reader.get(SUBSCRIPTIONS).json()["results"]) == 2
