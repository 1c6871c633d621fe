"""R4 of the fault plan: TLS is always verified, and nothing is said to a partner that is not who it should be."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.message import Certificate, ErrorClass
from connectors.sender import Sender, send_now
from tests.connectors.sending import LOOPBACK, poll_all, request
from tests.connectors.servers import Authority, Link, Server, says
from tests.receiver import Answer, Receiver

OK = says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
CANARY = b"the body that nobody else may read"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def at_home(_: str) -> tuple[str, ...]:
    """A resolver for which every name is this machine."""
    return ("127.0.0.1",)


@pytest.mark.line(40, 129)
def test_a_trusted_partner_gets_messages_of_any_size_over_kept_connections(authority: Authority) -> None:
    """Sizes around the limits of a TLS record and of libcurl's buffer, none of which may stall."""
    bodies = [b"x" * size for size in (0, 1, 8_000, 16_000, 17_000, 66_000, 300_000)]
    answer = Answer(body=b"y" * 16_000)
    with (
        Receiver(lambda _: answer, tls=authority.server()) as receiver,
        Sender(LOOPBACK, max_sockets=2, ca_file=authority.file) as sender,
    ):
        outcomes = []
        for body in bodies * 2:
            sender.submit(request(receiver.url, body=body), None)
            while sender.in_flight:
                outcomes += [outcome for _, outcome in sender.poll(1)]
    assert [outcome.status for outcome in outcomes] == [200] * 14
    assert [received.body for received in receiver.requests] == bodies * 2
    assert receiver.connections == 1
    assert max(outcome.duration for outcome in outcomes) < 1


def old(authority: Authority, version: ssl.TLSVersion) -> ssl.SSLContext:
    context = authority.server()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = version
    return context


def spoken(server: Server) -> str | None:
    """The version that a client without scruples agrees on, to know that the server is what it pretends to be."""
    lax = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    lax.check_hostname = False
    lax.verify_mode = ssl.CERT_NONE
    lax.set_ciphers("ALL:@SECLEVEL=0")
    lax.minimum_version = ssl.TLSVersion.TLSv1
    with socket.create_connection(("127.0.0.1", server.port)) as connection, lax.wrap_socket(connection) as secured:
        return secured.version()


IMPOSTORS: dict[str, tuple[str, Callable[[Authority], ssl.SSLContext | None]]] = {
    "expired": ("127.0.0.1", lambda authority: authority.server(ends=-1)),
    "not yet valid": ("127.0.0.1", lambda authority: authority.server(begins=2, ends=3)),
    "self-signed": ("127.0.0.1", lambda authority: authority.server(self_signed=True)),
    "another address": ("127.0.0.1", lambda authority: authority.server("127.0.0.2")),
    "another name": ("partner.example", lambda authority: authority.server("other.example", "127.0.0.1")),
    "a name that only contains it": ("partner.example", lambda authority: authority.server("partner.example.org")),
    "a wildcard too deep": ("a.b.example", lambda authority: authority.server("*.example")),
    "plain HTTP": ("127.0.0.1", lambda _: None),
}


@pytest.mark.parametrize(("host", "made_by"), IMPOSTORS.values(), ids=IMPOSTORS.keys())
def test_r4_an_impostor_is_told_nothing(
    authority: Authority, host: str, made_by: Callable[[Authority], ssl.SSLContext | None]
) -> None:
    with Server(OK, tls=made_by(authority)) as server:
        wanted = request(f"https://{host}:{server.port}/", body=CANARY)
        outcome = send_now(wanted, LOOPBACK, ca_file=authority.file, find=at_home)
        assert (outcome.status, outcome.error, bool(outcome.detail)) == (None, ErrorClass.TLS, True)
        assert (server.connections, server.requests) == (1, 0)
        assert CANARY not in server.heard
        assert b"POST" not in server.heard


def test_r4_an_unknown_authority_is_not_believed(authority: Authority) -> None:
    with Server(OK, tls=authority.server()) as server:
        outcome = send_now(request(server.url, body=CANARY), LOOPBACK)
        assert (outcome.status, outcome.error, server.heard) == (None, ErrorClass.TLS, b"")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize(("version", "name"), [(ssl.TLSVersion.TLSv1, "TLSv1"), (ssl.TLSVersion.TLSv1_1, "TLSv1.1")])
def test_r4_old_versions_are_not_spoken(authority: Authority, version: ssl.TLSVersion, name: str) -> None:
    with Server(OK, tls=old(authority, version)) as server:
        outcome = send_now(request(server.url, body=CANARY), LOOPBACK, ca_file=authority.file)
        assert (outcome.status, outcome.error, server.heard) == (None, ErrorClass.TLS, b"")
        assert spoken(server) == name


def test_a_name_is_verified_as_written_whatever_its_address(authority: Authority) -> None:
    """The guard judges the address, TLS the name: neither stands for the other, also over a kept connection."""
    with (
        Receiver(tls=authority.server("partner.example")) as receiver,
        Sender(LOOPBACK, max_sockets=1, ca_file=authority.file, find=at_home) as sender,
    ):
        for host, status in (("partner.example", 200), ("other.example", None), ("127.0.0.1", None)):
            sender.submit(request(f"https://{host}:{receiver.port}/"), host)
            assert poll_all(sender, 1)[host].status == status
    assert [received.headers["host"] for received in receiver.requests] == [f"partner.example:{receiver.port}"]


# mutual TLS


def names_the_client(link: Link) -> None:
    """Answers each request with the common name in the certificate that its connection was opened with."""
    assert isinstance(link.socket, ssl.SSLSocket)
    certificate = link.socket.getpeercert() or {}
    name = dict(pair for each in certificate["subject"] for pair in each)["commonName"].encode()
    while link.hear():
        link.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(name), name))


def test_a_client_certificate_proves_who_sends(authority: Authority) -> None:
    with Server(names_the_client, tls=authority.asking()) as server:
        mine = request(server.url, certificate=authority.client("feeder"))
        outcome = send_now(mine, LOOPBACK, ca_file=authority.file)
        assert (outcome.status, outcome.body) == (200, b"feeder")


def test_without_a_client_certificate_nothing_is_heard(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    stranger = Authority(tmp_path / "other").client("feeder")
    with Server(names_the_client, tls=authority.asking()) as server:
        for certificate in (None, stranger):
            outcome = send_now(request(server.url, certificate=certificate), LOOPBACK, ca_file=authority.file)
            assert (outcome.status, outcome.error) in {(None, ErrorClass.TLS), (None, ErrorClass.CONNECTION)}
        assert server.requests == 0


def test_certificates_are_not_mixed_up_on_kept_connections(authority: Authority) -> None:
    """One handle and one pool of connections serve all: each message goes over a connection of its own identity."""
    clients = {name: authority.client(name) for name in ("first", "second")}
    with (
        Server(names_the_client, tls=authority.asking()) as server,
        Sender(LOOPBACK, max_sockets=4, ca_file=authority.file) as sender,
    ):
        for name in ("first", "second", "first", "second", "second"):
            sender.submit(request(server.url, certificate=clients[name]), name)
            assert poll_all(sender, 1)[name].body == name.encode()
        sender.submit(request(server.url), "nobody")
        assert poll_all(sender, 1)["nobody"].status is None
        assert (server.requests, server.connections) == (5, 3)


def test_a_certificate_that_cannot_be_read_says_so(authority: Authority) -> None:
    good, other = authority.client("feeder"), authority.client("other")
    with Server(names_the_client, tls=authority.asking()) as server:
        for broken in (
            Certificate(certificate="nonsense", private_key=good.private_key),
            Certificate(certificate=good.certificate, private_key=other.private_key),
        ):
            outcome = send_now(request(server.url, certificate=broken), LOOPBACK, ca_file=authority.file)
            assert outcome.error is ErrorClass.TLS
            assert "PRIVATE" not in outcome.detail
        assert server.requests == 0
