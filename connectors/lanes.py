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
from connectors.access_token import AccessToken
from connectors.dispatch import Target
from connectors.lane import Lane
from connectors.making import Message, Work, make_batch, make_one, not_sent
from connectors.message import ErrorClass, Headers, Outcome, Request
from connectors.outbox import Due, Result
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
UNAUTHORIZED = 401

log = structlog.get_logger(__name__)


class _Sent(Struct, frozen=True, gc=False):
    """What is remembered of a message while it is in flight, `token` being the headers of the one it went with."""

    lane: Lane
    message: Message
    request_id: UUID
    started_at: datetime
    token: Headers


class _TokenAsked(Struct, frozen=True, gc=False):
    """A request to an authorization server, for the token of this version of the lane's configuration."""

    lane: Lane
    access: AccessToken


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
        room: Callable[[int, int], int],
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        """`done` takes each result, `discard` the deliveries given back unsent. `room(requests, deliveries)`, both in
        flight, is the guard over all lanes: how many more deliveries may be started."""
        self._sender = sender
        self._done = done
        self._discard = discard
        self._room = room
        self._now = now
        self._arrivals: deque[list[Work] | Retarget] = deque()
        self._lanes: dict[UUID, Lane] = {}
        self._runnable: deque[Lane] = deque()
        self._resting: list[tuple[float, int, Lane]] = []
        self._numbers = count()
        self._request_ids: list[UUID] = []
        self._stopping = False
        self.in_flight = self._deliveries = 0

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
                if isinstance(sent, _Sent):
                    self._finish(sent, outcome)
                else:
                    self._take_token(sent, outcome)

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
            lane.add(work)
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
                given += lane.clear()
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
        if self._runnable and self._room(self.in_flight, self._deliveries):
            return 0.0
        return min(POLL_SECONDS, self._resting[0][0] - now) if self._resting else POLL_SECONDS

    def _start(self) -> None:
        """Let each lane with room start a few messages in turn, until none has room or there is none for all.

        A lane that has its share already is left out until one of its own messages ends.
        """
        room = self._room(self.in_flight, self._deliveries) if self._runnable else 0
        while self._runnable and room > 0:
            lane = self._runnable.popleft()
            share = max(1, room // SHARE)
            rests = False
            for _ in range(min(TURN, share - lane.in_flight)):
                if room <= 0 or not lane.can_start or (rests := self._rests(lane)):
                    break
                room -= self._send(lane, room)
            lane.queued_to_run = False
            if not rests and lane.in_flight < share:
                self._make_runnable(lane)

    def _rests(self, lane: Lane) -> bool:
        """Whether its rate, its breaker, its batch or its token keeps the lane from sending now; it is woken in time.

        While a probe is on its way, or a token, its end wakes the lane. Otherwise the next message is taken note of
        here.
        """
        if lane.free and not lane.breaker.until:
            return False
        now = monotonic()
        if lane.access is not None and lane.breaker.until <= now and lane.access.wanted(now):
            self._ask_for_token(lane, lane.access)
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

    def _send(self, lane: Lane, most: int) -> int:
        """Start the lane's next message, of `most` deliveries at most; returns how many deliveries that were."""
        now = self._now()
        token = lane.access.headers if lane.access else ()
        if lane.target.batch is None:
            self._go(lane, make_one(lane.target, lane.queue.popleft(), now, token), now, token)
            return 1
        works = lane.take(most)
        messages, left = make_batch(lane.target, works, now, token)
        lane.put_back(left)
        for message in messages:
            self._go(lane, message, now, token)
        return len(works) - len(left)

    def _go(self, lane: Lane, message: Message, now: datetime, token: Headers) -> None:
        lane.in_flight += 1
        self.in_flight += 1
        self._deliveries += len(message.works)
        if not self._request_ids:
            self._request_ids = uuid7s(IDS_AHEAD)
        sent = _Sent(lane, message, self._request_ids.pop(), now, token)
        request = message.request
        if isinstance(request, Request):
            self._sender.submit(request, sent)
        else:
            self._finish(sent, request)

    def _finish(self, sent: _Sent, outcome: Outcome) -> None:
        lane, works = sent.lane, sent.message.works
        lane.in_flight -= 1
        self.in_flight -= 1
        self._deliveries -= len(works)
        if lane.access is None or not self._goes_again(sent, outcome):
            self._judge(sent, outcome)
        self._make_runnable(lane)

    def _judge(self, sent: _Sent, outcome: Outcome) -> None:
        """What becomes of each delivery. To the breaker, one try of several says what one of a single delivery says."""
        lane, works = sent.lane, sent.message.works
        if outcome.status in lane.target.policy.success:
            if lane.breaker.succeeded():
                log.info("an endpoint is well again", connector=str(lane.target.connector_id))
            for work in works:
                self._done(_result(sent, work, outcome, retry.DELIVERED))
            return
        now, jitter = self._now(), random.random()  # noqa: S311 - nothing to guess here
        decisions = [retry.decide(lane.target.policy, outcome, work.due.attempts + 1, now, jitter) for work in works]
        self._note(lane, works[0].due, decisions[0])
        for work, decision in zip(works, decisions, strict=True):
            self._done(_result(sent, work, outcome, decision))

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

    # access tokens

    def _ask_for_token(self, lane: Lane, access: AccessToken) -> None:
        access.asking = True
        self._sender.submit(access.source.request, _TokenAsked(lane, access))

    def _take_token(self, asked: _TokenAsked, outcome: Outcome) -> None:
        """Without a token, one message has failed: its retry asks again, and the breaker counts it."""
        lane, access = asked.lane, asked.access
        problem = access.answered(outcome, monotonic())
        if problem and lane.access is access and lane.queue and not access.usable(monotonic()):
            self._go(lane, Message(lane.take(1), not_sent(ErrorClass.TOKEN, problem)), self._now(), ())
        self._make_runnable(lane)

    def _goes_again(self, sent: _Sent, outcome: Outcome) -> bool:
        """Whether what was answered 401 waits for a new token now: once only, and not as a try of its own.

        In a lane that sends no more it is given back instead: whoever has the connector next fetches the token.
        """
        lane, works = sent.lane, sent.message.works
        access = lane.access
        if access is None or not sent.token:
            return False
        if outcome.status != UNAUTHORIZED:
            access.done(works[0].due.id)
            return False
        again = access.refused(sent.token, works[0].due.id)
        if again and self._sends(lane):
            lane.put_back(works)
        elif again:
            access.done(works[0].due.id)
            self._discard([work.due for work in works])
        return again

    def _sends(self, lane: Lane) -> bool:
        target = lane.target
        return not self._stopping and target.enabled and self._lanes.get(target.connector_id) is lane


def _result(sent: _Sent, work: Work, outcome: Outcome, decision: retry.Decision) -> Result:
    lane, message = sent.lane, sent.message
    return Result(
        due=work.due,
        shard=work.shard,
        epoch=work.epoch,
        request_id=sent.request_id,
        started_at=sent.started_at,
        outcome=outcome,
        request_head=message.head,
        request_digest=message.digest,
        state=decision.state,
        delay=decision.delay or 0.0,
        in_line=lane.target.ordered,
        rests=lane.rests if lane.breaker.until else 0.0,
        together=len(message.works),
    )
