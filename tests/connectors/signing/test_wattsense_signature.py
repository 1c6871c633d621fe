"""The signature after Wattsense's own API (B4): its message, part by part, and what a receiver makes of it."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode

import pytest

from connectors.signing import bound
from connectors.signing.wattsense import Wattsense
from tests.connectors.signing.messages import NOW, incoming, outgoing, signed

SECRET = "a secret that both sides know"
MILLISECONDS = f"{NOW}250"


def expected(message: str) -> str:
    return b64encode(hmac.new(SECRET.encode(), message.encode(), hashlib.sha512).digest()).decode()


@pytest.mark.line(134)
@pytest.mark.parametrize(
    ("url", "body", "message"),
    [
        ("https://a.example/in/values", b"{}", f"POST\n/in/values\n{{}}\n{MILLISECONDS}"),
        ("https://a.example/in?b=2&a=1&a=0", b"{}", f"POST\n/in\na=0&a=1&b=2\n{{}}\n{MILLISECONDS}"),
        ("https://a.example", b"{}", f"POST\n/\n{{}}\n{MILLISECONDS}"),
        ("https://a.example/in?", b"", f"POST\n/in\n{MILLISECONDS}"),
        ("https://a.example/in?x=%2F", b"a\nb", f"POST\n/in\nx=%2F\na\nb\n{MILLISECONDS}"),
    ],
)
def test_absent_parts_are_left_out_with_their_line_break(url: str, body: bytes, message: str) -> None:
    headers = signed(Wattsense(api_key="k1"), [SECRET], url=url, body=body, at=NOW + 0.25)
    assert headers == {"x-api-auth": f"k1:{expected(message)}", "x-api-timestamp": MILLISECONDS}


def test_the_key_is_a_default_unless_one_is_given() -> None:
    assert signed(Wattsense(), [SECRET])["x-api-auth"].startswith("feeder:")
    scheme = bound("wattsense", {"api_key": "north"})
    assert scheme is not None
    assert signed(scheme, [SECRET])["x-api-auth"].startswith("north:")


@pytest.mark.parametrize(
    "changed",
    [{"method": "PUT"}, {"path": "/other"}, {"path": "/in?a=1"}, {"body": b"{}"}],
    ids=str,
)
def test_method_path_and_query_are_signed_too(changed: dict[str, object]) -> None:
    scheme = Wattsense()
    headers = signed(scheme, [SECRET])
    assert scheme.verify([SECRET], incoming(headers), NOW)
    assert not scheme.verify([SECRET], incoming(headers, **changed), NOW)


def test_the_query_verifies_in_the_order_in_which_it_was_sent() -> None:
    scheme = Wattsense()
    headers = signed(scheme, [SECRET], url="https://partner.example/in?b=2&a=1")
    assert scheme.verify([SECRET], incoming(headers, path="/in?b=2&a=1"), NOW)


@pytest.mark.parametrize(("skew", "accepted"), [(0, True), (300, True), (-300, True), (301, False), (-301, False)])
def test_the_time_must_be_near(skew: int, accepted: bool) -> None:
    scheme = Wattsense()
    headers = signed(scheme, [SECRET], at=NOW + skew)
    assert scheme.verify([SECRET], incoming(headers), NOW) == accepted


@pytest.mark.parametrize("timestamp", ["", "nan", "-1", "१७६४", "9" * 400, str(NOW)])
def test_a_time_that_is_none_does_not_verify(timestamp: str) -> None:
    scheme = Wattsense()
    headers = signed(scheme, [SECRET]) | {"x-api-timestamp": timestamp}
    assert not scheme.verify([SECRET], incoming(headers), NOW)


def test_another_key_does_not_verify() -> None:
    headers = signed(Wattsense(api_key="theirs"), [SECRET])
    assert not Wattsense(api_key="ours").verify([SECRET], incoming(headers), NOW)


def test_only_the_newest_secret_is_in_the_header() -> None:
    scheme = Wattsense()
    keys = [scheme.prepare(scheme.generate()) for _ in range(3)]
    assert [name for name, _ in scheme.sign(keys, outgoing())] == ["X-API-Auth", "X-API-Timestamp"]
