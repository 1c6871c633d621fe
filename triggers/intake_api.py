"""POST readings/, events/ and heartbeats/: plain views around the intake, as REST framework's cost is per item.

All take 1 to 1,000 items, as one JSON object or one item per line (application/x-ndjson), and answer 202 after the
commit. The OpenAPI document describes them in triggers/openapi.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import msgspec
import orjson
from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from rest_framework.authentication import CSRFCheck

from portal.events.api import EventList
from portal.events.catalogue import CATALOGUE
from portal.lib import clock, strict_json
from portal.lib.problem import Conflict, problem
from portal.lib.rest import MOST_NAMED, drain
from portal.tenants import idempotency
from portal.tenants.access import INGEST, Access
from portal.tenants.authentication import BadKey, key_in, recent_key_access
from triggers.heartbeats import HeartbeatItem, take_heartbeats
from triggers.intake import take_events, take_readings
from triggers.items import EventItem, ReadingItem, Result

MOST_ITEMS = 1000
PLATFORM_MADE = frozenset(name for name, event_type in CATALOGUE.items() if event_type.platform_made)
"""Who could send these in could forge a contract or a settled day. The platform's own jobs call the intake itself."""

Item = TypeVar("Item", ReadingItem, EventItem, HeartbeatItem)
Take: TypeAlias = Callable[..., Result]

_MISSING = re.compile(r"required field `(\w+)`")
_UNKNOWN = re.compile(r"unknown field `(.+?)`")
_PLACE = re.compile(r" - at `\$\.(\w+)")

_REFERENCE = "Text of 1 to 200 characters is expected: an id or a serial number."
EXPECTED = {
    "gateway": _REFERENCE,
    "appliance": _REFERENCE,
    "id": "Text of 1 to 200 characters is expected.",
    "property": "The name of a data point is expected.",
    "value": "A number, a boolean or a string of up to 1,000 characters is expected.",
    "time": "A time with its zone is expected (RFC 3339), such as 2026-11-21T10:00:00.000Z.",
    "expect_before": "A time with its zone is expected (RFC 3339), such as 2026-11-21T10:00:00.000Z.",
    "quality": "One of good, uncertain, bad is expected.",
    "type": "The name of an event type is expected; event-types/ lists them.",
    "correlation_id": "A UUID is expected.",
    "data": "An object is expected.",
}


class Refused(Exception):
    """The call as a whole is refused; carries the answer."""

    def __init__(self, status: int, detail: str, pointer: str | None = None) -> None:
        super().__init__(detail)
        errors = None if pointer is None else [{"pointer": pointer, "detail": detail}]
        self.answer = problem(status, detail, errors)


@csrf_exempt
def readings(request: HttpRequest) -> HttpResponseBase:
    if request.method != "POST":
        answer = problem(405, "Readings are sent in by POST.")
        answer["Allow"] = "POST"
        return answer
    return _answer(request, "readings", ReadingItem, take_readings)


@csrf_exempt
def heartbeats(request: HttpRequest) -> HttpResponseBase:
    if request.method != "POST":
        answer = problem(405, "Heartbeats are sent in by POST.")
        answer["Allow"] = "POST"
        return answer
    return _answer(request, "heartbeats", HeartbeatItem, take_heartbeats)


@csrf_exempt
def events(request: HttpRequest) -> HttpResponseBase:
    if request.method != "POST":
        answer: HttpResponseBase = EventList.as_view()(request)
        return answer
    return _answer(request, "events", EventItem, take_events)


def _answer(request: HttpRequest, name: str, item_type: type[Item], take: Take) -> HttpResponseBase:
    try:
        access = _access(request)
        items = _items(request, _body(request), name)
        key = _key(request)
        if key is None:
            return _take(access, items, item_type, take)
        with transaction.atomic():
            return _once(request, access, key, lambda: _take(access, items, item_type, take))
    except Refused as refusal:
        return refusal.answer
    except Conflict as conflict:
        return problem(409, str(conflict.detail))


def _key(request: HttpRequest) -> str | None:
    try:
        return idempotency.key_of(request)
    except ValueError as error:
        raise Refused(400, str(error)) from None


def _once(request: HttpRequest, access: Access, key: str, take: Callable[[], HttpResponse]) -> HttpResponse:
    """What was taken in and the answer that says so commit together."""
    stored = idempotency.begin(access, key, idempotency.digest_of(request))
    if stored is not None:
        return HttpResponse(stored.body, status=stored.status, content_type="application/json")
    answer = take()
    idempotency.finish(access, key, answer.status_code, answer.content.decode())
    return answer


def _take(access: Access, raw: list[Any], item_type: type[Item], take: Take) -> HttpResponse:
    result = Result()
    items: list[tuple[int, Item]] = []
    for index, one in enumerate(raw):
        try:
            item = msgspec.convert(one, item_type)
        except msgspec.ValidationError as error:
            result.refuse(index, _located(error))
            continue
        if _is_forged(item):
            result.refuse(index, ("/type", "Events of this type are made by the platform alone; they are not sent in."))
        else:
            items.append((index, item))
    if items:
        take(access.organization.id, items, clock.now(), result, company_id=access.company_id)
    all_refused = len(result.rejected) == len(raw)
    return HttpResponse(
        orjson.dumps(result.as_json()), status=422 if all_refused else 202, content_type="application/json"
    )


def _is_forged(item: msgspec.Struct) -> bool:
    return isinstance(item, EventItem) and item.type in PLATFORM_MADE


def _access(request: HttpRequest) -> Access:
    presented = key_in(request)
    try:
        access = _session_access(request) if presented is None else recent_key_access(presented, clock.now())
        access.require(INGEST)
    except BadKey as error:
        refusal = Refused(401, str(error))
        refusal.answer["WWW-Authenticate"] = 'Bearer realm="Feeder"'
        raise refusal from None
    except PermissionDenied as error:
        raise Refused(403, str(error)) from None
    return access


def _session_access(request: HttpRequest) -> Access:
    """A signed-in browser may send too, with its CSRF token."""
    access: Access | None = getattr(request, "access", None)
    if access is None:
        raise BadKey("An API key is needed: Authorization: Bearer <key>.")
    check = CSRFCheck(lambda _: HttpResponse())
    check.process_request(request)
    reason = check.process_view(request, None, (), {})  # type: ignore[arg-type]  # no view is exempt here
    if reason:
        raise PermissionDenied(f"CSRF failed: {reason}")
    return access


def _body(request: HttpRequest) -> bytes:
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise Refused(415, "The body must not be compressed.")
    try:
        return request.body
    except RequestDataTooBig:
        drain(request)
        raise Refused(413, f"The body is larger than {settings.INTAKE_BODY_LIMIT} bytes; send fewer items.") from None


def _items(request: HttpRequest, body: bytes, name: str) -> list[Any]:
    try:
        if request.content_type == "application/x-ndjson":
            items = [_line(number, line) for number, line in enumerate(body.splitlines(), 1) if line.strip()]
        elif request.content_type == "application/json":
            items = _listed(strict_json.read(body), name)
        else:
            raise Refused(415, "The body must be application/json or application/x-ndjson.")
    except strict_json.BadJSON as error:
        raise Refused(400, f"The body {error}") from None
    if not 1 <= len(items) <= MOST_ITEMS:
        raise Refused(400, f"1 to {MOST_ITEMS} items are expected, not {len(items)}.", f"/{name}")
    return items


def _line(number: int, line: bytes) -> Any:
    try:
        return strict_json.read(line)
    except strict_json.BadJSON as error:
        raise Refused(400, f"Line {number} {error}") from None


def _listed(parsed: Any, name: str) -> list[Any]:
    if not isinstance(parsed, dict) or not isinstance(parsed.get(name), list):
        raise Refused(400, f'An object with a list is expected: {{"{name}": […]}}.', f"/{name}")
    if unknown := sorted(parsed.keys() - {name}):
        raise Refused(400, f"There is no such field here: {', '.join(unknown[:MOST_NAMED])}.", f"/{unknown[0]}")
    items: list[Any] = parsed[name]
    return items


def _located(error: msgspec.ValidationError) -> tuple[str, str]:
    """A msgspec message as (JSON pointer, reason in our words): "Expected `str`, got `int` - at `$.gateway`"."""
    text = str(error)
    if missing := _MISSING.search(text):
        return f"/{missing[1]}", "is required"
    if unknown := _UNKNOWN.search(text):
        return f"/{unknown[1]}", "There is no such field here."
    place = _PLACE.search(text)
    name = place[1] if place else ""
    return (f"/{name}" if name else ""), EXPECTED.get(name, "An object is expected.")
