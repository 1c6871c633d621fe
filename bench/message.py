"""The message that everybody sends here: 1 KB of JSON, with the headers that a signed delivery has.

`SIGNED` are those of the product's default (Standard Webhooks), as they look on the wire.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

BODY_BYTES = 1024
SECRET = b"thirty-two bytes of secret here!"
MESSAGE_ID = "0199a3c4-5e6f-7a8b-9c0d-1e2f3a4b5c6d"
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"


def document(number: int = 0) -> dict[str, Any]:
    """As JSON exactly BODY_BYTES, carrying its number for the receiver to note."""
    note = f"seq={number:08d} "
    made: dict[str, Any] = {"id": MESSAGE_ID, "type": "system/action", "data": {"note": note}}
    made["data"]["note"] += "x" * (BODY_BYTES - len(json.dumps(made)))
    return made


def body(number: int = 0) -> bytes:
    return json.dumps(document(number)).encode()


def signed_headers(content: bytes, message_id: str = MESSAGE_ID) -> dict[str, str]:
    """Standard Webhooks, version v1."""
    timestamp = str(int(time.time()))
    signed = f"{message_id}.{timestamp}.".encode() + content
    signature = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
    return {
        "Content-Type": CONTENT_TYPE,
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{signature}",
    }
