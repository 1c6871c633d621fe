"""REST: which daily aggregates there are, and what became of each day's."""

from __future__ import annotations

from typing import Any

import django_filters.rest_framework as django_filters
from drf_spectacular.utils import extend_schema_field
from rest_framework import mixins, serializers
from rest_framework.exceptions import ValidationError

from portal.fleet.models import DataPoint
from portal.lib.paging import NewestFirst
from portal.lib.rest import Filters, Reference, StrictModel
from portal.tenants.rest import Removable, TenantViewSet
from triggers import aggregation
from triggers.aggregation import UNITS, Held
from triggers.models import Aggregate, DailyAggregate, Function

CHOSEN_UNLESS = "null: the data point's expected interval, or else the median of the day's intervals."


class AggregateSerializer(StrictModel[Aggregate]):
    data_point = Reference(DataPoint)
    unit = serializers.SerializerMethodField(help_text="Of the figure: the data point's own, hours or percent.")

    class Meta:
        model = Aggregate
        fields = (
            "id", "name", "function", "data_point", "unit", "minimum_coverage", "holds_for", "stuck_after", "rests_at",
            "running_above", "enabled", "created_at",
        )  # fmt: skip
        extra_kwargs = {
            "name": {"help_text": "The property that partners read."},
            "minimum_coverage": {"help_text": "Percent of the day that readings must cover, or it is not sent."},
            "holds_for": {"help_text": f"Seconds for which a reading stands at most. {CHOSEN_UNLESS}"},
            "stuck_after": {
                "help_text": "Seconds after which a value that stays the same is a stuck sensor's; 0: never. null: six "
                "hours for a gauge, never for others."
            },
            "rests_at": {"help_text": "The value that may stay the same for as long as it likes. null: none."},
            "running_above": {"help_text": "What is above this runs: for starts and run_time."},
        }

    def get_unit(self, aggregate: Aggregate) -> str:
        return UNITS.get(aggregate.function, aggregate.data_point.unit)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        before = self.instance if isinstance(self.instance, Aggregate) else None
        function = attrs["function"] if "function" in attrs or before is None else before.function
        point = attrs["data_point"] if "data_point" in attrs or before is None else before.data_point
        if (reason := aggregation.refusal(function, point.kind, point.name)) is not None:
            raise ValidationError({"function": reason})
        return attrs


class AggregateFilter(Filters):
    name = django_filters.CharFilter()
    function = django_filters.ChoiceFilter(choices=Function.choices)
    data_point = django_filters.UUIDFilter(field_name="data_point_id")
    enabled = django_filters.BooleanFilter()


class AggregateView(Removable[Aggregate]):
    """The daily aggregates that are made: of which data point, and how good a day's readings must be."""

    model = Aggregate
    serializer_class = AggregateSerializer
    filterset_class = AggregateFilter
    organization_only = True
    related = ("data_point",)
    taken = {"aggregate_name_once": "name"}


@extend_schema_field({"type": ["number", "boolean", "string", "null"]})
class _Figure(serializers.JSONField):
    """A figure is a number, a switch's position or a word."""


class DailyAggregateSerializer(serializers.ModelSerializer[DailyAggregate]):
    gateway = serializers.UUIDField(source="gateway_id")
    appliance = serializers.SerializerMethodField()
    company = serializers.UUIDField(source="company_id")
    value = _Figure(read_only=True, help_text="null: it was held back.")

    class Meta:
        model = DailyAggregate
        fields = (
            "id", "day", "property", "gateway", "appliance", "company", "state", "value", "coverage_percent", "reason",
            "detail",
        )  # fmt: skip

    @extend_schema_field({"type": ["string", "null"], "format": "uuid"})
    def get_appliance(self, row: DailyAggregate) -> str | None:
        return None if row.subject_id == row.gateway_id else str(row.subject_id)


class DailyAggregateFilter(Filters):
    day = django_filters.DateFilter()
    property = django_filters.CharFilter()
    gateway = django_filters.UUIDFilter(field_name="gateway_id")
    appliance = django_filters.UUIDFilter(field_name="subject_id")
    state = django_filters.ChoiceFilter(choices=DailyAggregate.State.choices)
    reason = django_filters.ChoiceFilter(choices=[(held.value, held.value) for held in Held])


class DailyAggregateView(mixins.ListModelMixin, TenantViewSet[DailyAggregate]):
    """What became of each day's aggregates: sent with which value, or held back and why."""

    model = DailyAggregate
    serializer_class = DailyAggregateSerializer
    filterset_class = DailyAggregateFilter
    pagination_class = NewestFirst
    http_method_names = ["get", "head"]
