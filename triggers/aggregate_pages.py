"""The pages of daily aggregates: what became of a day, what was held back and why, and which there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.fleet.models import Appliance, DataPoint, Gateway
from portal.lib import fragments
from portal.tenants.access import MANAGE, get_or_404
from portal.tenants.models import Company
from portal.tenants.pages import member_page
from triggers.aggregate_form import AggregateForm
from triggers.aggregation import UNITS
from triggers.models import Aggregate, DailyAggregate

SHOWN = 50
"""Of what was held back. REST has all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One definition, with how many of the day were sent and held back."""

    aggregate: Aggregate
    unit: str
    sent: int
    held: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack:
    """One aggregate of one device that was not sent. `device` is a name, or what is left of one that is gone."""

    property: str
    device: str
    why: str


@require_GET
@member_page()
def daily_aggregates(request: HttpRequest) -> HttpResponse:
    """Of the day that is asked for, else of the latest."""
    day = _day(request.GET.get("day", "")) or DailyAggregate.objects.aggregate(latest=Max("day"))["latest"]
    decided = DailyAggregate.objects.filter(day=day) if day else DailyAggregate.objects.none()
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    for name, state, count in decided.values_list("property", "state").annotate(count=Count("id")).order_by():
        counts[name][state] = count
    rows = [
        Row(
            aggregate=aggregate,
            unit=UNITS.get(aggregate.function, aggregate.data_point.unit),
            sent=counts[aggregate.name].get("sent", 0),
            held=counts[aggregate.name].get("held", 0),
        )
        for aggregate in Aggregate.objects.select_related("data_point").order_by("name")
    ]
    held = list(decided.filter(state=DailyAggregate.State.HELD).order_by("property", "id")[:SHOWN])
    context = {
        "day": day,
        "rows": rows,
        "held": _held(held),
        "held_in_all": sum(row.held for row in rows),
        "opted_in": Company.objects.filter(daily_aggregates_enabled=True).exists(),
    }
    return render(request, "triggers/aggregates.html", context)


@require_http_methods(["GET", "POST"])
@member_page(MANAGE)
def new_aggregate(request: HttpRequest) -> HttpResponse:
    return _edit(request, None)


@require_http_methods(["GET", "POST"])
@member_page(MANAGE)
def change_aggregate(request: HttpRequest, aggregate_id: UUID) -> HttpResponse:
    return _edit(request, get_or_404(Aggregate, pk=aggregate_id))


@require_POST
@member_page(MANAGE)
def switch_aggregate(request: HttpRequest, aggregate_id: UUID) -> HttpResponse:
    aggregate = get_or_404(Aggregate, pk=aggregate_id)
    aggregate.enabled = request.POST.get("enabled") == "true"
    aggregate.save(update_fields=["enabled"])
    answer = render(request, "triggers/_aggregate_switch.html", {"aggregate": aggregate})
    effect = "is made from the next run on" if aggregate.enabled else "is no longer made"
    return fragments.toast(answer, f"{aggregate.name} {effect}.")


@require_http_methods(["GET", "POST"])
@member_page(MANAGE)
def delete_aggregate(request: HttpRequest, aggregate_id: UUID) -> HttpResponse:
    """Says what it will do, and does it once confirmed."""
    aggregate = get_or_404(Aggregate, pk=aggregate_id)
    if request.method == "GET":
        return render(request, "triggers/aggregate_delete.html", {"aggregate": aggregate})
    aggregate.delete()
    messages.success(request, f"{aggregate.name} is deleted.")
    return redirect("aggregates")


def _edit(request: HttpRequest, aggregate: Aggregate | None) -> HttpResponse:
    name = aggregate.name if aggregate is not None else ""
    form = AggregateForm(request.POST or None, instance=aggregate)
    if not (form.is_valid() and form.store()):
        context = {"form": form, "name": name, "measured": DataPoint.objects.exists()}
        return render(request, "triggers/aggregate_form.html", context)
    messages.success(
        request, f"{form.instance.name} is {'changed' if name else 'made'}; it counts from the next run on."
    )
    return redirect("aggregates")


def _held(found: Iterable[DailyAggregate]) -> list[HeldBack]:
    subjects = [one.subject_id for one in found]
    gateways, appliances = Gateway.objects.in_bulk(subjects), Appliance.objects.in_bulk(subjects)
    return [
        HeldBack(
            property=one.property,
            device=str(appliances.get(one.subject_id) or gateways.get(one.subject_id) or "a device that is gone"),
            why=one.detail or "",
        )
        for one in found
    ]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
