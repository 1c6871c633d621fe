"""Client certificates: what is taken, and what would only fail at the partner's door."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption

from connectors import auth
from connectors.auth.fields import LONGEST_PEM
from tests.connectors.auth.requests import prepared
from tests.connectors.auth.samples import NOW, PRIVATE_KEY, certificate, key_pem


def config(**changes: Any) -> dict[str, Any]:
    return {"type": "mtls", "certificate": certificate(), "private_key": key_pem(), **changes}


def reasons(**changes: Any) -> dict[str, str]:
    with time_machine.travel(NOW, tick=False):
        return auth.check(config(**changes))


@pytest.mark.line(135)
@pytest.mark.parametrize(
    "key",
    [PRIVATE_KEY, rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate()],
    ids=["P-256", "RSA", "Ed25519"],
)
def test_a_certificate_and_its_key_are_handed_to_the_sender(key: Any) -> None:
    pair = (certificate(key), key_pem(key))
    with time_machine.travel(NOW, tick=False):
        made = prepared(config(certificate=pair[0], private_key=pair[1]))
    assert made.certificate is not None
    assert (made.certificate.certificate, made.certificate.private_key) == pair
    assert made.headers == ()
    assert "PRIVATE" not in repr(made)


def test_a_chain_and_line_ends_of_a_web_form_are_taken() -> None:
    chain = certificate() + certificate(ec.generate_private_key(ec.SECP256R1()))
    assert reasons(certificate=chain.replace("\n", "\r\n"), private_key=key_pem().replace("\n", "\r\n")) == {}


@pytest.mark.parametrize(
    ("changes", "field", "word"),
    [
        ({"certificate": ""}, "certificate", "required"),
        ({"certificate": "feeder"}, "certificate", "PEM"),
        ({"certificate": key_pem()}, "certificate", "private key"),
        ({"certificate": certificate() + key_pem()}, "certificate", "private key"),
        (
            {"certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"},
            "certificate",
            "not a certificate",
        ),
        ({"certificate": certificate(ends=-1)}, "certificate", "expired"),
        ({"certificate": certificate(begins=1)}, "certificate", "valid only from"),
        ({"certificate": certificate() + " " * LONGEST_PEM}, "certificate", "At most"),
        ({"private_key": certificate()}, "private_key", "not a private key"),
        ({"private_key": key_pem(ec.generate_private_key(ec.SECP256R1()))}, "private_key", "does not belong"),
        ({"private_key": key_pem(rsa.generate_private_key(65537, 2048))}, "private_key", "does not belong"),
        ({"private_key": key_pem(encryption=BestAvailableEncryption(b"pass"))}, "private_key", "encrypted"),
        ({"private_key": 7}, "private_key", "text"),
    ],
)
def test_what_could_not_be_used_is_refused_with_the_reason(changes: dict[str, Any], field: str, word: str) -> None:
    found = reasons(**changes)
    assert set(found) == {field}
    assert word in found[field]


def test_a_certificate_that_expires_meanwhile_is_still_sent() -> None:
    """So that the admin sees the partner's refusal, and not deliveries that wait without a word."""
    stored = config(certificate=certificate(ends=-1))
    assert auth.check_form(stored) == {}
    assert auth.prepare(stored).certificate is not None
