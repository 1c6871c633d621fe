"""The page of what somebody should look at: open alarms, what was held back and why, and the rules of faults."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from portal.events.models import Event
from portal.fleet.appliance_types import APPLIANCE_TYPES
from portal.lib import uuid7
from portal.tenants.access import MANAGE, OPERATE, access_of, get_or_404
from portal.tenants.pages import member_page
from triggers import alarm_desk, rules
from triggers.models import Alarm, AlarmStatus, OccurrenceRule, Severity

PAGE = "triggers/faults.html"
SHOWN = 50
"""Events held back, and open alarms: the newest. REST has them all."""


class RuleForm(forms.Form):
    """Conditions that are left empty are not asked for."""

    code = forms.CharField(label="Code", max_length=200, required=False, help_text="Empty: any code.")
    appliance_type = forms.ChoiceField(
        label="Appliance", required=False, choices=[("", "Any"), *((name, name) for name in APPLIANCE_TYPES)]
    )
    severity = forms.ChoiceField(label="Severity", choices=Severity.choices)
    count = forms.IntegerField(label="Times", required=False, min_value=2, max_value=rules.MOST_COUNTED)
    within = forms.FloatField(
        label="Within, in minutes", required=False, min_value=0.1, max_value=rules.LONGEST_WINDOW / 60
    )
    delay = forms.FloatField(
        label="Closer than this counts as once, in seconds", required=False, min_value=1, max_value=rules.LONGEST_WAIT
    )
    duration = forms.FloatField(
        label="Has to last, in seconds", required=False, min_value=1, max_value=rules.LONGEST_WAIT
    )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if (given.get("count") is None) != (given.get("within") is None) and not self.errors:
            self.add_error("within" if given.get("within") is None else "count", "Both are needed, or none.")
        same = {name: given.get(name, "") for name in ("code", "appliance_type", "severity")}
        if not self.errors and OccurrenceRule.objects.filter(**same).exists():
            self.add_error("code", "There is a rule for these faults already.")
        return given

    @property
    def conditions(self) -> dict[str, Any]:
        given = self.cleaned_data
        found: dict[str, Any] = {}
        if given["count"]:
            found["occurrences"] = {"count": given["count"], "within": given["within"] * 60}
        found |= {name: {"seconds": given[name]} for name in ("delay", "duration") if given[name]}
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack:
    """An event on the page."""

    type: str
    about: str
    why: str
    at: datetime
    body: str


@require_GET
@member_page()
def fault_list(request: HttpRequest) -> HttpResponse:
    return _page(request, RuleForm())


@require_POST
@member_page(MANAGE)
def new_rule(request: HttpRequest) -> HttpResponse:
    form = RuleForm(request.POST)
    if not form.is_valid():
        return _page(request, form)
    same = {name: form.cleaned_data[name] for name in ("code", "appliance_type", "severity")}
    OccurrenceRule.objects.create(**same, conditions=form.conditions)
    messages.success(request, "The rule counts from the next fault on.")
    return redirect("faults")


@require_POST
@member_page(MANAGE)
def delete_rule(request: HttpRequest, rule_id: UUID) -> HttpResponse:
    get_or_404(OccurrenceRule, pk=rule_id).delete()
    messages.success(request, "The rule is deleted.")
    return redirect("faults")


@require_POST
@member_page(OPERATE)
def change_alarm(request: HttpRequest, alarm_id: UUID, what: str) -> HttpResponse:
    try:
        alarm = alarm_desk.change(access_of(request), str(alarm_id), what)
    except alarm_desk.Impossible as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Alarm {alarm.alarm_id} is {alarm.status}.")
    return redirect("faults")


def _page(request: HttpRequest, form: RuleForm) -> HttpResponse:
    held = Event.objects.filter(held_because__isnull=False).order_by("-id")[:SHOWN]
    context = {
        "alarms": list(Alarm.objects.exclude(status__in=("", AlarmStatus.CLOSED)).order_by("-id")[:SHOWN]),
        "held": [_held_back(event) for event in held],
        "rules": [(rule, _words(rule)) for rule in OccurrenceRule.objects.order_by("-code", "-appliance_type", "id")],
        "form": form,
    }
    return render(request, PAGE, context)


def _held_back(event: Event) -> HeldBack:
    document = orjson.loads(event.body)
    data, device = document["data"], document.get("appliance") or document.get("gateway") or {}
    named = [data.get("code") or data.get("alarm_id"), device.get("name") or device.get("serial_number")]
    return HeldBack(
        type=event.type,
        about=" · ".join(name for name in named if name),
        why=event.held_because or "",
        at=uuid7.time_of(event.id),
        body=event.body,
    )


def _words(rule: OccurrenceRule) -> list[str]:
    """What the rule asks for."""
    return [condition.words for condition in rules.read(rule.conditions).values()] or ["each raise is sent"]
