"""GitHub's signature, computed as GitHub's documentation tells a receiver to, and its published example."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from connectors.signing import github, text_secret
from tests.connectors.signing.messages import incoming, outgoing, signed

SECRET = "a secret that both sides know"


def github_says(payload_body: bytes, secret_token: str, signature_header: str) -> bool:
    """`verify_signature` of "Validating webhook deliveries"."""
    expected = hmac.new(secret_token.encode("utf-8"), msg=payload_body, digestmod=hashlib.sha256).hexdigest()
    return hmac.compare_digest("sha256=" + expected, signature_header)


def test_a_receiver_written_for_github_verifies_ours() -> None:
    body = '{"action":"grün"}'.encode()
    headers = signed(github, [SECRET], body=body)
    assert list(headers) == ["x-hub-signature-256"]
    assert github_says(body, SECRET, headers["x-hub-signature-256"])
    assert not github_says(body + b" ", SECRET, headers["x-hub-signature-256"])


def test_the_published_values(monkeypatch: pytest.MonkeyPatch) -> None:
    # The documentation's secret is shorter than those that are taken here.
    monkeypatch.setattr(text_secret, "check", lambda _: None)
    key = github.prepare("It's a Secret to Everybody")
    assert key(b"Hello, World!") == "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def test_during_a_rotation_a_receiver_gets_one_digest_of_the_new_secret() -> None:
    old, new = github.generate(), github.generate()
    keys = [github.prepare(secret) for secret in (new, old)]
    ((_, value),) = github.sign(keys, outgoing())
    assert github_says(outgoing().body, new, value)


def test_receiving_takes_both_cases_and_no_digest_without_its_prefix() -> None:
    value = signed(github, [SECRET])["x-hub-signature-256"]
    assert github.verify([SECRET], incoming({"x-hub-signature-256": value.upper()}), 0)
    assert not github.verify([SECRET], incoming({"x-hub-signature-256": value.removeprefix("sha256=")}), 0)
