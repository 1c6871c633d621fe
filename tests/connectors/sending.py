"""What the sender's tests share: a request, and waiting for its outcome."""

from __future__ import annotations

import time
from typing import Any

from connectors.egress import EgressPolicy
from connectors.message import Outcome, Request
from connectors.sender import Sender

LOOPBACK = EgressPolicy.of(["127.0.0.1/32"], allow_http=True)
CLOSED = EgressPolicy.of([], allow_http=True)
HEADERS = (("Content-Type", "application/json"), ("webhook-id", "msg_1"))


def request(url: str, **changes: Any) -> Request:
    values = {"method": "POST", "url": url, "headers": HEADERS, "body": b'{"a": 1}', "timeout": 5.0}
    return Request(**{**values, **changes})


def poll_all(sender: Sender, count: int, timeout: float = 10.0) -> dict[Any, Outcome]:
    """Key → outcome of `count` requests."""
    deadline = time.monotonic() + timeout
    outcomes: dict[Any, Outcome] = {}
    while len(outcomes) < count:
        assert time.monotonic() < deadline, f"{len(outcomes)} of {count}"
        outcomes.update(sender.poll(0.5))
    return outcomes
