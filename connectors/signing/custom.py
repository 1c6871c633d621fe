"""An HMAC over the raw body in a header of the partner's own: for receivers whose scheme is none of the others.

The header has a place for one digest, so the newest secret alone signs.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

from connectors.headers import name_problem, value_problem
from connectors.message import Headers
from connectors.signing import text_secret
from connectors.signing.scheme import Incoming, Key, Outgoing

NAME: Final = "custom"
ALGORITHMS: Final[dict[str, HashAlgorithm]] = {"sha256": SHA256(), "sha384": SHA384(), "sha512": SHA512()}
ENCODINGS: Final[dict[str, text_secret.Write]] = {
    "hex": bytes.hex,
    "base64": lambda digest: b64encode(digest).decode(),
}
LONGEST_PREFIX: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Custom:
    """`prefix` stands before the digest, such as `sha256=`."""

    NAME: ClassVar[str] = NAME
    TITLE: ClassVar[str] = "An HMAC in a header of your choice"
    NEEDS_SECRET: ClassVar[bool] = True
    SEVERAL: ClassVar[bool] = False

    header: str = "X-Webhook-Signature"
    algorithm: str = "sha256"
    encoding: str = "hex"
    prefix: str = ""

    @property
    def HEADERS(self) -> tuple[str, ...]:  # noqa: N802 - as the other schemes have it
        return (self.header,)

    def generate(self) -> str:
        return text_secret.generate()

    def check(self, secret: str) -> str | None:
        return text_secret.check(secret)

    def prepare(self, secret: str) -> Key:
        write, prefix = ENCODINGS[self.encoding], self.prefix
        return text_secret.key_of(secret, ALGORITHMS[self.algorithm], lambda digest: prefix + write(digest))

    def sign(self, keys: Sequence[Key], request: Outgoing) -> Headers:
        return tuple((self.header, key(request.body)) for key in keys[:1])

    def verify(self, secrets: Sequence[str], request: Incoming, now: int) -> bool:
        expected = [self.prepare(secret)(request.body) for secret in text_secret.usable(secrets)]
        return text_secret.matches([request.headers.get(self.header.lower(), "")], expected)

    def public_part(self, secret: str) -> str | None:
        return None


def _header(value: str) -> str | None:
    """`X-Signature` belongs to another scheme, and only one of them signs."""
    return None if value.lower() == "x-signature" else name_problem(value)


def _algorithm(value: str) -> str | None:
    return None if value in ALGORITHMS else f"One of: {', '.join(ALGORITHMS)}."


def _encoding(value: str) -> str | None:
    return None if value in ENCODINGS else f"One of: {', '.join(ENCODINGS)}."


def _prefix(value: str) -> str | None:
    if len(value) > LONGEST_PREFIX:
        return f"At most {LONGEST_PREFIX} characters."
    return value_problem(f"{value}0")  # which something follows, so that it may end in a blank


CHECKS: Final = {"header": _header, "algorithm": _algorithm, "encoding": _encoding, "prefix": _prefix}
