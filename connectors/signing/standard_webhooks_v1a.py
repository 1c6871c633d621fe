"""Standard Webhooks, version `v1a`: Ed25519 over `id.timestamp.body`. The receiver holds the public key only.

Secret: `whsk_` and Base64 of 64 bytes, the seed and the public key; a seed's 32 bytes alone are taken too.
Public key: `whpk_` and Base64 of 32 bytes.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from connectors.message import Headers
from connectors.signing.scheme import Incoming, Key, Outgoing
from connectors.signing.standard_webhooks_headers import NAMES, decoded, opened, sealed

NAME = "standard_webhooks_v1a"
TITLE = "Standard Webhooks (Ed25519)"
NEEDS_SECRET = True
SEVERAL = True
HEADERS = NAMES

PREFIX = "whsk_"
PUBLIC_PREFIX = "whpk_"
VERSION = "v1a"
SEED_LENGTH = 32


def generate() -> str:
    key = Ed25519PrivateKey.generate()
    return PREFIX + b64encode(key.private_bytes_raw() + key.public_key().public_bytes_raw()).decode()


def check(secret: str) -> str | None:
    if not secret.startswith(PREFIX):
        return f"The secret must start with {PREFIX}."
    raw = decoded(secret.removeprefix(PREFIX))
    if raw is None or len(raw) not in (SEED_LENGTH, 2 * SEED_LENGTH):
        return f"What follows {PREFIX} must be Base64 of an Ed25519 key: 64 bytes, or the 32 of its seed."
    seed, public = raw[:SEED_LENGTH], raw[SEED_LENGTH:]
    if public and Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw() != public:
        return "The secret's two halves do not belong together."
    return None


def prepare(secret: str) -> Key:
    private = _private_key(secret)

    def signature(message: bytes) -> str:
        return f"{VERSION},{b64encode(private.sign(message)).decode()}"

    return signature


def sign(keys: Sequence[Key], request: Outgoing) -> Headers:
    return sealed(keys, request)


def verify(secrets: Sequence[str], request: Incoming, now: int) -> bool:
    received = opened(request, now, VERSION)
    if received is None:
        return False
    public_keys = [_private_key(secret).public_key() for secret in secrets if check(secret) is None]
    return any(_signed_by(key, one, received.message) for one in received.signatures for key in public_keys)


def public_part(secret: str) -> str | None:
    public = _private_key(secret).public_key().public_bytes_raw()
    return PUBLIC_PREFIX + b64encode(public).decode()


def _private_key(secret: str) -> Ed25519PrivateKey:
    if refusal := check(secret):
        raise ValueError(refusal)
    return Ed25519PrivateKey.from_private_bytes((decoded(secret.removeprefix(PREFIX)) or b"")[:SEED_LENGTH])


def _signed_by(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True
