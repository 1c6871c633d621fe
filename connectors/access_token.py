"""The access token of one connector (OAuth2): fetched when it is first wanted, renewed ahead of its end.

A lane has one for each version of its connector's configuration, and asks for it through the sender as for any other
request: never twice at a time, however many messages wait.
"""

from __future__ import annotations

from math import inf
from uuid import UUID

from connectors.auth.prepared import Token, TokenSource
from connectors.message import Headers, Outcome

EARLY_SECONDS = 60.0
EARLY_SHARE = 0.1
"""A token is renewed a minute before its end, or, when it lives shortly, with a tenth of its life left."""
AGAIN_SECONDS = 5.0
"""After a renewal that failed, until the next one is tried while the old token lasts."""


class AccessToken:
    """For one lane, used by one thread; `now` is a monotonic clock's seconds."""

    __slots__ = ("_ends", "_renew_at", "_second", "asking", "headers", "source")

    def __init__(self, source: TokenSource) -> None:
        self.source = source
        self.headers: Headers = ()
        self.asking = False
        self._ends = self._renew_at = 0.0
        self._second: set[UUID] = set()

    def usable(self, now: float) -> bool:
        return bool(self.headers) and now < self._ends

    def wanted(self, now: float) -> bool:
        """Whether one has to be asked for now; the old one is used meanwhile, as long as it lasts."""
        return not self.asking and now >= self._renew_at

    def answered(self, outcome: Outcome, now: float) -> str:
        """Take what the token endpoint answered; returns why there is no token, or nothing."""
        self.asking = False
        token = self.source.read(outcome)
        if not isinstance(token, Token):
            self._renew_at = min(now + AGAIN_SECONDS, self._ends)
            return token
        self.headers = self.source.bearer(token)
        life = inf if token.seconds is None else token.seconds
        self._ends = now + life
        self._renew_at = self._ends - min(EARLY_SECONDS, life * EARLY_SHARE)
        return ""

    def refused(self, headers: Headers, delivery_id: UUID) -> bool:
        """A message with this token was answered 401: whether it may go once more, with a new one.

        The token may have been revoked. A message that is refused with the next token too has failed.
        """
        if headers == self.headers:
            self.headers = ()
            self._ends = self._renew_at = 0.0
        if delivery_id in self._second:
            self._second.discard(delivery_id)
            return False
        self._second.add(delivery_id)
        return True

    def forget(self) -> None:
        """The messages that waited for a new token are gone from this lane."""
        self._second.clear()

    def done(self, delivery_id: UUID) -> None:
        """This message needs no further token."""
        self._second.discard(delivery_id)
