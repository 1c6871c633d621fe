"""Several events in one request: when a batch goes, what is in it, and what becomes of each of its deliveries."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from connectors import profiles, retry
from connectors.dispatch import BatchLimits, Target
from connectors.making import message_id
from connectors.message import ErrorClass, Rendered
from connectors.profiles import Context, Item, RenderError
from tests.connectors.running_lanes import Running, target, work_for
from tests.receiver import Answer, Receiver
from tests.whole.stack import eventually


def render(items: Sequence[Item], context: Context) -> Rendered:
    """An array of the events' numbers with their attempts; a negative number cannot be said."""
    if any(item.document["data"]["number"] < 0 for item in items):
        raise RenderError("negative")
    body = [[item.document["data"]["number"], item.attempt, item.document["data"].get("text", "")] for item in items]
    return Rendered(body=json.dumps(body).encode(), content_type="application/json")


ARRAYS = replace(profiles.PROFILES["standard.2026-11"], name="arrays", render=render, most_events=1000, varies=True)


def batching(url: str, *, events: int = 100, size: int = 100_000, seconds: float = 30.0, **fields: object) -> Target:
    limits = BatchLimits(events=events, bytes=size, seconds=seconds)
    return target(url, profile=ARRAYS, format="arrays", batch=limits, **fields)


def event(number: int, **data: object) -> str:
    return json.dumps({"type": "ping", "data": {"number": number, **data}})


def deliver(running: Running, to: Target, *texts: str) -> list[UUID]:
    works = [work_for(to, text) for text in texts]
    running.lanes.deliver(works)
    return [work.due.id for work in works]


def numbers(receiver: Receiver) -> list[list[int]]:
    return [[number for number, _, _ in request.json()] for request in receiver.requests]


def test_a_batch_goes_when_it_is_full(running: Running) -> None:
    with Receiver() as receiver:
        to = batching(receiver.url, events=4)
        running.retarget(to)
        ids = deliver(running, to, *map(event, range(10)))
        receiver.wait_for(2)
        eventually(lambda: len(running.results) == 8)
        assert numbers(receiver) == [[0, 1, 2, 3], [4, 5, 6, 7]], "two wait for company"
        assert [result.due.id for result in running.results] == ids[:8]
        assert {result.state for result in running.results} == {"delivered"}
        assert {result.together for result in running.results} == {4}
        assert len({result.request_id for result in running.results}) == 2
        assert len({result.request_digest for result in running.results}) == 2


def test_a_batch_goes_when_its_first_has_waited_long_enough(running: Running) -> None:
    with Receiver() as receiver:
        to = batching(receiver.url, seconds=0.4)
        running.retarget(to)
        began = time.monotonic()
        deliver(running, to, event(1))
        time.sleep(0.2)
        deliver(running, to, event(2))
        receiver.wait_for(1)
        assert 0.35 < time.monotonic() - began < 3
        assert numbers(receiver) == [[1, 2]]


def test_a_batch_goes_when_it_is_large_and_is_never_larger_than_allowed(running: Running) -> None:
    """The body's own bytes count: what does not fit goes in the next one, in its order."""
    with Receiver() as receiver:
        to = batching(receiver.url, size=2_000)
        running.retarget(to)
        # Escaped, each of these characters takes six bytes of the body, and one of the event's own text.
        deliver(
            running, to, *[json.dumps({"data": {"number": n, "text": "é" * 90}}, ensure_ascii=False) for n in range(18)]
        )
        eventually(lambda: sum(map(len, numbers(receiver))) >= 12)
        assert all(len(request.body) <= 2_000 for request in receiver.requests)
        sent = [number for batch in numbers(receiver) for number in batch]
        assert sent == list(range(len(sent)))
        assert max(map(len, numbers(receiver))) > 1


def test_one_that_is_too_large_alone_goes_alone(running: Running) -> None:
    with Receiver() as receiver:
        to = batching(receiver.url, size=1_000, seconds=0.4)
        running.retarget(to)
        deliver(running, to, event(1, text="x" * 3_000), event(2), event(3, text="y" * 900))
        eventually(lambda: len(running.results) == 3)
        assert numbers(receiver) == [[1], [2], [3]] or numbers(receiver) == [[1], [2, 3]]


def test_what_cannot_be_made_does_not_keep_the_others(running: Running) -> None:
    with Receiver() as receiver:
        to = batching(receiver.url, events=4)
        running.retarget(to)
        ids = deliver(running, to, event(1), "no JSON", event(-1), event(4))
        eventually(lambda: len(running.results) == 4)
        states = {result.due.id: (result.state, result.outcome.error) for result in running.results}
        assert [states[each] for each in ids] == [
            ("delivered", None),
            ("failed", ErrorClass.RENDER),
            ("failed", ErrorClass.RENDER),
            ("delivered", None),
        ]
        assert sorted(number for batch in numbers(receiver) for number in batch) == [1, 4]


def test_what_has_no_readable_end_does_not_keep_the_others_where_messages_expire(running: Running) -> None:
    with Receiver() as receiver:
        to = batching(receiver.url, events=5, policy=retry.POLICIES["smartgridone"])
        running.retarget(to)
        ids = deliver(running, to, event(1), "[]", "{}", event(2, expires_at="soon"), event(3))
        eventually(lambda: len(running.results) == 5)
        states = {result.due.id: (result.state, result.outcome.error) for result in running.results}
        assert [states[each][0] for each in ids] == ["delivered", "failed", "failed", "failed", "delivered"]
        assert [states[each][1] for each in ids[1:4]] == [ErrorClass.RENDER] * 3
        assert numbers(receiver) == [[1, 3]]


def test_each_delivery_of_a_failed_batch_is_tried_again_by_its_own_count(running: Running) -> None:
    with Receiver(lambda _: Answer(503)) as receiver:
        to = batching(receiver.url, events=2, policy=replace(retry.POLICIES["standard"], schedule=(5.0, 100.0)))
        running.retarget(to)
        running.lanes.deliver([work_for(to, event(1)), work_for(to, event(2), attempts=1)])
        eventually(lambda: len(running.results) == 2)
        assert [request.json() for request in receiver.requests] == [[[1, 0, ""], [2, 1, ""]]], "the attempt is told"
        assert [result.state for result in running.results] == ["retry", "retry"]
        first, second = (result.delay for result in running.results)
        assert 4 <= first <= 6
        assert 80 <= second <= 120


def test_a_paused_connector_gives_back_what_waits_for_company(running: Running) -> None:
    with Receiver() as receiver:
        to = batching(receiver.url)
        running.retarget(to)
        ids = deliver(running, to, event(1), event(2))
        running.retarget(replace(to, enabled=False))
        eventually(lambda: [due.id for due in running.given_back] == ids)
        assert receiver.requests == []


def test_a_batch_that_no_longer_has_to_wait_goes_at_once(running: Running) -> None:
    with Receiver() as receiver:
        to = batching(receiver.url)
        running.retarget(to)
        deliver(running, to, event(1), event(2))
        running.retarget(replace(to, batch=BatchLimits(events=2, bytes=100_000, seconds=30.0)))
        receiver.wait_for(1)
        assert numbers(receiver) == [[1, 2]]


def test_a_batchs_message_id_stays_while_the_same_ones_go_together() -> None:
    one, other = UUID(int=1), UUID(int=2)
    assert message_id([one]) == str(one)
    assert message_id([one, other]) == message_id([one, other])
    assert len({message_id(ids) for ids in ([one], [other], [one, other], [other, one])}) == 4


EXPIRING = replace(retry.POLICIES["none"], expires=True)


@pytest.mark.parametrize("in_batches", [False, True])
def test_what_is_stale_is_dropped_and_says_nothing_of_the_endpoint(running: Running, in_batches: bool) -> None:
    with Receiver() as receiver:
        to = batching(receiver.url, events=3, policy=EXPIRING)
        if not in_batches:
            to = replace(to, batch=None)
        running.retarget(to)
        past: dict[str, Any] = {"expires_at": "2026-01-01T00:00:00+01:00"}
        ids = deliver(running, to, event(1, **past), event(2, expires_at="2999-01-01T00:00:00.000Z"), event(3))
        eventually(lambda: len(running.results) == 3)
        states = {result.due.id: result.state for result in running.results}
        assert [states[each] for each in ids] == ["expired", "delivered", "delivered"]
        assert sorted(number for batch in numbers(receiver) for number in batch) == [2, 3]
