"""The ownership check: the receiver is asked whether it wants to be sent to, and what it answers is judged.

Three ways, of which a connector has one or none. With `challenge` the receiver proves that it has the signing secret
(as Smartcar's webhooks do); with `link` somebody who can read what arrives opens a page of ours; with `cloudevents` it
answers the OPTIONS handshake of the CloudEvents webhook specification, 1.0.2, section 4. A link confirms by a button,
and not by being opened, because mail and chat programs open links by themselves.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import orjson
from django.conf import settings
from django.db import connection
from django.urls import reverse

from connectors import configure, ownership_rules
from connectors.auth.prepared import BLOTTED
from connectors.dispatch import NotSendable, Target, egress_policy, make_request, target_of
from connectors.exchange import Exchange, exchange_of, token_headers, unsendable
from connectors.message import Headers, Outcome, Rendered, Request
from connectors.models import Connector, DisabledReason, Ownership
from connectors.sender import send_now
from connectors.target import origin_of
from portal.lib import clock
from portal.lib.crypto import SecretUnreadable
from portal.lib.uuid7 import uuid7

ANSWER_WITHIN: Final = 15.0
"""Seconds that a receiver has to answer (Smartcar)."""

STORE: Final = "A store of objects answers no handshake: choose another ownership check, such as a link."


class NoCheckError(Exception):
    """The connector has no ownership check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What came of asking: in words, and the exchange with what would pass the check blotted out."""

    detail: str
    exchange: Exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """`judge` says why an answer does not show it, or nothing, and `passed` what it means then.

    `secret` would pass the check, so nobody on our side sees it. `verifies` is false where the answer only says that
    the question has arrived.
    """

    request: Request
    judge: Callable[[Outcome], str | None]
    passed: str
    secret: str = ""
    verifies: bool = True


def verify(connector: Connector, now: datetime) -> Verification:
    """Ask the receiver now. Raises NoCheckError.

    Blocks for up to ANSWER_WITHIN seconds, and gives the database connection back before (invariant 4).
    """
    if connector.ownership == Ownership.NONE:
        raise NoCheckError
    try:
        rows = list(configure.live_rows(connector, now))
        target = target_of(connector, rows)
        ask = _asking(connector, target, [row.get_secret() for row in rows], now)
        if not connection.in_atomic_block:
            connection.close()
        question = ask(token_headers(target))
    except (NotSendable, SecretUnreadable) as error:
        _withdraw(connector)
        return Verification(detail=str(error), exchange=unsendable(str(error)))
    outcome = send_now(question.request, egress_policy())
    detail = _conclude(connector, question, outcome)
    return Verification(
        detail=detail, exchange=_blotted(exchange_of(target, question.request, outcome), question.secret)
    )


def opens(connector: Connector, token: str, now: datetime) -> bool:
    """Whether this is the token of the link that was sent last, and it still works."""
    return ownership_rules.is_asked(connector, now) and hmac.compare_digest(connector.ownership_digest, _digest(token))


def confirm(connector: Connector, token: str, now: datetime) -> bool:
    """Verify the connector, if this token opens it."""
    if not opens(connector, token, now):
        return False
    return _set_verified(connector, ownership_digest=connector.ownership_digest)


def challenge_answered(body: bytes, challenge: str, signing_secrets: Sequence[str]) -> bool:
    """Whether this is the challenge's HMAC-SHA256 in hexadecimal under one of the secrets, as JSON or as bare text."""
    given = _answer_in(body).strip().lower().encode(errors="replace")
    expected = [hmac.new(key.encode(), challenge.encode(), hashlib.sha256).hexdigest() for key in signing_secrets]
    return any(hmac.compare_digest(given, one.encode()) for one in expected)


def allows_origin(headers: Headers, origin: str) -> bool:
    allowed = _header(headers, "webhook-allowed-origin")
    return allowed == "*" or allowed.lower() == origin


def allowed_rate(headers: Headers) -> int | None:
    """Requests a minute that the receiver asks for at most; None for a star, nothing, or nonsense."""
    text = _header(headers, "webhook-allowed-rate")
    return int(text) if text.isascii() and text.isdigit() and 1 <= len(text) <= 6 and int(text) > 0 else None


def _asking(
    connector: Connector, target: Target, signing_secrets: list[str], now: datetime
) -> Callable[[Headers], Question]:
    """How to ask, given the headers of an access token. What the answer is compared with is stored first."""
    if connector.ownership == Ownership.CHALLENGE:
        return partial(_challenge, target, signing_secrets, now)
    token = secrets.token_urlsafe(32)
    link = f"{settings.PUBLIC_URL}{reverse('ownership', args=[connector.organization_id, connector.id, token])}"
    connector.ownership_digest, connector.ownership_asked_at = _digest(token), now
    connector.save(update_fields=["ownership_digest", "ownership_asked_at"])
    if connector.ownership == Ownership.LINK:
        return partial(_link, target, token, link, now)
    return partial(_handshake, target, token, link, now)


def _challenge(target: Target, signing_secrets: list[str], now: datetime, access: Headers) -> Question:
    challenge = secrets.token_urlsafe(32)

    def judge(outcome: Outcome) -> str | None:
        if challenge_answered(outcome.body, challenge, signing_secrets):
            return None
        return "The answer is not the challenge's HMAC-SHA256 under the signing secret, in hexadecimal."

    request = _message(target, {"type": "ownership/challenge", "challenge": challenge}, now, access)
    return Question(request=request, judge=judge, passed="The receiver answered the challenge: it is verified.")


def _link(target: Target, token: str, link: str, now: datetime, access: Headers) -> Question:
    until = clock.rfc3339(now + ownership_rules.LINK_LIFE)
    body = {"type": "ownership/confirmation", "confirmation_url": link, "token": token, "expires_at": until}
    return Question(
        request=_message(target, body, now, access),
        judge=lambda _: None,
        passed="The link has arrived. Whoever reads what arrives there has three days to open it.",
        secret=token,
        verifies=False,
    )


def _handshake(target: Target, token: str, link: str, now: datetime, access: Headers) -> Question:
    origin = urlsplit(settings.PUBLIC_URL).hostname or ""
    asked: Headers = (("WebHook-Request-Origin", origin), ("WebHook-Request-Callback", link))
    if target.rate_limit:
        asked = (*asked, ("WebHook-Request-Rate", str(target.rate_limit)))
    request = Request(
        method="OPTIONS",
        url=target.url,
        headers=(*asked, *target.auth.headers, *access),
        body=b"",
        timeout=ANSWER_WITHIN,
        exempt=target.exempt,
        certificate=target.auth.certificate,
    )
    if target.auth.finish:
        request = target.auth.finish(request, now)
    if request.method != "OPTIONS":
        raise NotSendable(STORE)

    def judge(outcome: Outcome) -> str | None:
        if allows_origin(outcome.headers, origin):
            return None
        return f"The answer has no WebHook-Allowed-Origin of {origin} or *. The callback can allow it for three days."

    return Question(request=request, judge=judge, passed="The receiver allows it: it is verified.", secret=token)


def _message(target: Target, body: dict[str, str], now: datetime, access: Headers) -> Request:
    """Made as every message of the connector is: authenticated and signed."""
    rendered = Rendered(body=orjson.dumps(body), content_type="application/json")
    return msgspec.structs.replace(make_request(target, rendered, str(uuid7(now)), now, access), timeout=ANSWER_WITHIN)


def _conclude(connector: Connector, question: Question, outcome: Outcome) -> str:
    if outcome.status is None or not 200 <= outcome.status < 300:
        _withdraw(connector)
        return f"The receiver answered {outcome.status}." if outcome.status else f"No answer: {outcome.detail}."
    if reason := question.judge(outcome):
        return reason
    if not question.verifies:
        return question.passed
    if not _set_verified(connector):
        return "The connector was changed or deleted meanwhile: verify it again."
    return question.passed + _slow_down(connector, outcome.headers)


def _withdraw(connector: Connector) -> None:
    """A link that did not arrive opens nothing; one that was opened already has done its work."""
    rows = Connector.objects.filter(id=connector.id, ownership_digest=connector.ownership_digest)
    rows.exclude(ownership_digest="").update(ownership_digest="", ownership_asked_at=None)
    _read_again(connector)


def _set_verified(connector: Connector, **unchanged: str) -> bool:
    """False when it goes elsewhere by now, or `unchanged` is not so any more."""
    host = origin_of(connector.url)
    rows = Connector.objects.filter(id=connector.id, url=connector.url, **unchanged)
    found = rows.update(
        ownership_verified_at=clock.now(), ownership_verified_host=host, ownership_digest="", ownership_asked_at=None
    )
    Connector.objects.filter(id=connector.id, disabled_reason=DisabledReason.UNVERIFIED).update(disabled_reason="")
    _read_again(connector)
    return bool(found)


def _read_again(connector: Connector) -> None:
    with suppress(Connector.DoesNotExist):  # deleted while its receiver was asked
        connector.refresh_from_db()


def _slow_down(connector: Connector, headers: Headers) -> str:
    """CloudEvents' receivers may allow a rate: it is kept to from now on."""
    rate = allowed_rate(headers) if connector.ownership == Ownership.CLOUDEVENTS else None
    if rate is None or (connector.rate_limit is not None and connector.rate_limit <= rate):
        return ""
    Connector.objects.filter(id=connector.id).update(rate_limit=rate)
    connector.rate_limit = rate
    return f" It takes {rate:,} messages a minute, which is the rate limit now."


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _blotted(exchange: Exchange, secret: str) -> Exchange:
    """Wherever it stands: a receiver may answer with what it was sent."""
    if not secret:
        return exchange

    def blot(part: dict[str, Any] | None) -> Any:
        return orjson.loads(orjson.dumps(part).decode().replace(secret, BLOTTED))

    return replace(exchange, request=blot(exchange.request), response=blot(exchange.response))


def _answer_in(body: bytes) -> str:
    text = body.decode(errors="replace")
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return text
    found = answer.get("challenge") if isinstance(answer, dict) else answer
    return found if isinstance(found, str) else text


def _header(headers: Headers, wanted: str) -> str:
    return next((value.strip() for name, value in headers if name.lower() == wanted), "")
