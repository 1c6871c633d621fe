"""Names: S2 of the fault plan (what they resolve to may change), and resolvers that are slow or silent."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from connectors import names
from connectors.egress import REFUSED
from connectors.message import ErrorClass, Outcome
from connectors.sender import Sender, send_now
from tests.connectors.sending import LOOPBACK, poll_all, request
from tests.receiver import Answer, Receiver

PUBLIC = "127.0.0.1"
"""Plays a public address: it is the one that the policy of these tests permits."""

PRIVATE = "127.0.0.2"


class Resolver:
    """Scripted: each name has a list of answers, the last of which stays. An empty answer: there is no such name.

    Names that begin with "silent" are not answered before the sender is closed, "slow" ones after 0.4 s.
    """

    def __init__(self, **answers: list[list[str]]) -> None:
        self.answers = {f"{name}.example": list(each) for name, each in answers.items()}
        self.asked: list[str] = []
        self._over = threading.Event()

    def __call__(self, host: str) -> tuple[str, ...]:
        self.asked.append(host)
        if host.startswith(("silent", "slow")):
            self._over.wait(60 if host.startswith("silent") else 0.4)
        answers = self.answers.get(host, [[]])
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        if not found:
            raise OSError("there is no such name")
        return tuple(found)

    @contextmanager
    def sender(self) -> Iterator[Sender]:
        with Sender(LOOPBACK, max_sockets=200, find=self) as sender:
            yield sender
        self._over.set()


@contextmanager
def nobody_connects(port: int) -> Iterator[None]:
    """Listens where private addresses lead, and fails when anybody comes."""
    with closing(socket.create_server((PRIVATE, port))) as listener:
        listener.setblocking(False)
        yield
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.fixture
def soon_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each request asks for its name anew."""
    monkeypatch.setattr(names, "FRESH_SECONDS", 0.001)


def one(sender: Sender, url: str, timeout: float = 5.0) -> Outcome:
    time.sleep(0.002)
    sender.submit(request(url, timeout=timeout), "key")
    return poll_all(sender, 1)["key"]


NEVER = {
    "private": [PRIVATE],
    "metadata": ["169.254.169.254"],
    "AAAA only, private": ["fd00:ec2::254", "::1"],
    "mapped": ["::ffff:127.0.0.1"],
    "link local": ["fe80::1"],
    "many": [f"10.0.0.{n}" for n in range(1, 250)],
}
MIXED = {
    "private first": [PRIVATE, PUBLIC],
    "public first": [PUBLIC, PRIVATE],
    "both families": ["::1", "fd00:ec2::254", PRIVATE, PUBLIC],
}


@pytest.mark.parametrize("addresses", NEVER.values(), ids=NEVER.keys())
def test_s2_a_name_of_private_addresses_is_refused_in_one_voice(addresses: list[str]) -> None:
    with Receiver() as receiver, nobody_connects(receiver.port), Resolver(partner=[addresses]).sender() as sender:
        outcome = one(sender, f"http://partner.example:{receiver.port}/")
        assert (outcome.status, outcome.error, outcome.detail) == (None, ErrorClass.BLOCKED, REFUSED)
        assert receiver.connections == 0


@pytest.mark.parametrize("addresses", MIXED.values(), ids=MIXED.keys())
def test_s2_of_mixed_records_only_the_public_ones_are_connected_to(addresses: list[str]) -> None:
    with Receiver() as receiver, nobody_connects(receiver.port), Resolver(partner=[addresses]).sender() as sender:
        assert one(sender, f"http://partner.example:{receiver.port}/").status == 200
        assert receiver.connections == 1


def test_s2_a_name_that_turns_private_is_refused_from_then_on(soon_forgotten: None) -> None:
    """Rebinding, between one try and the next and back again; no answer of the resolver is trusted for the next."""
    resolver = Resolver(partner=[[PUBLIC], [PRIVATE], [PUBLIC], [PRIVATE, "::1"], [PUBLIC]])
    with Receiver() as receiver, nobody_connects(receiver.port), resolver.sender() as sender:
        came_to = []
        for _ in range(5):
            outcome = one(sender, f"http://partner.example:{receiver.port}/")
            came_to.append(outcome.status or outcome.error)
            receiver.drop_connections()
            time.sleep(0.05)
        assert came_to == [200, ErrorClass.BLOCKED, 200, ErrorClass.BLOCKED, 200]
        assert len(receiver.requests) == 3


def test_s2_a_name_that_did_not_exist_is_judged_when_it_does(soon_forgotten: None) -> None:
    resolver = Resolver(partner=[[], [PRIVATE], [PUBLIC]])
    with Receiver() as receiver, nobody_connects(receiver.port), resolver.sender() as sender:
        outcomes = [one(sender, f"http://partner.example:{receiver.port}/") for _ in range(3)]
    assert [outcome.status or outcome.error for outcome in outcomes] == [ErrorClass.DNS, ErrorClass.BLOCKED, 200]
    assert outcomes[0].detail == "the host name did not resolve"


def test_names_differ_by_port_in_nothing_but_the_port() -> None:
    resolver = Resolver(partner=[[PUBLIC]], PARTNER=[[PUBLIC]])
    resolver.answers["partner.example."] = [[PUBLIC]]
    with Receiver() as first, Receiver() as second, resolver.sender() as sender:
        for host in ("partner.example", "PARTNER.example", "partner.example."):
            for receiver in (first, second):
                assert one(sender, f"http://{host}:{receiver.port}/").status == 200
    assert sorted(resolver.asked) == ["partner.example"] * 2 + ["partner.example."] * 2


def test_an_address_is_not_looked_up_and_a_name_once_for_many_requests() -> None:
    resolver = Resolver(slow=[[PUBLIC]])
    with Receiver() as receiver, resolver.sender() as sender:
        for key in range(50):
            sender.submit(request(f"http://slow.example:{receiver.port}/"), key)
        sender.submit(request(receiver.url), "address")
        outcomes = poll_all(sender, 51)
    assert {outcome.status for outcome in outcomes.values()} == {200}
    assert resolver.asked == ["slow.example"]
    assert outcomes["address"].duration < outcomes[0].duration >= 0.4, "the wait for the name is part of it"


def test_a_silent_resolver_ends_its_own_requests_and_delays_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """More of them than libcurl has threads for names, and more than one partner."""
    monkeypatch.setattr("connectors.names.LOOKUP_SECONDS", 0.7)
    monkeypatch.setattr("connectors.sender.LOOKUP_SECONDS", 0.7)
    resolver = Resolver(partner=[[PUBLIC]])
    with Receiver() as receiver, resolver.sender() as sender:
        for key in range(60):
            sender.submit(request(f"http://silent{key % 30}.example/"), ("silent", key))
        assert one(sender, f"http://partner.example:{receiver.port}/").status == 200
        assert sender.in_flight == 60, "before any of them ended"
        sender.submit(request("http://silent0.example/", timeout=0.1), "hasty")
        outcomes = poll_all(sender, 61)
    hasty = outcomes.pop("hasty")
    assert (hasty.error, hasty.detail) == (ErrorClass.DNS, "the host name did not resolve within 0.1 s")
    assert {(o.error, o.detail) for o in outcomes.values()} == {
        (ErrorClass.DNS, "the host name did not resolve within 0.7 s")
    }
    assert 0.1 <= hasty.duration < 1.1
    assert {key for key, o in outcomes.items() if not 0.7 <= o.duration < 1.7} == set()
    assert len(resolver.asked) == 31, "each name is looked up once at a time"


def test_the_wait_for_a_name_counts_against_the_deadline() -> None:
    with Receiver(lambda _: Answer(hang=True)) as receiver, Resolver(slow=[[PUBLIC]]).sender() as sender:
        outcome = one(sender, f"http://slow.example:{receiver.port}/", timeout=0.8)
    assert (outcome.error, outcome.detail) == (ErrorClass.TIMEOUT, "no complete answer within 0.8 s")
    assert 0.75 < outcome.duration < 1.8


def test_more_lookups_than_threads_wait_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "MOST_LOOKUPS", 2)
    resolver = Resolver(slow1=[[PUBLIC]], slow2=[[PUBLIC]], slow3=[[PUBLIC]])
    with Receiver() as receiver, resolver.sender() as sender:
        for number in (1, 2, 3):
            sender.submit(request(f"http://slow{number}.example:{receiver.port}/"), number)
        sender.poll(0.1)
        assert len(resolver.asked) == 2
        outcomes = poll_all(sender, 3)
    assert {outcome.status for outcome in outcomes.values()} == {200}
    assert outcomes[3].duration > 0.75


def test_older_addresses_serve_while_the_resolver_fails_or_is_silent(
    soon_forgotten: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.names.LOOKUP_SECONDS", 0.2)
    resolver = Resolver(partner=[[PUBLIC], []])
    with Receiver() as receiver, resolver.sender() as sender:
        url = f"http://partner.example:{receiver.port}/"
        assert [one(sender, url).status for _ in range(3)] == [200] * 3
        resolver.answers["partner.example"] = [[PRIVATE]]
        receiver.drop_connections()
        time.sleep(0.05)
        assert one(sender, url).error is ErrorClass.BLOCKED, "but none that the resolver has taken back"
    monkeypatch.setattr(names, "KEPT_SECONDS", 0.0)
    with Receiver() as receiver, Resolver(partner=[[PUBLIC], []]).sender() as sender:
        url = f"http://partner.example:{receiver.port}/"
        assert one(sender, url).status == 200
        assert one(sender, url).error is ErrorClass.DNS, "nor for ever"


def test_the_system_s_resolver_is_asked_by_default() -> None:
    """Labels too long for DNS, so that no name server is asked."""
    assert names.find("localhost") == (PUBLIC,) or PUBLIC in names.find("localhost")
    with pytest.raises((OSError, UnicodeError)):
        names.find(f"{'a' * 64}.example")
    with Receiver() as receiver:
        assert send_now(request(f"http://localhost:{receiver.port}/"), LOOPBACK).status == 200


HANGS = """
import sys, time
from connectors.egress import EgressPolicy
from connectors.sender import Sender
from tests.connectors.sending import request
with Sender(EgressPolicy.of([], allow_http=True), max_sockets=5, find=lambda _: time.sleep(60)) as sender:
    for number in range(10):
        sender.submit(request(f"http://silent{number}.example/"), number)
    assert sender.poll(0.1) == []
    started = time.monotonic()
print(time.monotonic() - started)
"""


def test_a_silent_resolver_holds_up_neither_the_close_nor_the_end_of_the_process() -> None:
    started = time.monotonic()
    root = Path(__file__).parents[2]
    ended = subprocess.run([sys.executable, "-c", HANGS], cwd=root, capture_output=True, timeout=30, check=True)
    assert float(ended.stdout) < 1
    assert time.monotonic() - started < 15
