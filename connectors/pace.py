"""How fast one lane may send: never more than so many requests in any minute, evenly spread. Pure.

A token bucket in one number, the time until which the allowance is used up (known as GCRA). It holds one second's
worth of requests, so that a fast lane need not wake up for each.
"""

from __future__ import annotations


class Pace:
    """For one lane, used by one thread; `now` is a monotonic clock's seconds. A new owner of the lane starts anew."""

    __slots__ = ("_ahead", "_every", "_used_until")

    def __init__(self, per_minute: int) -> None:
        burst = max(1, per_minute // 60)
        # Refilled a little slower than asked for: burst and refill together then stay within the minute's number.
        self._every = 60.0 / (per_minute - burst + 1)
        self._ahead = self._every * (burst - 1)
        self._used_until = 0.0

    def next_free(self, now: float) -> float:
        """When the next request may go: `now`, or a time ahead of it."""
        return max(now, self._used_until - self._ahead)

    def take(self, now: float) -> None:
        """A request goes now, a retry or a probe as well."""
        self._used_until = max(now, self._used_until) + self._every
