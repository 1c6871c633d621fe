"""`X-API-Auth` and `X-API-Timestamp`, after Wattsense's signature for its own API (B4).

The vendor gives its webhooks a secret key (S3 line 134) and does not publish how they are signed: to sign as its API
does is our definition, and so are the order of the query and what the API key is unless one is given.

The message has five parts, one a line: method, path, query, body, and the time in milliseconds since 1970. A part that
is absent is left out with its line break. The query's parameters are sorted as they are written. Digest: HMAC-SHA-512
in Base64. The header has a place for one signature, so the newest secret alone signs.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.hashes import SHA512

from connectors.headers import value_problem
from connectors.message import Headers
from connectors.signing import text_secret
from connectors.signing.scheme import TOLERANCE, Incoming, Key, Outgoing

NAME: Final = "wattsense"
LONGEST_KEY: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Wattsense:
    """`api_key` says whose signature it is; it stands in the header for everybody to read."""

    NAME: ClassVar[str] = NAME
    TITLE: ClassVar[str] = "X-API-Auth, as Wattsense's API signs (HMAC-SHA-512)"
    NEEDS_SECRET: ClassVar[bool] = True
    SEVERAL: ClassVar[bool] = False
    HEADERS: ClassVar[tuple[str, ...]] = ("X-API-Auth", "X-API-Timestamp")

    api_key: str = "feeder"

    def generate(self) -> str:
        return text_secret.generate()

    def check(self, secret: str) -> str | None:
        return text_secret.check(secret)

    def prepare(self, secret: str) -> Key:
        return text_secret.key_of(secret, SHA512(), lambda digest: b64encode(digest).decode())

    def sign(self, keys: Sequence[Key], request: Outgoing) -> Headers:
        timestamp = str(int(request.at * 1000))
        url = urlsplit(request.url)
        message = signed_message(request.method, url.path or "/", url.query, request.body, timestamp)
        proof, time = self.HEADERS
        return (*((proof, f"{self.api_key}:{key(message)}") for key in keys[:1]), (time, timestamp))

    def verify(self, secrets: Sequence[str], request: Incoming, now: int) -> bool:
        timestamp = request.headers.get("x-api-timestamp", "")
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16):
            return False
        if abs(now - int(timestamp) / 1000) > TOLERANCE:
            return False
        path, _, query = request.path.partition("?")
        message = signed_message(request.method, path, query, request.body, timestamp)
        expected = [f"{self.api_key}:{self.prepare(secret)(message)}" for secret in text_secret.usable(secrets)]
        return text_secret.matches([request.headers.get("x-api-auth", "")], expected)

    def public_part(self, secret: str) -> str | None:
        return None


def signed_message(method: str, path: str, query: str, body: bytes, timestamp: str) -> bytes:
    canonical = "&".join(sorted(query.split("&")))
    head = [part.encode(errors="replace") for part in (method, path, canonical)]
    return b"\n".join([part for part in (*head, body, timestamp.encode()) if part])


def _api_key(value: str) -> str | None:
    if not 1 <= len(value) <= LONGEST_KEY:
        return f"1 to {LONGEST_KEY} characters."
    return "A colon would end the key." if ":" in value else value_problem(value)


CHECKS: Final = {"api_key": _api_key}
