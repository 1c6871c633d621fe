"""REST: retry policies, the built-in ones and the organization's own."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from connectors import policies, retry, timeline
from connectors.models import RetryPolicy
from connectors.retry import Policy
from portal.lib.problem import Conflict
from portal.lib.rest import Strict
from portal.tenants.rest import Removable

STATUSES_SCHEMA: dict[str, Any] = {
    "type": "array",
    "items": {
        "oneOf": [
            {"type": "integer", "minimum": 200, "maximum": 599},
            {"type": "string", "enum": ["2xx", "3xx", "4xx", "5xx"]},
        ]
    },
}


@extend_schema_field(STATUSES_SCHEMA)
class StatusesField(serializers.Field[Any, Any, Any, Any]):
    """Statuses; a whole class may be written as `2xx`, and is shown so."""

    default_error_messages = {"invalid": "A list of statuses is expected."}

    def to_internal_value(self, data: Any) -> list[int]:
        if not isinstance(data, list) or not all(isinstance(one, (int, str)) for one in data):
            self.fail("invalid")
        try:
            return policies.expanded(data)
        except ValueError as error:
            raise ValidationError(str(error)) from None

    def to_representation(self, value: Any) -> list[int | str]:
        return policies.collapsed(value)


class StepSerializer(serializers.Serializer[Any]):
    attempt = serializers.IntegerField()
    wait = serializers.FloatField(help_text="Seconds since the try before.")
    at = serializers.FloatField(help_text="Seconds since the first try.")


class RetryPolicySerializer(Strict):
    """Built-in ones have their name as id. Times are in seconds."""

    id = serializers.CharField(read_only=True)
    name = serializers.CharField(max_length=40)
    title = serializers.CharField(read_only=True)
    built_in = serializers.BooleanField(read_only=True)
    schedule = serializers.ListField(
        child=serializers.IntegerField(), help_text="The waits before the second try, the third, and so on."
    )
    timeout = serializers.IntegerField(required=False, help_text="How long a try may take. 20 unless it is given.")
    success = StatusesField(required=False, help_text="What counts as delivered: 2xx unless it is given.")
    gone = StatusesField(required=False, help_text="What says that the receiver is gone: 410 unless it is given.")
    transient = StatusesField(
        required=False, allow_null=True, help_text="What is tried again; null for everything in no other list."
    )
    pause_after = serializers.IntegerField(
        required=False, help_text="Of only failures, after which a connector is paused: 5 days unless it is given."
    )
    expires = serializers.BooleanField(
        required=False, help_text="Drop a message whose event has an expires_at in the past. False unless it is given."
    )
    tries = serializers.IntegerField(read_only=True)
    summary = serializers.CharField(read_only=True, help_text="Such as `6 tries over about 85 min`.")
    sentences = serializers.ListField(child=serializers.CharField(), read_only=True, help_text="All of it in words.")
    timeline = StepSerializer(many=True, read_only=True)

    def to_representation(self, instance: RetryPolicy | Policy) -> dict[str, Any]:
        policy = instance if isinstance(instance, Policy) else policies.policy_of(instance)
        drawn = timeline.describe(policy)
        return {
            "id": policy.name if policy is instance else str(instance.id),  # type: ignore[union-attr]
            "name": policy.name,
            "title": policy.title,
            "built_in": policy is instance,
            "schedule": [round(wait) for wait in policy.schedule],
            "timeout": round(policy.timeout),
            "success": policies.collapsed(policy.success),
            "gone": policies.collapsed(policy.gone),
            "transient": None if policy.transient is None else policies.collapsed(policy.transient),
            "pause_after": round(policy.pause_after),
            "expires": policy.expires,
            "tries": policy.tries,
            "summary": drawn.summary,
            "sentences": list(drawn.sentences),
            "timeline": [asdict(step) for step in drawn.steps],
        }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        before = self.instance if isinstance(self.instance, RetryPolicy) else policies.new()
        if reasons := policies.check({name: attrs.get(name, getattr(before, name)) for name in policies.FIELDS}):
            raise ValidationError(reasons)
        return attrs

    def create(self, validated_data: dict[str, Any]) -> RetryPolicy:
        return policies.store(policies.new(), validated_data)

    def update(self, instance: RetryPolicy, validated_data: dict[str, Any]) -> RetryPolicy:
        return policies.store(instance, validated_data)


@extend_schema_serializer(many=False)
class RetryPolicyPage(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = RetryPolicySerializer(many=True)


class RetryPolicyView(Removable[RetryPolicy]):
    """When a message is tried again, and when it is given up. A change counts for what waits, too."""

    model = RetryPolicy
    serializer_class = RetryPolicySerializer
    filter_backends = []
    organization_only = True
    taken = {"retry_policy_name_once": "name"}

    @extend_schema(
        responses=RetryPolicyPage,
        parameters=[OpenApiParameter("limit", int), OpenApiParameter("cursor")],
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The built-in ones lead the first page; `limit` counts the organization's own, the newest first."""
        answer = super().list(request, *args, **kwargs)
        if "cursor" not in request.query_params:
            answer.data["results"] = [*map(self._shown, retry.POLICIES.values()), *answer.data["results"]]
        return answer

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        built_in = retry.POLICIES.get(self.kwargs["pk"])
        return Response(self._shown(built_in)) if built_in else super().retrieve(request, *args, **kwargs)

    def get_object(self) -> RetryPolicy:
        if self.kwargs["pk"] in retry.POLICIES:
            raise Conflict("A built-in policy cannot be changed or deleted: make one of your own.")
        return super().get_object()

    def perform_destroy(self, instance: RetryPolicy) -> None:
        try:
            policies.remove(instance)
        except policies.InUse as error:
            raise Conflict(str(error)) from None

    def _shown(self, policy: Policy) -> Any:
        return self.get_serializer(policy).data
