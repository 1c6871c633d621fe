"""Access tokens in the lanes: fetched once, renewed ahead, once more on a 401, and a failure like any other."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from connectors import auth, retry
from connectors.access_token import AccessToken
from connectors.auth.prepared import Prepared, Token, TokenSource
from connectors.dispatch import Target
from connectors.message import ErrorClass, Headers, Outcome, Request
from tests.connectors.running_lanes import Running, target
from tests.proof.authorization_server import IN_BODY, IN_HEADER, LIFE, SECRET, AuthorizationServer
from tests.receiver import Answer, Received, Receiver
from tests.whole.stack import eventually


def bearer(token: Token) -> Headers:
    return (("Authorization", f"Bearer {token.text}"),)


def read(outcome: Outcome) -> Token | str:
    if outcome.status != 200:
        return f"the authorization server answered {outcome.status}"
    answer = json.loads(outcome.body)
    return Token(text=answer["token"], seconds=answer["seconds"])


class Authorization:
    """Hands out t1, t2, … each for `seconds`; `fails` lets it answer 500 that many times first."""

    def __init__(self, seconds: float | None = 3600, *, fails: int = 0, delay: float = 0.0) -> None:
        self.asked = 0
        self._seconds, self._fails, self._delay = seconds, fails, delay
        self.receiver = Receiver(self._answer)

    def _answer(self, _: Received) -> Answer:
        self.asked += 1
        if self.asked <= self._fails:
            return Answer(500)
        return Answer(
            body=json.dumps({"token": f"t{self.asked}", "seconds": self._seconds}).encode(), delay=self._delay
        )


def source(url: str) -> TokenSource:
    request = Request(method="POST", url=url, headers=(("Accept", "application/json"),), body=b"x=1", timeout=5.0)
    return TokenSource(request=request, read=read, bearer=bearer)


def with_token(partner: Receiver, server: Receiver, **fields: Any) -> Target:
    auth = Prepared(token=source(server.url), secret_names=frozenset({"Authorization"}))
    return target(partner.url, auth=auth, credentials={"type": "oauth2", "client_secret": "1"}, concurrency=8, **fields)


def tokens_at(partner: Receiver) -> list[str]:
    return [request.headers["authorization"] for request in partner.requests]


def test_one_token_serves_all_messages_however_many_wait_for_it(running: Running) -> None:
    server = Authorization(delay=0.2)
    with Receiver() as partner, server.receiver:
        to = with_token(partner, server.receiver)
        running.retarget(to)
        running.deliver(to, 30)
        eventually(lambda: len(running.results) == 30)
        assert tokens_at(partner) == ["Bearer t1"] * 30
        assert server.asked == 1
        assert "t1" not in running.results[0].request_head
        assert "Authorization: •••" in running.results[0].request_head


def test_a_changed_configuration_gets_a_token_of_its_own(running: Running) -> None:
    server = Authorization()
    with Receiver() as partner, server.receiver:
        to = with_token(partner, server.receiver)
        running.retarget(to)
        running.deliver(to, 1)
        eventually(lambda: len(running.results) == 1)
        running.retarget(replace(to, concurrency=9))
        running.deliver(to, 1)
        eventually(lambda: len(running.results) == 2)
        changed = replace(to, credentials={"type": "oauth2", "client_secret": "2"})
        running.retarget(changed)
        running.deliver(changed, 1)
        eventually(lambda: len(running.results) == 3)
        assert tokens_at(partner) == ["Bearer t1", "Bearer t1", "Bearer t2"]


def test_an_expired_token_is_replaced_before_it_is_used(running: Running) -> None:
    server = Authorization(seconds=0.5)
    with Receiver() as partner, server.receiver:
        to = with_token(partner, server.receiver)
        running.retarget(to)
        for count in (1, 2):
            running.deliver(to, 1)
            eventually(lambda count=count: len(running.results) == count)
            time.sleep(0.6)
        assert tokens_at(partner) == ["Bearer t1", "Bearer t2"]
        assert {result.state for result in running.results} == {"delivered"}


def test_a_revoked_token_is_replaced_and_the_message_goes_once_more(running: Running) -> None:
    """The 401 is no attempt of its own: what is recorded is what came of the new token."""
    server = Authorization()
    with (
        Receiver(lambda r: Answer(401 if r.headers["authorization"] == "Bearer t1" else 200)) as partner,
        server.receiver,
    ):
        to = with_token(partner, server.receiver)
        running.retarget(to)
        running.deliver(to, 6)
        eventually(lambda: len(running.results) == 6)
        assert {(result.state, result.outcome.status) for result in running.results} == {("delivered", 200)}
        assert server.asked == 2
        assert sorted(set(tokens_at(partner))) == ["Bearer t1", "Bearer t2"]


def test_who_is_refused_with_a_new_token_too_has_failed(running: Running) -> None:
    server = Authorization()
    with Receiver(lambda _: Answer(401)) as partner, server.receiver:
        to = with_token(partner, server.receiver)
        running.retarget(to)
        running.deliver(to, 1)
        eventually(lambda: len(running.results) == 1)
        assert (running.results[0].state, running.results[0].outcome.status) == ("retry", 401)
        assert (len(partner.requests), server.asked) == (2, 2)


def test_without_a_token_a_message_fails_like_any_other_and_the_next_asks_again(running: Running) -> None:
    server = Authorization(fails=2)
    with Receiver() as partner, server.receiver:
        to = with_token(partner, server.receiver)
        running.retarget(to)
        running.deliver(to, 4)
        eventually(lambda: len(running.results) == 4)
        first, second, *others = running.results
        for failed in (first, second):
            assert (failed.state, failed.outcome.error) == ("retry", ErrorClass.TOKEN)
            assert failed.outcome.detail == "the authorization server answered 500"
        assert [result.state for result in others] == ["delivered", "delivered"]
        assert server.asked == 3


def test_a_hanging_authorization_server_delays_only_its_own_connector(running: Running) -> None:
    with Receiver(lambda _: Answer(hang=True)) as hanging, Receiver() as partner:
        waits, free = with_token(partner, hanging), target(partner.url, concurrency=8)
        running.retarget(waits)
        running.retarget(free)
        running.deliver(waits, 5)
        running.deliver(free, 20)
        eventually(lambda: len(running.results) == 20)
        assert {result.due.connector_id for result in running.results} == {free.connector_id}


@pytest.mark.line(49, 50, 51)
@pytest.mark.parametrize(("client_id", "place"), [(IN_BODY, "body"), (IN_HEADER, "header")])
def test_against_a_real_authorization_server(running: Running, client_id: str, place: str) -> None:
    """Authlib's: one token for all, a new one when it has expired there, and when it was revoked."""
    with AuthorizationServer() as partner:
        config = {"token_url": partner.token_url, "client_id": client_id, "client_secret": SECRET}
        config |= {"type": "oauth2", "credentials_in": place}
        to = target(partner.url + "/in", auth=auth.prepare(config), credentials=config, concurrency=8)
        running.retarget(to)
        for count, spoil in (
            (10, lambda: partner.pass_time(2 * LIFE)),
            (20, lambda: setattr(list(partner.tokens.values())[-1], "revoked", True)),
            (30, lambda: None),
        ):
            running.deliver(to, 10)
            eventually(lambda count=count: len(running.results) == count)
            spoil()
        assert [(result.state, result.outcome.status) for result in running.results] == [("delivered", 202)] * 30
        assert len(partner.asked) == len(partner.tokens) == 3


def answer(seconds: float | None, token: str = "t") -> Outcome:  # noqa: S107 - no password
    body = json.dumps({"token": token, "seconds": seconds}).encode()
    return Outcome(status=200, error=None, detail="", headers=(), body=body, truncated=False, duration=0.1)


@pytest.mark.parametrize(
    ("seconds", "renewed_at", "ends_at"),
    [(3600.0, 3540.0, 3600.0), (100.0, 90.0, 100.0), (None, float("inf"), float("inf"))],
)
def test_a_token_is_renewed_ahead_and_used_to_its_end(seconds: float | None, renewed_at: float, ends_at: float) -> None:
    access = AccessToken(source("https://auth.example/token"))
    assert access.wanted(0.0)
    access.asking = True
    assert not access.wanted(0.0), "never twice at a time"
    assert access.answered(answer(seconds), 0.0) == ""
    assert (access.wanted(min(renewed_at, 1e9) - 1), access.usable(min(ends_at, 1e9) - 1)) == (False, True)
    if seconds is not None:
        assert access.wanted(renewed_at)
        assert not access.usable(ends_at)


REFUSED = Outcome(status=503, error=None, detail="", headers=(), body=b"", truncated=False, duration=0.1)


def test_a_failed_renewal_leaves_the_token_in_use_and_its_server_in_peace_for_a_while() -> None:
    access = AccessToken(source("https://auth.example/token"))
    access.answered(answer(3600.0), 0.0)
    assert access.answered(REFUSED, 3550.0) == "the authorization server answered 503"
    assert access.usable(3554.0)
    assert [access.wanted(now) for now in (3550.1, 3554.9, 3555.0)] == [False, False, True]
    access.answered(REFUSED, 3599.0)
    assert [access.wanted(now) for now in (3599.9, 3600.0)] == [False, True], "not later than the token ends"
    assert not access.usable(3600.0)


def test_without_a_token_it_is_asked_for_at_once_again() -> None:
    """Here each failure costs a message its try, and the breaker counts them: that is what slows it down."""
    access = AccessToken(source("https://auth.example/token"))
    access.answered(REFUSED, 5.0)
    assert access.wanted(5.0)
    access.answered(answer(3600.0), 5.0)
    assert access.refused(access.headers, uuid4())
    assert not access.usable(6.0)
    access.answered(REFUSED, 7.0)
    assert access.wanted(7.0)


@pytest.mark.parametrize("how", ["switched off", "another's", "another's and back", "stopping"])
def test_a_message_refused_for_its_token_is_given_back_by_a_lane_that_sends_no_more(running: Running, how: str) -> None:
    """It would be stuck in a queue that nobody empties, or with gridX's policy have failed for good."""
    arrived, go_on = threading.Event(), threading.Event()

    def refuses(_: Received) -> Answer:
        arrived.set()
        assert go_on.wait(10)
        return Answer(401)

    server = Authorization()
    with Receiver(refuses) as partner, server.receiver:
        to = with_token(partner, server.receiver, policy=retry.POLICIES["gridx"])
        running.retarget(to)
        (work,) = running.deliver(to, 1)
        assert arrived.wait(10)
        match how:
            case "switched off":
                running.retarget(replace(to, enabled=False))
            case "another's":
                running.lanes.retarget({}, [to.connector_id])
            case "another's and back":
                running.lanes.retarget({to.connector_id: to}, [to.connector_id])
            case _:
                running.lanes.stop()
        time.sleep(0.05)
        go_on.set()
        eventually(lambda: running.given_back == [work.due])
        assert running.results == []
        assert len(partner.requests) == 1


def test_a_message_that_was_given_back_has_its_second_token_still_to_come(running: Running) -> None:
    revoked = {"Bearer t1", "Bearer t2"}
    server = Authorization(delay=0.3)
    with (
        Receiver(lambda r: Answer(401 if r.headers["authorization"] in revoked else 200)) as partner,
        server.receiver,
    ):
        to = with_token(partner, server.receiver, policy=retry.POLICIES["gridx"])
        running.retarget(to)
        (work,) = running.deliver(to, 1)
        eventually(lambda: server.asked == 2)
        running.retarget(replace(to, enabled=False))
        eventually(lambda: running.given_back == [work.due])
        running.retarget(to)
        running.lanes.deliver([work])
        eventually(lambda: len(running.results) == 1)
        assert running.results[0].state == "delivered"
