"""The sender on real sockets: against partners that are slow, broken, hostile, or where they must not be."""

import os
import resource
import socket
import threading
import time
from contextlib import closing

import pytest

from connectors.egress import REFUSED, EgressPolicy
from connectors.message import ErrorClass, Outcome
from connectors.sender import USER_AGENT, Sender, send_now
from tests.connectors.sending import CLOSED, HEADERS, LOOPBACK, poll_all, request
from tests.receiver import Answer, Receiver


def exchange(answer: Answer, **changes: object) -> tuple[Outcome, Receiver]:
    with Receiver(lambda _: answer) as receiver:
        return send_now(request(receiver.url + "/hook", **changes), LOOPBACK), receiver


def test_a_message_arrives_exactly_as_given():
    headers = (*HEADERS, ("X-Empty", ""), ("X-Percent-%s", "100% é"))
    body = bytes(range(256)) * 300
    with Receiver(lambda _: Answer(202, (("X-Answer", "yes:no "), ("Retry-After", "5")), b"thanks")) as receiver:
        outcome = send_now(request(receiver.url + "/a/../b/./c//?q=%2f&r", headers=headers, body=body), LOOPBACK)
    (received,) = receiver.requests
    assert (received.method, received.path, received.body) == ("POST", "/a/../b/./c//?q=%2f&r", body)
    own = [header for header in received.header_list if header[0] not in ("Host", "Accept", "Content-Length")]
    assert own == [("User-Agent", USER_AGENT), *headers]
    assert (outcome.status, outcome.error, outcome.body, outcome.truncated) == (202, None, b"thanks", False)
    assert {("X-Answer", "yes:no"), ("Retry-After", "5")} <= set(outcome.headers)
    assert 0 < outcome.duration < 5


@pytest.mark.parametrize(("method", "body"), [("PUT", b"x"), ("PATCH", b""), ("GET", b""), ("DELETE", b"")])
def test_other_methods_with_and_without_a_body(method, body):
    with Receiver() as receiver, Sender(LOOPBACK, max_sockets=1) as sender:
        for key, each in enumerate([request(receiver.url), request(receiver.url, method=method, body=body)] * 2):
            sender.submit(each, key)
            assert poll_all(sender, 1)[key].status == 200
    arrived = [(received.method, received.body) for received in receiver.requests]
    assert arrived == [("POST", b'{"a": 1}'), (method, body)] * 2


def test_a_large_body_is_sent_without_waiting_for_leave():
    outcome, receiver = exchange(Answer(), body=b"x" * (2 << 20))
    assert outcome.status == 200
    assert outcome.duration < 0.9
    assert len(receiver.requests[0].body) == 2 << 20
    assert "expect" not in receiver.requests[0].headers


def test_a_refused_connection():
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    outcome = send_now(request(f"http://127.0.0.1:{port}/"), LOOPBACK)
    assert (outcome.error, outcome.detail) == (ErrorClass.CONNECTION, "could not connect: Connection refused")


WRITINGS = ["127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]", "[::1]"]
NAMES = ["localhost", "localhost.", "LOCALHOST", "①②⑦.⓪.⓪.①"]


@pytest.mark.parametrize("host", WRITINGS + NAMES)
def test_no_writing_of_a_refused_address_is_connected_to(host):
    with Receiver() as receiver:
        outcome = send_now(request(f"http://{host}:{receiver.port}/"), CLOSED)
        assert (outcome.status, outcome.error) == (None, ErrorClass.BLOCKED)
        assert (receiver.connections, receiver.requests) == (0, [])


def test_a_name_is_judged_by_the_address_it_resolves_to(monkeypatch):
    """The URL rules are out of the way here: what counts is what the socket would connect to."""
    monkeypatch.setattr("connectors.sender.check_url", lambda *_, **__: [])
    with Receiver() as receiver:
        for host in [*WRITINGS, "localhost"]:
            outcome = send_now(request(f"http://{host}:{receiver.port}/"), CLOSED)
            assert (outcome.error, outcome.detail) == (ErrorClass.BLOCKED, REFUSED)
        closed_port = send_now(request("http://127.0.0.1:1/"), CLOSED)
        assert (receiver.connections, receiver.requests) == (0, [])
    assert (closed_port.error, closed_port.detail) == (ErrorClass.BLOCKED, REFUSED)


def test_plain_http_and_other_schemes_are_refused_unless_allowed(monkeypatch):
    with Receiver() as receiver:
        for scheme in ("http", "ftp", "file", "gopher", "telnet"):
            url = f"{scheme}://127.0.0.1:{receiver.port}/"
            outcome = send_now(request(url), EgressPolicy.of(["127.0.0.1/32"]))
            assert outcome.error is ErrorClass.BLOCKED
        monkeypatch.setattr("connectors.sender.check_url", lambda *_, **__: [])
        assert send_now(request(f"ftp://127.0.0.1:{receiver.port}/"), LOOPBACK).status is None
        assert receiver.connections == 0


def test_an_exemption_is_for_one_request_one_address_and_one_port():
    closed = EgressPolicy.of([])
    with Receiver() as inbox, Receiver() as other, Sender(closed, max_sockets=4) as sender:
        exempt = ("127.0.0.1", inbox.port)
        attempts = {
            "inbox": request(inbox.url, exempt=exempt),
            "inbox again": request(inbox.url, exempt=exempt),
            "by name": request(f"http://localhost:{inbox.port}/", exempt=exempt),
            "other port": request(other.url, exempt=exempt),
            "other name": request(f"http://localhost:{other.port}/", exempt=exempt),
            "without": request(inbox.url),
        }
        outcomes = {}
        for key, each in attempts.items():
            sender.submit(each, key)
            outcomes |= poll_all(sender, 1)
    passed = {key for key, outcome in outcomes.items() if outcome.status == 200}
    assert passed == {"inbox", "inbox again", "by name"}
    assert {outcomes[key].error for key in outcomes.keys() - passed} == {ErrorClass.BLOCKED}
    assert (len(inbox.requests), other.connections) == (3, 0)


def test_an_exempt_connection_is_not_inherited(monkeypatch):
    monkeypatch.setattr("connectors.sender.check_url", lambda *_, **__: [])
    with Receiver() as inbox, Sender(CLOSED, max_sockets=1) as sender:
        for exempt, status in ((("127.0.0.1", inbox.port), 200), (None, None)):
            sender.submit(request(inbox.url, exempt=exempt), "key")
            assert poll_all(sender, 1)["key"].status == status
    assert (len(inbox.requests), inbox.connections) == (1, 1)


@pytest.mark.parametrize("method", ["", "TRACE", "CONNECT", "GET / HTTP/1.1\r\nX:", "post"])
def test_an_unknown_method_is_not_sent(method):
    outcome, receiver = exchange(Answer(), method=method)
    assert outcome.error is ErrorClass.RENDER
    assert receiver.connections == 0


def test_the_environment_names_no_proxy(monkeypatch):
    with Receiver() as proxy, Receiver() as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        assert send_now(request(receiver.url), LOOPBACK).status == 200
    assert (len(receiver.requests), proxy.connections) == (1, 0)


def test_more_than_fit_wait_and_their_deadline_does_not_run():
    with Receiver(lambda _: Answer(delay=0.3)) as receiver, Sender(LOOPBACK, max_sockets=2) as sender:
        for key in range(6):
            sender.submit(request(receiver.url, timeout=0.6), key)
        outcomes = poll_all(sender, 6)
    assert [outcome.status for outcome in outcomes.values()] == [200] * 6
    assert receiver.connections == 2


def test_bad_requests_do_not_hold_up_those_that_wait_behind_them():
    with Receiver() as receiver, Sender(LOOPBACK, max_sockets=1) as sender:
        bad_url, bad_header = request("http://10.0.0.1/"), request(receiver.url, headers=(("Host", "x"),))
        requests = [request(receiver.url), bad_url, bad_header, bad_url, request(receiver.url)]
        for key, each in enumerate(requests):
            sender.submit(each, key)
        outcomes = poll_all(sender, 5)
    assert [outcomes[key].status for key in range(5)] == [200, None, None, None, 200]
    assert [outcomes[key].error for key in (1, 2)] == [ErrorClass.BLOCKED, ErrorClass.RENDER]


def test_hanging_partners_do_not_delay_the_others():
    with (
        Receiver(lambda _: Answer(hang=True)) as hanging,
        Receiver() as healthy,
        Sender(LOOPBACK, max_sockets=100) as sender,
    ):
        for key in range(50):
            sender.submit(request(hanging.url, timeout=1.5), ("hanging", key))
        for key in range(50):
            sender.submit(request(healthy.url), ("healthy", key))
        first = poll_all(sender, 50)
        assert {(kind, outcome.status) for (kind, _), outcome in first.items()} == {("healthy", 200)}
        assert max(outcome.duration for outcome in first.values()) < 1
        rest = poll_all(sender, 50)
        assert {outcome.error for outcome in rest.values()} == {ErrorClass.TIMEOUT}


def test_descriptors_above_select_s_limit_are_served():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    fillers = [os.dup(0) for _ in range(1100)]
    try:
        with Receiver() as receiver, Sender(LOOPBACK, max_sockets=4) as sender:
            for key in range(20):
                sender.submit(request(receiver.url), key)
            assert {outcome.status for outcome in poll_all(sender, 20).values()} == {200}
    finally:
        for descriptor in fillers:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_poll_waits_no_longer_than_asked_and_wake_ends_it_from_another_thread():
    with Sender(LOOPBACK, max_sockets=1) as sender:
        started = time.monotonic()
        assert sender.poll(0.2) == []
        assert 0.19 < time.monotonic() - started < 1
        timer = threading.Timer(0.2, sender.wake)
        timer.start()
        started = time.monotonic()
        assert sender.poll(30) == []
        assert time.monotonic() - started < 5
        timer.join()
        sender.wake()
        assert sender.poll(30) == []
    sender.wake()


def test_a_wake_before_the_poll_hides_no_outcome():
    with Receiver() as receiver, Sender(LOOPBACK, max_sockets=1) as sender:
        sender.submit(request(receiver.url), "key")
        sender.wake()
        assert poll_all(sender, 1)["key"].status == 200


def test_closing_with_requests_in_flight_leaves_no_descriptor():
    before = len(os.listdir("/proc/self/fd"))
    with Receiver(lambda _: Answer(hang=True)) as receiver:
        sender = Sender(LOOPBACK, max_sockets=2)
        for key in range(4):
            sender.submit(request(receiver.url), key)
        sender.poll(0.1)
        receiver.wait_for(2)
        sender.close()
    assert len(os.listdir("/proc/self/fd")) == before
