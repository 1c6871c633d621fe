"""Secrets whose text is the key: how they are made, judged and used by the schemes with a plain HMAC."""

from __future__ import annotations

import hmac
import secrets as randomness
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from cryptography.hazmat.primitives.hashes import HashAlgorithm
from cryptography.hazmat.primitives.hmac import HMAC

from connectors.signing.scheme import Key

Write: TypeAlias = Callable[[bytes], str]
"""From a digest to its text."""

SHORTEST, LONGEST = 24, 128
"""Bytes of the secret's text. 128 is the block of SHA-512: what is longer would be hashed down first."""


def generate() -> str:
    return randomness.token_hex(32)


def check(secret: str) -> str | None:
    if not secret.isprintable() or secret != secret.strip():
        return "The secret must have no spaces around it and no characters that cannot be seen."
    if not SHORTEST <= len(secret.encode()) <= LONGEST:
        return f"The secret must have {SHORTEST} to {LONGEST} bytes."
    return None


def key_of(secret: str, algorithm: HashAlgorithm, write: Write) -> Key:
    """ValueError for a secret that check() refuses."""
    if refusal := check(secret):
        raise ValueError(refusal)
    keyed = HMAC(secret.encode(), algorithm)

    def signature(message: bytes) -> str:
        copy = keyed.copy()  # half of what the standard library's takes
        copy.update(message)
        return write(copy.finalize())

    return signature


def usable(secrets: Sequence[str]) -> list[str]:
    return [secret for secret in secrets if check(secret) is None]


def matches(given: Iterable[str], expected: Iterable[str]) -> bool:
    """Whether any is the same as any, in a time that does not tell which."""
    wanted = [text.encode() for text in expected]
    found = [hmac.compare_digest(text.encode(errors="replace"), one) for text in given for one in wanted]
    return any(found)
