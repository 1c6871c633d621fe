"""Standard Webhooks, version `v1`: HMAC-SHA-256 over `id.timestamp.body`, with a shared secret.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import hmac
import secrets as randomness
from base64 import b64encode
from collections.abc import Sequence

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from connectors.message import Headers
from connectors.signing.scheme import Incoming, Key, Outgoing
from connectors.signing.standard_webhooks_headers import NAMES, decoded, opened, sealed

NAME = "standard_webhooks"
TITLE = "Standard Webhooks (HMAC-SHA-256)"
NEEDS_SECRET = True
SEVERAL = True
HEADERS = NAMES

PREFIX = "whsec_"
VERSION = "v1"
SHORTEST, LONGEST = 24, 64
"""Bytes of the key, as the specification sets them."""


def generate() -> str:
    return PREFIX + b64encode(randomness.token_bytes(32)).decode()


def check(secret: str) -> str | None:
    if not secret.startswith(PREFIX):
        return f"The secret must start with {PREFIX}."
    raw = decoded(secret.removeprefix(PREFIX))
    if raw is None:
        return f"What follows {PREFIX} must be Base64."
    if not SHORTEST <= len(raw) <= LONGEST:
        return f"The secret must encode {SHORTEST} to {LONGEST} bytes."
    return None


def prepare(secret: str) -> Key:
    if refusal := check(secret):
        raise ValueError(refusal)
    keyed = HMAC(decoded(secret.removeprefix(PREFIX)) or b"", SHA256())

    def signature(message: bytes) -> str:
        copy = keyed.copy()  # half of what the standard library's takes
        copy.update(message)
        return f"{VERSION},{b64encode(copy.finalize()).decode()}"

    return signature


def sign(keys: Sequence[Key], request: Outgoing) -> Headers:
    return sealed(keys, request)


def verify(secrets: Sequence[str], request: Incoming, now: int) -> bool:
    received = opened(request, now, VERSION)
    if received is None:
        return False
    expected = [prepare(secret)(received.message) for secret in secrets if check(secret) is None]
    digests = [decoded(text.removeprefix(f"{VERSION},")) or b"" for text in expected]
    matches = [hmac.compare_digest(one, other) for one in received.signatures for other in digests]
    return any(matches)


def public_part(secret: str) -> str | None:  # noqa: ARG001
    return None
