"""The lanes: one queue per connector, and the single place of its concurrency, its rate and its breaker.

One thread runs them all around the sender. A lane starts a message when it has room of its own, its breaker is closed
and its pace allows it. Of the room for all, which guards memory and sockets, no lane gets more than a share of what is
left: so there is always some left for the next lane, however many partners hang.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from heapq import heappop, heappush
from itertools import count
from math import inf
from time import monotonic
from typing import TypeAlias
from uuid import UUID

import structlog
from msgspec import Struct

from connectors import retry
from connectors.breaker import Breaker
from connectors.dispatch import EventText, Target, make_request, shown_head
from connectors.message import ErrorClass, Outcome, Request
from connectors.outbox import Due, Result
from connectors.pace import Pace
from connectors.profiles import RenderError
from connectors.sender import Sender
from portal.lib import clock
from portal.lib.uuid7 import uuid7s

TURN = 8
"""Messages a lane may start before the next lane has its turn."""
POLL_SECONDS = 0.5
IDS_AHEAD = 64
"""Ids of requests made at a time: one by one they cost four times as much."""
SHARE = 8
"""A lane may have one eighth of the room that is left for all in flight: far more than its own limit, until hundreds
of partners hang."""

log = structlog.get_logger(__name__)


class Work(Struct, frozen=True, kw_only=True, gc=False):
    """A claimed delivery with its event (None when it is no longer kept) and its shard's epoch.

    `refusal` says why it must not be made any more.
    """

    due: Due
    event: EventText | None
    shard: int
    epoch: int
    refusal: str = ""


class _Sent(Struct, frozen=True, kw_only=True, gc=False):
    """What is remembered of a message while it is in flight."""

    lane: Lane
    work: Work
    request_id: UUID
    started_at: datetime
    head: str
    digest: bytes


class Lane:
    """The queue of one connector inside the worker that owns its shard."""

    __slots__ = ("breaker", "in_flight", "pace", "queue", "queued_to_run", "target", "wakes_at")

    def __init__(self, target: Target) -> None:
        self.target = target
        self.queue: deque[Work] = deque()
        self.in_flight = 0
        self.queued_to_run = False
        self.wakes_at = 0.0
        self.breaker = Breaker()
        self.pace = Pace(target.rate_limit) if target.rate_limit else None

    def retarget(self, target: Target) -> None:
        """Take on a changed configuration. Who mends a sick endpoint's address need not wait for the breaker."""
        before, self.target = self.target, target
        if target.rate_limit != before.rate_limit:
            self.pace = Pace(target.rate_limit) if target.rate_limit else None
        if not before.enabled or (target.url, target.credentials) != (before.url, before.credentials):
            self.breaker = Breaker()

    @property
    def can_start(self) -> bool:
        return bool(self.queue) and self.target.enabled and self.in_flight < self.target.concurrency

    @property
    def rests(self) -> float:
        """Seconds for which the breaker leaves the endpoint alone from now on; 0.0 when it does not, or on probe."""
        until = self.breaker.until
        return max(0.0, until - monotonic()) if until and until != inf else 0.0

    def next_start(self, now: float) -> float:
        """When the next message may go, as far as rate and breaker have a say: `now` or later, inf while on probe."""
        at = max(now, self.breaker.until)
        return max(at, self.pace.next_free(now)) if self.pace else at


Retarget: TypeAlias = tuple[Mapping[UUID, Target], Collection[UUID]]
"""New or changed targets, and the connectors that are no longer this worker's (one that is in both starts afresh)."""


class Lanes:
    """All lanes of a worker. `deliver` and `retarget` may be called from other threads, everything else not."""

    def __init__(
        self,
        sender: Sender,
        *,
        done: Callable[[Result], None],
        discard: Callable[[list[Due]], None],
        room: Callable[[int], int],
    ) -> None:
        """`done` takes each result, `discard` the deliveries given back unsent; `room(in flight)` is the guard over all
        lanes: how many more may be started."""
        self._sender = sender
        self._done = done
        self._discard = discard
        self._room = room
        self._arrivals: deque[list[Work] | Retarget] = deque()
        self._lanes: dict[UUID, Lane] = {}
        self._runnable: deque[Lane] = deque()
        self._resting: list[tuple[float, int, Lane]] = []
        self._numbers = count()
        self._request_ids: list[UUID] = []
        self._stopping = False
        self.in_flight = 0

    def deliver(self, works: list[Work]) -> None:
        self._arrivals.append(works)
        self._sender.wake()

    def retarget(self, targets: Mapping[UUID, Target], gone: Collection[UUID]) -> None:
        self._arrivals.append((targets, gone))
        self._sender.wake()

    def stop(self) -> None:
        """Give back what is queued and end once nothing is in flight any more."""
        self._stopping = True
        self._sender.wake()

    def run(self) -> None:
        while not (self._stopping and self.in_flight == 0):
            self._take_arrivals()
            if self._stopping:
                self._give_back(self._lanes)
            else:
                self._start()
            for sent, outcome in self._sender.poll(self._seconds_to_next()):
                self._finish(sent, outcome)

    def _take_arrivals(self) -> None:
        while self._arrivals:
            arrival = self._arrivals.popleft()
            if isinstance(arrival, list):
                self._queue(arrival)
            else:
                self._retarget(*arrival)

    def _queue(self, works: Iterable[Work]) -> None:
        strays = []
        for work in works:
            lane = self._lanes.get(work.due.connector_id)
            if lane is None or not lane.target.enabled:
                strays.append(work.due)
                continue
            lane.queue.append(work)
            self._make_runnable(lane)
        if strays:
            self._discard(strays)

    def _retarget(self, targets: Mapping[UUID, Target], gone: Collection[UUID]) -> None:
        self._give_back([*gone, *(connector_id for connector_id, target in targets.items() if not target.enabled)])
        for connector_id in gone:
            self._lanes.pop(connector_id, None)
        for connector_id, target in targets.items():
            lane = self._lanes.get(connector_id)
            if lane is None:
                self._lanes[connector_id] = lane = Lane(target)
            else:
                lane.retarget(target)
            self._make_runnable(lane)

    def _give_back(self, connector_ids: Iterable[UUID]) -> None:
        given = []
        for connector_id in connector_ids:
            if lane := self._lanes.get(connector_id):
                given += [work.due for work in lane.queue]
                lane.queue.clear()
        if given:
            self._discard(given)

    def _make_runnable(self, lane: Lane) -> None:
        if not lane.queued_to_run and lane.can_start:
            lane.queued_to_run = True
            self._runnable.append(lane)

    def _seconds_to_next(self) -> float:
        """Wake the lanes that have rested long enough; how long until the next one has."""
        now = monotonic()
        while self._resting and self._resting[0][0] <= now:
            self._make_runnable(heappop(self._resting)[2])
        if self._runnable and self._room(self.in_flight):
            return 0.0
        return min(POLL_SECONDS, self._resting[0][0] - now) if self._resting else POLL_SECONDS

    def _start(self) -> None:
        """Let each lane with room start a few messages in turn, until none has room or there is none for all.

        A lane that has its share already is left out until one of its own messages ends.
        """
        room = self._room(self.in_flight) if self._runnable else 0
        while self._runnable and room > 0:
            lane = self._runnable.popleft()
            share = max(1, room // SHARE)
            rests = False
            for _ in range(min(TURN, share - lane.in_flight)):
                if not lane.can_start or (rests := self._rests(lane)):
                    break
                self._send(lane, lane.queue.popleft())
                room -= 1
            lane.queued_to_run = False
            if not rests and lane.in_flight < share:
                self._make_runnable(lane)

    def _rests(self, lane: Lane) -> bool:
        """Whether its rate or its breaker keeps the lane from sending now; if so, it is woken in time.

        While a probe is on its way, its end wakes the lane. Otherwise the next message is taken note of here.
        """
        if lane.pace is None and not lane.breaker.until:
            return False
        now = monotonic()
        at = lane.next_start(now)
        if at > now:
            if at != inf and not now < lane.wakes_at <= at:
                lane.wakes_at = at
                heappush(self._resting, (at, next(self._numbers), lane))
            return True
        if lane.pace is not None:
            lane.pace.take(now)
        if lane.breaker.until:
            lane.breaker.probe(lane.queue[0].due.id)
        return False

    def _send(self, lane: Lane, work: Work) -> None:
        now = clock.now()
        lane.in_flight += 1
        self.in_flight += 1
        request, digest = make(lane.target, work, now)
        head = shown_head(lane.target, request) if isinstance(request, Request) else ""
        if not self._request_ids:
            self._request_ids = uuid7s(IDS_AHEAD)
        request_id = self._request_ids.pop()
        sent = _Sent(lane=lane, work=work, request_id=request_id, started_at=now, head=head, digest=digest)
        if isinstance(request, Request):
            self._sender.submit(request, sent)
        else:
            self._finish(sent, request)

    def _finish(self, sent: _Sent, outcome: Outcome) -> None:
        lane, due = sent.lane, sent.work.due
        lane.in_flight -= 1
        self.in_flight -= 1
        jitter = random.random()  # noqa: S311 - nothing to guess here
        decision = retry.decide(lane.target.policy, outcome, due.attempts + 1, clock.now(), jitter)
        self._note(lane, due, decision)
        self._done(
            Result(
                due=due,
                shard=sent.work.shard,
                epoch=sent.work.epoch,
                request_id=sent.request_id,
                started_at=sent.started_at,
                outcome=outcome,
                request_head=sent.head,
                request_digest=sent.digest,
                state=decision.state,
                delay=decision.delay or 0.0,
                in_line=lane.target.ordered,
                rests=lane.rests,
            )
        )
        self._make_runnable(lane)

    def _note(self, lane: Lane, due: Due, decision: retry.Decision) -> None:
        """Tell the breaker what this try says of the endpoint."""
        connector = lane.target.connector_id
        if decision.endpoint == "well":
            if lane.breaker.succeeded():
                log.info("an endpoint is well again", connector=str(connector))
        elif decision.endpoint == "unknown":
            lane.breaker.unheard(monotonic(), due.id)
        elif lane.breaker.failed(monotonic(), due.id, decision.hold):
            log.warning("an endpoint is left alone for a while", connector=str(connector), reason=decision.reason)


def make(target: Target, work: Work, now: datetime) -> tuple[Request | Outcome, bytes]:
    """The message with its body's digest, or what is recorded in place of an answer when it cannot be made."""
    if work.refusal:
        return _not_made(work.refusal), b""
    if work.event is None:
        return _not_made("The event is no longer kept."), b""
    try:
        rendering = work.event.rendering(target, work.due.attempts)
        return make_request(target, rendering.rendered, str(work.due.id), now), rendering.digest
    except RenderError as error:
        return _not_made(str(error)), b""
    except Exception as error:  # one message that cannot be made must not stop the others
        log.exception("a message could not be made", delivery=str(work.due.id))
        return _not_made(f"The message could not be made: {type(error).__name__}."), b""


def _not_made(detail: str) -> Outcome:
    return Outcome(
        status=None, error=ErrorClass.RENDER, detail=detail, headers=(), body=b"", truncated=False, duration=0.0
    )
