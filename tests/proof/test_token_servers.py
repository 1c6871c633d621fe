"""OAuth2 client credentials against Authlib's authorization server: both ways, the end of a token, and a 401."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors import auth
from connectors.auth.prepared import Token
from connectors.sender import send_now
from tests.connectors.sending import LOOPBACK, request
from tests.connectors.servers import Authority
from tests.proof.authorization_server import IN_BODY, IN_HEADER, LIFE, SCOPE, SECRET, AuthorizationServer

CLIENTS = {"body": IN_BODY, "header": IN_HEADER}
both_ways = pytest.mark.parametrize("place", list(CLIENTS))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def partner(authority: Authority) -> Iterator[AuthorizationServer]:
    with AuthorizationServer(tls=authority.server()) as server:
        yield server


class Feeder:
    """What the engine does with the scheme's pure parts, one step at a time."""

    def __init__(self, partner: AuthorizationServer, authority: Authority, place: str, **changes: str) -> None:
        config = {
            "type": "oauth2",
            "token_url": partner.token_url,
            "client_id": CLIENTS[place],
            "client_secret": SECRET,
            "credentials_in": place,
            **changes,
        }
        assert auth.check(config) == {}
        self._url = partner.url + "/in"
        self._ca_file = authority.file
        source = auth.prepare(config).token
        assert source is not None
        self._source = source

    def ask(self) -> Token | str:
        return self._source.read(send_now(self._source.request, LOOPBACK, ca_file=self._ca_file))

    def token(self) -> Token:
        token = self.ask()
        assert isinstance(token, Token), token
        return token

    def send(self, token: Token) -> int | None:
        headers: Any = (("Content-Type", "application/json"), *self._source.bearer(token))
        return send_now(request(self._url, headers=headers), LOOPBACK, ca_file=self._ca_file).status


@both_ways
@pytest.mark.line(49, 52, 53)
def test_a_token_is_given_and_taken(partner: AuthorizationServer, authority: Authority, place: str) -> None:
    feeder = Feeder(partner, authority, place)
    token = feeder.token()
    assert token.seconds == LIFE
    assert list(partner.tokens) == [token.text]
    assert feeder.send(token) == 202
    assert partner.sent[0].headers["authorization"] == f"Bearer {token.text}"


@both_ways
@pytest.mark.line(52, 53)
def test_the_secret_goes_only_where_it_was_said_to(
    partner: AuthorizationServer, authority: Authority, place: str
) -> None:
    other = next(name for name in CLIENTS if name != place)
    refused = Feeder(partner, authority, place, client_id=CLIENTS[other]).ask()
    assert refused in (
        "The token server answered 401: invalid_client.",
        "The token server answered 400: invalid_client.",
    )
    asked = partner.asked[0]
    assert ("authorization" in asked.headers) == (place == "header")
    assert (b"client_secret" in asked.body) == (place == "body")
    assert partner.tokens == {}


@both_ways
def test_a_wrong_secret_is_refused_in_words_that_do_not_hold_it(
    partner: AuthorizationServer, authority: Authority, place: str
) -> None:
    reason = Feeder(partner, authority, place, client_secret="wrong-s3cret").ask()
    assert isinstance(reason, str)
    assert reason.endswith(": invalid_client.")
    assert "wrong-s3cret" not in reason


@both_ways
def test_a_scope_is_granted_or_refused(partner: AuthorizationServer, authority: Authority, place: str) -> None:
    assert isinstance(Feeder(partner, authority, place, scope=SCOPE).ask(), Token)
    assert Feeder(partner, authority, place, scope="all").ask() == "The token server answered 400: invalid_scope."


@pytest.mark.line(50, 51)
@pytest.mark.parametrize(("place", "end"), [("body", "expired"), ("header", "expired"), ("header", "revoked")])
def test_a_token_that_ended_is_a_401_and_a_new_one_goes_through(
    partner: AuthorizationServer, authority: Authority, place: str, end: str
) -> None:
    feeder = Feeder(partner, authority, place)
    first = feeder.token()
    assert feeder.send(first) == 202
    if end == "revoked":
        partner.revoke(first.text)
    else:
        partner.pass_time(LIFE)
    assert feeder.send(first) == 401
    second = feeder.token()
    assert second.text != first.text
    assert feeder.send(second) == 202
    assert feeder.send(first) == 401


def test_a_token_server_that_cannot_be_believed_is_asked_nothing(
    partner: AuthorizationServer, authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    reason = Feeder(partner, Authority(tmp_path / "other"), "header").ask()
    assert isinstance(reason, str)
    assert reason.startswith("The token server did not answer: ")
    assert partner.requests == []
