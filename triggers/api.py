"""REST: an organization's triggers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import django_filters.rest_framework as django_filters
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from connectors.models import Connector, Origin
from portal.fleet.models import Gateway
from portal.lib.rest import Filters, Reference, StrictModel
from portal.tenants.rest import Removable
from triggers import choice
from triggers.models import Trigger, TriggerKind

MOST_GATEWAYS = 10_000
"""Named one by one in one trigger; an empty list means all of them."""


class TriggerSerializer(StrictModel[Trigger]):
    event_types = serializers.ListField(child=serializers.CharField(max_length=100), allow_empty=False, required=False)
    gateways = serializers.ListField(
        child=serializers.UUIDField(), max_length=MOST_GATEWAYS, required=False, help_text="Empty: all of them."
    )
    connector = Reference(Connector)

    class Meta:
        model = Trigger
        fields = ("id", "name", "kind", "event_types", "gateways", "connector", "enabled", "created_at")

    def validate_gateways(self, value: list[UUID]) -> list[UUID]:
        """Another organization's gateway and one that never was get the same answer."""
        unique = list(dict.fromkeys(value))
        present = set(Gateway.objects.filter(id__in=unique).values_list("id", flat=True)) if unique else set()
        missing = {str(value.index(key)): ["There is no such gateway."] for key in unique if key not in present}
        if missing:
            raise ValidationError(missing)
        return unique

    def validate_connector(self, value: Connector) -> Connector:
        if value.origin == Origin.SUBSCRIPTION:
            raise ValidationError("This connector belongs to a subscription.")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        before = self.instance if isinstance(self.instance, Trigger) else None
        kind = attrs["kind"] if "kind" in attrs or before is None else before.kind
        connector = attrs["connector"] if "connector" in attrs or before is None else before.connector
        if "event_types" in attrs:
            attrs["event_types"] = list(dict.fromkeys(attrs["event_types"]))
        elif before is None or kind != before.kind:
            attrs["event_types"] = choice.defaults(kind, connector.profile)
        event_types = attrs["event_types"] if "event_types" in attrs or before is None else before.event_types
        if not event_types:
            raise ValidationError({"event_types": "This field is required for the kind events."})
        if reasons := choice.refusals(event_types, connector.profile, kind):
            raise ValidationError({"event_types": {str(index): text for index, text in reasons.items()}})
        return attrs


class TriggerFilter(Filters):
    name = django_filters.CharFilter()
    kind = django_filters.ChoiceFilter(choices=TriggerKind.choices)
    connector = django_filters.UUIDFilter(field_name="connector_id")
    enabled = django_filters.BooleanFilter()


class TriggerView(Removable[Trigger]):
    """Which events, from which gateways, go to which connector."""

    model = Trigger
    serializer_class = TriggerSerializer
    filterset_class = TriggerFilter
    related = ("connector",)
    taken = {"trigger_name_once": "name"}
