"""REST: partners' subscriptions."""

from __future__ import annotations

from typing import Any, cast

import django_filters.rest_framework as django_filters
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from connectors import configure, profiles, refusals
from connectors.api import ExchangeSerializer, SecretSerializer, VerificationSerializer, rotated, verified
from connectors.connector_fields import OWNERSHIP_SCHEMA, ownership_shown
from connectors.exchange import send_sample
from connectors.models import Ownership
from portal.lib import clock
from portal.lib.problem import Conflict
from portal.lib.rest import Filters, Moment, Reference, Strict
from portal.tenants.access import OPERATE
from portal.tenants.models import Company
from portal.tenants.rest import Removable
from triggers import choice, subscribe
from triggers.models import Subscription

OWNERSHIP_HELP = (
    "How the receiver shows that it wants to be sent to; verify/ asks it. With a check, a subscription can be active"
    " only once it is passed, and a target_url on another host makes it inactive until it is passed again. An"
    " organization may require one: a challenge, unless another is chosen."
)


class SubscriptionSerializer(Strict):
    """`company` and `profile` are settled at creation."""

    id = serializers.UUIDField(read_only=True)
    event_types = serializers.ListField(child=serializers.CharField(max_length=100), allow_empty=False)
    target_url = serializers.CharField(source="connector.url", max_length=2048)
    active = serializers.BooleanField(required=False)
    company = Reference(Company, required=False, allow_null=True)
    profile = serializers.CharField(source="connector.profile", max_length=40, required=False)
    connector = serializers.UUIDField(source="connector_id", read_only=True)
    ownership = serializers.ChoiceField(
        source="connector.ownership", choices=Ownership.choices, required=False, help_text=OWNERSHIP_HELP
    )
    ownership_check = serializers.SerializerMethodField()
    created_at = Moment(read_only=True)

    def to_internal_value(self, data: Any) -> Any:
        """Flat again: `source` is where the answer takes a value from."""
        value = super().to_internal_value(data)
        connector = value.pop("connector", {})
        names = {"url": "target_url", "profile": "profile", "ownership": "ownership"}
        return value | {names[name]: text for name, text in connector.items()}

    def validate_target_url(self, value: str) -> str:
        if reason := refusals.url_reason(value):
            raise ValidationError(reason)
        return value

    def validate_profile(self, value: str) -> str:
        pinned = self.instance.connector.profile if isinstance(self.instance, Subscription) else None
        profile = profiles.resolve(value, pinned or subscribe.DEFAULT_PROFILE)
        if profile is None:
            raise ValidationError(f"There is no such profile. There are: {', '.join(profiles.PROFILES)}.")
        if profile.routes and pinned is None:
            raise ValidationError(f"{profile.title} has routes, and a subscription has one address: make a connector.")
        return profile.id

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        before = self.instance if isinstance(self.instance, Subscription) else None
        if before is not None:
            self._refuse_settled(before, attrs)
        profile = before.connector.profile if before else attrs.get("profile", subscribe.DEFAULT_PROFILE)
        if "event_types" in attrs:
            attrs["event_types"] = list(dict.fromkeys(attrs["event_types"]))
            if reasons := choice.refusals(attrs["event_types"], profile):
                raise ValidationError({"event_types": {str(index): text for index, text in reasons.items()}})
        self._refuse_unverified(before, attrs)
        return attrs

    @extend_schema_field(OWNERSHIP_SCHEMA)
    def get_ownership_check(self, subscription: Subscription) -> dict[str, str | None] | None:
        return ownership_shown(subscription.connector)

    def _refuse_unverified(self, before: Subscription | None, attrs: dict[str, Any]) -> None:
        """Nothing goes to a receiver before it has shown that it wants to be sent to, where it has to."""
        names = {**subscribe.CONNECTOR_FIELDS, "enabled": "active", "profile": "profile"}
        wanted = {name: attrs[given] for name, given in names.items() if given in attrs}
        if before is None:
            wanted = {"name": "-", "profile": subscribe.DEFAULT_PROFILE, **wanted}
        reasons = refusals.check_connector(wanted, before.connector if before else None)
        if errors := {names[field]: reason for field, reason in reasons.items() if field in names}:
            raise ValidationError(errors)

    def _refuse_settled(self, before: Subscription, attrs: dict[str, Any]) -> None:
        errors = {}
        if "company" in attrs and getattr(attrs["company"], "id", None) != before.company_id:
            errors["company"] = "A subscription stays with its company: make a new one."
        if attrs.get("profile", before.connector.profile) != before.connector.profile:
            errors["profile"] = "A subscription keeps its profile: make a new one."
        if not self.partial and "active" not in attrs:
            errors["active"] = "This field is required."
        if errors:
            raise ValidationError(errors)


class IssuedSubscriptionSerializer(SubscriptionSerializer):
    """With its secret: the only time that it is shown."""

    secret = serializers.CharField(read_only=True, required=False)


class SubscriptionFilter(Filters):
    active = django_filters.BooleanFilter()
    company = django_filters.UUIDFilter(field_name="company_id")
    event_type = django_filters.CharFilter(field_name="event_types", lookup_expr="contains", method="having")

    def having(self, queryset: Any, _name: str, value: str) -> Any:
        return queryset.filter(event_types__contains=[value])


class SubscriptionView(Removable[Subscription]):
    """These event types, to this target: signed with a secret that is shown once."""

    model = Subscription
    serializer_class = SubscriptionSerializer
    filterset_class = SubscriptionFilter
    related = ("connector", "connector__organization")
    sending = frozenset({"ping", "verify", "destroy"})
    needs = {"ping": OPERATE}
    http_method_names = ["get", "post", "put", "patch", "delete", "head"]

    @extend_schema(responses={201: IssuedSubscriptionSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        subscription, secret = subscribe.subscribe(self.access, serializer.validated_data)
        shown = dict(SubscriptionSerializer(subscription).data)
        return Response(shown | {"secret": secret} if secret else shown, status=201)

    def perform_update(self, serializer: serializers.BaseSerializer[Subscription]) -> None:
        subscription = cast("Subscription", serializer.instance)
        try:
            subscribe.change(subscription, serializer.validated_data, clock.now())
        except configure.NotVerifiedError as error:  # it was changed in between
            raise Conflict(str(error)) from None

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        subscribe.unsubscribe(self.get_object())
        return Response(status=204)

    @extend_schema(request=None, responses=ExchangeSerializer)
    @action(detail=True, methods=["post"])
    def ping(self, request: Request, pk: str) -> Response:
        """Send a ping now, also while inactive."""
        return Response(send_sample(self.get_object().connector).as_json())

    @extend_schema(request=None, responses=VerificationSerializer)
    @action(detail=True, methods=["post"])
    def verify(self, request: Request, pk: str) -> Response:
        """Ask the receiver now whether it wants to be sent to. A link that was sent before stops working."""
        return Response(verified(self.get_object().connector))

    @extend_schema(request=None, responses=SecretSerializer)
    @action(detail=True, methods=["post"])
    def secret(self, request: Request, pk: str) -> Response:
        """Rotate: old and new both sign for three days, at most five at once."""
        return Response(rotated(self.get_object().connector))
