"""Standard Webhooks: v1 against the project's own library and vector, v1a against cryptography."""

from __future__ import annotations

import time
from base64 import b64decode, b64encode

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError

from connectors.signing import SCHEMES, standard_webhooks, standard_webhooks_v1a
from tests.connectors.signing.messages import NOW, incoming, outgoing, signed

BODY = '{"text": "grün"}'.encode()


def test_the_published_vector() -> None:
    key = standard_webhooks.prepare("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    request = outgoing(message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", at=1614265330.9, body=b'{"test": 2432232314}')
    headers = standard_webhooks.sign([key], request)
    assert headers == (
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    )


def test_the_official_library_verifies_ours_during_a_rotation() -> None:
    old, new, foreign = (standard_webhooks.generate() for _ in range(3))
    headers = signed(standard_webhooks, [new, old], at=time.time(), body=BODY)
    for secret in (new, old):
        assert Webhook(secret).verify(BODY, headers) == {"text": "grün"}
    with pytest.raises(WebhookVerificationError):
        Webhook(foreign).verify(BODY, headers)


@pytest.mark.parametrize("scheme", [standard_webhooks, standard_webhooks_v1a])
class TestReceived:
    @pytest.mark.parametrize(
        ("skew", "accepted"),
        [(0, True), (300, True), (-300, True), (301, False), (-301, False), (-86400, False)],
    )
    def test_the_time_must_be_near(self, scheme: object, skew: int, accepted: bool) -> None:
        signing = SCHEMES[scheme.NAME]  # type: ignore[attr-defined]
        secret = signing.generate()
        headers = signed(signing, [secret], at=NOW + skew)
        assert signing.verify([secret], incoming(headers), NOW) == accepted

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("webhook-id", "m2"),
            ("webhook-id", ""),
            ("webhook-timestamp", str(NOW + 1)),
            ("webhook-timestamp", f"{NOW}.0"),
            ("webhook-timestamp", f"+{NOW}"),
            ("webhook-timestamp", "१७६४"),
            ("webhook-timestamp", "9" * 400),
            ("webhook-timestamp", "nan"),
        ],
    )
    def test_id_and_time_are_signed_too(self, scheme: object, name: str, value: str) -> None:
        signing = SCHEMES[scheme.NAME]  # type: ignore[attr-defined]
        secret = signing.generate()
        headers = signed(signing, [secret])
        assert signing.verify([secret], incoming(headers), NOW)
        assert not signing.verify([secret], incoming(headers | {name: value}), NOW)

    def test_signatures_of_other_versions_are_passed_over(self, scheme: object) -> None:
        signing = SCHEMES[scheme.NAME]  # type: ignore[attr-defined]
        secret = signing.generate()
        headers = signed(signing, [secret])
        more = headers | {"webhook-signature": f"v0,abc v9 {headers['webhook-signature']}"}
        assert signing.verify([secret], incoming(more), NOW)
        version, signature = headers["webhook-signature"].split(",")
        renamed = headers | {"webhook-signature": f"{'v1' if version == 'v1a' else 'v1a'},{signature}"}
        assert not signing.verify([secret], incoming(renamed), NOW)


@pytest.mark.parametrize(("length", "good"), [(23, False), (24, True), (64, True), (65, False)])
def test_the_length_of_a_shared_secret(length: int, good: bool) -> None:
    secret = "whsec_" + b64encode(b"k" * length).decode()
    assert (standard_webhooks.check(secret) is None) == good


def test_a_secret_without_its_padding_is_the_same_secret() -> None:
    padded = "whsec_" + b64encode(b"k" * 25).decode()
    assert padded.endswith("==")
    assert standard_webhooks.prepare(padded)(b"m") == standard_webhooks.prepare(padded.rstrip("="))(b"m")


def test_the_public_key_alone_verifies_v1a() -> None:
    secret = standard_webhooks_v1a.generate()
    public = standard_webhooks_v1a.public_part(secret)
    assert public is not None
    assert public.startswith("whpk_")
    key = Ed25519PublicKey.from_public_bytes(b64decode(public.removeprefix("whpk_")))
    headers = signed(standard_webhooks_v1a, [secret], body=BODY)
    version, signature = headers["webhook-signature"].split(",")
    assert version == "v1a"
    message = f"m1.{NOW}.".encode() + BODY
    key.verify(b64decode(signature), message)
    with pytest.raises(InvalidSignature):
        key.verify(b64decode(signature), message + b" ")


def test_a_seed_alone_is_the_same_v1a_secret() -> None:
    secret = standard_webhooks_v1a.generate()
    seed = "whsk_" + b64encode(b64decode(secret.removeprefix("whsk_"))[:32]).decode()
    assert standard_webhooks_v1a.public_part(seed) == standard_webhooks_v1a.public_part(secret)


def test_a_v1a_secret_of_two_keys_is_refused() -> None:
    one, other = (b64decode(standard_webhooks_v1a.generate().removeprefix("whsk_")) for _ in range(2))
    mixed = "whsk_" + b64encode(one[:32] + other[32:]).decode()
    assert "halves" in str(standard_webhooks_v1a.check(mixed))
