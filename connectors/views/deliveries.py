"""Pages: the log of deliveries, and the drawer with one of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.views.decorators.http import require_GET, require_POST

from connectors import curl, history, outbox, policies
from connectors.advice import advice
from connectors.history import Attempt, Row
from connectors.models import Connector, State
from portal.events.catalogue import CATALOGUE
from portal.fleet.models import Gateway
from portal.lib import clock, fragments
from portal.lib.stretches import Stretch, stretch, uuid_of
from portal.tenants.access import OPERATE, access_of
from portal.tenants.pages import member_page

PAGE: Final = 50
RANGES: Final[dict[str, tuple[str, timedelta]]] = {
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 hours", timedelta(hours=24)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
}
STATUS_CLASSES: Final = {**{name: name for name in history.STATUS_CLASSES}, history.NO_STATUS: "No answer"}
SHAPING: Final = ("state", "connector", "event_type", "status_class", "range", "id")
"""Query parameters that filter; the others place the page or choose the attempt."""


@require_GET
@member_page()
def delivery_list(request: HttpRequest) -> HttpResponse:
    answer = fragments.answer(request, "connectors/deliveries.html", "connectors/_deliveries.html", _list(request))
    return fragments.at_address(request, answer, _query(request.GET))


@require_GET
@member_page()
def delivery_page(request: HttpRequest, delivery_id: UUID) -> HttpResponse:
    """The drawer alone for the list that opens it, and above its list for who comes by the address."""
    detail = _detail(request, delivery_id)
    listed = {} if fragments.is_fragment(request) else _list(request)
    return fragments.answer(request, "connectors/deliveries.html", "connectors/_delivery.html", {**listed, **detail})


@require_POST
@member_page(OPERATE)
def retry_delivery(request: HttpRequest, delivery_id: UUID) -> HttpResponse:
    try:
        outbox.retry_now(access_of(request).organization.id, delivery_id)
    except outbox.NotFound:
        raise Http404 from None
    except outbox.NotKept:
        return fragments.refused("The event is no longer kept: there is nothing to send again.")
    except outbox.ConnectorGone:
        return fragments.refused("The connector of this delivery was deleted.")
    answer = fragments.answer(
        request, "connectors/deliveries.html", "connectors/_delivery.html", _detail(request, delivery_id)
    )
    return fragments.toast(answer, "It is tried again now.")


def _list(request: HttpRequest) -> dict[str, Any]:
    asked = request.GET
    named = Connector.objects.select_related("own_retry_policy").order_by("name")
    connectors = {connector.id: connector for connector in named}
    page = _page(asked, clock.now())
    filtered = any(asked.get(name) for name in SHAPING)
    return {
        "page": page,
        "rows": page.rows,
        "tries": {key: tries_of(connector) for key, connector in connectors.items()},
        "gateways": gateways_of(page.rows),
        "filtered": filtered,
        "any": bool(page.rows) or (filtered and bool(history.deliveries(history.Filters(), limit=1))),
        "filters": _query(asked),
        "states": State.choices,
        "chosen_states": asked.getlist("state"),
        "connectors": connectors.values(),
        "event_types": sorted(CATALOGUE),
        "status_classes": STATUS_CLASSES.items(),
        "ranges": [(key, label) for key, (label, _) in RANGES.items()],
        "asked": asked.dict(),
        "poll_url": f"/deliveries/?{_query(asked)}",
        "kept": _kept(),
    }


def _page(asked: QueryDict, now: datetime) -> Stretch[Row]:
    if text := asked.get("id", "").strip():
        row = history.delivery(wanted) if (wanted := uuid_of(text)) else None
        return Stretch(rows=[row] if row else [], newest=True, older=False)
    return stretch(partial(history.deliveries, filters_of(asked, now)), asked, PAGE)


def filters_of(asked: QueryDict, now: datetime) -> history.Filters:
    """What the address asks for; a value that means nothing asks for nothing."""
    status_class = asked.get("status_class", "")
    _, span = RANGES.get(asked.get("range", ""), ("", None))
    return history.Filters(
        states=frozenset(asked.getlist("state")) & frozenset(State.values) or None,
        connector_id=uuid_of(asked.get("connector")),
        event_types=frozenset(filter(None, asked.getlist("event_type"))) or None,
        status_class=status_class if status_class in STATUS_CLASSES else None,
        created_after=now - span if span else None,
    )


def _query(asked: QueryDict) -> str:
    """The filters of an address, without what is empty and without place and attempt."""
    return urlencode([(name, value) for name in SHAPING for value in asked.getlist(name) if value])


def tries_of(connector: Connector) -> int | None:
    policy = policies.resolve(connector)
    return policy.tries if policy else None


def gateways_of(rows: Sequence[Row]) -> dict[UUID, str]:
    """The names of the gateways in these rows, in one query."""
    ids = {row.gateway_id for row in rows if row.gateway_id}
    return {one.id: str(one) for one in Gateway.objects.filter(id__in=ids)} if ids else {}


def _detail(request: HttpRequest, delivery_id: UUID) -> dict[str, Any]:
    row = history.delivery(delivery_id)
    if row is None:
        raise Http404
    attempts = history.attempts(delivery_id)
    number = request.GET.get("attempt", "")
    chosen = next((one for one in attempts if str(one.number) == number), attempts[-1] if attempts else None)
    connector = Connector.objects.filter(id=row.connector_id).first()
    query = _query(request.GET)
    return {
        "delivery": row,
        "attempts": attempts,
        "attempt": chosen,
        "connector": connector,
        "most": tries_of(connector) if connector else None,
        "curl": _curl(chosen) if chosen else "",
        "advice": advice(chosen.status, chosen.error) if chosen else "",
        "follow": number == "" and row.finished_at is None,
        "filters": query,
        "back": f"/deliveries/?{query}" if query else "/deliveries/",
        "kept": _kept(),
    }


def _kept() -> dict[str, int]:
    """For how many days each part of the log is."""
    return {
        "deliveries": settings.RETENTION_DELIVERIES_DAYS,
        "attempts": settings.RETENTION_ATTEMPTS_DAYS,
        "events": settings.RETENTION_EVENTS_DAYS,
    }


def _curl(attempt: Attempt) -> str:
    sent = attempt.request
    return curl.command(sent["method"], sent["url"], sent["headers"], sent.get("body"))
