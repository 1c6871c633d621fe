"""No signature: for receivers that rely on authentication alone."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.message import Headers
from connectors.signing.scheme import Incoming, Key, Outgoing

NAME = "none"
TITLE = "Not signed"
NEEDS_SECRET = False
SEVERAL = False
HEADERS: tuple[str, ...] = ()


def generate() -> str:
    return ""


def check(secret: str) -> str | None:
    return "This scheme has no secret." if secret else None


def prepare(secret: str) -> Key:  # noqa: ARG001 - every scheme takes one
    return lambda _: ""


def sign(keys: Sequence[Key], request: Outgoing) -> Headers:  # noqa: ARG001
    return ()


def verify(secrets: Sequence[str], request: Incoming, now: int) -> bool:  # noqa: ARG001
    """Nothing was signed, so nothing is verified."""
    return False


def public_part(secret: str) -> str | None:  # noqa: ARG001
    return None
