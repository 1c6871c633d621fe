"""X-Signature as its vendor defines it (S4 lines 160-164, B5)."""

from __future__ import annotations

import hashlib
import hmac
import re

import pytest

from connectors.signing import text_secret, x_signature
from tests.connectors.signing.messages import incoming, outgoing

PATTERN = r"^sha512=[0-9a-fA-F]{128}(?:,\s?sha512=[0-9a-fA-F]{128})*$"  # S4 line 162
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
OTHER = "whsec_5WbX5kEWLlfzsGNjH64I8lOOqUB6e8FHKw8rbxx2"
BODY = b'{"type":"ping"}'


def header(*secrets: str, body: bytes = BODY) -> str:
    keys = [x_signature.prepare(secret) for secret in secrets]
    ((name, value),) = x_signature.sign(keys, outgoing(body=body))
    assert name == "X-Signature"
    return value


@pytest.mark.line(160, 161, 164)
def test_the_key_is_the_secret_as_issued_and_the_message_is_the_raw_body() -> None:
    assert header(SECRET) == "sha512=" + hmac.new(SECRET.encode(), BODY, hashlib.sha512).hexdigest()


@pytest.mark.line(160, 162, 163)
@pytest.mark.parametrize("count", [1, 2, 5, 7])
def test_the_header_has_the_vendors_pattern(count: int) -> None:
    value = header(*[f"{SECRET}{n}" for n in range(count)])
    assert re.fullmatch(PATTERN, value)
    assert value.count(", ") == min(count, 5) - 1


def test_the_newest_secret_comes_first() -> None:
    assert header(OTHER, SECRET).split(", ") == [header(OTHER), header(SECRET)]


@pytest.mark.line(161)
def test_rfc_4231_case_4(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_secret, "check", lambda _: None)  # that key's bytes are no printable text
    key = x_signature.prepare(bytes(range(1, 26)).decode())
    assert key(b"\xcd" * 50) == (
        "sha512=b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3db"
        "a91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd"
    )


@pytest.mark.line(163, 164)
@pytest.mark.parametrize("separator", [",", ", "])
def test_receiving_any_digest_counts_in_either_case(separator: str) -> None:
    value = separator.join([header(OTHER), header(SECRET).upper().replace("SHA512", "sha512")])
    assert x_signature.verify([SECRET], incoming({"x-signature": value}, body=BODY), 0)


def test_a_digest_without_its_prefix_does_not_count() -> None:
    bare = header(SECRET).removeprefix("sha512=")
    assert not x_signature.verify([SECRET], incoming({"x-signature": bare}, body=BODY), 0)


@pytest.mark.parametrize(("length", "good"), [(23, False), (24, True), (128, True), (129, False)])
def test_the_length_of_a_secret(length: int, good: bool) -> None:
    assert (x_signature.check("s" * length) is None) == good


def test_receivers_need_nothing_public() -> None:
    assert x_signature.public_part(SECRET) is None
