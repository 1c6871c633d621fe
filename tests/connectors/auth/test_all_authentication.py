"""What holds for every scheme: what its fields say of themselves, line breaks, and that no secret is seen."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from msgspec.structs import replace

from connectors import auth
from connectors.auth.prepared import Token
from tests.connectors.auth.requests import URL, request
from tests.connectors.auth.samples import BLOB_TOKEN, CONTAINER, HUB, HUB_TOKEN, NOW, SIGNATURE, certificate, key_pem

CANARY = "canary-4711"

CASES: list[tuple[dict[str, Any], str, list[str]]] = [
    ({"type": "none"}, URL, []),
    ({"type": "header", "name": "X-Token", "value": CANARY}, URL, [CANARY]),
    ({"type": "basic", "username": "u", "password": CANARY}, URL, [CANARY, "dTpjYW5hcnktNDcxMQ=="]),
    ({"type": "bearer", "token": CANARY}, URL, [CANARY]),
    ({"type": "api_key", "in": "header", "name": "X-Key", "value": CANARY}, URL, [CANARY]),
    ({"type": "api_key", "in": "query", "name": "key", "value": CANARY}, URL, [CANARY]),
    (
        {
            "type": "oauth2",
            "token_url": "https://login.partner.example/token",
            "client_id": "feeder",
            "client_secret": CANARY,
            "credentials_in": "header",
        },
        URL,
        [CANARY, "ZmVlZGVyOmNhbmFyeS00NzEx"],
    ),
    (
        {
            "type": "sigv4",
            "region": "eu-central-1",
            "service": "s3",
            "access_key_id": "AKIDEXAMPLE",
            "secret_access_key": CANARY,
            "session_token": f"session-{CANARY}",
        },
        URL,
        [CANARY],
    ),
    ({"type": "azure_sas", "service": "blob", "token": BLOB_TOKEN}, CONTAINER, [SIGNATURE]),
    ({"type": "azure_sas", "service": "event_hubs", "token": HUB_TOKEN}, HUB + "/messages", [SIGNATURE]),
    (
        {"type": "azure_sas", "service": "event_hubs", "key_name": "send", "key": CANARY},
        HUB + "/messages",
        [CANARY, "sig="],
    ),
    ({"type": "mtls", "certificate": certificate(), "private_key": key_pem()}, URL, [key_pem(), "PRIVATE KEY"]),
]


def test_every_scheme_is_among_the_cases() -> None:
    assert {config["type"] for config, _, _ in CASES} == set(auth.SCHEMES)


@pytest.mark.parametrize(("config", "url", "secrets"), CASES)
def test_what_may_be_seen_of_a_request_holds_no_secret(config: dict[str, Any], url: str, secrets: list[str]) -> None:
    assert auth.check_form(config) == {}
    made = auth.prepare(config)
    before = replace(request(url, Content_Type="application/json"), certificate=made.certificate)
    after = made.finish(before, NOW) if made.finish else before
    headers = (*after.headers, *made.headers)
    if made.token is not None:
        headers += made.token.bearer(Token(text=CANARY, seconds=None))
    seen = [after.shown_url or after.url, *(value for name, value in headers if name not in made.secret_names)]
    for secret in secrets:
        assert not [text for text in seen if secret in text or quote(secret) in text]
        assert secret not in repr(made)
        assert secret not in repr(after.certificate)


def test_secret_fields_are_stored_apart_from_those_that_are_shown() -> None:
    for scheme in auth.SCHEMES.values():
        names = [field.name for field in scheme.FIELDS]
        assert len(names) == len(set(names))
        assert sorted(scheme.PUBLIC + scheme.SECRET) == sorted(names)
        assert {field.name for field in scheme.FIELDS if "secret" in field.kind} == set(scheme.SECRET)
        for field in scheme.FIELDS:
            assert field.label
            assert bool(field.choices) == (field.kind is auth.Kind.CHOICE)


LINES = [(kind, field) for kind, scheme in auth.SCHEMES.items() for field in scheme.FIELDS]


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\x00b"])
@pytest.mark.parametrize(("kind", "field"), LINES, ids=[f"{kind} {field.name}" for kind, field in LINES])
def test_no_field_takes_line_breaks_but_those_for_certificates(kind: str, field: auth.Field, value: str) -> None:
    problems = auth.check({"type": kind, field.name: value})
    assert problems[field.name] != "This field is required."
