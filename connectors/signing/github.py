"""`X-Hub-Signature-256`, as GitHub signs its webhooks: HMAC-SHA-256 over the raw body, in hexadecimal.

https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries

A receiver made for GitHub expects one digest in the header and compares the whole value, so the newest secret alone
signs: at a rotation there is no time in which both hold. What the receiver refuses until it knows the new secret is
tried again by the retry policy.
"""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.hazmat.primitives.hashes import SHA256

from connectors.message import Headers
from connectors.signing import text_secret
from connectors.signing.scheme import Incoming, Key, Outgoing

NAME = "github"
TITLE = "X-Hub-Signature-256, as GitHub signs"
NEEDS_SECRET = True
SEVERAL = False
HEADERS = ("X-Hub-Signature-256",)

PREFIX = "sha256="

generate = text_secret.generate
check = text_secret.check


def prepare(secret: str) -> Key:
    return text_secret.key_of(secret, SHA256(), lambda digest: PREFIX + digest.hex())


def sign(keys: Sequence[Key], request: Outgoing) -> Headers:
    return tuple((HEADERS[0], key(request.body)) for key in keys[:1])


def verify(secrets: Sequence[str], request: Incoming, now: int) -> bool:  # noqa: ARG001
    expected = [prepare(secret)(request.body) for secret in text_secret.usable(secrets)]
    return text_secret.matches([request.headers.get("x-hub-signature-256", "").lower()], expected)


def public_part(secret: str) -> str | None:  # noqa: ARG001
    return None
