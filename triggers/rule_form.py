"""The form of an occurrence rule. What a condition may ask for is decided by `triggers.rules`."""

from __future__ import annotations

from typing import Any

from django import forms

from portal.fleet.appliance_types import APPLIANCE_TYPES
from portal.lib.duration_field import DurationField
from portal.tenants import taken
from triggers import rules
from triggers.fault_api import OccurrenceRuleView
from triggers.models import OccurrenceRule, Severity


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]
    """Makes a rule, or changes `instance`. Conditions that are left empty are not asked for."""

    code = forms.CharField(label="Code", max_length=200, required=False, help_text="The fault's code. Empty: any.")
    appliance_type = forms.ChoiceField(
        label="Appliance", required=False, choices=[("", "Any"), *((name, name) for name in APPLIANCE_TYPES)]
    )
    severity = forms.ChoiceField(label="Severity", choices=Severity.choices)
    count = forms.IntegerField(
        label="Times",
        required=False,
        min_value=rules.FEWEST_COUNTED,
        max_value=rules.MOST_COUNTED,
        help_text="How often it has to occur.",
    )
    within = DurationField(
        label="Within", required=False, most=rules.LONGEST_WINDOW, help_text="Such as 10 min, 2 h or 1 day."
    )
    delay = DurationField(
        label="Closer than this counts as once",
        required=False,
        most=rules.LONGEST_WAIT,
        help_text="Such as 30 s: a fault that flutters is told once.",
    )
    duration = DurationField(
        label="Has to last", required=False, most=rules.LONGEST_WAIT, help_text="Such as 5 min without a clear."
    )

    class Meta:
        model = OccurrenceRule
        fields = ("code", "appliance_type", "severity")

    def __init__(self, data: Any = None, *, instance: OccurrenceRule | None = None) -> None:
        conditions = instance.conditions if instance is not None else {}
        timed = {name: conditions[name]["seconds"] for name in ("delay", "duration") if name in conditions}
        super().__init__(data, instance=instance, initial=conditions.get("occurrences", {}) | timed)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if (given.get("count") is None) != (given.get("within") is None) and not self.errors:
            self.add_error("within" if given.get("within") is None else "count", "Both are needed, or none.")
        return given

    def store(self) -> bool:
        """Of a valid form; False when there is such a rule already, which the form then says."""
        given = self.cleaned_data
        conditions: dict[str, Any] = {}
        if given["count"]:
            conditions["occurrences"] = {"count": given["count"], "within": given["within"]}
        conditions |= {name: {"seconds": given[name]} for name in ("delay", "duration") if given[name]}
        self.instance.conditions = conditions
        words = "There is a rule for these faults already."
        return taken.store(self, OccurrenceRuleView.taken, "conditions", words=words)
