"""`X-Signature`: HMAC-SHA-512 over the raw body, one digest per live secret (S4 lines 160-164, B5).

There is no time in what is signed, so a recorded message stays valid: receivers drop repeats by their id.
"""

from __future__ import annotations

import secrets as randomness
from base64 import b64encode
from collections.abc import Sequence

from cryptography.hazmat.primitives.hashes import SHA512

from connectors.message import Headers
from connectors.signing import text_secret
from connectors.signing.scheme import MAX_SECRETS, Incoming, Key, Outgoing

NAME = "x_signature"
TITLE = "X-Signature (HMAC-SHA-512)"
NEEDS_SECRET = True
SEVERAL = True
HEADERS = ("X-Signature",)

PREFIX = "sha512="
MOST_DIGESTS = 16  # that verify() looks at

check = text_secret.check


def generate() -> str:
    return "whsec_" + b64encode(randomness.token_bytes(32)).decode()


def prepare(secret: str) -> Key:
    """The key is the text as issued, its `whsec_` included (B5, Signature)."""
    return text_secret.key_of(secret, SHA512(), lambda digest: PREFIX + digest.hex())


def sign(keys: Sequence[Key], request: Outgoing) -> Headers:
    return ((HEADERS[0], ", ".join([key(request.body) for key in keys[:MAX_SECRETS]])),)


def verify(secrets: Sequence[str], request: Incoming, now: int) -> bool:  # noqa: ARG001
    """Any digest of any secret counts; a comma without a space is fine too (S4 line 163)."""
    given = request.headers.get("x-signature", "").split(",", MOST_DIGESTS)[:MOST_DIGESTS]
    expected = [prepare(secret)(request.body) for secret in text_secret.usable(secrets)]
    return text_secret.matches([digest.strip().lower() for digest in given], expected)


def public_part(secret: str) -> str | None:  # noqa: ARG001
    return None
