"""`X-Signature`: HMAC-SHA-512 over the raw body, one digest per live secret (S4 lines 160-164, B5).

There is no time in what is signed, so a recorded message stays valid: receivers drop repeats by their id.
"""

from __future__ import annotations

import hmac
import secrets as randomness
from base64 import b64encode
from collections.abc import Mapping, Sequence

from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.hmac import HMAC

from connectors.message import Headers
from connectors.signing.scheme import MAX_SECRETS, Key

NAME = "x_signature"
TITLE = "X-Signature (HMAC-SHA-512)"
NEEDS_SECRET = True

PREFIX = "sha512="
SHORTEST, LONGEST = 24, 128
"""Bytes of the secret's text. 128 is the block of SHA-512: what is longer would be hashed down first."""

MOST_DIGESTS = 16  # that verify() looks at


def generate() -> str:
    return "whsec_" + b64encode(randomness.token_bytes(32)).decode()


def check(secret: str) -> str | None:
    if not secret.isprintable() or secret != secret.strip():
        return "The secret must have no spaces around it and no characters that cannot be seen."
    if not SHORTEST <= len(secret.encode()) <= LONGEST:
        return f"The secret must have {SHORTEST} to {LONGEST} bytes."
    return None


def prepare(secret: str) -> Key:
    """The key is the text as issued, its `whsec_` included (B5, Signature)."""
    if refusal := check(secret):
        raise ValueError(refusal)
    keyed = HMAC(secret.encode(), SHA512())

    def digest(body: bytes) -> str:
        copy = keyed.copy()  # half of what the standard library's takes
        copy.update(body)
        return PREFIX + copy.finalize().hex()

    return digest


def sign(keys: Sequence[Key], *, message_id: str, timestamp: int, body: bytes) -> Headers:  # noqa: ARG001
    return (("X-Signature", ", ".join([key(body) for key in keys[:MAX_SECRETS]])),)


def verify(secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: int) -> bool:  # noqa: ARG001
    """Any digest of any secret counts; a comma without a space is fine too (S4 line 163)."""
    given = [part.strip().lower() for part in headers.get("x-signature", "").split(",", MOST_DIGESTS)[:MOST_DIGESTS]]
    expected = [prepare(secret)(body) for secret in secrets if check(secret) is None]
    matches = [hmac.compare_digest(one.encode(errors="replace"), other.encode()) for one in given for other in expected]
    return any(matches)


def public_part(secret: str) -> str | None:  # noqa: ARG001
    return None
