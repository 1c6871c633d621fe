"""The queue of one connector inside the worker that owns its shard: what may start, and when."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import inf
from time import monotonic

from connectors.access_token import AccessToken
from connectors.breaker import Breaker
from connectors.dispatch import Target
from connectors.making import Work
from connectors.outbox import Due
from connectors.pace import Pace


class Lane:
    """`free` says that neither a rate, nor a batch, nor a token has a say in when a message starts."""

    __slots__ = (
        *("_arrivals", "_size", "access", "breaker", "free", "in_flight", "pace", "queue", "queued_to_run", "target"),
        "wakes_at",
    )

    def __init__(self, target: Target) -> None:
        self.queue: deque[Work] = deque()
        self.in_flight = 0
        self.queued_to_run = False
        self.wakes_at = 0.0
        self.breaker = Breaker()
        self.pace: Pace | None
        self.access: AccessToken | None
        self._take_on(target)

    def retarget(self, target: Target) -> None:
        """Take on a changed configuration. Who mends a sick endpoint's address need not wait for the breaker."""
        before, pace, access = self.target, self.pace, self.access
        self._take_on(target)
        if target.rate_limit == before.rate_limit:
            self.pace = pace
        if target.credentials == before.credentials:
            self.access = access
        if not before.enabled or (target.url, target.credentials) != (before.url, before.credentials):
            self.breaker = Breaker()

    def _take_on(self, target: Target) -> None:
        self.target = target
        self.pace = Pace(target.rate_limit) if target.rate_limit else None
        self.access = AccessToken(target.auth.token) if target.auth.token else None
        self.free = not (target.rate_limit or target.batch or target.auth.token)
        # Only batches ask since when each has been waiting, and how large all are; what is here already has waited.
        self._arrivals = deque([0.0] * len(self.queue) if target.batch else ())
        self._size = sum(map(_size, self.queue)) if target.batch else 0

    @property
    def can_start(self) -> bool:
        return bool(self.queue) and self.target.enabled and self.in_flight < self.target.concurrency

    @property
    def rests(self) -> float:
        """Seconds for which the breaker leaves the endpoint alone from now on; 0.0 when it does not, or on probe."""
        until = self.breaker.until
        return max(0.0, until - monotonic()) if until and until != inf else 0.0

    def next_start(self, now: float) -> float:
        """When the next message may go: `now` or later; inf when its breaker's probe or its token has to come first."""
        at = max(now, self.breaker.until)
        if self.pace:
            at = max(at, self.pace.next_free(now))
        if self.target.batch:
            at = max(at, self._batch_at(now))
        return inf if self.access and not self.access.usable(now) else at

    # the queue

    def add(self, work: Work) -> None:
        self.queue.append(work)
        if self.target.batch:
            self._arrivals.append(monotonic())
            self._size += _size(work)

    def take(self, most: int) -> list[Work]:
        """The next message's deliveries, at least one: no more than `most`, nor than the connector's batch limits."""
        batch = self.target.batch
        count = min(most, batch.events) if batch else 1
        works: list[Work] = []
        size = 0
        while self.queue and len(works) < count:
            size += _size(self.queue[0])
            if batch and works and size > batch.bytes:
                break
            works.append(self.queue.popleft())
        if batch:
            for work in works:
                self._arrivals.popleft()
                self._size -= _size(work)
        return works

    def put_back(self, works: Sequence[Work]) -> None:
        """What was taken and is not sent yet goes before everything else, and at once."""
        self.queue.extendleft(reversed(works))
        if self.target.batch:
            self._arrivals.extendleft([0.0] * len(works))
            self._size += sum(map(_size, works))

    def clear(self) -> list[Due]:
        dues = [work.due for work in self.queue]
        self.queue.clear()
        self._arrivals.clear()
        self._size = 0
        if self.access:
            self.access.forget()
        return dues

    def _batch_at(self, now: float) -> float:
        """When what is queued goes: full by count or by bytes at once, else when its first has waited long enough."""
        batch = self.target.batch
        if batch is None or len(self.queue) >= batch.events or self._size >= batch.bytes or not self.queue:
            return now
        return self._arrivals[0] + batch.seconds


def _size(work: Work) -> int:
    """What it adds to a body, about: the characters of its event."""
    return len(work.event.text) if work.event else 0
