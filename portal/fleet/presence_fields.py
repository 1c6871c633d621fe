"""How gateways and appliances show over REST whether they are heard of, and what the organization says of that."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

import django_filters.rest_framework as django_filters
from django.db.models import Exists, Model, OuterRef, QuerySet, Subquery
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from portal.fleet import presence
from portal.fleet.models import LONGEST_SILENCE, SHORTEST_SILENCE, Presence
from portal.lib import clock
from portal.lib.rest import Filters, Moment
from portal.tenants.rest import TenantViewSet

M = TypeVar("M", bound=Model)

KEPT = ("online", "last_seen_at", "expect_before")
NAMES = ("offline_after", *KEPT)


class Shown(serializers.Serializer[Any]):
    """Mixed into the serializers of devices."""

    online = serializers.BooleanField(
        read_only=True, allow_null=True, default=None, help_text="Null: it has never reported."
    )
    last_seen_at = Moment(read_only=True, allow_null=True, default=None)
    expect_before = Moment(
        default=None,
        allow_null=True,
        help_text="The device is offline when nothing came by then, whatever `offline_after` says; "
        f"{LONGEST_SILENCE // 86_400} days ahead at most. The next report clears it.",
    )
    offline_after = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=SHORTEST_SILENCE,
        max_value=LONGEST_SILENCE,
        help_text="Seconds of silence after which the device is offline. Null: an appliance has its gateway's; "
        "a gateway what its protocol allows, 24 hours for lorawan and one hour for others.",
    )

    def validate_expect_before(self, value: datetime | None) -> datetime | None:
        if value is not None and (reason := presence.why_not_expected(value, clock.now())) is not None:
            raise ValidationError(reason)
        return value

    def save(self, **kwargs: Any) -> Any:
        """What is expected is kept beside the device, so no `create` or `update` sees it."""
        said = "expect_before" in self.validated_data
        before = self.validated_data.pop("expect_before", None)
        changes = self.instance is not None
        device = super().save(**kwargs)
        if before is not None or (said and changes):
            presence.expect(device, before)
            device.expect_before = before
        return device


class Filtered(Filters):
    online = django_filters.BooleanFilter(method="by_presence", label="heard of, or silent for too long")

    def by_presence(self, queryset: QuerySet[M], _name: str, value: bool) -> QuerySet[M]:
        return queryset.filter(Exists(Presence.objects.filter(subject_id=OuterRef("pk"), online=value)))


class Seen(TenantViewSet[M]):
    """A list costs the same statements with it."""

    def get_queryset(self) -> QuerySet[M]:
        row = Presence.objects.filter(subject_id=OuterRef("pk"))
        devices: QuerySet[M] = super().get_queryset().annotate(**{name: Subquery(row.values(name)) for name in KEPT})
        return devices
