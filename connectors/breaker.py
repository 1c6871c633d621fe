"""When to leave a sick endpoint alone, and when to ask it again: one breaker per lane, used by one thread. Pure.

    closed ── OPENS_AFTER messages failed in a row ──▶ open ── the cool-down is over ──▶ half-open: one message goes
      ▲                                                  ▲                                    │
      └──────── it is answered well ─────────────────────┼────────────────────────────────────┤
                                                         └── it fails: open for twice as long ┘

A failure is a try without an answer, or with one that is tried again (`retry.Decision.endpoint`). An answer that
refuses one message for good shows an endpoint at work. A Retry-After on 429, 502, 503 or 504 holds everything for as
long as it asks, and then likewise lets one message find out.

Messages are counted, not their tries: one message that is refused again and again is no sickness of the endpoint.
What was on its way when the lane was held or opened says nothing new, unless it arrives.
"""

from __future__ import annotations

from math import inf
from typing import Final, Literal, TypeAlias
from uuid import UUID

State: TypeAlias = Literal["closed", "held", "open", "half-open"]

OPENS_AFTER: Final = 10
"""Messages that fail in a row, without one that arrives between them."""
FIRST_COOL_DOWN: Final = 30.0
"""Seconds. Our own choice, as is the longest: no source names one."""
LONGEST_COOL_DOWN: Final = 15 * 60.0
"""Seconds; a Retry-After holds a lane no longer either, though the message that was answered so waits as asked."""


class Breaker:
    """`until` is all that a healthy lane looks at: 0.0 while anything may go.

    Otherwise nothing goes before that time (a monotonic clock's seconds, as every `now` here), and then one message,
    announced with `probe`; until it is answered, `until` is infinite.
    """

    __slots__ = ("_cool_down", "_failed", "_probe", "until")

    def __init__(self) -> None:
        self.until = 0.0
        self._cool_down = 0.0
        self._failed: set[UUID] = set()
        self._probe: UUID | None = None

    @property
    def state(self) -> State:
        if not self.until:
            return "closed"
        if self.until == inf:
            return "half-open"
        return "open" if self._cool_down else "held"

    def probe(self, message_id: UUID) -> None:
        """This message goes now, alone, to find out: call it when one starts although `until` is not 0.0."""
        self._probe = message_id
        self.until = inf

    def succeeded(self) -> bool:
        """The endpoint answered as it should; returns whether that closed an open breaker, for the log."""
        closed = self._cool_down > 0
        if self._failed or self.until:
            self.until = self._cool_down = 0.0
            self._failed.clear()
            self._probe = None
        return closed

    def failed(self, now: float, message_id: UUID, asked: float = 0.0) -> bool:
        """A try failed; `asked` are the seconds that a Retry-After holds everything. Returns whether it opened now."""
        asked = min(asked, LONGEST_COOL_DOWN)
        if self.until and message_id != self._probe:
            self.until = max(self.until, now + asked)
            return False
        self._probe = None
        self._failed.add(message_id)
        if not self._cool_down and len(self._failed) < OPENS_AFTER:
            self.until = now + asked if asked else 0.0
            return False
        self._cool_down = min(max(2 * self._cool_down, FIRST_COOL_DOWN), LONGEST_COOL_DOWN)
        self.until = now + max(self._cool_down, asked)
        return True

    def unheard(self, now: float, message_id: UUID) -> None:
        """A message was not sent after all, so it found out nothing: if it was to, the next one may."""
        if message_id == self._probe:
            self._probe = None
            self.until = now
