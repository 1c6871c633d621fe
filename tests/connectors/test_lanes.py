"""The lanes around a real sender and a real receiver: when a message goes, and when it has to wait."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from uuid import uuid4

import pytest

from connectors import breaker, profiles, retry, signing
from connectors.auth.prepared import Prepared
from connectors.dispatch import EventText, Target
from connectors.egress import EgressPolicy
from connectors.lanes import Lanes, Work
from connectors.outbox import Due, Result
from connectors.sender import Sender
from portal.events import catalogue
from tests.receiver import Answer, Receiver
from tests.whole.stack import eventually

ANYWHERE = EgressPolicy(allow=(ip_network("127.0.0.1/32"),), allow_http=True)
TEXT = json.dumps(catalogue.sample_document("gateway/online", str(uuid4())))


class Running:
    """Lanes in a thread of their own, as in the worker."""

    def __init__(self) -> None:
        self.results: list[Result] = []
        self.given_back: list[Due] = []
        self._sender = Sender(ANYWHERE, max_sockets=64)
        self.lanes = Lanes(
            self._sender, done=self.results.append, discard=self._discard, room=lambda in_flight: 64 - in_flight
        )
        self._thread = threading.Thread(target=self.lanes.run)

    def _discard(self, dues: Collection[Due]) -> None:
        self.given_back += dues

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.lanes.stop()
        self._thread.join(10)
        assert not self._thread.is_alive()
        self._sender.close()

    def deliver(self, target: Target, count: int) -> None:
        works = [_work(target) for _ in range(count)]
        self.lanes.deliver(works)

    def retarget(self, target: Target) -> None:
        self.lanes.retarget({target.connector_id: target}, ())


def _work(target: Target) -> Work:
    due = Due(
        id=uuid4(),
        organization_id=target.organization_id,
        connector_id=target.connector_id,
        event_id=uuid4(),
        attempts=0,
        next_at=datetime.now(UTC),
        crashes=0,
    )
    return Work(due=due, event=EventText(TEXT), shard=target.shard, epoch=1)


def target(url: str, **fields: object) -> Target:
    made = Target(
        connector_id=uuid4(),
        organization_id=uuid4(),
        shard=0,
        enabled=True,
        url=url,
        exempt=None,
        profile=profiles.PROFILES["standard.2026-11"],
        context=profiles.PLAIN,
        format="standard.2026-11",
        scheme=signing.SCHEMES["none"],
        keys=(),
        credentials={},
        auth=Prepared(),
        policy=retry.POLICIES["standard"],
        concurrency=1,
        rate_limit=None,
        ordered=False,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


@pytest.fixture
def running() -> Iterator[Running]:
    made = Running()
    made.start()
    yield made
    made.stop()


@contextmanager
def partner(status: int = 200) -> Iterator[Receiver]:
    with Receiver(lambda _: Answer(status)) as receiver:
        yield receiver


def test_a_sick_endpoint_is_left_alone_and_asked_by_one_message(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "FIRST_COOL_DOWN", 0.6)
    with partner(500) as receiver:
        to = target(receiver.url)
        running.retarget(to)
        running.deliver(to, 40)
        eventually(lambda: len(running.results) == breaker.OPENS_AFTER)
        opened = time.monotonic()
        receiver.wait_for(breaker.OPENS_AFTER + 1, timeout=5)
        assert time.monotonic() - opened > 0.4, "nothing goes while it cools down"
        eventually(lambda: len(running.results) == breaker.OPENS_AFTER + 1)
        assert running.results[-1].rests > 0.6, "twice as long, as the record is told"
        receiver.script = lambda _: Answer(200)
        eventually(lambda: len(running.results) == 40)
        assert [result.state for result in running.results[11:]] == ["delivered"] * 29
        assert running.results[-1].rests == 0.0


def test_another_lane_goes_on_meanwhile(running: Running) -> None:
    with partner(500) as sick, partner() as well:
        one, other = target(sick.url), target(well.url)
        running.retarget(one)
        running.retarget(other)
        running.deliver(one, 30)
        running.deliver(other, 30)
        well.wait_for(30, timeout=5)
        eventually(lambda: len(running.results) == 30 + breaker.OPENS_AFTER)


def test_who_mends_the_address_need_not_wait(running: Running) -> None:
    with partner(500) as wrong, partner() as right:
        to = target(wrong.url)
        running.retarget(to)
        running.deliver(to, 20)
        eventually(lambda: len(running.results) == breaker.OPENS_AFTER)
        running.retarget(replace(to, url=right.url))
        right.wait_for(10, timeout=3)


def test_a_retry_after_holds_the_lane(running: Running) -> None:
    with Receiver(lambda _: Answer(429, headers=(("Retry-After", "1"),))) as receiver:
        to = target(receiver.url)
        running.retarget(to)
        running.deliver(to, 3)
        eventually(lambda: running.results)
        receiver.script = lambda _: Answer(200)
        held = time.monotonic()
        receiver.wait_for(3, timeout=5)
        assert time.monotonic() - held > 0.8
        eventually(lambda: [result.state for result in running.results] == ["retry", "delivered", "delivered"])


def test_a_rate_limit_spaces_the_messages(running: Running) -> None:
    with partner() as receiver:
        to = target(receiver.url, rate_limit=240, concurrency=10)
        running.retarget(to)
        running.deliver(to, 8)
        receiver.wait_for(8, timeout=8)
        times = [request.at for request in receiver.requests]
        assert times[7] - times[0] > 0.7, "four at once, then four a second"


def test_a_paused_connector_gives_its_queue_back(running: Running) -> None:
    with Receiver(lambda _: Answer(delay=0.3)) as receiver:
        to = target(receiver.url)
        running.retarget(to)
        running.deliver(to, 5)
        receiver.wait_for(1)
        running.retarget(replace(to, enabled=False))
        eventually(lambda: len(running.given_back) == 4)
        eventually(lambda: len(running.results) == 1)
        assert len(receiver.requests) == 1
