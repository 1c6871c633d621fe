from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from connectors import configure, inbox
from connectors.models import Connector, ConnectorHealth, DisabledReason, SigningSecret
from connectors.signing import SCHEMES, Incoming
from portal.lib import clock
from portal.tenants import scope
from tests.receiver import Answer, Receiver
from tests.rest.world import World, errors, patch, post

CONNECTORS = "/api/v1/connectors/"
BODY = {"name": "Partner", "url": "https://partner.example/hooks", "profile": "standard"}
SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


def stored(world: World) -> list[Connector]:
    with scope.organization(world.ours.organization.id):
        return list(Connector.objects.order_by("id"))


@pytest.mark.line(109, 139, 144)
def test_a_new_connector_is_disabled_pinned_and_shows_its_secret_once(world: World) -> None:
    made = post(world.manager, CONNECTORS, BODY)
    assert made["secret"].startswith("whsec_")
    assert (made["enabled"], made["health"], made["profile"]) == (False, "disabled", "standard.2026-11")
    assert (made["signing"]["scheme"], made["retry_policy"]) == ("standard_webhooks", "standard")
    assert made["auth"] == {"type": "none"}
    shown = world.reader.get(f"{CONNECTORS}{made['id']}/")
    assert "secret" not in shown.json()
    assert made["secret"] not in shown.content.decode()
    assert "shard" not in shown.json()


def test_the_profiles_defaults_and_a_secret_of_the_partners_own(world: World) -> None:
    body = BODY | {"profile": "gridx", "signing": {"scheme": "x_signature", "secret": SECRET}}
    made = post(world.manager, CONNECTORS, body)
    assert "secret" not in made
    assert (made["profile"], made["retry_policy"]) == ("gridx.2026-06", "gridx")
    with scope.organization(world.ours.organization.id):
        assert configure.live_secrets(Connector.objects.get(), clock.now()) == [SECRET]


def test_a_connector_that_is_sent_back_with_a_bare_name_keeps_its_version(world: World) -> None:
    made = post(world.manager, CONNECTORS, BODY | {"profile": "gridx.2026-03"})
    path = f"{CONNECTORS}{made['id']}/"
    assert patch(world.manager, path, {"profile": "gridx"})["profile"] == "gridx.2026-03"
    assert patch(world.manager, path, {"profile": "gridx.2026-06"})["profile"] == "gridx.2026-06"


def test_the_public_key_is_always_shown(world: World) -> None:
    made = post(world.manager, CONNECTORS, BODY | {"signing": {"scheme": "standard_webhooks_v1a"}})
    assert made["secret"].startswith("whsk_")
    public = SCHEMES["standard_webhooks_v1a"].public_part(made["secret"])
    assert world.reader.get(f"{CONNECTORS}{made['id']}/").json()["signing"]["public_key"] == public


@pytest.mark.parametrize(
    ("auth", "shown"),
    [
        (
            {"type": "header", "name": "X-Token", "value": "s3cret"},
            {"type": "header", "name": "X-Token", "value_set": True},
        ),
        (
            {"type": "basic", "username": "ida", "password": "s3cret"},
            {"type": "basic", "username": "ida", "password_set": True},
        ),
        ({"type": "bearer", "token": "s3cret"}, {"type": "bearer", "token_set": True}),
    ],
)
@pytest.mark.line(112, 135, 136)
def test_credentials_are_written_only(world: World, auth: dict[str, str], shown: dict[str, object]) -> None:
    made = post(world.manager, CONNECTORS, BODY | {"auth": auth})
    assert made["auth"] == shown
    answers = [world.reader.get(CONNECTORS), world.reader.get(f"{CONNECTORS}{made['id']}/")]
    assert not any(b"s3cret" in answer.content for answer in answers)
    assert "s3cret" not in stored(world)[0].credentials
    replaced = patch(world.manager, f"{CONNECTORS}{made['id']}/", {"auth": {"type": "none"}})
    assert replaced["auth"] == {"type": "none"}
    assert stored(world)[0].get_credentials() == {}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"url": "http://10.0.0.1/"}, "/url"),
        ({"url": "https://user:pass@partner.example/"}, "/url"),
        ({"url": "ftp://partner.example/"}, "/url"),
        ({"profile": "morse"}, "/profile"),
        ({"routes": {"values": "/v"}}, "/routes"),
        ({"retry_policy": "never"}, "/retry_policy"),
        ({"concurrency": 0}, "/concurrency"),
        ({"concurrency": 1000}, "/concurrency"),
        ({"auth": {"type": "magic"}}, "/auth/type"),
        ({"auth": {"type": "bearer"}}, "/auth/token"),
        ({"auth": {"type": "header", "name": "Host", "value": "x"}}, "/auth/name"),
        ({"auth": {"type": "header", "name": "X-A", "value": "a\r\nb"}}, "/auth/value"),
        ({"auth": "bearer"}, "/auth"),
        ({"signing": {"scheme": "wax"}}, "/signing/scheme"),
        ({"signing": {"secret": "short"}}, "/signing/secret"),
        ({"signing": {"scheme": "none", "secret": SECRET}}, "/signing/secret"),
        ({"shard": 3}, "/shard"),
        ({"name": " "}, "/name"),
    ],
)
@pytest.mark.line(40, 129, 139)
def test_what_cannot_be_stored_is_refused_by_field(world: World, change: dict[str, object], pointer: str) -> None:
    refused = world.manager.post(CONNECTORS, BODY | change, format="json")
    assert refused.status_code == 400, refused.content
    assert pointer in errors(refused)
    assert stored(world) == []
    made = post(world.manager, CONNECTORS, BODY)
    before = world.reader.get(f"{CONNECTORS}{made['id']}/").json()
    refused = world.manager.patch(f"{CONNECTORS}{made['id']}/", change, format="json")
    assert refused.status_code == 400, refused.content
    assert world.reader.get(f"{CONNECTORS}{made['id']}/").json() == before


def test_the_own_inbox_is_a_target_and_a_strangers_is_not(world: World, settings: object) -> None:
    settings.EGRESS_ALLOW, settings.EGRESS_ALLOW_HTTP = [], False
    made = post(world.manager, CONNECTORS, BODY)
    own = inbox.inbox_url(world.ours.organization, made["id"])
    assert patch(world.manager, f"{CONNECTORS}{made['id']}/", {"url": own})["url"] == own
    foreign = inbox.inbox_url(world.theirs.organization, made["id"])
    patch(world.manager, f"{CONNECTORS}{made['id']}/", {"url": foreign}, 400)
    assert stored(world)[0].url == own


def test_switching_on_again_forgets_why_it_was_off(world: World) -> None:
    made = post(world.manager, CONNECTORS, BODY)
    with scope.organization(world.ours.organization.id):
        Connector.objects.update(disabled_reason=DisabledReason.GONE)
    path = f"{CONNECTORS}{made['id']}/"
    assert world.reader.get(path).json()["health"] == "failing"
    switched = patch(world.manager, path, {"enabled": True})
    assert (switched["enabled"], switched["disabled_reason"], switched["health"]) == (True, "", "new")


def test_while_its_breaker_leaves_it_alone_that_is_said(world: World) -> None:
    made = post(world.manager, CONNECTORS, BODY)
    assert made["resting_until"] is None
    until = datetime(2031, 5, 1, 12, tzinfo=UTC)
    with scope.organization(world.ours.organization.id):
        ConnectorHealth.objects.create(
            connector_id=made["id"],
            organization_id=world.ours.organization.id,
            last_attempt_at=clock.now(),
            failures_in_a_row=12,
            resting_until=until,
        )
    shown = world.reader.get(f"{CONNECTORS}{made['id']}/").json()
    assert (shown["resting_until"], shown["health"]) == ("2031-05-01T12:00:00.000Z", "disabled")


def test_rotation_keeps_the_old_secrets_for_the_overlap_and_five_in_all(world: World) -> None:
    made = post(world.manager, CONNECTORS, BODY)
    rotate = f"{CONNECTORS}{made['id']}/secrets/"
    secrets = [made["secret"], *(post(world.manager, rotate, {}, 200)["secret"] for _ in range(6))]
    with scope.organization(world.ours.organization.id):
        connector = Connector.objects.get()
        assert configure.live_secrets(connector, clock.now()) == secrets[:-6:-1]
        assert configure.live_secrets(connector, clock.now() + timedelta(days=3, minutes=1)) == secrets[-1:]
    listed = world.reader.get(f"{CONNECTORS}{made['id']}/").json()["signing"]["secrets"]
    assert [row["expires_at"] is None for row in listed] == [True, False, False, False, False]


def test_another_scheme_keeps_only_secrets_that_fit_it(world: World) -> None:
    path = f"{CONNECTORS}{post(world.manager, CONNECTORS, BODY)['id']}/"
    assert "secret" not in patch(world.manager, path, {"signing": {"scheme": "x_signature"}})
    changed = patch(world.manager, path, {"signing": {"scheme": "standard_webhooks_v1a"}})
    assert changed["secret"].startswith("whsk_")
    assert patch(world.manager, path, {"signing": {"scheme": "none"}})["signing"] == {"scheme": "none"}
    with scope.organization(world.ours.organization.id):
        assert not SigningSecret.objects.exists()
    post(world.manager, path + "secrets/", {}, 409)


def test_a_taken_name(world: World) -> None:
    post(world.manager, CONNECTORS, BODY)
    refused = world.manager.post(CONNECTORS, BODY, format="json")
    assert errors(refused) == {"/name": "This is taken already."}
    post(world.stranger, CONNECTORS, BODY)


def test_a_profile_that_cannot_carry_what_the_triggers_send(world: World) -> None:
    made = post(world.manager, CONNECTORS, BODY)
    trigger = {"name": "All values", "kind": "values", "connector": made["id"]}
    post(world.manager, "/api/v1/triggers/", trigger)
    refused = world.manager.patch(f"{CONNECTORS}{made['id']}/", {"profile": "gridx"}, format="json")
    assert "measured values" in errors(refused)["/profile"]
    assert stored(world)[0].profile == "standard.2026-11"


def test_a_test_answers_with_the_whole_exchange(world: World) -> None:
    with Receiver(lambda _: Answer(418, (("X-Tea", "green"),), b"short and stout")) as receiver:
        auth = {"type": "bearer", "token": "s3cret"}
        made = post(world.manager, CONNECTORS, BODY | {"url": receiver.url + "/hook", "auth": auth})
        exchange = post(world.manager, f"{CONNECTORS}{made['id']}/test/", {"event_type": "gateway/online"}, 200)
        (received,) = receiver.wait_for(1)
    assert exchange["delivered"] is False
    assert exchange["error"] is None
    assert exchange["response"]["status"] == 418
    assert exchange["response"]["body"] == "short and stout"
    assert exchange["response"]["headers"]["X-Tea"] == "green"
    assert exchange["request"]["method"] == "POST"
    assert exchange["request"]["body"] == received.body.decode()
    assert received.headers["authorization"] == "Bearer s3cret"
    assert "s3cret" not in str(exchange)
    assert exchange["duration_ms"] > 0
    arrived = Incoming(method="POST", path="/hook", headers=received.headers, body=received.body)
    signed = SCHEMES["standard_webhooks"].verify([made["secret"]], arrived, int(clock.now().timestamp()))
    assert signed


def test_a_test_that_finds_nobody(world: World) -> None:
    with Receiver() as receiver:
        nobody = receiver.url
    made = post(world.manager, CONNECTORS, BODY | {"url": nobody})
    exchange = post(world.manager, f"{CONNECTORS}{made['id']}/test/", {}, 200)
    assert (exchange["delivered"], exchange["response"]) == (False, None)
    assert exchange["error"]["class"] == "connection"


def test_a_sample_that_the_profile_cannot_carry(world: World) -> None:
    made = post(world.manager, CONNECTORS, BODY | {"profile": "gridx"})
    refused = world.manager.post(f"{CONNECTORS}{made['id']}/test/", {"event_type": "datapoint/value"}, format="json")
    assert "measured values" in errors(refused)["/event_type"]


def test_a_partner_makes_and_sees_connectors_of_its_company_only(world: World) -> None:
    theirs = post(world.manager, CONNECTORS, BODY)
    mine = post(world.partner, CONNECTORS, BODY | {"name": "Mine"})
    assert mine["company"] == str(world.ours.company.id)
    assert [row["id"] for row in world.partner.get(CONNECTORS).json()["results"]] == [mine["id"]]
    refused = world.partner.delete(f"{CONNECTORS}{theirs['id']}/")
    assert refused.status_code == 404
    other = {"name": "X", "company": str(world.ours.other_company.id)}
    refused = world.partner.post(CONNECTORS, BODY | other, format="json")
    assert errors(refused) == {"/company": "There is no such company."}
    assert {str(row.id) for row in stored(world)} == {theirs["id"], mine["id"]}


def test_deleting_lists_what_waited_as_dropped(world: World) -> None:
    made = post(world.manager, CONNECTORS, BODY)
    patch(world.manager, f"{CONNECTORS}{made['id']}/", {"enabled": True})
    body = {"name": "Gateways", "kind": "events", "event_types": ["gateway/create"], "enabled": True}
    post(world.manager, "/api/v1/triggers/", body | {"connector": made["id"]})
    post(world.manager, "/api/v1/gateways/", {"serial_number": "GW-1"})
    (waiting,) = world.reader.get("/api/v1/deliveries/").json()["results"]
    assert waiting["state"] == "waiting"
    assert world.manager.delete(f"{CONNECTORS}{made['id']}/").status_code == 204
    (dropped,) = world.reader.get("/api/v1/deliveries/").json()["results"]
    assert (dropped["id"], dropped["state"]) == (waiting["id"], "dropped")
    assert dropped["last_error"] == "The connector was deleted."
