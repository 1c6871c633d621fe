"""The lanes around a real sender and a real receiver: when a message goes, and when it has to wait."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from connectors import breaker
from tests.connectors.running_lanes import Running, target
from tests.receiver import Answer, Receiver
from tests.whole.stack import eventually


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
