"""bench/receiver.py: what everything is measured with has to count right."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from bench import message
from bench.receiver import Receiver


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver(timed=100) as running:
        yield running


def connect(receiver: Receiver) -> http.client.HTTPConnection:
    parts = urlsplit(receiver.url)
    return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)


def post(connection: http.client.HTTPConnection, number: int, path: str = "/c/050") -> int:
    connection.request("POST", path, message.body(number))
    answer = connection.getresponse()
    answer.read()
    return answer.status


def counted(receiver: Receiver, count: int) -> bool:
    """The count is written after the answers of a turn are."""
    deadline = time.monotonic() + 5
    while receiver.count < count and time.monotonic() < deadline:
        time.sleep(0.01)
    return receiver.count == count


def test_each_request_counts_once_and_its_arrival_is_noted(receiver: Receiver) -> None:
    before, opened = receiver.count, receiver.connections
    sent = time.monotonic()
    connection = connect(receiver)
    assert [post(connection, number) for number in (1, 2)] == [200, 200]
    connection.close()
    assert counted(receiver, before + 2)
    assert receiver.connections == opened + 1
    first, second = receiver.arrived_at(1), receiver.arrived_at(2)
    assert first is not None
    assert second is not None
    assert sent < first < second < time.monotonic()
    assert receiver.arrived_at(3) is None


def test_a_request_in_pieces_counts_when_it_is_whole(receiver: Receiver) -> None:
    before = receiver.count
    parts = urlsplit(receiver.url)
    request = b"POST /c/000 HTTP/1.1\r\ncontent-length: 4\r\n\r\nbody"
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=5) as link:
        for piece in (request[:20], request[20:-2], request[-2:]):
            assert receiver.count == before
            link.sendall(piece)
            time.sleep(0.02)
        assert link.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert counted(receiver, before + 1)


def test_the_paths_below_the_number_hang_and_no_others(receiver: Receiver) -> None:
    before = receiver.count
    receiver.hang_below(30)
    hanging, healthy = connect(receiver), connect(receiver)
    hanging.timeout = 0.2
    with pytest.raises(TimeoutError):
        post(hanging, 4, "/c/029")
    assert post(healthy, 5, "/c/030") == 200
    receiver.hang_below(0)
    hanging.close()
    healthy.close()
    assert counted(receiver, before + 2)
