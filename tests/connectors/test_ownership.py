"""The ownership check, way by way, with receivers that answer as they should and as they should not."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from connectors import configure, ownership, ownership_rules
from connectors.message import Outcome
from connectors.models import Connector, DisabledReason
from connectors.sender import send_now
from connectors.target import origin_of
from portal.lib import clock
from portal.tenants.models import Organization
from tests.conftest import Tenant
from tests.receiver import Answer, Received, Receiver, Script
from tests.world import SECRET, make_connector

HEX = hashlib.sha256
JSON = (("Content-Type", "application/json"),)


def mac(challenge: str, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), challenge.encode(), HEX).hexdigest()


def answers(received: Received) -> Answer:
    return Answer(200, JSON, json.dumps({"challenge": mac(received.json()["challenge"])}).encode())


def unverified(url: str, method: str, **fields: object) -> Connector:
    return make_connector(url, ownership=method, enabled=False, **fields)


def ask(connector: Connector) -> ownership.Verification:
    return ownership.verify(connector, clock.now())


def state(connector: Connector) -> str:
    return ownership_rules.state_of(Connector.objects.get(id=connector.id), clock.now())


@pytest.mark.parametrize(
    ("body", "passes"),
    [
        (mac("c"), True),
        (f" {mac('c').upper()}\n", True),
        (json.dumps({"challenge": mac("c"), "more": 1}), True),
        (json.dumps(mac("c")), True),
        (mac("c", "whsec_older"), True),
        (mac("c", "whsec_another"), False),
        (mac("d"), False),
        ("c", False),
        (json.dumps({"challenge": "c"}), False),
        (json.dumps({"challenge": [mac("c")]}), False),
        (json.dumps([mac("c")]), False),
        ("", False),
        ("{", False),
        ("\udcff", False),
    ],
)
def test_what_answers_a_challenge(body: str, passes: bool) -> None:
    secrets = [SECRET, "whsec_older"]
    assert ownership.challenge_answered(body.encode(errors="surrogateescape"), "c", secrets) is passes


@pytest.mark.parametrize(
    ("headers", "allowed", "rate"),
    [
        ((("WebHook-Allowed-Origin", "feeder.example"), ("WebHook-Allowed-Rate", "120")), True, 120),
        ((("webhook-allowed-origin", "*"), ("webhook-allowed-rate", "*")), True, None),
        ((("WebHook-Allowed-Origin", "Feeder.Example"),), True, None),
        ((("WebHook-Allowed-Origin", "other.example"), ("WebHook-Allowed-Rate", "0")), False, None),
        ((("WebHook-Allowed-Origin", ""), ("WebHook-Allowed-Rate", "-5")), False, None),
        ((("WebHook-Allowed-Rate", "9999999"),), False, None),
    ],
)
def test_what_allows_an_origin(headers: tuple[tuple[str, str], ...], allowed: bool, rate: int | None) -> None:
    assert ownership.allows_origin(headers, "feeder.example") is allowed
    assert ownership.allowed_rate(headers) == rate


@pytest.mark.parametrize(
    ("method", "verified", "required", "expected"),
    [
        ("none", "", False, None),
        ("none", "", True, ownership_rules.REQUIRED),
        ("challenge", "", False, ownership_rules.NOT_VERIFIED),
        ("challenge", "https://a.example:443", True, None),
        ("link", "https://a.example:8443", False, ownership_rules.NOT_VERIFIED),
        ("link", "http://a.example:80", False, ownership_rules.NOT_VERIFIED),
        ("cloudevents", "https://b.example:443", True, ownership_rules.NOT_VERIFIED),
        ("none", "https://a.example:443", True, None),
    ],
)
def test_what_stands_in_the_way(method: str, verified: str, required: bool, expected: str | None) -> None:
    organization = Organization(name="Ours", requires_ownership_check=required)
    assert ownership_rules.obstacle(method, verified, "https://A.example/in?x", organization) == expected


def test_a_receiver_that_has_the_secret_passes_the_challenge(in_tenant: Tenant) -> None:
    with Receiver(answers) as receiver:
        connector = unverified(f"{receiver.url}/in", "challenge")
        with pytest.raises(configure.NotVerifiedError):
            configure.set_enabled(connector, enabled=True)
        result = ask(connector)
        (received,) = receiver.wait_for(1)
    assert state(connector) == "verified"
    assert connector.ownership_verified_host == receiver.url
    assert result.exchange.request is not None
    assert result.exchange.request["body"] == received.body.decode()
    assert received.headers["webhook-signature"].startswith("v1,")
    configure.set_enabled(connector, enabled=True)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (lambda r: Answer(200, (), r.body), "not the challenge's HMAC"),
        (lambda r: Answer(404, JSON, answers(r).body), "answered 404"),
        (lambda r: Answer(302, (("Location", "/x"),), answers(r).body), "answered 302"),
        (lambda _: Answer(reset=True), "No answer"),
    ],
)
def test_a_receiver_that_does_not_answer_the_challenge(in_tenant: Tenant, script: Script, words: str) -> None:
    with Receiver(script) as receiver:
        connector = unverified(receiver.url, "challenge")
        assert words in ask(connector).detail
    assert state(connector) == "unverified"
    with pytest.raises(configure.NotVerifiedError):
        configure.set_enabled(connector, enabled=True)
    assert not Connector.objects.get().enabled


def test_a_link_is_sent_and_nobody_here_can_read_it(in_tenant: Tenant, stranger: Tenant) -> None:
    with Receiver(lambda r: Answer(200, (("X-Echo", r.json()["token"]),), r.body)) as receiver:
        connector = unverified(receiver.url, "link")
        result = ask(connector)
        (received,) = receiver.wait_for(1)
    token = received.json()["token"]
    assert state(connector) == "pending"
    assert token not in str(result)
    assert str(result.exchange).count("•••") >= 4
    assert token not in str(list(Connector.objects.values()))
    path = urlsplit(received.json()["confirmation_url"]).path
    browser = Client()
    for wrong in (path.replace(token, "x" * 43), path.replace(str(connector.id), str(stranger.organization.id))):
        assert browser.post(wrong).status_code == 404
    page = browser.get(path)
    assert page.status_code == 200
    assert connector.url in page.content.decode()
    assert page["Referrer-Policy"] == "no-referrer"
    assert state(connector) == "pending"
    assert b"Confirmed" in browser.post(path).content
    assert state(connector) == "verified"
    assert browser.post(path).status_code == 404


def test_a_link_is_used_up_by_time_by_another_and_by_a_move(in_tenant: Tenant) -> None:
    with Receiver() as receiver:
        connector = unverified(receiver.url, "link")
        ask(connector)
        ask(connector)
        first, second = (received.json()["token"] for received in receiver.wait_for(2))
        now = clock.now()
        assert not ownership.confirm(connector, first, now)
        assert not ownership.confirm(connector, second, now + timedelta(days=3, seconds=1))
        configure.change_connector(connector, {"url": "https://elsewhere.example/"}, now)
        assert not ownership.confirm(connector, second, now)
        assert state(connector) == "unverified"


def test_a_link_that_did_not_arrive_opens_nothing(in_tenant: Tenant) -> None:
    with Receiver(lambda _: Answer(500)) as receiver:
        connector = unverified(receiver.url, "link")
        assert "answered 500" in ask(connector).detail
        (received,) = receiver.wait_for(1)
    assert state(connector) == "unverified"
    assert not ownership.confirm(connector, received.json()["token"], clock.now())


def test_the_handshake_of_cloudevents(in_tenant: Tenant, settings: object) -> None:
    settings.PUBLIC_URL = "https://feeder.example"  # type: ignore[attr-defined]
    allow = (("WebHook-Allowed-Origin", "feeder.example"), ("WebHook-Allowed-Rate", "60"))
    with Receiver(lambda _: Answer(200, allow)) as receiver:
        connector = unverified(f"{receiver.url}/in", "cloudevents", rate_limit=120)
        result = ask(connector)
        (received,) = receiver.wait_for(1)
    assert (received.method, received.path) == ("OPTIONS", "/in")
    assert received.headers["webhook-request-origin"] == "feeder.example"
    assert received.headers["webhook-request-rate"] == "120"
    assert received.headers["webhook-request-callback"].startswith("https://feeder.example/ownership/")
    assert received.headers["webhook-request-callback"] not in str(result)
    assert state(connector) == "verified"
    assert Connector.objects.get().rate_limit == 60


def with_auth(connector: Connector, public: dict[str, str], **secrets: str) -> Connector:
    connector.auth_type = public["type"]
    connector.auth_public = {name: value for name, value in public.items() if name != "type"}
    connector.set_credentials(secrets)
    connector.save()
    return connector


def test_the_handshake_is_authenticated_as_every_message_is(in_tenant: Tenant) -> None:
    key = {"type": "api_key", "in": "query", "name": "key"}
    aws = {"type": "sigv4", "service": "execute-api", "region": "eu-central-1", "access_key_id": "AKIDEXAMPLE"}
    with Receiver(lambda _: Answer(200, (("WebHook-Allowed-Origin", "*"),))) as receiver:
        asked = with_auth(unverified(receiver.url + "/in?a=1", "cloudevents"), key, value="geheim")
        result = ask(asked)
        signed = with_auth(
            unverified(receiver.url + "/aws", "cloudevents", name="AWS"), aws, secret_access_key="k" * 40
        )
        ask(signed)
        first, second = receiver.wait_for(2)
    assert (first.method, first.path) == ("OPTIONS", "/in?a=1&key=geheim")
    assert "geheim" not in str(result)
    assert state(asked) == "verified"
    assert (second.method, second.path) == ("OPTIONS", "/aws")
    assert second.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert state(signed) == "verified"


def test_a_store_of_objects_is_asked_by_no_handshake(in_tenant: Tenant) -> None:
    """What signs for a store makes a PUT of every request: a handshake would leave an object there."""
    with Receiver(lambda _: Answer(200, (("WebHook-Allowed-Origin", "*"),))) as receiver:
        s3 = {"type": "sigv4", "service": "s3", "region": "eu-central-1", "access_key_id": "AKIDEXAMPLE"}
        connector = with_auth(unverified(receiver.url, "cloudevents"), s3, secret_access_key="k" * 40)
        assert "store of objects" in ask(connector).detail
        assert receiver.requests == []
    assert state(connector) == "unverified"


@pytest.mark.parametrize("status", [200, 500])
def test_a_connector_may_go_while_its_receiver_is_asked(
    in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    def send_and_delete(*given: Any) -> Outcome:
        outcome = send_now(*given)
        Connector.objects.all().delete()
        return outcome

    monkeypatch.setattr(ownership, "send_now", send_and_delete)
    with Receiver(lambda r: Answer(status, JSON, answers(r).body)) as receiver:
        detail = ask(unverified(receiver.url, "challenge")).detail
    assert ("deleted meanwhile" if status == 200 else "answered 500") in detail


def test_what_could_not_be_asked_is_not_waited_for(in_tenant: Tenant) -> None:
    oauth2 = {"type": "oauth2", "client_id": "a", "credentials_in": "body"}
    with Receiver(lambda _: Answer(401)) as server, Receiver() as receiver:
        config = oauth2 | {"token_url": server.url}
        connector = with_auth(unverified(receiver.url, "link"), config, client_secret="secret")
        assert "token server answered 401" in ask(connector).detail
        assert receiver.requests == []
    assert state(connector) == "unverified"
    assert Connector.objects.get().ownership_digest == ""


def test_cloudevents_may_allow_it_later_by_the_callback(in_tenant: Tenant) -> None:
    with Receiver(lambda _: Answer(200, (("Allow", "POST"),))) as receiver:
        connector = unverified(receiver.url, "cloudevents")
        assert "no WebHook-Allowed-Origin" in ask(connector).detail
        (received,) = receiver.wait_for(1)
    assert state(connector) == "pending"
    callback = urlsplit(received.headers["webhook-request-callback"]).path
    assert Client(enforce_csrf_checks=True).post(callback).status_code == 200
    assert state(connector) == "verified"


def test_another_host_has_to_be_verified_anew(in_tenant: Tenant) -> None:
    now = clock.now()
    connector = make_connector(
        "https://a.example/in",
        ownership="challenge",
        ownership_verified_host=origin_of("https://a.example/"),
        ownership_verified_at=now,
    )
    configure.change_connector(connector, {"url": "https://A.example:443/other"}, now)
    assert connector.enabled
    configure.change_connector(connector, {"url": "https://a.example:8443/other"}, now)
    assert (connector.enabled, connector.disabled_reason) == (False, DisabledReason.UNVERIFIED)
    assert state(connector) == "unverified"
    configure.change_connector(connector, {"url": "https://a.example/back"}, now)
    configure.set_enabled(connector, enabled=True)
    assert (connector.enabled, connector.disabled_reason) == (True, "")


def test_a_check_that_is_asked_for_switches_off_until_it_is_passed(in_tenant: Tenant) -> None:
    connector = make_connector("https://a.example/in")
    configure.change_connector(connector, {"ownership": "link"}, clock.now())
    assert not connector.enabled


def test_what_is_on_stays_on_when_its_organization_begins_to_require_checks(in_tenant: Tenant) -> None:
    make_connector("https://a.example/in")
    Organization.objects.filter(id=in_tenant.organization.id).update(requires_ownership_check=True)
    connector = Connector.objects.get()
    configure.change_connector(connector, {"name": "Renamed"}, clock.now())
    assert connector.enabled
    configure.set_enabled(connector, enabled=False)
    with pytest.raises(configure.NotVerifiedError):
        configure.set_enabled(connector, enabled=True)
