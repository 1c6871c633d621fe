"""REST: connectors, with their test and their signing secrets."""

from __future__ import annotations

from typing import Any, get_args

import django_filters.rest_framework as django_filters
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from connectors import (
    batching,
    configure,
    health,
    ownership,
    ownership_rules,
    pausing,
    policies,
    profiles,
    refusals,
    retry,
    signing,
)
from connectors.connector_fields import OWNERSHIP_SCHEMA, AuthField, SigningField, ownership_shown
from connectors.exchange import send_sample
from connectors.models import Connector, ConnectorHealth, Origin, PauseReason, RetryPolicy, WhilePaused
from portal.events.catalogue import CATALOGUE
from portal.lib import clock
from portal.lib.problem import Conflict
from portal.lib.rest import Filters, Moment, Reference, Strict, StrictModel
from portal.tenants import scope
from portal.tenants.access import OPERATE
from portal.tenants.models import Company
from portal.tenants.rest import Removable

BELONGS_TO_SUBSCRIPTION = "This connector belongs to a subscription: change that."
POLICY_GONE = "It was deleted meanwhile."


HEALTH = list(get_args(health.Health))
ROUTES_HELP = "By the names of the profile's routes: a path below the URL, for a profile that has routes."
OWNERSHIP_HELP = (
    "How the receiver shows that it wants to be sent to; verify/ asks it. A connector with a check cannot be enabled"
    " before it is passed, and a change of its host switches it off until it is passed again."
)

PAUSED_SCHEMA: dict[str, Any] = {
    "type": ["object", "null"],
    "required": ["at", "reason", "detail", "waiting"],
    "properties": {
        "at": {"type": "string", "format": "date-time"},
        "reason": {"type": "string", "enum": PauseReason.values},
        "detail": {
            "type": "string",
            "description": "By whom, or which failures led to it. A key of one company does not read who else it was.",
        },
        "waiting": {"type": "string", "enum": WhilePaused.values},
    },
    "description": "Null while it sends.",
}


class ConnectorSerializer(StrictModel[Connector]):
    company = Reference(Company, required=False, allow_null=True)
    profile = serializers.CharField(
        max_length=40, help_text=f"A name or a pinned version: {', '.join(profiles.PROFILES)}."
    )
    auth = AuthField(source="*", required=False)
    signing = SigningField(source="*", required=False)
    routes = serializers.DictField(child=serializers.CharField(allow_blank=True), required=False, help_text=ROUTES_HELP)
    retry_policy = serializers.CharField(
        max_length=40, required=False, help_text=f"One of the organization's own, or: {', '.join(retry.POLICIES)}."
    )
    health = serializers.SerializerMethodField()
    resting_until = serializers.SerializerMethodField()
    paused = serializers.SerializerMethodField()
    ownership_check = serializers.SerializerMethodField()

    class Meta:
        model = Connector
        fields: tuple[str, ...] = (
            "id", "name", "company", "origin", "url", "routes", "profile", "auth", "signing", "retry_policy",
            "concurrency", "rate_limit", "ordered", *batching.FIELDS, "ownership", "ownership_check", "enabled",
            "disabled_reason", "paused", "health", "resting_until", "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields = ("origin", "disabled_reason", "updated_at")
        extra_kwargs = {
            "rate_limit": {"help_text": "Messages per minute, spread evenly; null for no limit."},
            "ordered": {"help_text": "Each gateway's messages one at a time, in the order of their events."},
            "batch_max_events": {"help_text": "How many events one request may hold, in a profile that has batches."},
            "batch_max_bytes": {"help_text": "How large its body may be; one larger event goes alone."},
            "batch_wait_ms": {
                "help_text": "How long the first event of a batch waits for more. The first limit counts."
            },
            "ownership": {"help_text": OWNERSHIP_HELP},
        }

    _last: ConnectorHealth | None = None
    """Of the connector that is being shown."""

    def to_representation(self, instance: Connector) -> dict[str, Any]:
        self._last = self.context["view"].health_rows([instance]).get(instance.id)
        return {**super().to_representation(instance), "retry_policy": policies.name_of(instance)}

    @extend_schema_field({"type": "string", "enum": HEALTH})
    def get_health(self, connector: Connector) -> str:
        return health.health_of(connector, self._last)

    @extend_schema_field(Moment(allow_null=True, help_text="Until then the endpoint is left alone, after failures."))
    def get_resting_until(self, _: Connector) -> str | None:
        return clock.rfc3339(self._last.resting_until) if self._last and self._last.resting_until else None

    @extend_schema_field(PAUSED_SCHEMA)
    def get_paused(self, connector: Connector) -> dict[str, str] | None:
        if connector.paused_at is None:
            return None
        return {
            "at": clock.rfc3339(connector.paused_at),
            "reason": connector.paused_reason,
            "detail": pausing.detail_for(connector, self.context["view"].access),
            "waiting": connector.while_paused,
        }

    @extend_schema_field(OWNERSHIP_SCHEMA)
    def get_ownership_check(self, connector: Connector) -> dict[str, str | None] | None:
        return ownership_shown(connector)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        connector = self.instance if isinstance(self.instance, Connector) else None
        company = attrs.get("company")
        if connector is not None and "company" in attrs and connector.company_id != getattr(company, "id", None):
            raise ValidationError({"company": "A connector stays with its company."})
        reasons = refusals.check_connector(attrs, connector)
        if reasons:
            raise ValidationError(reasons)
        return attrs


class IssuedConnectorSerializer(ConnectorSerializer):
    """With the secret that was made for it: the only time that it is shown."""

    secret = serializers.CharField(read_only=True, required=False)

    class Meta(ConnectorSerializer.Meta):
        fields: tuple[str, ...] = (*ConnectorSerializer.Meta.fields, "secret")


class PauseWish(Strict):
    """What becomes of what waits, and of what comes meanwhile: kept for later, or listed as dropped."""

    waiting = serializers.ChoiceField(choices=WhilePaused.values, default=WhilePaused.HOLD)


class SampleWish(Strict):
    event_type = serializers.ChoiceField(choices=sorted(CATALOGUE), required=False)


class SecretWish(Strict):
    """Nothing for a secret made here, or one of the partner's own."""

    secret = serializers.CharField(required=False, max_length=500, trim_whitespace=False)


class SecretSerializer(serializers.Serializer[Any]):
    secret = serializers.CharField()
    public_key = serializers.CharField(required=False)


class ExchangeSerializer(serializers.Serializer[Any]):
    """One whole exchange with a partner."""

    delivered = serializers.BooleanField()
    request = serializers.DictField(allow_null=True)
    response = serializers.DictField(allow_null=True)
    error = serializers.DictField(allow_null=True)
    duration_ms = serializers.FloatField()


class VerificationSerializer(serializers.Serializer[Any]):
    """What the ownership check came to, in words too, and its exchange: what would pass it is blotted out there."""

    state = serializers.ChoiceField(choices=get_args(ownership_rules.State))
    verified_at = Moment(allow_null=True)
    host = serializers.CharField(allow_null=True)
    detail = serializers.CharField()
    exchange = ExchangeSerializer()


class ConnectorFilter(Filters):
    name = django_filters.CharFilter()
    company = django_filters.UUIDFilter(field_name="company_id")
    profile = django_filters.CharFilter()
    enabled = django_filters.BooleanFilter()
    origin = django_filters.ChoiceFilter(choices=Origin.choices)


class ConnectorView(Removable[Connector]):
    """Where and how to send. Created disabled; one that belongs to a subscription is changed there."""

    model = Connector
    serializer_class = ConnectorSerializer
    filterset_class = ConnectorFilter
    related = ("organization", "own_retry_policy")
    sending = frozenset({"test", "verify", "destroy"})
    needs = {"test": OPERATE, "pause": OPERATE, "resume": OPERATE}
    taken = {"connector_name_once": "name"}

    def get_queryset(self) -> Any:
        return super().get_queryset().prefetch_related("signing_secrets")

    def handle_exception(self, exc: Exception) -> Response:
        """A policy may be deleted after it was found to exist and before the connector has it."""
        gone = isinstance(exc, RetryPolicy.DoesNotExist)
        return super().handle_exception(ValidationError({"retry_policy": POLICY_GONE}) if gone else exc)

    def paginate_queryset(self, queryset: Any) -> Any:
        page = super().paginate_queryset(queryset)
        self._health = self._load(page)
        return page

    def health_rows(self, connectors: list[Connector]) -> Any:
        """The health rows of a page are read at once; a single connector's when it is shown."""
        return self._health if self.action == "list" else self._load(connectors)

    def _load(self, connectors: Any) -> Any:
        with scope.organization(self.access.organization.id):
            return health.load(connectors)

    @extend_schema(responses={201: IssuedConnectorSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        connector, secret = configure.create_connector(self.access, serializer.validated_data)
        return self._answer(connector, secret, 201)

    @extend_schema(responses=IssuedConnectorSerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        connector = self._own()
        serializer = self.get_serializer(connector, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        try:
            secret = configure.change_connector(connector, serializer.validated_data, clock.now())
        except configure.NotVerifiedError as error:  # it was changed in between
            raise Conflict(str(error)) from None
        return self._answer(connector, secret, 200)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        configure.remove_connector(self._own())
        return Response(status=204)

    @extend_schema(request=PauseWish, responses=ConnectorSerializer)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        """Send nothing until it is resumed. Of a paused one, this changes what becomes of what waits.

        With "drop", what waits is dropped in the background. A subscription's connector may be paused, too.
        """
        connector = self.get_object()
        wish = PauseWish(data=request.data)
        wish.is_valid(raise_exception=True)
        pausing.pause_by_hand(connector, self.access, WhilePaused(wish.validated_data["waiting"]), clock.now())
        return self._answer(connector, None, 200)

    @extend_schema(request=None, responses=ConnectorSerializer)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        """Send again, first what was held. Fine for one that is not paused."""
        connector = self.get_object()
        pausing.resume(connector)
        return self._answer(connector, None, 200)

    @extend_schema(request=SampleWish, responses=ExchangeSerializer)
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: str) -> Response:
        """Send a ping, or what the format has first where it has none, or a type's sample; nothing is kept of it."""
        connector = self.get_object()
        wish = SampleWish(data=request.data)
        wish.is_valid(raise_exception=True)
        event_type = wish.validated_data.get("event_type", "")
        profile = profiles.resolve(connector.profile)
        if event_type and profile is not None and (refusal := profile.refusal(event_type)):
            raise ValidationError({"event_type": refusal})
        return Response(send_sample(connector, event_type).as_json())

    @extend_schema(request=None, responses=VerificationSerializer)
    @action(detail=True, methods=["post"])
    def verify(self, request: Request, pk: str) -> Response:
        """Ask the receiver now whether it wants to be sent to. A link that was sent before stops working."""
        return Response(verified(self.get_object()))

    @extend_schema(request=SecretWish, responses=SecretSerializer)
    @action(detail=True, methods=["post"])
    def secrets(self, request: Request, pk: str) -> Response:
        """Rotate: a new secret, shown once. The old ones go on signing for three days, at most five in all.

        Where the signature has a place for one only (github, wattsense, custom), the new one alone signs from now on.
        """
        connector = self._own()
        wish = SecretWish(data=request.data)
        wish.is_valid(raise_exception=True)
        own = wish.validated_data.get("secret")
        if own and (reason := refusals.secret_reason(own, connector)):
            raise ValidationError({"secret": reason})
        return Response(rotated(connector, own))

    def _own(self) -> Connector:
        connector: Connector = self.get_object()
        if connector.origin == Origin.SUBSCRIPTION:
            raise Conflict(BELONGS_TO_SUBSCRIPTION)
        return connector

    def _answer(self, connector: Connector, secret: str | None, status: int) -> Response:
        fresh = self.get_queryset().get(pk=connector.pk)
        shown = dict(self.get_serializer(fresh).data)
        return Response(shown | {"secret": secret} if secret else shown, status=status)


def rotated(connector: Connector, own: str | None = None) -> dict[str, str]:
    """The answer to a rotation. Raises Conflict for a connector that does not sign."""
    try:
        secret = configure.rotate_secret(connector, clock.now(), own)
    except configure.DoesNotSignError:
        raise Conflict("This connector does not sign its messages: choose a signing scheme first.") from None
    public_key = signing.SCHEMES[connector.signing].public_part(secret)
    return {"secret": secret} | ({"public_key": public_key} if public_key else {})


def verified(connector: Connector) -> dict[str, Any]:
    """The answer to a wish to verify. Raises Conflict for a connector that has no check."""
    try:
        result = ownership.verify(connector, clock.now())
    except ownership.NoCheckError:
        raise Conflict("This connector has no ownership check: choose one first.") from None
    shown = ownership_shown(connector) or {}
    return {**shown, "detail": result.detail, "exchange": result.exchange.as_json()}
