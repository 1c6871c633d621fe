"""The page of daily aggregates: what became of a day, what was held back and why, and which there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from portal.fleet.models import Appliance, Gateway
from portal.tenants.pages import member_page
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
    context = {"day": day, "rows": rows, "held": _held(held), "held_in_all": sum(row.held for row in rows)}
    return render(request, "triggers/aggregates.html", context)


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
