"""Hostile partners on 127.0.0.1, below what an HTTP server would do: each connection is a script of raw bytes.

    with Server(says(b"HTTP/1.1 200 OK\\r\\nContent-Length: 10\\r\\n\\r\\nabc", then=Link.reset)) as server:
        ... send to server.url ...
        assert server.connections == 1

For partners that are merely slow or failing, `tests.receiver` is simpler.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from connectors.message import Certificate


class Link:
    """One accepted connection. Every method returns, or raises OSError, once the server is stopped."""

    def __init__(self, server: Server, connection: socket.socket) -> None:
        self.server = server
        self.socket = connection

    def hear(self) -> bytes:
        """What the client sends until it has sent one whole request, or something that is not HTTP."""
        heard = self.socket.recv(65536)
        self.server.heard += heard
        while heard[:1].isalpha():
            head, found, body = heard.partition(b"\r\n\r\n")
            if found and len(body) >= _content_length(head):
                self.server.requests += 1
                break
            more = self.socket.recv(65536)
            if not more:
                break
            self.server.heard += more
            heard += more
        return heard

    def say(self, data: bytes) -> None:
        self.socket.sendall(data)
        self.server.said += len(data)

    def drip(self, data: bytes, seconds: float) -> None:
        """One byte at a time, so many seconds apart."""
        for position in range(len(data)):
            self.say(data[position : position + 1])
            self.pause(seconds)

    def repeat(self, data: bytes, total: int) -> None:
        """The same bytes over and over, `total` bytes in all."""
        for _ in range(total // len(data)):
            self.say(data)

    def pause(self, seconds: float) -> None:
        if self.server.over.wait(seconds):
            raise OSError("the server is stopped")

    def hold(self) -> None:
        """Say nothing until the client gives up."""
        while self.socket.recv(65536):
            pass

    def reset(self) -> None:
        """End the connection with a TCP reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        self.socket.close()


Script: TypeAlias = Callable[[Link], object]


def says(data: bytes, *, then: Script = Link.hold) -> Script:
    """Hears a request, answers these bytes, and then does this."""

    def script(link: Link) -> None:
        link.hear()
        link.say(data)
        then(link)

    return script


class Server:
    """`script` talks to each connection in a thread of its own.

    `connections` accepted, whole `requests` heard, all bytes `heard` (decrypted with `tls`), and how many were `said`.
    """

    def __init__(self, script: Script, *, tls: ssl.SSLContext | None = None) -> None:
        self.script = script
        self.connections = self.requests = self.said = 0
        self.heard = b""
        self.over = threading.Event()
        self._tls = tls
        self._links: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for each in (self._listener, *self._links):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while not self.over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._links.append(connection)
            thread = threading.Thread(target=self._talk, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _talk(self, connection: socket.socket) -> None:
        with suppress(OSError):
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._links.append(connection)
            self.script(Link(self, connection))
        connection.close()


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


class Authority:
    """A test CA that issues a server's certificate and writes what a server needs to `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._now = datetime.now(UTC)
        self._key = ec.generate_private_key(ec.SECP256R1())
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        own = self._builder("Test CA", "Test CA", self._key, 0, 1).add_extension(constraints, critical=True)
        self.file = str(folder / "ca.pem")
        Path(self.file).write_bytes(own.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))

    def server(self, *names: str, begins: int = -30, ends: int = 1, self_signed: bool = False) -> ssl.SSLContext:
        """A server's context, with a certificate for these addresses or host names (127.0.0.1 without any); it begins
        and ends that many days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternative = x509.SubjectAlternativeName([_general_name(name) for name in names or ("127.0.0.1",)])
        builder = self._builder("server", "server" if self_signed else "Test CA", key, begins, ends)
        builder = builder.add_extension(alternative, critical=False)
        certificate = builder.sign(key if self_signed else self._key, hashes.SHA256())
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        chain = self._folder / "server.pem"
        chain.write_bytes(private + certificate.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        return context

    def client(self, name: str) -> Certificate:
        """A client's certificate with this common name."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._builder(name, "Test CA", key, -30, 1).sign(self._key, hashes.SHA256())
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return Certificate(certificate=certificate.public_bytes(Encoding.PEM).decode(), private_key=private.decode())

    def asking(self) -> ssl.SSLContext:
        """A server that lets in only clients with a certificate of this authority."""
        context = self.server()
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(self.file)
        return context

    def _builder(self, name: str, issuer: str, key: Any, begins: int, ends: int) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(_common_name(name))
            .issuer_name(_common_name(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now + timedelta(days=begins, hours=-1))
            .not_valid_after(self._now + timedelta(days=ends))
        )


def _common_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
