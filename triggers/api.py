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
from triggers.models import DEFAULT_INTERVAL, LONGEST_INTERVAL, SHORTEST_INTERVAL, Trigger, TriggerKind

MOST_GATEWAYS = 10_000
"""Named one by one in one trigger; an empty list means all of them."""


INTERVAL_HELP = (
    f"From one snapshot of a site, or one heartbeat, to the next: {SHORTEST_INTERVAL[TriggerKind.SNAPSHOT]} s"
    f" ({SHORTEST_INTERVAL[TriggerKind.HEARTBEAT]} s for heartbeats) to {LONGEST_INTERVAL} s, {DEFAULT_INTERVAL} s if"
    " it is not given. Null for other kinds."
)


class TriggerSerializer(StrictModel[Trigger]):
    event_types = serializers.ListField(child=serializers.CharField(max_length=100), allow_empty=False, required=False)
    gateways = serializers.ListField(
        child=serializers.UUIDField(), max_length=MOST_GATEWAYS, required=False, help_text="Empty: all of them."
    )
    connector = Reference(Connector)

    class Meta:
        model = Trigger
        fields = (
            "id", "name", "kind", "event_types", "gateways", "connector", "interval_seconds", "level", "enabled",
            "created_at",
        )  # fmt: skip
        extra_kwargs = {
            "interval_seconds": {"help_text": INTERVAL_HELP},
            "level": {"help_text": "Of snapshots: by type of device alone, or each device too. Empty for other kinds."},
        }

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
        return attrs | _timing(attrs, kind, before)


def _timing(attrs: dict[str, Any], kind: str, before: Trigger | None) -> dict[str, Any]:
    """What of its timing is not given stays, as long as the trigger is of the same kind. Raises ValidationError."""
    kept = before if before is not None and before.kind == kind else None
    given = {name: attrs.get(name, getattr(kept, name, None)) for name in ("interval_seconds", "level")}
    timing, reasons = choice.timing(kind, given)
    if reasons:
        raise ValidationError(reasons)
    return timing


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
