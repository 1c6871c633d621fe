"""Deliveries as people look at them: those that wait and those that ended, as one list, newest first.

One statement reads both tables, each from its own index and no further than the page goes. Ids are of version 7, so
a range of time is a range of ids and touches only its days' partitions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import orjson
from django.db.models import Case, F, QuerySet, Value, When
from django.db.models.fields import DateTimeField
from django.db.models.functions import Greatest

from connectors import models, profiles
from connectors.dispatch import context_of
from connectors.exchange import parse_head
from connectors.models import Connector, Delivery, State, WaitingDelivery
from connectors.profiles import Context, Item, RenderError
from portal.events.models import Event
from portal.lib import uuid7
from portal.tenants import scope

UNFINISHED = frozenset({State.WAITING, State.RETRYING})

Rows: TypeAlias = QuerySet[Any, dict[str, Any]]

STATUS_CLASSES = {"2xx": 200, "3xx": 300, "4xx": 400, "5xx": 500}
NO_STATUS = "none"
"""The class of what has no answer at all."""

_COLUMNS = (
    "id", "connector_id", "event_id", "event_type", "company_id", "gateway_id", "shown_state", "attempts",
    "shown_next_at", "last_status", "last_error", "shown_finished_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which deliveries; None asks for all. The times bound when a delivery was made, the later one exclusive."""

    states: frozenset[str] | None = None
    connector_id: UUID | None = None
    event_types: frozenset[str] | None = None
    status_class: str | None = None
    gateway_id: UUID | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One delivery. `connector_name` is empty when the connector is gone."""

    id: UUID
    event_id: UUID
    event_type: str
    connector_id: UUID
    connector_name: str
    company_id: UUID | None
    gateway_id: UUID | None
    state: str
    attempts: int
    next_attempt_at: datetime | None
    last_status: int | None
    last_error: str | None
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One exchange. `request` has `body` when the event still renders to the very bytes sent, else `digest`."""

    number: int
    started_at: datetime
    duration_ms: float
    status: int | None
    error: str | None
    detail: str
    request_id: UUID
    request: dict[str, Any]
    response: dict[str, Any] | None


def deliveries(filters: Filters, *, before: UUID | None = None, after: UUID | None = None, limit: int) -> list[Row]:
    """Up to `limit` rows, newest first: below the id `before`, or the ones next above the id `after`."""
    upwards = after is not None
    order = "id" if upwards else "-id"
    parts = [_bounded(_filtered(table, filters), before, after).order_by(order)[:limit] for table in _tables(filters)]
    if not parts:
        return []
    found = parts[0].union(*parts[1:], all=True).order_by(order)[:limit] if len(parts) > 1 else parts[0]
    rows = list(found)
    return _named(rows[::-1] if upwards else rows)


def delivery(delivery_id: UUID) -> Row | None:
    """The one delivery of this id that the scope may see."""
    parts = [_visible(queryset).filter(id=delivery_id) for queryset in _tables(Filters())]
    rows = _named(list(parts[0].union(parts[1], all=True)))
    return rows[0] if rows else None


def attempts(delivery_id: UUID) -> list[Attempt]:
    """Every exchange for a delivery, the first one first; empty when the scope may not see the delivery."""
    row = delivery(delivery_id)
    organization_id = scope.current().organization
    if row is None or organization_id is None:
        return []
    with scope.organization(organization_id):
        found = list(models.Attempt.objects.filter(delivery_id=delivery_id).order_by("number"))
        event = Event.objects.filter(id=row.event_id).first()
        connector = Connector.objects.select_related("organization", "company").filter(id=row.connector_id).first()
    context = context_of(connector) if connector is not None else profiles.PLAIN
    bodies = _renderings(event, context, [attempt.number for attempt in found])
    return [_attempt(attempt, bodies) for attempt in found]


def _tables(filters: Filters) -> list[Rows]:
    """The two tables in one shape; the one that holds none of the wanted states is left out."""
    tables: list[Rows] = []
    if filters.states is None or filters.states & UNFINISHED:
        state = Case(When(attempts=0, then=Value(State.WAITING.value)), default=Value(State.RETRYING.value))
        tables.append(
            WaitingDelivery.objects.annotate(
                shown_state=state,
                shown_next_at=Greatest("next_at", "hold_until"),  # PostgreSQL's passes over null
                shown_finished_at=Value(None, output_field=DateTimeField()),
            ).values(*_COLUMNS)
        )
    if filters.states is None or filters.states - UNFINISHED:
        tables.append(
            Delivery.objects.annotate(
                shown_state=F("state"),
                shown_next_at=Value(None, output_field=DateTimeField()),
                shown_finished_at=F("finished_at"),
            ).values(*_COLUMNS)
        )
    return tables


def _visible(queryset: Rows) -> Rows:
    """A company's key sees what its own connectors send, not what others are told of its gateways."""
    if scope.current().company is None:
        return queryset
    return queryset.filter(connector_id__in=Connector.objects.values("id"))


def _filtered(queryset: Rows, filters: Filters) -> Rows:
    queryset = _visible(queryset)
    if filters.states is not None:
        queryset = queryset.filter(shown_state__in=sorted(filters.states))
    if filters.connector_id is not None:
        queryset = queryset.filter(connector_id=filters.connector_id)
    if filters.event_types is not None:
        queryset = queryset.filter(event_type__in=sorted(filters.event_types))
    if filters.gateway_id is not None:
        queryset = queryset.filter(gateway_id=filters.gateway_id)
    if filters.status_class == NO_STATUS:
        queryset = queryset.filter(last_status=None)
    elif filters.status_class is not None:
        lowest = STATUS_CLASSES[filters.status_class]
        queryset = queryset.filter(last_status__gte=lowest, last_status__lt=lowest + 100)
    if filters.created_after is not None:
        queryset = queryset.filter(id__gte=uuid7.lowest(filters.created_after))
    if filters.created_before is not None:
        queryset = queryset.filter(id__lt=uuid7.lowest(filters.created_before))
    return queryset


def _bounded(queryset: Rows, before: UUID | None, after: UUID | None) -> Rows:
    if before is not None:
        queryset = queryset.filter(id__lt=before)
    return queryset if after is None else queryset.filter(id__gt=after)


def _named(rows: Iterable[dict[str, Any]]) -> list[Row]:
    rows = list(rows)
    ids = {row["connector_id"] for row in rows}
    names = dict(Connector.objects.filter(id__in=ids).values_list("id", "name")) if ids else {}
    return [
        Row(
            id=row["id"],
            event_id=row["event_id"],
            event_type=row["event_type"],
            connector_id=row["connector_id"],
            connector_name=names.get(row["connector_id"], ""),
            company_id=row["company_id"],
            gateway_id=row["gateway_id"],
            state=row["shown_state"],
            attempts=row["attempts"],
            next_attempt_at=row["shown_next_at"],
            last_status=row["last_status"],
            last_error=row["last_error"],
            created_at=uuid7.time_of(row["id"]),
            finished_at=row["shown_finished_at"],
        )
        for row in rows
    ]


def _renderings(event: Event | None, context: Context, numbers: Sequence[int]) -> dict[bytes, str]:
    """The event's body in every profile, by digest: the same input renders the same bytes (invariant 11).

    Every profile, because the connector may have got another one since. Where several events went in one request, only
    the digest of the whole is known: this one alone renders differently.
    """
    if event is None:
        return {}
    document = orjson.loads(event.body)
    found = {}
    for profile in profiles.PROFILES.values():
        for attempt in {number - 1 for number in numbers} if profile.varies else {0}:
            try:
                body = profile.render([Item(document, attempt)], context).body
            except RenderError:
                continue
            found[hashlib.sha256(body).digest()] = body.decode("utf-8", "backslashreplace")
    return found


def _attempt(row: models.Attempt, bodies: dict[bytes, str]) -> Attempt:
    first, headers = parse_head(row.request_head)
    method, _, url = first.partition(" ")
    request: dict[str, Any] = {"method": method, "url": url, "headers": headers}
    digest = bytes(row.request_digest)
    if digest in bodies:
        request["body"] = bodies[digest]
    elif digest:
        request["digest"] = f"sha256:{digest.hex()}"
    response = None
    if row.status is not None:
        _, answered = parse_head("\n" + row.response_head)
        response = {"headers": answered, "body": row.response_body, "truncated": row.truncated}
    return Attempt(
        number=row.number,
        started_at=row.started_at,
        duration_ms=round(row.duration_ms, 3),
        status=row.status,
        error=row.error,
        detail=row.detail,
        request_id=row.request_id,
        request=request,
        response=response,
    )
