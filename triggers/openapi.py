"""The OpenAPI document: what the views cannot say of themselves.

The intake calls are plain Django views, because REST framework's cost is per item; here they are described as if
they were its. Errors, Idempotency-Key and authentication are the same everywhere and added to every operation.
"""

from __future__ import annotations

from typing import Any, TypeAlias
from uuid import UUID

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.events.api import EventList
from portal.events.catalogue import CATALOGUE
from portal.events.models import Quality
from portal.lib.rest import Moment
from portal.tenants import scope
from portal.tenants.idempotency import HEADER, LONGEST_KEY
from triggers.intake_api import MOST_ITEMS

Endpoint: TypeAlias = tuple[str, str, str, Any]
Document: TypeAlias = dict[str, Any]

PREFIX = "/api/v1/"

PROBLEM: Document = {
    "type": "object",
    "description": "RFC 9457.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
FAILURE: Document = {
    "description": "Refused: `errors` names bad fields. 429 and 503 come with Retry-After.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
IDEMPOTENCY: Document = {
    "name": HEADER,
    "in": "header",
    "description": "Kept for 24 hours: the same key and body get the same answer, another body 409.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY},
}


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "portal.tenants.authentication.KeyAuthentication"
    name = ["bearer", "apiKey"]

    def get_security_definition(self, auto_schema: Any) -> list[Document]:
        return [{"type": "http", "scheme": "bearer"}, {"type": "apiKey", "in": "header", "name": "X-API-Key"}]


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "portal.tenants.authentication.BrowserSession"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> Document:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}


class ReadingItemSerializer(serializers.Serializer[Any]):
    gateway = serializers.CharField(help_text="Id or serial number.")
    appliance = serializers.CharField(required=False, allow_null=True, help_text="Id or serial number.")
    property = serializers.CharField(help_text="Name of a data point.")
    value = serializers.JSONField(help_text="A number, a boolean or a string.")
    time = Moment()
    quality = serializers.ChoiceField(choices=Quality.labels, required=False)


class EventItemSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(required=False, allow_null=True, help_text="The producer's own; it deduplicates.")
    type = serializers.ChoiceField(choices=sorted(CATALOGUE))
    gateway = serializers.CharField(required=False, allow_null=True, help_text="Id or serial number.")
    appliance = serializers.CharField(required=False, allow_null=True, help_text="Id or serial number.")
    time = Moment(required=False, allow_null=True)
    correlation_id = serializers.UUIDField(required=False, allow_null=True)
    data = serializers.DictField(  # type: ignore[assignment]
        required=False, help_text="As the type's schema in event-types/ describes it."
    )


class HeartbeatItemSerializer(serializers.Serializer[Any]):
    gateway = serializers.CharField(help_text="Id or serial number.")
    appliance = serializers.CharField(required=False, allow_null=True, help_text="Id or serial number.")
    expect_before = Moment(
        required=False,
        allow_null=True,
        help_text="The device is offline when nothing came by then, whatever its `offline_after` says.",
    )


class ReadingsSerializer(serializers.Serializer[Any]):
    readings = serializers.ListField(child=ReadingItemSerializer(), min_length=1, max_length=MOST_ITEMS)


class EventsSerializer(serializers.Serializer[Any]):
    events = serializers.ListField(child=EventItemSerializer(), min_length=1, max_length=MOST_ITEMS)


class HeartbeatsSerializer(serializers.Serializer[Any]):
    heartbeats = serializers.ListField(child=HeartbeatItemSerializer(), min_length=1, max_length=MOST_ITEMS)


class FieldErrorSerializer(serializers.Serializer[Any]):
    pointer = serializers.CharField()
    detail = serializers.CharField()


class RejectedSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField()
    errors = FieldErrorSerializer(many=True)  # type: ignore[assignment]


class TakenSerializer(serializers.Serializer[Any]):
    accepted = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    rejected = RejectedSerializer(many=True)


class ReadingsCall(APIView):
    """Never served: it only describes triggers.intake_api.readings."""

    @extend_schema(
        request={"application/json": ReadingsSerializer, "application/x-ndjson": ReadingItemSerializer},
        responses={202: TakenSerializer, 422: TakenSerializer},
    )
    def post(self, request: Request) -> Response:
        """Send readings in (scope `ingest`), 1 to 1,000 at once; 202 after the commit, 422 when all are refused.

        413 for a body that is larger than the organization's `limits.body_bytes`, 415 for a compressed one, and 400
        for JSON with a name twice in one object or more than 254 levels.
        """
        raise NotImplementedError  # the path belongs to the plain view


class EventsCall(APIView):
    """Never served: it only describes triggers.intake_api.events."""

    @extend_schema(
        request={"application/json": EventsSerializer, "application/x-ndjson": EventItemSerializer},
        responses={202: TakenSerializer, 422: TakenSerializer},
    )
    def post(self, request: Request) -> Response:
        """Send events in (scope `ingest`), 1 to 1,000 at once; 202 after the commit, 422 when all are refused.

        The `data` of one event may have up to 64 KiB and 240 levels: a larger one is refused by itself. The body as
        a whole has the limits of readings/.
        """
        raise NotImplementedError  # the path belongs to the plain view


class HeartbeatsCall(APIView):
    """Never served: it only describes triggers.intake_api.heartbeats."""

    @extend_schema(
        request={"application/json": HeartbeatsSerializer, "application/x-ndjson": HeartbeatItemSerializer},
        responses={202: TakenSerializer, 422: TakenSerializer},
    )
    def post(self, request: Request) -> Response:
        """Say that devices live that have nothing else to say (scope `ingest`), 1 to 1,000 at once.

        Readings and events are signs of life too. An appliance's is its gateway's as well.
        """
        raise NotImplementedError  # the path belongs to the plain view


def add_intake(endpoints: list[Endpoint], **_: Any) -> list[Endpoint]:
    """The calls behind plain views, which the enumeration of REST framework's views misses."""
    served = [
        ("readings/", "POST", ReadingsCall.as_view()),
        ("events/", "POST", EventsCall.as_view()),
        ("heartbeats/", "POST", HeartbeatsCall.as_view()),
        ("events/", "GET", EventList.as_view()),
    ]
    plain = [(PREFIX + path, f"^{PREFIX}{path}$", method, callback) for path, method, callback in served]
    return [endpoint for endpoint in endpoints if endpoint[0].startswith(PREFIX)] + plain


def add_common(result: Document, **_: Any) -> Document:
    """What every operation has: the shape of failures, and Idempotency-Key on every POST."""
    result["components"]["schemas"]["Problem"] = PROBLEM
    for operations in result["paths"].values():
        for method, operation in operations.items():
            operation["responses"]["default"] = FAILURE
            if method == "post":
                operation.setdefault("parameters", []).append(IDEMPOTENCY)
    return result


class Schema(SpectacularJSONAPIView):
    """As JSON, which every reader of YAML takes too."""

    custom_settings = {
        "PREPROCESSING_HOOKS": ["triggers.openapi.add_intake"],
        "POSTPROCESSING_HOOKS": ["triggers.openapi.add_common"],
    }

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Views and filters are asked for their querysets: in the scope of nobody, there is nothing in them."""
        with scope.organization(UUID(int=0)):
            answer: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
            return answer


class Docs(SpectacularSwaggerSplitView):
    """Split view: the page's content security policy takes scripts from files only."""

    url_name = "schema"
    template_name = "triggers/api_docs.html"
