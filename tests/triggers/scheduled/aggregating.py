"""Words of the aggregates' tests: definitions, a day of readings, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from portal.events.models import Event
from portal.fleet.models import DataPoint
from tests.world import make_data_point, reading
from triggers.daily_aggregates import Done, decide
from triggers.intake import accept_readings
from triggers.items import ReadingItem
from triggers.models import Aggregate, DailyAggregate

DAY = date(2026, 11, 20)
RUN = datetime(2026, 11, 21, 13, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def at(hour: float = 0, day: date = DAY) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour)


def make_aggregate(name: str, function: str, point: DataPoint | None = None, **fields: Any) -> Aggregate:
    point = point or DataPoint.objects.filter(name="pv.power").first() or make_data_point()
    return Aggregate.objects.create(name=name, function=function, data_point=point, **fields)


def take(organization_id: Any, items: Iterable[ReadingItem]) -> None:
    items = list(items)
    result = accept_readings(organization_id, items, max(item.time for item in items), oldest=None)
    assert not result.rejected


def put(
    tenant: Any, values: Iterable[Any], start: datetime | None = None, step: timedelta = QUARTER, **more: Any
) -> None:
    """These values, one after the other, from the day's start; None measures nothing."""
    times = ((start or at()) + n * step for n in range(10_000))
    take(
        tenant.organization.id,
        [reading(value, time, **more) for value, time in zip(values, times) if value is not None],  # noqa: B905
    )


def run(tenant: Any, day: date = DAY, **options: Any) -> list[Done]:
    """All chunks of the day."""
    chunks: list[Done] = []
    after = None
    while True:
        done = decide(tenant.organization.id, day, after, RUN, **options)
        chunks.append(done)
        if done.last is None:
            return chunks
        after = done.last


def sent() -> list[dict[str, Any]]:
    """The documents of all aggregates that were sent in."""
    return [json.loads(event.body) for event in Event.objects.filter(type="aggregate/daily").order_by("id")]


def values(day: date | None = None) -> Mapping[str, Any]:
    """What was sent, by property. Of one device and one day only."""
    found = [one["data"] for one in sent() if day is None or one["data"]["day"] == day.isoformat()]
    assert len({data["property"] for data in found}) == len(found)
    return {data["property"]: data["value"] for data in found}


def reasons() -> dict[str, str]:
    """Why what was held back was, by property."""
    return {one.property: one.reason for one in DailyAggregate.objects.filter(state="held")}
