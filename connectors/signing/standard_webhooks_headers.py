"""The headers that both versions of Standard Webhooks share: how they are written, and how they are read."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass

from connectors.message import Headers
from connectors.signing.scheme import MAX_SECRETS, TOLERANCE, Incoming, Key, Outgoing

NAMES = ("webhook-id", "webhook-timestamp", "webhook-signature")

MOST_SIGNATURES = 16
"""That are looked at in one message: checking costs time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """The bytes that were signed, and the signatures of the asked version that came with them."""

    message: bytes
    signatures: list[bytes]


def sealed(keys: Sequence[Key], request: Outgoing) -> Headers:
    timestamp = int(request.at)
    message = b"%b.%d.%b" % (request.message_id.encode(), timestamp, request.body)
    return (
        ("webhook-id", request.message_id),
        ("webhook-timestamp", str(timestamp)),
        ("webhook-signature", " ".join([key(message) for key in keys[:MAX_SECRETS]])),
    )


def opened(request: Incoming, now: int, version: str) -> Received | None:
    """None when a header is missing, the time is not a number, or it is further than TOLERANCE from `now`."""
    headers = request.headers
    message_id, signatures = headers.get("webhook-id"), headers.get("webhook-signature")
    timestamp = headers.get("webhook-timestamp", "")
    if not message_id or not signatures or not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16):
        return None
    if abs(now - int(timestamp)) > TOLERANCE:
        return None
    own = [part.removeprefix(f"{version},") for part in signatures.split() if part.startswith(f"{version},")]
    read = [raw for text in own[:MOST_SIGNATURES] if (raw := decoded(text))]
    prefix = f"{message_id}.{timestamp}.".encode(errors="replace")
    return Received(message=prefix + request.body, signatures=read)


def decoded(text: str) -> bytes | None:
    """Base64 with or without its padding; None for anything else."""
    try:
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):  # ValueError: a character outside ASCII
        return None
