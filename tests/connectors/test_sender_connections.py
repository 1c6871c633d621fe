"""Connections: kept per target, closed when idle, and carrying nothing from one request to the next."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.sender import Sender
from tests.connectors.sending import LOOPBACK, poll_all, request
from tests.connectors.servers import Authority
from tests.receiver import Answer, Receiver


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def poll_until(sender: Sender, check: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not come about in time"
        sender.poll(0.05)


def test_connections_are_kept_and_shared_by_many_requests() -> None:
    with Receiver() as receiver, Sender(LOOPBACK, max_sockets=8) as sender:
        for round_number in range(3):
            for key in range(100):
                sender.submit(request(receiver.url + f"/{key}"), (round_number, key))
            assert sender.in_flight == 100
            outcomes = poll_all(sender, 100)
            assert {outcome.status for outcome in outcomes.values()} == {200}
            assert sender.in_flight == 0
    assert len(receiver.requests) == 300
    assert receiver.connections <= 8


def test_a_kept_connection_that_the_partner_closed_is_replaced() -> None:
    with Receiver() as receiver, Sender(LOOPBACK, max_sockets=1) as sender:
        for key in range(3):
            sender.submit(request(receiver.url), key)
            assert poll_all(sender, 1)[key].status == 200
            receiver.drop_connections()
    assert len(receiver.requests) == 3


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_an_idle_connection_is_closed_after_its_time_though_nothing_more_is_sent(
    tls: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.sender.IDLE_CONNECTION", 2)
    authority = Authority(tmp_path)
    before = descriptors()
    with (
        Receiver(tls=authority.server() if tls else None) as receiver,
        Sender(LOOPBACK, max_sockets=8, ca_file=authority.file) as sender,
    ):
        for key in range(8):
            sender.submit(request(receiver.url), key)
        poll_all(sender, 8)
        opened, used = receiver.connections, time.monotonic()
        sender.poll(0.3)
        assert len(receiver._links) == opened > 1
        poll_until(sender, lambda: not receiver._links)
        assert 1.9 < time.monotonic() - used < 8
        sender.submit(request(receiver.url), "again")
        assert poll_all(sender, 1)["again"].status == 200
        assert receiver.connections == opened + 1
    assert descriptors() <= before


def test_a_connection_that_the_partner_closed_is_not_held_open_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.sender.IDLE_CONNECTION", 4)
    with Receiver() as receiver, Sender(LOOPBACK, max_sockets=8) as sender:
        before = descriptors()
        for key in range(8):
            sender.submit(request(receiver.url), key)
        poll_all(sender, 8)
        receiver.drop_connections()
        poll_until(sender, lambda: descriptors() <= before, seconds=3.5)


def test_descriptors_stay_flat_over_many_targets_and_all_kinds_of_ends() -> None:
    answers = [Answer(), Answer(reset=True), Answer(raw=b"", close=True), Answer(hang=True), Answer(raw=b"no HTTP")]
    with Sender(LOOPBACK, max_sockets=20) as sender:
        seen = []
        for _ in range(4):
            for answer in answers:
                with Receiver(lambda _, answer=answer: answer) as receiver:
                    for key in range(20):
                        sender.submit(request(receiver.url, timeout=0.2), key)
                    poll_all(sender, 20)
            sender.poll(0.1)
            seen.append(descriptors())
    assert max(seen[1:]) <= seen[0] + 5, seen


def test_no_more_connections_are_kept_than_may_be_open(monkeypatch: pytest.MonkeyPatch) -> None:
    receivers = [Receiver() for _ in range(12)]
    for receiver in receivers:
        receiver.__enter__()
    with Sender(LOOPBACK, max_sockets=4) as sender:
        for receiver in receivers:
            for key in range(4):
                sender.submit(request(receiver.url), key)
            poll_all(sender, 4)
        time.sleep(0.05)
        kept = sum(len(receiver._links) for receiver in receivers)
    for receiver in receivers:
        receiver.__exit__()
    assert kept <= 4


def test_what_proves_the_sender_is_in_each_request_and_never_in_the_connection() -> None:
    """Two connectors to one host share its connections: neither has anything of the other's, nor a cookie."""
    tokens = [("Authorization", "Bearer ours"), ("X-Token", "theirs"), ("Authorization", "Basic dTpw")]
    cookie = Answer(200, (("Set-Cookie", "session=ours; Path=/"), ("WWW-Authenticate", "Basic realm=x")))
    with Receiver(lambda _: cookie) as receiver, Sender(LOOPBACK, max_sockets=1) as sender:
        for key in range(6):
            headers = (("webhook-id", str(key)), tokens[key // 2]) if key % 2 == 0 else (("webhook-id", str(key)),)
            sender.submit(request(receiver.url, headers=headers), key)
            poll_all(sender, 1)
    assert receiver.connections == 1
    carried = [
        [header for header in received.header_list if header[0] in ("Authorization", "X-Token", "Cookie")]
        for received in receiver.requests
    ]
    assert carried == [[tokens[0]], [], [tokens[1]], [], [tokens[2]], []]
    bodies = {received.body for received in receiver.requests}
    assert bodies == {b'{"a": 1}'}
