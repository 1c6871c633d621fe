"""R1 to R6 of the fault plan: partners that drip, flood, redirect and break the protocol, on real sockets."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from multiprocessing import get_context
from pathlib import Path

import pytest

from connectors.message import RESPONSE_BODY_CAP, ErrorClass, Outcome
from connectors.retry import POLICIES, decide
from connectors.sender import Sender, send_now
from tests.connectors.sending import LOOPBACK, poll_all, request
from tests.connectors.servers import Link, Script, Server, says
from tests.receiver import Answer, Received, Receiver

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
CONNECTION, PROTOCOL, TIMEOUT = ErrorClass.CONNECTION, ErrorClass.PROTOCOL, ErrorClass.TIMEOUT
GIB = 1 << 30
MIB = 1 << 20

# R1: slow ones

DEADLINE = 1.5
GAP = 0.5
SERVER_HELLO = b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03" + bytes(111)


def hears_and(then: Script) -> Script:
    def script(link: Link) -> None:
        link.hear()
        then(link)

    return script


def interim_forever(link: Link) -> None:
    while True:
        link.say(b"HTTP/1.1 102 Processing\r\n\r\n")
        link.pause(GAP)


SLOW: dict[str, tuple[str, Script]] = {
    "body": ("http", says(OK + b"Content-Length: 1000\r\n\r\n", then=lambda link: link.drip(b"x" * 1000, GAP))),
    "chunks": ("http", says(CHUNKED, then=lambda link: link.drip(b"1\r\nx\r\n" * 100, GAP))),
    "headers": ("http", says(OK, then=lambda link: link.drip(b"X-Drip: 1\r\n" * 100, GAP))),
    "status line": ("http", hears_and(lambda link: link.drip(OK, GAP))),
    "interim answers": ("http", hears_and(interim_forever)),
    "TLS handshake": ("https", hears_and(lambda link: link.drip(SERVER_HELLO, GAP))),
    "silence": ("http", hears_and(Link.hold)),
    "silence before TLS": ("https", Link.hold),
    "not even heard": ("http", lambda link: link.pause(30)),
}


@contextmanager
def full_backlog() -> Iterator[int]:
    """The port of a listener that accepts nothing more, not even a TCP handshake."""
    with closing(socket.socket()) as listener, ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(20):
            filler = stack.enter_context(closing(socket.socket()))
            filler.settimeout(0.2)
            try:
                filler.connect(listener.getsockname())
            except TimeoutError:
                break
        else:
            pytest.fail("the backlog never filled up")
        yield listener.getsockname()[1]


def test_r1_slow_partners_end_at_the_deadline_and_none_delays_another():
    with ExitStack() as stack, Sender(LOOPBACK, max_sockets=100) as sender:
        servers = {}
        for name, (scheme, script) in SLOW.items():
            servers[name] = server = stack.enter_context(Server(script))
            sender.submit(request(f"{scheme}://127.0.0.1:{server.port}/", timeout=DEADLINE), name)
        backlog = stack.enter_context(full_backlog())
        sender.submit(request(f"http://127.0.0.1:{backlog}/", timeout=DEADLINE), "backlog")
        outcomes = poll_all(sender, len(SLOW) + 1)
        assert {name: server.connections for name, server in servers.items()} == dict.fromkeys(SLOW, 1)
    assert {name: outcome.error for name, outcome in outcomes.items() if outcome.error is not ErrorClass.TIMEOUT} == {}
    assert {name for name, outcome in outcomes.items() if not DEADLINE - 0.1 < outcome.duration < DEADLINE + 1} == set()
    unconnected = {name for name, outcome in outcomes.items() if outcome.detail == "no connection within 1.5 s"}
    assert unconnected == {"TLS handshake", "silence before TLS", "backlog"}


# R2: large ones

LARGE_BODIES: dict[str, Script] = {
    "1 GiB": says(OK + b"Content-Length: %d\r\n\r\n" % GIB, then=lambda link: link.repeat(b"x" * 65536, GIB)),
    "1 GiB to the end": says(OK + b"\r\n", then=lambda link: link.repeat(b"x" * 65536, GIB)),
    "endless chunks": says(CHUNKED, then=lambda link: link.repeat(b"1000\r\n" + b"x" * 4096 + b"\r\n", GIB)),
    "endless small chunks": says(CHUNKED, then=lambda link: link.repeat(b"1\r\nx\r\n" * 1000, GIB)),
}
LARGE_HEADS: dict[str, Script] = {
    "100,000 headers": says(OK, then=lambda link: link.say(b"X-Flood: 1\r\n" * 100_000)),
    "one header of 1 GiB": says(OK + b"X: ", then=lambda link: link.repeat(b"x" * 65536, GIB)),
    "a status line of 1 GiB": says(OK[:-2], then=lambda link: link.repeat(b"x" * 65536, GIB)),
    "endless interim answers": hears_and(lambda link: link.repeat(b"HTTP/1.1 102 Processing\r\n\r\n" * 1000, GIB)),
    "endless trailers": says(CHUNKED + b"0\r\n", then=lambda link: link.repeat(b"X-Flood: 1\r\n" * 1000, GIB)),
    "an endless chunk size": says(CHUNKED, then=lambda link: link.repeat(b"0" * 65536, GIB)),
}
LARGE = LARGE_BODIES | LARGE_HEADS
AT_ONCE = 4


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def be_flooded(urls: dict[str, str]) -> tuple[dict[str, list[Outcome]], list[int]]:
    """In a process of its own: all outcomes by name, and the most bytes resident in each of three rounds."""
    outcomes: dict[str, list[Outcome]] = {name: [] for name in urls}
    peaks = []
    with Sender(LOOPBACK, max_sockets=len(urls) * AT_ONCE) as sender:
        for _ in range(3):
            peaks.append(resident_bytes())
            for name, url in urls.items():
                for _ in range(AT_ONCE):
                    sender.submit(request(url), name)
            while sender.in_flight:
                for name, outcome in sender.poll(0.01):
                    outcomes[name].append(outcome)
                peaks[-1] = max(peaks[-1], resident_bytes())
    return outcomes, peaks


def test_r2_floods_take_bounded_memory_and_16_kib_are_kept():
    with ExitStack() as stack, ProcessPoolExecutor(1, get_context("spawn")) as elsewhere:
        servers = {name: stack.enter_context(Server(script)) for name, script in LARGE.items()}
        urls = {name: server.url for name, server in servers.items()}
        outcomes, peaks = elsewhere.submit(be_flooded, urls).result(60)
        said = {name: server.said for name, server in servers.items()}
    assert max(peaks[1:]) - peaks[0] < 8 * MIB
    assert {name for name, sent in said.items() if sent > 12 * MIB * AT_ONCE * len(peaks)} == set(), "it read on"
    for name, each in outcomes.items():
        assert len(each) == AT_ONCE * len(peaks)
        for outcome in each:
            came_to = (outcome.status, outcome.error, outcome.truncated, outcome.body)
            if name in LARGE_BODIES:
                assert (name, *came_to) == (name, 200, None, True, b"x" * RESPONSE_BODY_CAP)
            else:
                assert (name, *came_to) == (name, None, PROTOCOL, False, b"")


def test_r2_a_compressed_bomb_is_kept_as_it_came():
    """Nothing asks for compression, so nothing is unpacked: 300 MiB arrive as 16 KiB of 306."""
    bomb = gzip.compress(bytes(300 * MIB), compresslevel=1)
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    with Server(says(head + bomb)) as server:
        before = resident_bytes()
        outcome = send_now(request(server.url), LOOPBACK)
        assert resident_bytes() - before < 8 * MIB
        assert b"accept-encoding" not in server.heard.lower()
    assert (outcome.status, outcome.truncated, outcome.body) == (200, True, bomb[:RESPONSE_BODY_CAP])


def test_r2_a_body_of_just_the_cap_is_whole():
    with Receiver(lambda _: Answer(body=b"x" * RESPONSE_BODY_CAP)) as receiver:
        outcome = send_now(request(receiver.url), LOOPBACK)
    assert (len(outcome.body), outcome.truncated) == (RESPONSE_BODY_CAP, False)


# R3 – redirects


def test_r3_a_redirect_is_an_answer_and_is_never_followed():
    with Receiver() as elsewhere, Receiver() as receiver, Sender(LOOPBACK, max_sockets=8) as sender:
        locations = ["/", "/elsewhere", receiver.url, elsewhere.url, "http://10.0.0.1/", "//169.254.169.254/"]
        locations += ["file:///etc/passwd", "gopher://127.0.0.1:6379/_FLUSHALL"]

        def redirect(received: Received) -> Answer:
            _, status, number = received.path.split("/")
            return Answer(int(status), (("Location", locations[int(number)]),))

        receiver.script = redirect
        rows = [(status, number) for status in (301, 302, 303, 307, 308) for number in range(len(locations))]
        for status, number in rows:
            sender.submit(request(f"{receiver.url}/{status}/{number}"), (status, number))
        outcomes = poll_all(sender, len(rows))
        assert elsewhere.connections == 0
        assert sorted(received.path for received in receiver.requests) == sorted(f"/{s}/{n}" for s, n in rows)
    assert {row: outcome.status for row, outcome in outcomes.items()} == {row: row[0] for row in rows}


def test_r3_a_chain_of_a_thousand_redirects_is_one_request():
    def next_hop(received: Received) -> Answer:
        return Answer(302, (("Location", f"/{int(received.path[1:]) + 1}"),))

    with Receiver(next_hop) as receiver:
        assert send_now(request(receiver.url + "/0"), LOOPBACK).status == 302
        assert len(receiver.requests) == 1


# R5: broken ones. What is expected is an ErrorClass, or the status where the answer counts all the same.

SHORT = OK + b"Content-Length: 10\r\n\r\nabc"
ONCE = b"Content-Length: 2\r\n\r\nok"

BROKEN: dict[str, tuple[Script, ErrorClass | int]] = {
    "reset at once": (Link.reset, CONNECTION),
    "reset before the answer": (hears_and(Link.reset), CONNECTION),
    "reset within the head": (says(OK, then=Link.reset), CONNECTION),
    "reset within the body": (says(SHORT, then=Link.reset), CONNECTION),
    "closed before the answer": (hears_and(Link.close), CONNECTION),
    "closed within the body": (says(SHORT, then=Link.close), CONNECTION),
    "closed within a chunk": (says(CHUNKED + b"ff\r\nabc", then=Link.close), CONNECTION),
    "closed before the last chunk": (says(CHUNKED + b"2\r\nok\r\n", then=Link.close), CONNECTION),
    "length too short": (says(OK + ONCE + b"surplus"), 200),
    "two lengths": (says(OK + b"Content-Length: 3\r\n" + ONCE), PROTOCOL),
    "length and chunks": (says(OK + b"Transfer-Encoding: chunked\r\n" + ONCE + b"\r\n0\r\n\r\n"), PROTOCOL),
    "a negative length": (says(OK + b"Content-Length: -1\r\n\r\n"), PROTOCOL),
    "a length of words": (says(OK + b"Content-Length: x\r\n\r\n"), PROTOCOL),
    "a length beyond all numbers": (says(OK + b"Content-Length: " + b"9" * 20 + b"\r\n\r\nok", then=Link.close), 200),
    "a bad chunk size": (says(CHUNKED + b"zz\r\n"), PROTOCOL),
    "an overflowing chunk size": (says(CHUNKED + b"f" * 17 + b"\r\nx"), PROTOCOL),
    "an unknown coding": (says(OK + b"Transfer-Encoding: tar\r\n\r\nok", then=Link.close), PROTOCOL),
    "another protocol": (says(b"SSH-2.0-OpenSSH\r\n\r\n", then=Link.close), PROTOCOL),
    "a status of words": (says(b"HTTP/1.1 abc OK\r\n\r\n", then=Link.close), PROTOCOL),
    "a status of two digits": (says(b"HTTP/1.1 20 OK\r\n" + ONCE), PROTOCOL),
    "a version that is not spoken": (says(b"HTTP/7.3 200 OK\r\n" + ONCE), PROTOCOL),
    "HTTP/0.9": (says(b"<html>ok</html>", then=Link.close), PROTOCOL),
    "a header without a colon": (says(OK + b"no colon\r\n" + ONCE), PROTOCOL),
    "a NUL in a header": (says(OK + b"X-Nul: a\x00b\r\n" + ONCE), PROTOCOL),
    "1xx flood": (says(b"HTTP/1.1 102 Processing\r\n\r\n" * 100_000), PROTOCOL),
    "header flood": (says(OK + b"X-Flood: 1\r\n" * 100_000), PROTOCOL),
    "protocols switched unasked": (says(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nabc"), TIMEOUT),
    "bytes that no text holds": (says(OK + b"X-\xff: \xfe\r\nContent-Length: 4\r\n\r\n\x00\xff\xfe\x00"), 200),
}


def test_r5_a_broken_answer_is_one_exchange_and_the_sender_goes_on():
    with ExitStack() as stack, Sender(LOOPBACK, max_sockets=len(BROKEN)) as sender:
        servers = {name: stack.enter_context(Server(script)) for name, (script, _) in BROKEN.items()}
        for name, server in servers.items():
            sender.submit(request(server.url, timeout=2.0), name)
        outcomes = poll_all(sender, len(BROKEN))
        assert {name: server.connections for name, server in servers.items()} == dict.fromkeys(BROKEN, 1)
        healthy = stack.enter_context(Receiver())
        sender.submit(request(healthy.url), "healthy")
        assert poll_all(sender, 1)["healthy"].status == 200
    came_to = {name: outcome.status or outcome.error for name, outcome in outcomes.items()}
    assert came_to == {name: expected for name, (_, expected) in BROKEN.items()}
    assert {name for name, outcome in outcomes.items() if bool(outcome.detail) != bool(outcome.error)} == set()


def test_r5_what_follows_an_answer_unasked_is_not_the_next_one_s():
    """Neither what comes with the answer, nor what comes later to a connection that was left alone for a second."""
    answer, surplus = b"HTTP/1.1 500 No\r\n" + ONCE, OK + ONCE

    def script(link: Link) -> None:
        while link.hear():
            link.say(answer + surplus if link.server.requests < 3 else answer)
            link.pause(0.1)
            link.say(surplus)

    with Server(script) as server, Sender(LOOPBACK, max_sockets=1) as sender:
        for key in range(5):
            sender.submit(request(server.url), key)
            assert poll_all(sender, 1)[key].status == 500
            sender.poll(0.1 if key < 2 else 1.2)
        assert (server.requests, server.connections) == (5, 5)


def test_r5_interim_answers_are_skipped():
    raw = b"HTTP/1.1 102 Processing\r\nX-Interim: 1\r\n\r\nHTTP/1.1 201 OK\r\nX-Final: 2\r\nContent-Length: 0\r\n\r\n"
    with Server(says(raw)) as server:
        outcome = send_now(request(server.url), LOOPBACK)
    assert (outcome.status, dict(outcome.headers)) == (201, {"X-Final": "2", "Content-Length": "0"})


# R6: every status


def status_of(received: Received) -> Answer:
    status = int(received.path[1:])
    return Answer(raw=b"HTTP/1.1 %d Only\r\n\r\n" % status) if status < 200 else Answer(status)


def test_r6_every_status_is_read_and_decided_as_the_policy_says():
    with Receiver(status_of) as receiver, Sender(LOOPBACK, max_sockets=200) as sender:
        for status in range(100, 600):
            sender.submit(request(f"{receiver.url}/{status}", timeout=2.0), status)
        outcomes = poll_all(sender, 500)
        assert len(receiver.requests) == 500
    assert {s for s in range(200, 600) if outcomes[s].status != s} == set()
    assert {outcomes[status].error for status in range(100, 200)} == {TIMEOUT}, "no final answer followed"
    now = datetime.now(UTC)
    states = {s: decide(POLICIES["standard"], outcome, 1, now, 0.5).state for s, outcome in outcomes.items()}
    expected = {s: "delivered" if 200 <= s < 300 else "retry" for s in range(100, 600)} | {410: "gone"}
    assert states == expected


NOW = datetime.now(UTC)
DAY = 24 * 3600.0
RETRY_AFTER = {
    "seconds": ("3600", 3600.0),
    "a date": (format_datetime(NOW + timedelta(hours=2), usegmt=True), 7200.0),
    "a negative number": ("-5", 0.0),
    "a huge number": ("1000000000000", DAY),
    "an exponent": ("1e12", 0.0),
    "text": ("soon", 0.0),
    "bytes": ("\xff\xfe", 0.0),
    "a date next year": (format_datetime(NOW + timedelta(days=400), usegmt=True), DAY),
}


@pytest.mark.parametrize(("value", "asked"), RETRY_AFTER.values(), ids=RETRY_AFTER.keys())
def test_r6_retry_after_off_the_wire_is_clamped(value: str, asked: float):
    with Receiver(lambda _: Answer(503, (("rEtRy-aFtEr", value),))) as receiver:
        outcome = send_now(request(receiver.url), LOOPBACK)
    decision = decide(POLICIES["standard"], outcome, 1, NOW, 0.5)
    assert decision.state == "retry"
    assert decision.delay == pytest.approx(max(asked, 5.0), abs=1.0)
