"""Mutual TLS: the partner's server asks for a client certificate."""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from connectors.auth.fields import (
    LONGEST_PEM,
    Config,
    Expiry,
    Field,
    Kind,
    Problems,
    any_url,
    check_fields,
    names,
    text,
)
from connectors.auth.prepared import Prepared
from connectors.message import Certificate
from portal.lib import clock

_BEGIN = "-----BEGIN "


def _pem(value: str) -> str | None:
    if len(value) > LONGEST_PEM:
        return f"At most {LONGEST_PEM} characters."
    good = value.isascii() and _BEGIN in value and "\x00" not in value
    return None if good else 'PEM is expected: lines that begin with "-----BEGIN".'


NAME = "mtls"
TITLE = "Client certificate (mutual TLS)"
FIELDS = (
    Field(
        name="certificate",
        label="Certificate",
        kind=Kind.PEM,
        check=_pem,
        help="PEM, the certificate itself first, then those that lead to its authority.",
    ),
    Field(name="private_key", label="Private key", kind=Kind.SECRET_PEM, check=_pem, help="PEM, not encrypted."),
)
PUBLIC, SECRET = names(FIELDS)

check_url = any_url


def check(config: Config) -> Problems:
    problems = check_fields(config, FIELDS)
    if problems:
        return problems
    certificate, key = _certificate(text(config, "certificate")), _public_key(text(config, "private_key"))
    if isinstance(certificate, str):
        problems["certificate"] = certificate
    if isinstance(key, str):
        problems["private_key"] = key
    if isinstance(certificate, str) or isinstance(key, str):
        return problems
    if certificate.not_valid_before_utc > clock.now():
        problems["certificate"] = f"It is valid only from {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC on."
    if _bytes(certificate.public_key()) != _bytes(key):
        problems["private_key"] = "It does not belong to the certificate."
    return problems


def expires(config: Config) -> Expiry:
    certificate = x509.load_pem_x509_certificate(text(config, "certificate").encode())
    return Expiry(field="certificate", at=certificate.not_valid_after_utc)


def prepare(config: Config) -> Prepared:
    pair = Certificate(certificate=text(config, "certificate"), private_key=text(config, "private_key"))
    return Prepared(certificate=pair)


def _certificate(pem: str) -> x509.Certificate | str:
    """The first one, after all were read; or why not. What is stored here is shown, so no key may be among it."""
    if "PRIVATE KEY" in pem:
        return "This holds a private key, which belongs into its own field."
    try:
        return x509.load_pem_x509_certificates(pem.encode())[0]
    except ValueError:
        return "It is not a certificate in PEM."


def _public_key(pem: str) -> PublicKeyTypes | str:
    """Of a private key; or why it cannot be used."""
    try:
        return load_pem_private_key(pem.encode(), password=None).public_key()
    except TypeError:
        return "It is encrypted: give it without a passphrase. It is stored encrypted here."
    except (ValueError, UnsupportedAlgorithm):
        return "It is not a private key in PEM."


def _bytes(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
