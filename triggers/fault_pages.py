"""The page of what somebody should look at: open alarms, what was held back and why, and the rules of faults."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.events.models import Event
from portal.lib import uuid7
from portal.lib.stretches import by_id, stretch
from portal.tenants.access import MANAGE, OPERATE, access_of, get_or_404
from portal.tenants.pages import member_page
from triggers import alarm_desk, rules
from triggers.models import Alarm, AlarmStatus, OccurrenceRule
from triggers.rule_form import RuleForm

PAGE = "triggers/faults.html"
SHOWN = 20
"""Events held back, or open alarms, at a time: the rules below them are not to be far."""


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
    if not (form.is_valid() and form.store()):
        return _page(request, form)
    messages.success(request, "The rule counts from the next fault on.")
    return redirect("faults")


@require_http_methods(["GET", "POST"])
@member_page(MANAGE)
def change_rule(request: HttpRequest, rule_id: UUID) -> HttpResponse:
    form = RuleForm(request.POST or None, instance=get_or_404(OccurrenceRule, pk=rule_id))
    if not (form.is_valid() and form.store()):
        return render(request, "triggers/rule_form.html", {"form": form})
    messages.success(request, "The rule is changed; it counts from the next fault on.")
    return redirect("faults")


@require_http_methods(["GET", "POST"])
@member_page(MANAGE)
def delete_rule(request: HttpRequest, rule_id: UUID) -> HttpResponse:
    """Says what it will do, and does it once confirmed."""
    rule = get_or_404(OccurrenceRule, pk=rule_id)
    if request.method == "GET":
        return render(request, "triggers/rule_delete.html", {"rule": rule, "words": _words(rule)})
    rule.delete()
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
    open_alarms = Alarm.objects.exclude(status__in=("", AlarmStatus.CLOSED))
    held = stretch(by_id(Event.objects.filter(held_because__isnull=False)), request.GET, SHOWN)
    context = {
        "alarms": stretch(by_id(open_alarms), request.GET, SHOWN, "alarms-"),
        "held": held,
        "events": [_held_back(event) for event in held.rows],
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
