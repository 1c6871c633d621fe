"""The ownership check over REST: connectors and subscriptions, of organizations that require it and others."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from connectors.models import Connector
from portal.tenants import scope
from portal.tenants.models import Organization
from tests.receiver import Answer, Received, Receiver
from tests.rest.world import World, errors, patch, post

CONNECTORS, SUBSCRIPTIONS = "/api/v1/connectors/", "/api/v1/subscriptions/"
BODY = {"name": "Partner", "url": "https://partner.example/hooks", "profile": "standard"}
WISH = {"event_types": ["gateway/online"], "target_url": "https://partner.example/in"}


@pytest.fixture
def required(world: World) -> World:
    Organization.objects.filter(id=world.ours.organization.id).update(requires_ownership_check=True)
    return world


class Partner:
    """Answers challenges with the secret that it was given."""

    secret = ""

    def __call__(self, received: Received) -> Answer:
        challenge = received.json().get("challenge", "")
        digest = hmac.new(self.secret.encode(), challenge.encode(), hashlib.sha256).hexdigest()
        return Answer(200, (), json.dumps({"challenge": digest}).encode())


def stored(world: World) -> Connector:
    with scope.organization(world.ours.organization.id):
        return Connector.objects.get()


def path_of(resource: str, made: Any) -> str:
    return f"{resource}{made['id']}/"


def test_a_connector_is_verified_and_then_enabled(required: World) -> None:
    partner = Partner()
    with Receiver(partner) as receiver:
        made = post(required.manager, CONNECTORS, BODY | {"url": receiver.url})
        assert (made["ownership"], made["ownership_check"]["state"]) == ("challenge", "unverified")
        path = path_of(CONNECTORS, made)
        refused = required.manager.patch(path, {"enabled": True}, format="json")
        assert (refused.status_code, set(errors(refused))) == (400, {"/enabled"})
        failed = post(required.manager, path + "verify/", {}, 200)
        assert failed["state"] == "unverified"
        partner.secret = made["secret"]
        passed = post(required.manager, path + "verify/", {}, 200)
    assert (passed["state"], passed["host"]) == ("verified", receiver.url)
    assert passed["verified_at"].endswith("Z")
    assert passed["exchange"]["response"]["status"] == 200
    assert patch(required.manager, path, {"enabled": True})["enabled"] is True
    moved = patch(required.manager, path, {"url": "https://elsewhere.example/"})
    assert (moved["enabled"], moved["disabled_reason"]) == (False, "unverified")
    assert moved["ownership_check"]["state"] == "unverified"
    refused = required.manager.patch(
        path, {"url": receiver.url + "/x", "enabled": True, "ownership": "none"}, format="json"
    )
    assert set(errors(refused)) == {"/ownership"}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"ownership": "none"}, "/ownership"),
        ({"ownership": "promise"}, "/ownership"),
        ({"ownership": "challenge", "signing": {"scheme": "none"}}, "/ownership"),
        ({"ownership": "challenge", "signing": {"scheme": "standard_webhooks_v1a"}}, "/ownership"),
    ],
)
def test_a_check_that_cannot_be(required: World, change: dict[str, Any], pointer: str) -> None:
    refused = required.manager.post(CONNECTORS, BODY | change, format="json")
    assert refused.status_code == 400
    assert pointer in errors(refused)
    made = post(required.manager, CONNECTORS, BODY)
    assert required.manager.patch(path_of(CONNECTORS, made), change, format="json").status_code == 400
    assert stored(required).ownership == "challenge"


def test_a_scheme_without_a_shared_secret_gets_a_link(required: World) -> None:
    made = post(required.manager, CONNECTORS, BODY | {"signing": {"scheme": "none"}})
    assert made["ownership"] == "link"


def test_nothing_is_asked_where_nothing_is_required(world: World) -> None:
    made = post(world.manager, CONNECTORS, BODY)
    assert (made["ownership"], made["ownership_check"]) == ("none", None)
    assert patch(world.manager, path_of(CONNECTORS, made), {"enabled": True})["enabled"] is True
    assert world.manager.post(path_of(CONNECTORS, made) + "verify/", {}, format="json").status_code == 409


def test_what_was_made_before_it_was_required_goes_on_as_it_is(world: World) -> None:
    made = post(world.manager, CONNECTORS, BODY)
    path = path_of(CONNECTORS, made)
    patch(world.manager, path, {"enabled": True})
    Organization.objects.filter(id=world.ours.organization.id).update(requires_ownership_check=True)
    own = {"secret": "whsec_" + "a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5"}
    assert post(world.manager, path + "secrets/", own, 200) == own
    assert patch(world.manager, path, {"name": "Renamed", "enabled": True})["enabled"] is True
    refused = world.manager.patch(path, {"url": "https://elsewhere.example/"}, format="json")
    assert set(errors(refused)) == {"/ownership"}
    moved = patch(world.manager, path, {"url": "https://elsewhere.example/", "ownership": "link"})
    assert (moved["enabled"], moved["ownership_check"]["state"]) == (False, "unverified")


def test_only_who_may_change_a_connector_verifies_it(world: World) -> None:
    with Receiver() as receiver:
        made = post(world.manager, CONNECTORS, BODY | {"url": receiver.url, "ownership": "link"})
        path = path_of(CONNECTORS, made) + "verify/"
        for caller, status in ((world.teammate, 403), (world.reader, 403), (world.partner, 404), (world.stranger, 404)):
            assert caller.post(path, {}, format="json").status_code == status
        assert receiver.requests == []
        assert stored(world).ownership_digest == ""
        assert post(world.owner, path, {}, 200)["state"] == "pending"


def test_a_subscription_becomes_active_once_it_is_verified(required: World) -> None:
    partner = Partner()
    with Receiver(partner) as receiver:
        wish = WISH | {"target_url": receiver.url}
        refused = required.partner.post(SUBSCRIPTIONS, wish | {"active": True}, format="json")
        assert set(errors(refused)) == {"/active"}
        made = post(required.partner, SUBSCRIPTIONS, wish)
        assert (made["active"], made["ownership"]) == (False, "challenge")
        path = path_of(SUBSCRIPTIONS, made)
        partner.secret = made["secret"]
        assert required.stranger.post(path + "verify/", {}, format="json").status_code == 404
        assert required.partner.patch(path, {"active": True}, format="json").status_code == 400
        assert post(required.partner, path + "verify/", {}, 200)["state"] == "verified"
    assert patch(required.partner, path, {"active": True})["active"] is True
    moved = patch(required.partner, path, {"target_url": "https://elsewhere.example/in"})
    assert (moved["active"], moved["ownership_check"]["state"]) == (False, "unverified")
    whole = WISH | {"target_url": "https://third.example/", "active": True}
    assert set(errors(required.partner.put(path, whole, format="json"))) == {"/active"}
    assert stored(required).url == "https://elsewhere.example/in"
