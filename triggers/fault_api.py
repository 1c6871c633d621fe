"""REST: the rules of faults, and alarms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import django_filters.rest_framework as django_filters
import msgspec
import orjson
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from portal.fleet.appliance_types import APPLIANCE_TYPES
from portal.lib.problem import Conflict
from portal.lib.rest import Filters, Moment, StrictModel
from portal.tenants.access import OPERATE
from portal.tenants.rest import ListAndGet, Removable
from triggers import alarm_desk, rules
from triggers.models import Alarm, AlarmStatus, OccurrenceRule, Severity

CONDITIONS = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        name: msgspec.json.schema(kind)["$defs"][kind.__name__] | {"description": kind.__doc__}
        for name, kind in rules.KINDS.items()
    },
    "description": "All of them have to be met before a raise is sent; with none, each raise is. Durations in seconds.",
}


@extend_schema_field(CONDITIONS)
class ConditionsField(serializers.JSONField):
    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise ValidationError("An object is expected, with a member for each condition.")
        try:
            return {name: msgspec.to_builtins(one) for name, one in rules.read(data).items()}
        except rules.BadCondition as error:
            raise ValidationError({error.pointer.removeprefix("/"): str(error)}) from None


class OccurrenceRuleSerializer(StrictModel[OccurrenceRule]):
    code = serializers.CharField(
        max_length=200, allow_blank=True, required=False, default="", help_text="The fault's code; empty: any."
    )
    appliance_type = serializers.ChoiceField(
        choices=APPLIANCE_TYPES, allow_blank=True, required=False, default="", help_text="Empty: any."
    )
    severity = serializers.ChoiceField(choices=Severity.choices, required=False, default=Severity.ANY)
    conditions = ConditionsField()

    class Meta:
        model = OccurrenceRule
        fields = ("id", "code", "appliance_type", "severity", "conditions", "created_at")


class OccurrenceRuleFilter(Filters):
    code = django_filters.CharFilter()
    appliance_type = django_filters.ChoiceFilter(choices=[(name, name) for name in APPLIANCE_TYPES])
    severity = django_filters.ChoiceFilter(choices=Severity.choices)


class OccurrenceRuleView(Removable[OccurrenceRule]):
    """Which faults are worth telling: without a rule each raise is sent.

    Of the rules that fit a fault one counts: that for its code, else that for its appliance's type, else that for its
    severity.
    """

    model = OccurrenceRule
    serializer_class = OccurrenceRuleSerializer
    filterset_class = OccurrenceRuleFilter
    organization_only = True
    taken = {"occurrence_rule_once": "code"}


class AlarmSerializer(serializers.Serializer[Alarm]):
    id = serializers.UUIDField()
    alarm_id = serializers.CharField(help_text="The producer's name for it, which its events have.")
    gateway = serializers.UUIDField(source="gateway_id")
    appliance = serializers.UUIDField(source="appliance_id", allow_null=True)
    status = serializers.ChoiceField(choices=AlarmStatus.choices)
    severity = serializers.ChoiceField(choices=("standard", "critical"))
    raised_at = Moment(allow_null=True)
    changed_at = Moment()
    data = serializers.SerializerMethodField(help_text="Of its last event.")  # type: ignore[assignment]

    def get_data(self, alarm: Alarm) -> dict[str, Any]:
        data: dict[str, Any] = orjson.loads(alarm.data)
        return data


class AlarmFilter(Filters):
    status = django_filters.MultipleChoiceFilter(choices=AlarmStatus.choices)
    severity = django_filters.ChoiceFilter(choices=[(name, name) for name in ("standard", "critical")])
    gateway = django_filters.UUIDFilter(field_name="gateway_id")
    alarm_id = django_filters.CharFilter()


class AlarmView(ListAndGet[Alarm]):
    """Alarms and where they are in their life; closed ones for as long as events are kept."""

    model = Alarm
    serializer_class = AlarmSerializer
    filterset_class = AlarmFilter
    http_method_names = ["get", "post", "head"]
    needs = {"acknowledge": OPERATE, "close": OPERATE}

    def get_queryset(self) -> QuerySet[Alarm]:
        return super().get_queryset().exclude(status="")

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, pk: str) -> Response:
        """Somebody has seen it and takes care of it. 409 names what is possible instead."""
        return self._change(pk, "acknowledge")

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str) -> Response:
        """It is over. 409 names what is possible instead."""
        return self._change(pk, "close")

    def _change(self, pk: str, what: str) -> Response:
        try:
            alarm = alarm_desk.change(self.access, pk, what)
        except alarm_desk.Impossible as error:
            raise Conflict(str(error)) from None
        return Response(self.get_serializer(alarm).data)
