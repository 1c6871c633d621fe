"""What a token server is asked (S1 lines 49, 52, 53), and how its answers are read (RFC 6749 section 5)."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from connectors import auth
from connectors.auth.prepared import Token
from connectors.message import ErrorClass, Outcome, Request
from tests.connectors.auth.requests import prepared

CONFIG = {
    "type": "oauth2",
    "token_url": "https://login.partner.example/oauth/token",
    "client_id": "feeder",
    "client_secret": "s3cret/+&:~ ü",
    "credentials_in": "body",
}
FORM = ("Content-Type", "application/x-www-form-urlencoded")
JSON = ("Accept", "application/json")
ENCODED = "s3cret%2F%2B%26%3A~"


def asked(**changes: str) -> Request:
    source = prepared({**CONFIG, **changes}).token
    assert source is not None
    return source.request


@pytest.mark.line(49, 52)
def test_the_secret_in_the_body_is_sent_as_form_parameters() -> None:
    request = asked()
    assert (request.method, request.url) == ("POST", CONFIG["token_url"])
    assert request.headers == (FORM, JSON)
    assert request.body == f"grant_type=client_credentials&client_id=feeder&client_secret={ENCODED}+%C3%BC".encode()


@pytest.mark.line(49, 53)
def test_the_secret_in_the_header_leaves_only_the_grant_type_in_the_body() -> None:
    request = asked(credentials_in="header")
    pair = f"feeder:{ENCODED}%20%C3%BC"  # RFC 6749 section 2.3.1: encoded like a form, then as Basic
    assert request.headers == (FORM, JSON, ("Authorization", "Basic " + b64encode(pair.encode()).decode()))
    assert request.body == b"grant_type=client_credentials"


@pytest.mark.parametrize("place", ["body", "header"])
def test_a_scope_is_asked_for_when_one_is_named(place: str) -> None:
    assert asked(credentials_in=place, scope="a b:c").body.endswith(b"&scope=a+b%3Ac")
    assert b"scope" not in asked(credentials_in=place, scope="").body


def test_the_token_is_a_bearer_token_and_its_header_is_secret() -> None:
    made = prepared(CONFIG)
    assert made.token is not None
    assert made.token.bearer(Token(text="abc", seconds=None)) == (("Authorization", "Bearer abc"),)
    assert made.secret_names == {"Authorization"}
    assert made.headers == ()
    assert "s3cret" not in repr(made)
    assert "abc" not in repr(Token(text="abc", seconds=1))


def read(status: int | None, body: Any, **changes: Any) -> Token | str:
    source = prepared(CONFIG).token
    assert source is not None
    error = ErrorClass.TIMEOUT if status is None else None
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    outcome = Outcome(
        status=status,
        error=error,
        detail="too slow.",
        headers=(),
        body=raw,
        truncated=changes.get("truncated", False),
        duration=0.1,
    )
    return source.read(outcome)


GOOD = {"access_token": "abc.DEF-1~+/=", "token_type": "Bearer", "expires_in": 3600}


@pytest.mark.line(49)
@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({}, 3600.0),
        ({"token_type": "bearer"}, 3600.0),
        ({"token_type": "BEARER", "scope": "a", "refresh_token": "never used"}, 3600.0),
        ({"expires_in": "3599"}, 3599.0),
        ({"expires_in": 0.5}, 0.5),
        ({"expires_in": None}, None),
        ({"expires_in": 10**15}, 86_400.0 * 30),
    ],
)
def test_good_answers(changes: dict[str, Any], seconds: float | None) -> None:
    token = read(200, GOOD | changes)
    assert isinstance(token, Token)
    assert (token.text, token.seconds) == ("abc.DEF-1~+/=", seconds)


def test_without_expires_in_the_server_does_not_say() -> None:
    token = read(200, {"access_token": "a", "token_type": "bearer"})
    assert isinstance(token, Token)
    assert token.seconds is None


@pytest.mark.parametrize(
    "answer",
    [
        GOOD | {"token_type": "mac"},
        GOOD | {"token_type": None},
        {"access_token": "a"},
        {"token_type": "bearer"},
        GOOD | {"access_token": ""},
        GOOD | {"access_token": 7},
        GOOD | {"access_token": "a b"},
        GOOD | {"access_token": "a\r\nX-Evil: 1"},
        GOOD | {"access_token": "ü"},
        GOOD | {"access_token": "a" * 8193},
        GOOD | {"expires_in": 0},
        GOOD | {"expires_in": -5},
        GOOD | {"expires_in": "soon"},
        GOOD | {"expires_in": True},
        GOOD | {"expires_in": [3600]},
        [GOOD],
        "abc",
        b"",
        b"{",
        b"<html>",
        b"\xff",
    ],
)
def test_answers_without_a_usable_token_are_said_to_be_so(answer: Any) -> None:
    reason = read(200, answer)
    assert isinstance(reason, str)
    assert reason.startswith("The token server's answer ")


def test_an_answer_that_was_cut_is_not_read() -> None:
    assert isinstance(read(200, GOOD, truncated=True), str)


@pytest.mark.parametrize(
    ("status", "answer", "reason"),
    [
        (401, {"error": "invalid_client"}, "The token server answered 401: invalid_client."),
        (
            400,
            {"error": "invalid_scope", "error_description": "s3cret"},
            "The token server answered 400: invalid_scope.",
        ),
        (400, {"error": "s3cret"}, "The token server answered 400."),
        (400, {"error": ["invalid_client"]}, "The token server answered 400."),
        (500, b"s3cret", "The token server answered 500."),
        (302, b"", "The token server answered 302."),
        (201, GOOD, "The token server answered 201."),
        (None, b"", "The token server did not answer: too slow."),
    ],
)
def test_refusals_become_words_without_secrets(status: int | None, answer: Any, reason: str) -> None:
    assert read(status, answer) == reason


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"token_url": "ftp://a.example/"}, "token_url"),
        ({"token_url": "login"}, "token_url"),
        ({"token_url": "https://user:pass@a.example/"}, "token_url"),
        ({"token_url": "https://a.example/#x"}, "token_url"),
        ({"token_url": "https://a.example/\r\nX: 1"}, "token_url"),
        ({"client_id": ""}, "client_id"),
        ({"client_id": "a\x00"}, "client_id"),
        ({"client_secret": "a" * 513}, "client_secret"),
        ({"client_secret": "a\nb"}, "client_secret"),
        ({"credentials_in": "query"}, "credentials_in"),
        ({"scope": 'a"b'}, "scope"),
        ({"scope": " a"}, "scope"),
        ({"scope": "a\nb"}, "scope"),
    ],
)
def test_bad_configurations_are_refused_at_their_field(changes: dict[str, str], field: str) -> None:
    assert set(auth.check({**CONFIG, **changes})) == {field}
