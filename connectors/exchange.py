"""One message sent now, for the test button and for ping: the whole exchange, with nothing kept of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from django.db import connection

from connectors import configure, retry
from connectors.auth.prepared import Token
from connectors.dispatch import NotSendable, Target, egress_policy, make_request, shown_head, target_of
from connectors.message import ErrorClass, Headers, Outcome, Request
from connectors.models import Connector
from connectors.profiles import Item, Profile, RenderError
from connectors.sender import send_now
from portal.events import catalogue
from portal.lib import clock
from portal.lib.crypto import SecretUnreadable
from portal.lib.uuid7 import uuid7


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What was sent and what came back. `error` is set when no answer came; `request` is None when nothing could go."""

    delivered: bool
    request: dict[str, Any] | None
    response: dict[str, Any] | None
    error: dict[str, str] | None
    duration_ms: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def send_sample(connector: Connector, event_type: str = "") -> Exchange:
    """Send the catalogue's sample of this type as the connector would, enabled or not; `usual_sample` without a type.

    Blocks for up to the retry policy's timeout, and gives the database connection back before (invariant 4).
    """
    now = clock.now()
    try:
        target = target_of(connector, configure.live_rows(connector, now))
        document = catalogue.sample_document(
            event_type or usual_sample(target.profile),
            str(connector.organization_id),
            event_id=str(uuid7(now)),
            time=clock.rfc3339(now),
        )
        rendered = target.profile.render([Item(document)], target.context)
        if not connection.in_atomic_block:
            connection.close()
        request = make_request(target, rendered, str(uuid7(now)), now, token_headers(target))
    except (NotSendable, RenderError, SecretUnreadable) as error:
        return unsendable(str(error))
    return exchange_of(target, request, send_now(request, egress_policy()))


def usual_sample(profile: Profile) -> str:
    """What a test sends: a ping, or the first type of the catalogue that the format carries where it has no ping."""
    return "ping" if profile.carries("ping") else next(filter(profile.carries, catalogue.CATALOGUE))


def token_headers(target: Target) -> Headers:
    """The headers of a new access token, none for a connector without one. Blocks. NotSendable: there is no token."""
    source = target.auth.token
    if source is None:
        return ()
    token = source.read(send_now(source.request, egress_policy()))
    if not isinstance(token, Token):
        raise NotSendable(token)
    return source.bearer(token)


def headers_of(lines: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers as JSON shows them; several of one name are joined."""
    shown: dict[str, str] = {}
    for name, value in lines:
        shown[name] = f"{shown[name]}, {value}" if name in shown else value
    return shown


def parse_head(head: str) -> tuple[str, dict[str, str]]:
    """A kept head as its first line and its headers."""
    first, *lines = head.split("\n")
    parts = [line.partition(": ") for line in lines if line]
    return first, headers_of((name, value) for name, _, value in parts)


def exchange_of(target: Target, request: Request, outcome: Outcome) -> Exchange:
    """What of this exchange may be shown: secrets are blotted out."""
    state, _ = retry.classify(target.policy, outcome)
    _, headers = parse_head(shown_head(target, request))
    sent = {
        "method": request.method,
        "url": request.shown_url or request.url,
        "headers": headers,
        "body": request.body.decode("utf-8", "backslashreplace"),
    }
    response = None
    if outcome.status is not None:
        response = {
            "status": outcome.status,
            "headers": headers_of(outcome.headers),
            "body": outcome.body.decode("utf-8", "backslashreplace"),
            "truncated": outcome.truncated,
        }
    error = {"class": outcome.error.value, "detail": outcome.detail} if outcome.error else None
    return Exchange(
        delivered=state == "delivered",
        request=sent,
        response=response,
        error=error,
        duration_ms=round(outcome.duration * 1000, 3),
    )


def unsendable(detail: str) -> Exchange:
    """Nothing could go, and why."""
    error = {"class": ErrorClass.RENDER.value, "detail": detail}
    return Exchange(delivered=False, request=None, response=None, error=error, duration_ms=0.0)
