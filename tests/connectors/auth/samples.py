"""Credentials of every kind, made for these tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

NOW = datetime(2026, 11, 21, tzinfo=UTC)

SIGNATURE = quote("KyBUzLLx07KMjhAb6a4+IC4gBnM2r/SPLkpYiFXZMi4=", safe="")
CONTAINER = "https://account.blob.core.windows.net/feeds"
HUB = "https://ns.servicebus.windows.net/hub"
KEY = "c2VjcmV0LWtleS1mb3ItdGVzdHM="

BLOB_TOKEN = f"sv=2024-11-04&sr=c&sp=cw&st=2026-01-01T00:00:00Z&se=2099-01-01T00%3A00%3A00Z&spr=https&sig={SIGNATURE}"
HUB_TOKEN = f"SharedAccessSignature sr={quote(HUB, safe='')}&sig={SIGNATURE}&se=4070908800&skn=send"
PRIVATE_KEY = ec.generate_private_key(ec.SECP256R1())


def key_pem(key: Any = PRIVATE_KEY, encryption: KeySerializationEncryption | None = None) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()).decode()


def certificate(key: Any = PRIVATE_KEY, begins: int = -30, ends: int = 30) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "feeder")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(4711).not_valid_before(NOW + timedelta(days=begins))
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    made = builder.not_valid_after(NOW + timedelta(days=ends)).sign(key, algorithm)
    return made.public_bytes(Encoding.PEM).decode()
