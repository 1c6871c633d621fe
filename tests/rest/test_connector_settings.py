"""Settings of connectors that depend on each other: formats, routes, batches, signing options, retry policies."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.models import Connector, RetryPolicy, SigningSecret
from portal.tenants import scope
from tests.rest.world import World, errors, patch, post

CONNECTORS = "/api/v1/connectors/"
BODY = {"name": "Partner", "url": "https://partner.example/hooks?key=1", "profile": "standard"}
ROUTES = {"values": "/v", "events": "e/v1", "alarms": "/a?kind=alarm"}
ROUTED = BODY | {"profile": "wattsense", "routes": ROUTES}
BATCHED = BODY | {"profile": "withthegrid"}


def stored(world: World) -> Connector:
    with scope.organization(world.ours.organization.id):
        return Connector.objects.get()


def path_of(made: Any) -> str:
    return f"{CONNECTORS}{made['id']}/"


@pytest.mark.line(132, 133)
def test_a_format_with_routes_has_one_for_each_flow(world: World) -> None:
    made = post(world.manager, CONNECTORS, ROUTED)
    assert made["routes"] == ROUTES
    changed = patch(world.manager, path_of(made), {"routes": ROUTES | {"alarms": "/b"}})
    assert changed["routes"]["alarms"] == "/b"
    left = patch(world.manager, path_of(made), {"profile": "standard"})
    assert left["routes"] == {}


@pytest.mark.parametrize(
    ("change", "pointers"),
    [
        ({"routes": {}}, {"/routes/values", "/routes/events", "/routes/alarms"}),
        ({"routes": {"values": "/v", "events": "/e"}}, {"/routes/alarms"}),
        ({"routes": ROUTES | {"alarms": ""}}, {"/routes/alarms"}),
        ({"routes": ROUTES | {"news": "/n"}}, {"/routes/news"}),
        ({"routes": ROUTES | {"values": "https://b.example/"}}, {"/routes/values"}),
        ({"routes": ROUTES | {"values": "//b.example/v"}}, {"/routes/values"}),
        ({"routes": ROUTES | {"values": "/a/../../v"}}, {"/routes/values"}),
        ({"routes": ROUTES | {"values": "/v\r\nX-A: 1"}}, {"/routes/values"}),
        ({"routes": ROUTES | {"values": "/" + "v" * 2040}}, {"/routes/values"}),
        ({"routes": "/v"}, {"/routes"}),
        ({"url": "http://10.0.0.1/"}, {"/url"}),
        ({"url": "https://partner.example/" + "x" * 2023}, {"/routes/values", "/routes/events", "/routes/alarms"}),
    ],
)
@pytest.mark.line(132, 133)
def test_a_route_that_is_missing_or_leads_elsewhere(world: World, change: dict[str, Any], pointers: set[str]) -> None:
    made = post(world.manager, CONNECTORS, ROUTED)
    refused = world.manager.patch(path_of(made), change, format="json")
    assert refused.status_code == 400
    assert set(errors(refused)) == pointers
    assert (stored(world).routes, stored(world).url) == (ROUTES, BODY["url"])
    refused = world.manager.post(CONNECTORS, ROUTED | {"name": "Other"} | change, format="json")
    assert set(errors(refused)) == pointers


def test_a_format_gets_the_routes_that_it_needs_when_it_is_chosen(world: World) -> None:
    made = post(world.manager, CONNECTORS, BODY)
    refused = world.manager.patch(path_of(made), {"profile": "wattsense"}, format="json")
    assert set(errors(refused)) == {"/routes/values", "/routes/events", "/routes/alarms"}
    patch(world.manager, path_of(made), {"profile": "wattsense", "routes": ROUTES})


def test_batches_are_limited_where_the_format_has_them(world: World) -> None:
    made = post(world.manager, CONNECTORS, BATCHED)
    assert (made["batch_max_events"], made["batch_max_bytes"], made["batch_wait_ms"]) == (100, 256 * 1024, 1000)
    limits = {"batch_max_events": 7, "batch_max_bytes": 1024, "batch_wait_ms": 0}
    assert limits.items() <= patch(world.manager, path_of(made), limits).items()
    single = patch(world.manager, path_of(made), {"profile": "gridx"})
    assert single["batch_max_events"] == 1
    again = patch(world.manager, path_of(made), {"profile": "withthegrid"})
    assert again["batch_max_events"] == 100


@pytest.mark.parametrize(
    ("base", "change"),
    [
        (BATCHED, {"batch_max_events": 0}),
        (BATCHED, {"batch_max_events": 1001}),
        (BATCHED, {"batch_max_bytes": 1023}),
        (BATCHED, {"batch_max_bytes": 1024 * 1024 + 1}),
        (BATCHED, {"batch_wait_ms": -1}),
        (BATCHED, {"batch_wait_ms": 60_001}),
        (BATCHED, {"batch_wait_ms": "soon"}),
        (BODY, {"batch_max_events": 2}),
        (BODY, {"batch_max_bytes": 2048}),
        (BODY, {"batch_wait_ms": 5}),
    ],
)
def test_limits_of_batches_that_cannot_be(world: World, base: dict[str, Any], change: dict[str, Any]) -> None:
    refused = world.manager.post(CONNECTORS, base | change, format="json")
    assert refused.status_code == 400
    assert set(errors(refused)) == {f"/{name}" for name in change}
    made = post(world.manager, CONNECTORS, base)
    assert world.manager.patch(path_of(made), change, format="json").status_code == 400
    assert stored(world).batch_wait_ms == 1000


def test_a_signing_schemes_options_are_stored_and_shown(world: World) -> None:
    wish = {"scheme": "custom", "header": "X-Hub", "algorithm": "sha512", "encoding": "base64", "prefix": "v1="}
    made = post(world.manager, CONNECTORS, BODY | {"signing": wish})
    assert wish.items() <= made["signing"].items()
    assert made["secret"]
    changed = patch(world.manager, path_of(made), {"signing": {"prefix": "", "header": "X-Own"}})
    assert "prefix" not in changed["signing"]
    assert (changed["signing"]["header"], changed["signing"]["algorithm"]) == ("X-Own", "sha512")
    other = patch(world.manager, path_of(made), {"signing": {"scheme": "github"}})
    assert set(other["signing"]) == {"scheme", "secrets"}


@pytest.mark.parametrize(
    ("signing", "pointer"),
    [
        ({"scheme": "custom", "header": "Not a header"}, "/signing/header"),
        ({"scheme": "custom", "header": "X-A\r\nX-B"}, "/signing/header"),
        ({"scheme": "custom", "prefix": "a\r\nb"}, "/signing/prefix"),
        ({"scheme": "custom", "algorithm": "md5"}, "/signing/algorithm"),
        ({"scheme": "custom", "encoding": "rot13"}, "/signing/encoding"),
        ({"scheme": "custom", "secret": "short"}, "/signing/secret"),
        ({"scheme": "github", "header": "X-A"}, "/signing/header"),
        ({"scheme": "custom", "hue": "blue"}, "/signing/hue"),
    ],
)
def test_signing_options_that_cannot_be(world: World, signing: dict[str, str], pointer: str) -> None:
    refused = world.manager.post(CONNECTORS, BODY | {"signing": signing}, format="json")
    assert refused.status_code == 400
    assert pointer in errors(refused)
    with scope.organization(world.ours.organization.id):
        assert not Connector.objects.exists()


@pytest.mark.parametrize(
    ("auth", "signing", "pointer"),
    [
        ({"type": "header", "name": "X-Key", "value": "v"}, {"scheme": "custom", "header": "x-key"}, "/auth/name"),
        ({"type": "header", "name": "X-HUB-Signature-256", "value": "v"}, {"scheme": "github"}, "/auth/name"),
        ({"type": "header", "name": "x-api-auth", "value": "v"}, {"scheme": "wattsense"}, "/auth/name"),
        ({"type": "header", "name": "X-API-Timestamp", "value": "v"}, {"scheme": "wattsense"}, "/auth/name"),
        (
            {"type": "api_key", "in": "header", "name": "X-Hub-Signature-256", "value": "v"},
            {"scheme": "github"},
            "/auth/name",
        ),
        ({"type": "bearer", "token": "v"}, {"scheme": "custom", "header": "authorization"}, "/signing/header"),
        ({"type": "basic", "username": "v"}, {"scheme": "custom", "header": "Authorization"}, "/signing/header"),
        ({"type": "header", "name": "X-Signature", "value": "v"}, {"scheme": "x_signature"}, "/auth/name"),
        ({"type": "header", "name": "webhook-id", "value": "v"}, {"scheme": "standard_webhooks"}, "/auth/name"),
        ({"type": "header", "name": "X-Message-Type", "value": "v"}, {"scheme": "none"}, "/auth/name"),
    ],
)
def test_one_header_is_not_for_two(world: World, auth: dict[str, str], signing: dict[str, str], pointer: str) -> None:
    refused = world.manager.post(CONNECTORS, BODY | {"auth": auth, "signing": signing}, format="json")
    assert set(errors(refused)) == {pointer}
    with scope.organization(world.ours.organization.id):
        assert not Connector.objects.exists()


def test_nor_by_changing_one_of_the_two(world: World) -> None:
    named = {"type": "header", "name": "X-Hub-Signature-256", "value": "v"}
    made = post(world.manager, CONNECTORS, BODY | {"auth": named})
    for signing, pointer in (
        ({"scheme": "github"}, "/signing/scheme"),
        ({"scheme": "custom", "header": "x-hub-signature-256"}, "/signing/header"),
    ):
        refused = world.manager.patch(path_of(made), {"signing": signing}, format="json")
        assert set(errors(refused)) == {pointer}
    assert stored(world).signing == "standard_webhooks"
    custom = {"signing": {"scheme": "custom", "header": "Authorization"}, "auth": {"type": "none"}}
    patch(world.manager, path_of(made), custom)
    for auth, pointer in (
        ({"type": "bearer", "token": "v"}, "/auth/type"),
        (named | {"name": "AUTHORIZATION"}, "/auth/name"),
    ):
        assert set(errors(world.manager.patch(path_of(made), {"auth": auth}, format="json"))) == {pointer}
    assert stored(world).auth_type == "none"


def test_a_token_is_not_fetched_where_connectors_may_not_go(world: World) -> None:
    auth = {"type": "oauth2", "client_id": "a", "client_secret": "b", "credentials_in": "body"}
    for url in ("https://10.0.0.1/token", "https://me:pw@auth.example/token", "https://192.168.0.1/token"):
        refused = world.manager.post(CONNECTORS, BODY | {"auth": auth | {"token_url": url}}, format="json")
        assert refused.status_code == 400
        assert set(errors(refused)) == {"/auth/token_url"}


S3 = {"type": "sigv4", "service": "s3", "region": "eu-central-1"}
S3 |= {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "k" * 40}
SAS = "sv=2024-11-04&sr=c&sp=cw&sig=KyBUzLLx07KMjhAb6a4%2BIC4gBnM2r%2FSPLkpYiFXZMi4%3D&se="
BLOB = {"type": "azure_sas", "service": "blob", "token": SAS + "2099-01-01"}
QUERY = {"type": "api_key", "in": "query", "name": "key", "value": "v"}
BUCKET = "https://bucket.s3.eu-central-1.amazonaws.com/in"


@pytest.mark.parametrize(
    ("auth", "url", "pointer"),
    [
        (S3, "https://bucket.s3.amazonaws.com/in", "/url"),
        (S3, "https://bucket.s3.eu-west-1.amazonaws.com/in", "/url"),
        (S3, "https://s3.eu-central-1.amazonaws.com/", "/url"),
        (S3, BUCKET + "?a=1", "/url"),
        (S3 | {"region": ""}, BUCKET, "/auth/region"),
        (BLOB | {"token": SAS + "2026-01-01"}, "https://account.blob.core.windows.net/feeds", "/auth/token"),
        (BLOB, "https://account.blob.core.windows.net/", "/url"),
        (QUERY, "https://partner.example/in?key=1", "/url"),
        (QUERY, "http://partner.example/in", "/url"),
    ],
)
def test_a_url_that_its_authentication_does_not_fit(
    world: World, settings: Any, auth: dict[str, str], url: str, pointer: str
) -> None:
    settings.EGRESS_ALLOW_HTTP = False
    refused = world.manager.post(CONNECTORS, BODY | {"auth": auth, "url": url}, format="json")
    assert refused.status_code == 400
    assert set(errors(refused)) == {pointer}
    with scope.organization(world.ours.organization.id):
        assert not Connector.objects.exists()


def test_each_route_has_to_fit_the_authentication(world: World) -> None:
    """What a query in a route would do to an object's name, nobody would see before the first message."""
    bucket = ROUTED | {"url": BUCKET, "auth": S3}
    assert set(errors(world.manager.post(CONNECTORS, bucket, format="json"))) == {"/routes/alarms"}
    made = post(world.manager, CONNECTORS, bucket | {"routes": ROUTES | {"alarms": "/a"}})
    for change, pointer in (
        ({"routes": ROUTES}, "/routes/alarms"),
        ({"routes": ROUTES | {"alarms": "/" + "a" * (2047 - len(BUCKET))}}, "/routes/alarms"),
    ):
        assert set(errors(world.manager.patch(path_of(made), change, format="json"))) == {pointer}
    assert stored(world).routes["alarms"] == "/a"
    key = ROUTED | {"name": "Key", "auth": QUERY, "url": "https://partner.example/in"}
    taken = key | {"routes": ROUTES | {"values": "/v?key=2"}}
    assert set(errors(world.manager.post(CONNECTORS, taken, format="json"))) == {"/routes/values"}
    hubs = {"type": "azure_sas", "service": "event_hubs", "key_name": "send", "key": "k"}
    each = {name: f"/{name}/messages" for name in ROUTES}
    namespace = ROUTED | {"name": "Hubs", "auth": hubs, "url": "https://ns.servicebus.windows.net", "routes": each}
    post(world.manager, CONNECTORS, namespace)


def test_which_secrets_are_set(world: World) -> None:
    made = post(world.manager, CONNECTORS, BODY | {"url": BUCKET, "auth": S3})
    assert (made["auth"]["secret_access_key_set"], made["auth"]["session_token_set"]) == (True, False)
    hub = {"type": "azure_sas", "service": "event_hubs", "key_name": "send", "key": "k"}
    to_hub = {"url": "https://ns.servicebus.windows.net/hub/messages", "auth": hub}
    changed = patch(world.manager, path_of(made), to_hub)["auth"]
    assert (changed["key_set"], changed["token_set"], changed["key_name"]) == (True, False, "send")


def test_an_organizations_own_retry_policy_by_its_name(world: World) -> None:
    with scope.organization(world.ours.organization.id):
        RetryPolicy.objects.create(name="Calm", schedule=[60], success=[200], gone=[], pause_after=86_400)
    made = post(world.manager, CONNECTORS, BODY | {"retry_policy": "Calm"})
    assert made["retry_policy"] == "Calm"
    assert patch(world.manager, path_of(made), {"retry_policy": "urgent"})["retry_policy"] == "urgent"
    refused = world.stranger.post(CONNECTORS, BODY | {"retry_policy": "Calm"}, format="json")
    assert set(errors(refused)) == {"/retry_policy"}


def test_what_was_saved_before_it_was_refused_still_gets_new_secrets(world: World) -> None:
    """Only the secret is judged: the rest is as it was."""
    made = post(world.manager, CONNECTORS, BODY | {"signing": {"scheme": "github"}})
    with scope.organization(world.ours.organization.id):
        row = Connector.objects.get()
        row.auth_type, row.auth_public = "header", {"name": "X-Hub-Signature-256"}
        row.set_credentials({"value": "v"})
        row.save()
    own = {"secret": "one that the partner has already"}
    assert post(world.manager, path_of(made) + "secrets/", own, 200) == own
    refused = world.manager.post(path_of(made) + "secrets/", {"secret": "short"}, format="json")
    assert set(errors(refused)) == {"/secret"}


@pytest.mark.parametrize("scheme", ["standard_webhooks", "standard_webhooks_v1a"])
def test_a_connector_whose_secrets_cannot_be_opened_is_shown_and_can_be_mended(world: World, scheme: str) -> None:
    """After the installation's key was lost: everything is there to see, and each secret can be given anew."""
    bearer = {"type": "bearer", "token": "v"}
    made = post(world.manager, CONNECTORS, BODY | {"auth": bearer, "signing": {"scheme": scheme}})
    with scope.organization(world.ours.organization.id):
        SigningSecret.objects.update(sealed="lost")
        Connector.objects.update(credentials="lost")
    (shown,) = world.reader.get(CONNECTORS).json()["results"]
    assert shown["auth"] == {"type": "bearer", "token_set": True}
    assert "public_key" not in shown["signing"]
    failed = post(world.manager, path_of(made) + "test/", {}, 200)
    assert failed["error"]["class"] == "render"
    changed = patch(world.manager, path_of(made), {"signing": {"scheme": "github"}, "auth": bearer})
    assert changed["secret"]
    assert len(changed["signing"]["secrets"]) == 1
    assert post(world.manager, path_of(made) + "secrets/", {}, 200)["secret"]
