"""REST: the catalogue of event types, and the events that happened."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import django_filters.rest_framework as django_filters
import orjson
from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from portal.events import catalogue
from portal.events.catalogue import CATALOGUE
from portal.events.models import Event
from portal.lib import clock, uuid7
from portal.lib.paging import limit_of
from portal.lib.rest import Filters, Moment
from portal.tenants.access import get_or_404
from portal.tenants.rest import ListAndGet, TenantViewSet

CLOCKS_AHEAD = timedelta(days=1)
"""More than any device's clock may be ahead: an event is accepted no earlier than its time less this."""

Document: TypeAlias = dict[str, Any]


class EventTypeSerializer(serializers.Serializer[Any]):
    type = serializers.CharField(source="name")
    version = serializers.IntegerField(help_text="Raised when readers would notice a change of the schema.")
    flow = serializers.ChoiceField(choices=("values", "events", "alarms"))
    subject = serializers.ChoiceField(choices=("organization", "system", "gateway", "appliance"))
    title = serializers.CharField()
    description = serializers.CharField()
    subscribable = serializers.BooleanField()
    platform_made = serializers.BooleanField(help_text="The platform alone makes it: sent in, it is refused.")
    deprecated = serializers.BooleanField()
    personal_data = serializers.ListField(
        child=serializers.CharField(), help_text="Keys of `data` that leave only with consent."
    )
    schema = serializers.DictField(help_text="JSON Schema (2020-12) of `data`.")
    sample = serializers.DictField(help_text="A `data` that the schema accepts.")


@extend_schema_serializer(many=False)
class EventTypePage(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = EventTypeSerializer(many=True)


@extend_schema(tags=["event-types"])
class EventTypeView(TenantViewSet[Any]):
    """The catalogue: every type of event, with the schema of its data."""

    serializer_class = EventTypeSerializer
    filter_backends = []

    def query_parameters(self) -> set[str]:
        return {"limit", "cursor", "flow"} if self.action == "list" else set()

    @extend_schema(
        responses=EventTypePage,
        parameters=[
            OpenApiParameter("flow", enum=["values", "events", "alarms"]),
            OpenApiParameter("limit", int),
            OpenApiParameter("cursor"),
        ],
    )
    def list(self, request: Request) -> Response:
        """By name. The cursor is the name after which the page starts."""
        flow = request.query_params.get("flow")
        if flow not in {None, "values", "events", "alarms"}:
            raise ValidationError({"flow": "One of values, events, alarms is expected."})
        names = [name for name in sorted(CATALOGUE) if flow in {None, CATALOGUE[name].flow}]
        limit, start = limit_of(request), _start(names, request.query_params.get("cursor"))
        page = names[start : start + limit]
        following = names[start + limit - 1] if len(names) > start + limit else None
        before = max(start - limit, 0)
        preceding = (names[before - 1] if before else "") if start else None
        return Response(
            {
                "next": _link(request, following),
                "previous": _link(request, preceding),
                "results": EventTypeSerializer([CATALOGUE[name] for name in page], many=True).data,
            }
        )

    @extend_schema(
        parameters=[OpenApiParameter("type", location="path", description="With its slashes: `gateway/online`.")]
    )
    def retrieve(self, request: Request, **address: str) -> Response:
        found = catalogue.get(address["type"])
        if found is None:
            raise NotFound(f"There is no event type {address['type']!r}.")
        return Response(EventTypeSerializer(found).data)


def _start(names: list[str], cursor: str | None) -> int:
    """Where the page after the cursor's name starts."""
    if not cursor:
        return 0
    try:
        after = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (ValueError, binascii.Error):
        raise ValidationError({"cursor": "This is not a cursor that a list answered with."}) from None
    return sum(name <= after for name in names)


def _link(request: Request, after: str | None) -> str | None:
    if after is None:
        return None
    query = request.query_params.copy()
    query["cursor"] = base64.urlsafe_b64encode(after.encode()).rstrip(b"=").decode()
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


class EventSerializer(serializers.Serializer[Event]):
    """The event document as it was accepted; names in it are those of that moment."""

    id = serializers.UUIDField()
    type = serializers.CharField()
    version = serializers.IntegerField()
    time = Moment(help_text="When it happened.")
    accepted_at = Moment(help_text="When it came in.")
    held_because = serializers.CharField(
        allow_null=True, help_text="Why it was held back, and so sent to nobody; null: it was not."
    )
    company = serializers.UUIDField(required=False)
    correlation_id = serializers.UUIDField(required=False)
    system = serializers.DictField(required=False)
    gateway = serializers.DictField(required=False)
    appliance = serializers.DictField(required=False)
    data = serializers.DictField(help_text="As the type's schema describes it.")  # type: ignore[assignment]

    def to_representation(self, instance: Event) -> Document:
        document: Document = orjson.loads(instance.body)
        document.pop("organization", None)
        if self.context["view"].access.company_id is not None:
            document["data"] = _without_personal_data(document)
        return document | {
            "accepted_at": clock.rfc3339(uuid7.time_of(instance.id)),
            "held_because": instance.held_because,
        }


def _without_personal_data(document: Document) -> Document:
    """What a partner may read: personal data only with the owner's consent, as in what is sent."""
    event_type = catalogue.get(document["type"])
    data: Document = document["data"]
    if event_type is None or (document.get("consent") or {}).get("personal_data") is True:
        return data
    return {key: value for key, value in data.items() if key not in event_type.personal_data}


class EventFilter(Filters):
    type = django_filters.MultipleChoiceFilter(choices=[(name, name) for name in CATALOGUE], distinct=False)
    gateway = django_filters.UUIDFilter(field_name="gateway_id")
    appliance = django_filters.UUIDFilter(field_name="appliance_id")
    company = django_filters.UUIDFilter(field_name="company_id")
    held = django_filters.BooleanFilter(
        field_name="held_because", lookup_expr="isnull", exclude=True, label="held back, and so sent to nobody"
    )
    time_after = django_filters.IsoDateTimeFilter(method="after", label="at or later than")
    time_before = django_filters.IsoDateTimeFilter(field_name="time", lookup_expr="lt", label="earlier than")

    def after(self, queryset: QuerySet[Event], _name: str, value: datetime) -> QuerySet[Event]:
        """Nothing happens after it is accepted, so the id, the partition's key, is bounded too."""
        return queryset.filter(time__gte=value, id__gte=uuid7.lowest(value - CLOCKS_AHEAD))


@extend_schema(tags=["events"])
class EventView(ListAndGet[Event]):
    """What happened, newest first by the time it came in."""

    model = Event
    serializer_class = EventSerializer
    filterset_class = EventFilter
    http_method_names = ["get", "head"]

    @extend_schema(parameters=[OpenApiParameter("id", OpenApiTypes.UUID, location="path")])
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().retrieve(request, *args, **kwargs)

    def get_object(self) -> Event:
        return get_or_404(self.get_queryset(), id=self.kwargs["pk"])


class EventList(EventView):
    """For the address that takes events in too: the intake's view hands everything but POST to it."""

    @classmethod
    def as_view(cls, actions: Any = None, **options: Any) -> Any:
        return super().as_view(actions or {"get": "list"}, **options)
