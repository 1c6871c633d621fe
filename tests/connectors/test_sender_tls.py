"""TLS is always verified, and nothing is said to a partner that is not who it should be."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from connectors.egress import EgressPolicy
from connectors.message import ErrorClass, Request
from connectors.sender import Sender, send_now
from tests.receiver import Answer, Receiver

LOOPBACK = EgressPolicy.of(["127.0.0.1/32"])
NOW = datetime.now(UTC)


class Authority:
    """A test CA that issues a server's certificate and writes what a receiver needs to `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        own = self._builder("Test CA", self._key, NOW + timedelta(days=1)).add_extension(constraints, critical=True)
        self.file = str(folder / "ca.pem")
        Path(self.file).write_bytes(own.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))

    def _builder(self, name: str, key: ec.EllipticCurvePrivateKey, end: datetime) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - timedelta(days=30))
            .not_valid_after(end)
        )

    def server(self, address: str = "127.0.0.1", end: datetime = NOW + timedelta(days=1)) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        alternative = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
        certificate = self._builder("server", key, end).add_extension(alternative, critical=False)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        public = certificate.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)
        chain = self._folder / "server.pem"
        chain.write_bytes(private + public)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        return context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def request(url: str, body: bytes = b"{}") -> Request:
    return Request(method="POST", url=url, headers=(), body=body, timeout=5.0)


def test_a_trusted_partner_gets_messages_of_any_size_over_kept_connections(authority):
    """Sizes around the limits of a TLS record and of libcurl's buffer, none of which may stall."""
    bodies = [b"x" * size for size in (0, 1, 8_000, 16_000, 17_000, 66_000, 300_000)]
    answer = Answer(body=b"y" * 16_000)
    with (
        Receiver(lambda _: answer, tls=authority.server()) as receiver,
        Sender(LOOPBACK, max_sockets=2, ca_file=authority.file) as sender,
    ):
        outcomes = []
        for body in bodies * 2:
            sender.submit(request(receiver.url, body), None)
            while sender.in_flight:
                outcomes += [outcome for _, outcome in sender.poll(1)]
    assert [outcome.status for outcome in outcomes] == [200] * 14
    assert [received.body for received in receiver.requests] == bodies * 2
    assert receiver.connections == 1
    assert sum(outcome.duration for outcome in outcomes) < 1


def test_an_untrusted_an_expired_and_a_wrong_certificate_get_nothing(authority):
    contexts = {
        "untrusted": (authority.server(), None),
        "expired": (authority.server(end=NOW - timedelta(days=1)), authority.file),
        "wrong host": (authority.server(address="127.0.0.2"), authority.file),
    }
    for name, (context, ca_file) in contexts.items():
        with Receiver(tls=context) as receiver:
            outcome = send_now(request(receiver.url), LOOPBACK, ca_file=ca_file)
            assert (name, outcome.status, outcome.error) == (name, None, ErrorClass.TLS)
            assert outcome.detail
            assert receiver.requests == []


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_tls_and_plain_http_on_the_tls_port_get_nothing(authority):
    old = authority.server()
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    for context in (old, None):
        with Receiver(tls=context) as receiver:
            outcome = send_now(request(f"https://127.0.0.1:{receiver.port}/"), LOOPBACK, ca_file=authority.file)
            assert outcome.error is ErrorClass.TLS
            assert receiver.requests == []
