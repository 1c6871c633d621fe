"""The form of a daily aggregate. What its columns may hold is decided by the model, and what fits by `aggregation`."""

from __future__ import annotations

from typing import Any

from django import forms

from portal.fleet.models import DataPoint
from portal.lib.duration_field import DurationField
from portal.lib.durations import written
from portal.tenants import taken
from triggers import aggregation
from triggers.aggregate_api import AggregateView
from triggers.models import LONGEST_STANDING, Aggregate, Function

UNCHOSEN = "Choose one"


class DataPointField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Says beside each name what a figure of it would be in."""

    def label_from_instance(self, row: DataPoint) -> str:
        return f"{row.name} ({row.kind}, in {row.unit})" if row.unit else f"{row.name} ({row.kind})"


class NumberField(forms.FloatField):
    """Shows whole numbers as such: 80, not 80.0."""

    def prepare_value(self, value: Any) -> Any:
        return int(value) if isinstance(value, float) and value.is_integer() else value


class AggregateForm(forms.ModelForm):  # type: ignore[type-arg]
    """Makes an aggregate, or changes `instance`."""

    data_point = DataPointField(
        label="Of the data point",
        queryset=DataPoint._base_manager.none(),
        empty_label=UNCHOSEN,
        help_text="Whose readings it is made of.",
    )
    function = forms.ChoiceField(
        label="Figure",
        choices=[("", UNCHOSEN), *Function.choices],
        help_text="What a day's readings of a device become.",
    )
    holds_for = DurationField(
        label="A reading stands for at most",
        required=False,
        help_text="Such as 15 min. Empty: the data point's expected interval, or else what is usual on the day.",
        error_messages={"min_value": "At least 1 s.", "max_value": f"At most {written(LONGEST_STANDING)}."},
    )
    stuck_after = DurationField(
        label="Stuck when the same for",
        required=False,
        help_text=f"Such as 3 h; 0 for never. Empty: {written(aggregation.STUCK_GAUGE_SECONDS)} for a gauge, never for"
        " others.",
    )

    class Meta:
        model = Aggregate
        fields = (
            *("name", "function", "data_point", "minimum_coverage", "holds_for", "stuck_after", "rests_at"),
            *("running_above", "enabled"),
        )
        field_classes = dict.fromkeys(("minimum_coverage", "rests_at", "running_above"), NumberField)
        labels = {
            "name": "Name",
            "minimum_coverage": "Needed of the day, in %",
            "rests_at": "May stay at",
            "running_above": "Runs above",
            "enabled": "Make it each day",
        }
        help_texts = {
            "name": "The property that partners read.",
            "minimum_coverage": "How much of the day readings must cover, or the figure is not sent.",
            "rests_at": "The value that never counts as stuck, such as 0 at night. Empty: none.",
            "running_above": "What is above this value runs.",
            "enabled": "While it is off it is not made; missed days are not made up for.",
        }

    def __init__(self, data: Any = None, *, instance: Aggregate | None = None) -> None:
        super().__init__(data, instance=instance)
        self.fields["data_point"].queryset = DataPoint.objects.order_by("name")  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if (point := given.get("data_point")) is not None and "function" in given:
            reason = aggregation.refusal(given["function"], point.kind, point.name)
            if reason is not None:
                self.add_error("function", reason)
        return given

    def store(self) -> bool:
        """Of a valid form; False when another aggregate has the name, which the form then says."""
        return taken.store(self, AggregateView.taken, words="Another aggregate has this name.")
