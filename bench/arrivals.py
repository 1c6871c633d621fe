"""Waiting for what arrives at the receiver, and its rate: between 10 % and 95 % of the count, the steady state."""

from __future__ import annotations

import time
from collections.abc import Callable

from bench.receiver import Receiver

FIRST, LAST = 0.10, 0.95
LOOK_SECONDS = 0.02
STALL_SECONDS = 40.0


def wait_until(receiver: Receiver, count: int, last_words: Callable[[], str]) -> None:
    """Raises TimeoutError, with the last words of who should have sent, when nothing has come for a while."""
    before, moved = receiver.count, time.monotonic()
    while (now := receiver.count) < count:
        if now != before:
            before, moved = now, time.monotonic()
        if time.monotonic() > moved + STALL_SECONDS:
            raise TimeoutError(f"only {now} of {count} deliveries arrived; the log's end: {last_words()}")
        time.sleep(LOOK_SECONDS)


def rate(receiver: Receiver, count: int, last_words: Callable[[], str]) -> float:
    """Deliveries per second."""
    wait_until(receiver, int(count * FIRST), last_words)
    first, begun = receiver.count, time.monotonic()
    wait_until(receiver, int(count * LAST), last_words)
    return (receiver.count - first) / (time.monotonic() - begun)
