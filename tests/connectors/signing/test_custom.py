"""An HMAC in the partner's own header: each algorithm and encoding against the standard library, and bad options."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from typing import Any

import pytest

from connectors.signing import OPTIONS, bound, check_options
from tests.connectors.signing.messages import BODY, NOW, incoming, signed

SECRET = "a secret that both sides know"


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize("prefix", ["", "sha=", "HMAC "])
def test_the_header_is_as_it_was_ordered(algorithm: str, encoding: str, prefix: str) -> None:
    options = {"header": "X-Partner-Mac", "algorithm": algorithm, "encoding": encoding, "prefix": prefix}
    scheme = bound("custom", options)
    assert scheme is not None
    digest = hmac.new(SECRET.encode(), BODY, algorithm).digest()
    expected = digest.hex() if encoding == "hex" else b64encode(digest).decode()
    headers = signed(scheme, [SECRET])
    assert headers == {"x-partner-mac": prefix + expected}
    assert scheme.verify([SECRET], incoming(headers), NOW)


def test_what_is_not_said_has_a_usual_value() -> None:
    scheme = bound("custom", {})
    assert scheme is not None
    expected = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()
    assert signed(scheme, [SECRET]) == {"x-webhook-signature": expected}


def test_the_header_of_another_scheme_may_be_taken() -> None:
    assert check_options("custom", {"header": "X-Signature"}) == {}


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"header": ""}, "header"),
        ({"header": "X Partner"}, "header"),
        ({"header": "X-Partner\r\nX-Other"}, "header"),
        ({"header": "Content-Length"}, "header"),
        ({"header": "Content-Type"}, "header"),
        ({"header": "webhook-signature"}, "header"),
        ({"header": 5}, "header"),
        ({"algorithm": "sha1"}, "algorithm"),
        ({"algorithm": "md5"}, "algorithm"),
        ({"algorithm": ["sha256"]}, "algorithm"),
        ({"encoding": "base32"}, "encoding"),
        ({"prefix": "a\nb"}, "prefix"),
        ({"prefix": " a"}, "prefix"),
        ({"prefix": "łódź="}, "prefix"),
        ({"prefix": "x" * 65}, "prefix"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_bad_options_are_refused_with_a_reason(options: dict[str, Any], option: str) -> None:
    assert list(check_options("custom", options)) == [option]
    assert bound("custom", options) is None


def test_schemes_without_options_take_none() -> None:
    assert set(OPTIONS) == {"wattsense", "custom"}
    assert check_options("github", {}) == {}
    assert list(check_options("github", {"header": "X-Mine"})) == ["header"]


@pytest.mark.parametrize("key", ["", "a:b", "a\nb", "x" * 201])
def test_a_bad_api_key_is_refused(key: str) -> None:
    assert list(check_options("wattsense", {"api_key": key})) == ["api_key"]
