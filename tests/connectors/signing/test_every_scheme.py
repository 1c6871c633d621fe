"""What holds for each scheme: rotation, tampering, and that strangers' input never raises."""

from __future__ import annotations

import pytest

from connectors.signing import MAX_SECRETS, SCHEMES
from tests.connectors.signing.messages import BODY, NOW, incoming, outgoing, signed

SIGNED = [name for name, scheme in SCHEMES.items() if scheme.NEEDS_SECRET]
SEVERAL = [name for name in SIGNED if SCHEMES[name].SEVERAL]


def test_the_schemes_are_listed_under_their_names() -> None:
    assert {name: scheme.NAME for name, scheme in SCHEMES.items()} == {name: name for name in SCHEMES}
    assert SEVERAL == ["x_signature", "standard_webhooks", "standard_webhooks_v1a"]
    assert set(SIGNED) - set(SEVERAL) == {"github", "wattsense", "custom"}


def test_none_signs_nothing_and_verifies_nothing() -> None:
    scheme = SCHEMES["none"]
    assert scheme.sign([scheme.prepare("")], outgoing()) == ()
    assert scheme.generate() == ""
    assert scheme.check("whsec_something") is not None
    assert not scheme.verify([""], incoming({}), NOW)


@pytest.mark.parametrize("name", SEVERAL)
def test_while_secrets_rotate_old_and_new_both_verify(name: str) -> None:
    scheme = SCHEMES[name]
    old, new, foreign = scheme.generate(), scheme.generate(), scheme.generate()
    arrived = incoming(signed(scheme, [new, old]))
    assert scheme.verify([new], arrived, NOW)
    assert scheme.verify([old], arrived, NOW)
    assert scheme.verify([foreign, old], arrived, NOW)
    assert not scheme.verify([foreign], arrived, NOW)


@pytest.mark.parametrize("name", SEVERAL)
def test_only_the_five_newest_sign(name: str) -> None:
    scheme = SCHEMES[name]
    secrets = [scheme.generate() for _ in range(MAX_SECRETS + 1)]
    arrived = incoming(signed(scheme, secrets))
    assert scheme.verify([secrets[4]], arrived, NOW)
    assert not scheme.verify([secrets[5]], arrived, NOW)


@pytest.mark.parametrize("name", sorted(set(SIGNED) - set(SEVERAL)))
def test_where_one_signature_fits_the_newest_secret_signs(name: str) -> None:
    scheme = SCHEMES[name]
    old, new = scheme.generate(), scheme.generate()
    headers = signed(scheme, [new, old])
    assert headers == signed(scheme, [new])
    assert scheme.verify([old, new], incoming(headers), NOW)
    assert not scheme.verify([old], incoming(headers), NOW)


@pytest.mark.parametrize("name", SIGNED)
class TestScheme:
    def test_a_generated_secret_is_new_good_and_verifies(self, name: str) -> None:
        scheme = SCHEMES[name]
        secret = scheme.generate()
        assert secret != scheme.generate()
        assert scheme.check(secret) is None
        assert scheme.verify([secret], incoming(signed(scheme, [secret])), NOW)

    def test_a_changed_body_does_not_verify(self, name: str) -> None:
        scheme = SCHEMES[name]
        secret = scheme.generate()
        headers = signed(scheme, [secret])
        assert not scheme.verify([secret], incoming(headers, body=BODY + b" "), NOW)
        assert not scheme.verify([secret], incoming(headers, body=b""), NOW)

    def test_a_key_signs_many_messages(self, name: str) -> None:
        scheme = SCHEMES[name]
        secret = scheme.generate()
        key = scheme.prepare(secret)
        for body in (b"one", b"two", b"one"):
            headers = {name.lower(): value for name, value in scheme.sign([key], outgoing(body=body))}
            assert scheme.verify([secret], incoming(headers, body=body), NOW)

    def test_nothing_verifies_without_secrets_or_headers(self, name: str) -> None:
        scheme = SCHEMES[name]
        secret = scheme.generate()
        assert not scheme.verify([], incoming(signed(scheme, [secret])), NOW)
        assert not scheme.verify([secret], incoming({}), NOW)
        assert not scheme.verify(["rubbish", ""], incoming(signed(scheme, [secret])), NOW)

    @pytest.mark.parametrize(
        "value",
        [
            "",
            " ",
            ",",
            "v1",
            "v1,",
            "v1,=",
            "v1a,A",
            "v1,ä",
            "v1,\ud800",
            "sha512=",
            "sha512=zz",
            "sha512=ä\ud800",
            "sha256=ä\ud800",
            "feeder:",
            "v1," * 5000,
        ],
    )
    def test_malformed_headers_do_not_verify_and_do_not_raise(self, name: str, value: str) -> None:
        scheme = SCHEMES[name]
        secret = scheme.generate()
        good = signed(scheme, [secret])
        for header in good:
            assert not scheme.verify([secret], incoming(good | {header: value}), NOW)

    @pytest.mark.parametrize(
        "bad",
        ["", "short", "whsec_", "whsk_", "whsec_ä", "whsk_!!!!", " " + "x" * 40, "x" * 40 + "\n", "x" * 500],
    )
    def test_a_secret_that_cannot_be_used_is_refused(self, name: str, bad: str) -> None:
        scheme = SCHEMES[name]
        assert scheme.check(bad)
        with pytest.raises(ValueError, match="must"):
            scheme.prepare(bad)

    def test_the_reason_does_not_repeat_the_secret(self, name: str) -> None:
        assert "canary" not in str(SCHEMES[name].check("whsec_canary"))
