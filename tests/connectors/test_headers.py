"""S4 of the fault plan: what would split or reframe a request is refused at save, and again when it is sent."""

# ruff: noqa: RUF001 - look-alike characters are the subject

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from connectors.headers import FRAMING_NAMES, header_lines, lines_template, name_problem, value_problem
from connectors.message import ErrorClass
from connectors.models import Connector
from connectors.sender import send_now
from portal.tenants import scope
from tests.conftest import Tenant
from tests.connectors.sending import HEADERS, LOOPBACK, request
from tests.receiver import Receiver
from tests.rest.world import by_key, errors, make_tenant, post

MALFORMED_NAMES = ["X-Evil: 1\r\nX", "X\nY", "X\rY", "X\x00Y", "a b", "a:", "(x)", "naïve", "Ｘ-Token", "a" * 257]
RESERVED_NAMES = [
    *("Host", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "TE", "Trailer", "Upgrade", "Expect"),
    *("Proxy-Authorization", "Proxy-Connection", "Content-Type", "Content-Encoding", "X-Signature"),
    *("webhook-id", "WEBHOOK-Signature", "webhook-timestamp", "webhook-anything", "ce-id"),
]
UNSENDABLE = ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\x00b", "a\x1bb", "a\x7fb", "a\x85X-Evil: 1", "€", "日本", "\udc80"]
FIELDS = [("header", "value"), ("bearer", "token"), ("basic", "username"), ("basic", "password")]
OTHERS = {"header": {"name": "X-Token"}, "basic": {"username": "ida", "password": "s3cret"}}


def spelled(name: str) -> list[str]:
    return [name, name.lower(), name.upper()]


def configurations() -> list[tuple[dict[str, str], str]]:
    """Authentication that S4 refuses, with the field that is to blame. Basic's text travels encoded, C1 and all."""
    names = [({"type": "header", "name": name, "value": "v"}, "name") for name in MALFORMED_NAMES + RESERVED_NAMES]
    values = [
        ({"type": kind, **OTHERS.get(kind, {}), field: value}, field)
        for kind, field in FIELDS
        for value in UNSENDABLE
        if not (kind == "basic" and "\x85" in value)
    ]
    return names + values


@pytest.mark.parametrize("name", RESERVED_NAMES)
def test_s4_reserved_names_in_any_case(name: str) -> None:
    assert [each for each in spelled(name) if name_problem(each) is None] == []


@pytest.mark.parametrize("name", ["Authorization", "X-Api-Key", "x_token", "Webhook", "Signature", "a" * 256])
def test_names_that_are_fine(name: str) -> None:
    assert name_problem(name) is None


@pytest.mark.parametrize("value", ["plain", "é ÿ", "tab\tinside", "", "a" * 4096, "100% %s {} \\r\\n"])
def test_values_that_are_fine_arrive_as_they_are(value: str) -> None:
    assert value_problem(value) is None
    with Receiver() as receiver:
        assert send_now(request(receiver.url, headers=(("X-Value", value),)), LOOPBACK).status == 200
        assert ("X-Value", value) in receiver.requests[0].header_list


@pytest.mark.django_db
def test_s4_none_is_saved_by_rest() -> None:
    ours = make_tenant("Ours")
    manager = by_key(ours, ["manage", "read"])
    body = {"name": "Partner", "url": "https://partner.example/", "profile": "standard"}
    made = post(manager, "/api/v1/connectors/", body | {"auth": {"type": "bearer", "token": "as-it-was"}})
    path = f"/api/v1/connectors/{made['id']}/"
    for number, (auth, field) in enumerate(configurations()):
        refused = manager.generic("PATCH", path, json.dumps({"auth": auth}), "application/json")
        if auth[field] == "\udc80":
            assert refused.status_code == 400, "no JSON holds half a character"
            continue
        assert (auth, refused.status_code, set(errors(refused))) == (auth, 400, {f"/auth/{field}"})
        if number % 5 == 0:
            new = json.dumps(body | {"name": "Another", "auth": auth})
            refused = manager.generic("POST", "/api/v1/connectors/", new, "application/json")
            assert (auth, refused.status_code, set(errors(refused))) == (auth, 400, {f"/auth/{field}"})
    with scope.organization(ours.organization.id):
        assert [each.get_credentials() for each in Connector.objects.all()] == [{"token": "as-it-was"}]


def test_s4_none_is_saved_by_the_form(tenant: Tenant) -> None:
    owner = Client()
    owner.force_login(tenant.people["owner"], backend="allauth.account.auth_backends.AuthenticationBackend")
    filled = {"name": "Partner", "target": "url", "url": "https://partner.example/", "profile": "standard.2026-11"}
    for auth, _ in configurations()[::4]:
        given = {f"{auth['type']}_{name}": value for name, value in auth.items() if name != "type"}
        if any("\udc80" in value for value in given.values()):
            continue  # no browser can send it
        form = filled | {"concurrency": "20", "auth_type": auth["type"]} | given
        assert owner.post("/connectors/new/", form).status_code == 200
        assert not Connector._base_manager.exists(), auth


@pytest.mark.parametrize("door", ["connectors/{}/test/", "subscriptions/{}/ping/"])
@pytest.mark.django_db
def test_s4_none_is_sent_however_it_came_to_be_stored(door: str) -> None:
    ours = make_tenant("Ours")
    manager = by_key(ours, ["manage", "read"])
    with Receiver() as receiver:
        body: dict[str, Any] = {"name": "Partner", "url": receiver.url, "profile": "standard"}
        if door.startswith("subscriptions"):
            body = {"event_types": ["gateway/online"], "target_url": receiver.url}
        made = post(manager, f"/api/v1/{door.partition('/')[0]}/", body)
        for auth, field in configurations():
            if "\udc80" in auth[field] or (field in ("name", "username") and "\x00" in auth[field]):
                continue  # not even the database takes it
            store(ours, auth)
            exchange = post(manager, f"/api/v1/{door.format(made['id'])}", {}, 200)
            assert (auth, exchange["delivered"], exchange["error"]["class"]) == (auth, False, "render")
            assert auth[field] not in exchange["error"]["detail"]
        assert receiver.connections == 0


def store(tenant: Any, auth: dict[str, str]) -> None:
    with scope.organization(tenant.organization.id):
        connector = Connector.objects.get()
        connector.auth_type = auth["type"]
        connector.auth_public = {name: auth[name] for name in ("name", "username") if name in auth}
        connector.set_credentials({name: auth[name] for name in ("value", "token", "password") if name in auth})
        connector.save()


@pytest.mark.parametrize(
    "header",
    [
        *(("X-Token", value) for value in UNSENDABLE),
        *((name, "v") for name in ["", *MALFORMED_NAMES]),
        *((name, "v") for framing in sorted(FRAMING_NAMES) for name in spelled(framing.title())),
    ],
)
def test_s4_the_sender_itself_lets_none_through(header: tuple[str, str]) -> None:
    """Whatever made the request; of the reserved names those that frame it, for the others are the product's own."""
    with Receiver() as receiver:
        outcome = send_now(request(receiver.url, headers=(*HEADERS, header)), LOOPBACK)
        assert (outcome.status, outcome.error) == (None, ErrorClass.RENDER)
        assert header[1] == "v" or header[1] not in outcome.detail
        assert receiver.connections == 0


def test_lines_end_with_what_keeps_libcurl_from_asking_for_leave() -> None:
    names, values = ("A", "B-%s", "C"), ("1%", "", "é")
    assert header_lines(lines_template(names), values) == [b"A: 1%", b"B-%s;", b"C: \xe9", b"Expect:"]
