"""What each scheme sends, and what it refuses to be configured with."""

from base64 import b64decode

import pytest

from connectors import auth

GOOD = [
    ({"type": "none"}, ()),
    ({"type": "header", "name": "X-Token", "value": "s3cret"}, (("X-Token", "s3cret"),)),
    ({"type": "header", "name": "Authorization", "value": "Key ä"}, (("Authorization", "Key ä"),)),
    ({"type": "bearer", "token": "abc.def"}, (("Authorization", "Bearer abc.def"),)),
    (
        {"type": "basic", "username": "Aladdin", "password": "open sesame"},
        (("Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),),
    ),
]


@pytest.mark.line(46, 48, 111, 135)
@pytest.mark.parametrize(("config", "headers"), GOOD)
def test_a_good_configuration_gives_its_headers(config, headers):
    assert auth.check(config) == {}
    assert auth.prepare(config).headers == headers


def test_basic_credentials_are_utf_8_and_the_password_may_hold_a_colon_or_nothing():
    for password in ("a:b", "", "ü"):
        config = {"type": "basic", "username": "jörg", "password": password}
        assert auth.check(config) == {}
        value = auth.prepare(config).headers[0][1].removeprefix("Basic ")
        assert b64decode(value).decode() == f"jörg:{password}"


@pytest.mark.line(135)
@pytest.mark.parametrize("scheme", list(auth.SCHEMES))
def test_missing_and_unknown_fields_and_other_types_are_named(scheme):
    fields = {field.name: field.required for field in auth.SCHEMES[scheme].FIELDS}
    required = {name for name, is_required in fields.items() if is_required}
    assert (
        set(auth.check({"type": scheme})) == set(auth.check({"type": scheme, **dict.fromkeys(fields, "")})) == required
    )
    assert set(auth.check({"type": scheme, **dict.fromkeys(fields, 7)})) == set(fields)
    assert "surplus" in auth.check({"type": scheme, "surplus": "x"})


@pytest.mark.parametrize("kind", [None, "", "digest", 3, ["basic"]])
def test_an_unknown_type_is_refused(kind):
    assert set(auth.check({"type": kind})) == {"type"}


RESERVED = [
    *("Host", "content-length", "Transfer-Encoding", "CONNECTION", "Content-Type", "X-Signature", "Expect"),
    *("webhook-id", "Webhook-Signature", "webhook-anything", "ce-id"),
]
MALFORMED = ["", "a b", "a:b", "a\r\nb", "a\x00", "naïve", "(x)", "a" * 257]


@pytest.mark.parametrize("name", RESERVED + MALFORMED)
def test_header_names_that_are_refused(name):
    assert set(auth.check({"type": "header", "name": name, "value": "v"})) == {"name"}


UNSENDABLE = ["a\rb", "a\nb", "a\r\nX-Evil: 1", "a\x00b", "a\x7fb", "€", "日本", "\udc80"]


@pytest.mark.parametrize("value", UNSENDABLE)
@pytest.mark.parametrize(
    ("scheme", "field"),
    [("header", "value"), ("bearer", "token"), ("basic", "username"), ("basic", "password")],
)
def test_text_that_cannot_be_sent_is_refused_in_every_field(scheme, field, value):
    others = {"header": {"name": "X-Token"}, "basic": {"username": "u", "password": "p"}}.get(scheme, {})
    assert set(auth.check({"type": scheme, **others, field: value})) == {field}


@pytest.mark.parametrize(
    "config",
    [
        {"type": "header", "name": "X-Token", "value": "a" * 4097},
        {"type": "header", "name": "X-Token", "value": " a"},
        {"type": "header", "name": "X-Token", "value": ""},
        {"type": "bearer", "token": "Bearer abc"},
        {"type": "bearer", "token": ""},
        {"type": "basic", "username": "a:b", "password": "p"},
        {"type": "basic", "username": "", "password": "p"},
        {"type": "basic", "username": "u", "password": "p" * 513},
    ],
)
def test_values_that_would_not_mean_what_was_typed_are_refused(config):
    assert len(auth.check(config)) == 1
