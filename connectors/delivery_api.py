"""REST: deliveries with their attempts, and trying one again by hand."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import django_filters.rest_framework as django_filters
from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from connectors import history, outbox
from connectors.history import Row
from connectors.models import Delivery, State
from portal.events.catalogue import CATALOGUE
from portal.lib.paging import NewestFirst
from portal.lib.problem import Conflict
from portal.lib.rest import Filters, Moment
from portal.tenants.access import OPERATE
from portal.tenants.rest import TenantViewSet

NO_DELIVERY = "There is no such object."
BY_ID = OpenApiParameter("id", OpenApiTypes.UUID, location="path")


class DeliverySerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="The message id that the partner sees, the same on every try.")
    event = serializers.UUIDField(source="event_id")
    event_type = serializers.CharField()
    connector = serializers.UUIDField(source="connector_id")
    connector_name = serializers.CharField()
    company = serializers.UUIDField(source="company_id", allow_null=True)
    gateway = serializers.UUIDField(source="gateway_id", allow_null=True)
    state = serializers.ChoiceField(choices=State.choices)
    attempts = serializers.IntegerField()
    next_attempt_at = Moment(allow_null=True)
    last_status = serializers.IntegerField(allow_null=True)
    last_error = serializers.CharField(allow_null=True)
    created_at = Moment()
    finished_at = Moment(allow_null=True)


class AttemptSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    started_at = Moment()
    duration_ms = serializers.FloatField()
    status = serializers.IntegerField(allow_null=True)
    error = serializers.CharField(allow_null=True, help_text="Class of the error when no answer came.")
    detail = serializers.CharField()
    request_id = serializers.UUIDField()
    request = serializers.DictField(help_text="method, url, headers without secrets, body or its digest.")
    response = serializers.DictField(allow_null=True, help_text="headers, body, truncated.")


class AttemptPage(serializers.Serializer[Any]):
    """There are never so many attempts that they would need pages."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = AttemptSerializer(many=True)


class DeliveryFilter(Filters):
    """Only reads the parameters: the list is no queryset."""

    state = django_filters.MultipleChoiceFilter(choices=State.choices)
    connector = django_filters.UUIDFilter()
    event_type = django_filters.MultipleChoiceFilter(choices=[(name, name) for name in sorted(CATALOGUE)])
    status_class = django_filters.ChoiceFilter(
        choices=[(name, name) for name in (*history.STATUS_CLASSES, history.NO_STATUS)]
    )
    gateway = django_filters.UUIDFilter()
    created_after = django_filters.IsoDateTimeFilter(label="made at or later than")
    created_before = django_filters.IsoDateTimeFilter(label="made earlier than")

    def wish(self) -> history.Filters:
        given = self.form.cleaned_data
        return history.Filters(
            states=frozenset(given["state"]) or None,
            connector_id=given["connector"],
            event_types=frozenset(given["event_type"]) or None,
            status_class=given["status_class"] or None,
            gateway_id=given["gateway"],
            created_after=given["created_after"],
            created_before=given["created_before"],
        )


class DeliveryPages(NewestFirst):
    """Pages of both tables, waiting and ended, by one cursor."""

    def fetch(self, queryset: Any) -> list[Any]:
        wish: history.Filters = queryset
        if self.direction == "p":
            return history.deliveries(wish, after=self.start, limit=self.limit + 1)[::-1]
        return history.deliveries(wish, before=self.start, limit=self.limit + 1)


class DeliveryView(TenantViewSet[Any]):
    """Every event on its way to a connector, and every one that ended."""

    model = Delivery
    serializer_class = DeliverySerializer
    filterset_class = DeliveryFilter
    pagination_class = DeliveryPages
    needs = {"retry": OPERATE}
    http_method_names = ["get", "post", "head"]

    def list(self, request: Request) -> Response:
        filters = DeliveryFilter(request.query_params, queryset=self.get_queryset())
        if not filters.is_valid():
            raise serializers.ValidationError(filters.errors)
        page = self.paginate_queryset(filters.wish())  # type: ignore[arg-type]
        return self.get_paginated_response(DeliverySerializer(page, many=True).data)

    @extend_schema(parameters=[BY_ID])
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(DeliverySerializer(self._row(pk)).data)

    @extend_schema(parameters=[BY_ID], responses=AttemptPage, filters=False)
    @action(detail=True, methods=["get"], pagination_class=None)
    def attempts(self, request: Request, pk: str) -> Response:
        """Every exchange, the first one first."""
        rows = history.attempts(self._row(pk).id)
        return Response({"next": None, "previous": None, "results": AttemptSerializer(rows, many=True).data})

    @extend_schema(parameters=[BY_ID], request=None, responses={202: DeliverySerializer})
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Try again now; the count of attempts goes on."""
        row = self._row(pk)
        try:
            outbox.retry_now(self.access.organization.id, row.id)
        except outbox.NotFound:
            raise Http404(NO_DELIVERY) from None
        except outbox.NotKept:
            raise Conflict("The event is no longer kept: there is nothing to send again.") from None
        except outbox.ConnectorGone:
            raise Conflict("The connector of this delivery was deleted.") from None
        return Response(DeliverySerializer(self._row(pk)).data, status=202)

    def _row(self, pk: str) -> Row:
        try:
            row = history.delivery(UUID(pk))
        except ValueError:
            row = None
        if row is None:
            raise Http404(NO_DELIVERY)
        return row
