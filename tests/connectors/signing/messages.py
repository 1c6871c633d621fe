"""One message, as it is signed and as it arrives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.signing import Incoming, Outgoing, Scheme

NOW = 1_764_000_000
BODY = b'{"id":"1","text":"\xc3\xa4"}'


def outgoing(**fields: Any) -> Outgoing:
    defaults = {
        "message_id": "m1",
        "at": float(NOW),
        "method": "POST",
        "url": "https://partner.example/in",
        "body": BODY,
    }
    return Outgoing(**{**defaults, **fields})


def incoming(headers: Mapping[str, str], **fields: Any) -> Incoming:
    return Incoming(**{"method": "POST", "path": "/in", "headers": headers, "body": BODY, **fields})


def signed(scheme: Scheme, secrets: Sequence[str], **fields: Any) -> dict[str, str]:
    """The headers as a receiver reads them."""
    keys = [scheme.prepare(secret) for secret in secrets]
    return {name.lower(): value for name, value in scheme.sign(keys, outgoing(**fields))}
