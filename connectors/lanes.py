"""The lanes: one queue per connector, and the single place of its order and concurrency.

One thread runs them all around the sender. A lane starts a message when it has room of its own. Of the room for all,
which guards memory and sockets, no lane gets more than a share of what is left: so there is always some left for the
next lane, however many partners hang.
"""

from __future__ import annotations

import hashlib
import random
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import structlog
from msgspec import Struct

from connectors import retry
from connectors.dispatch import Target, make_request, shown_head
from connectors.message import ErrorClass, Outcome, Request
from connectors.outbox import Due, Result
from connectors.profiles import RenderError
from connectors.sender import Sender
from portal.lib import clock
from portal.lib.uuid7 import uuid7

TURN = 8
"""Messages a lane may start before the next lane has its turn."""
POLL_SECONDS = 0.5
SHARE = 8
"""A lane may have one eighth of the room that is left for all in flight: far more than its own limit, until hundreds
of partners hang."""

log = structlog.get_logger(__name__)


class Work(Struct, frozen=True, kw_only=True):
    """A claimed delivery with its event's document (None when the event is no longer kept) and its shard's epoch."""

    due: Due
    document: Mapping[str, Any] | None
    shard: int
    epoch: int


class _Sent(Struct, frozen=True, kw_only=True):
    """What is remembered of a message while it is in flight."""

    lane: Lane
    work: Work
    request_id: UUID
    started_at: datetime
    head: str
    digest: bytes


class Lane:
    """The queue of one connector inside the worker that owns its shard."""

    __slots__ = ("in_flight", "queue", "queued_to_run", "target")

    def __init__(self, target: Target) -> None:
        self.target = target
        self.queue: deque[Work] = deque()
        self.in_flight = 0
        self.queued_to_run = False

    @property
    def can_start(self) -> bool:
        return bool(self.queue) and self.target.enabled and self.in_flight < self.target.concurrency


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
            for sent, outcome in self._sender.poll(POLL_SECONDS):
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
            lane = self._lanes.setdefault(connector_id, Lane(target))
            lane.target = target
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

    def _start(self) -> None:
        """Let each lane with room start a few messages in turn, until none has room or there is none for all.

        A lane that has its share already is left out until one of its own messages ends.
        """
        while self._runnable and (room := self._room(self.in_flight)):
            lane = self._runnable.popleft()
            share = max(1, room // SHARE)
            for _ in range(min(TURN, share - lane.in_flight)):
                if not lane.can_start:
                    break
                self._send(lane, lane.queue.popleft())
            lane.queued_to_run = False
            if lane.in_flight < share:
                self._make_runnable(lane)

    def _send(self, lane: Lane, work: Work) -> None:
        now = clock.now()
        request = _request(lane.target, work, now)
        head, digest = "", b""
        if isinstance(request, Request):
            head, digest = shown_head(lane.target, request), hashlib.sha256(request.body).digest()
        sent = _Sent(lane=lane, work=work, request_id=uuid7(now), started_at=now, head=head, digest=digest)
        lane.in_flight += 1
        self.in_flight += 1
        if isinstance(request, Request):
            self._sender.submit(request, sent)
        else:
            self._finish(sent, request)

    def _finish(self, sent: _Sent, outcome: Outcome) -> None:
        lane, due = sent.lane, sent.work.due
        lane.in_flight -= 1
        self.in_flight -= 1
        decision = retry.decide(
            lane.target.policy,
            outcome,
            due.attempts + 1,
            clock.now(),
            random.random(),  # noqa: S311 - jitter
        )
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
            )
        )
        self._make_runnable(lane)


def _request(target: Target, work: Work, now: datetime) -> Request | Outcome:
    """The message, or what is recorded in place of an answer when it cannot be made."""
    if work.document is None:
        return _not_made("The event is no longer kept, or cannot be read.")
    try:
        return make_request(target, work.document, str(work.due.id), now)
    except RenderError as error:
        return _not_made(str(error))
    except Exception as error:  # one message that cannot be made must not stop the others
        log.exception("a message could not be made", delivery=str(work.due.id))
        return _not_made(f"The message could not be made: {type(error).__name__}.")


def _not_made(detail: str) -> Outcome:
    return Outcome(
        status=None, error=ErrorClass.RENDER, detail=detail, headers=(), body=b"", truncated=False, duration=0.0
    )
