"""Figures of a whole day, made once it is over."""

from __future__ import annotations

from portal.events.catalogue import schemas
from portal.events.catalogue.event_type import EventType

FUNCTIONS = ("starts", "run_time", "energy", "minimum", "maximum", "mean", "last", "availability")

AGGREGATE_DAILY = EventType(
    name="aggregate/daily",
    version=1,
    flow="events",
    subject="gateway",
    platform_made=True,
    title="Daily aggregate",
    description="One figure of one property for one UTC day, of a gateway or of an appliance behind it.",
    schema=schemas.closed(
        {
            "property": schemas.text("Name of the aggregate.", longest=200),
            "function": schemas.one_of(
                FUNCTIONS,
                "How it was made of the day's values. starts: how often it began to run. run_time: how long it ran. "
                "energy: growth of a counter, resets allowed for. minimum, maximum, last: that value of the day. "
                "mean: weighted by time. availability: share of the day in which it was reachable.",
            ),
            "day": schemas.day("The UTC day that it is of."),
            "value": schemas.measured("The figure, in `unit`."),
            "unit": schemas.text("Unit of `value`.", longest=20),
            "period_start": schemas.moment("The day's first moment."),
            "period_end": schemas.moment("The first moment after the day: it is not part of it."),
            "coverage_percent": schemas.percentage("For how much of the day there were values to make it of."),
        },
        required=("property", "day", "value", "period_start", "period_end"),
    ),
    sample={
        "property": "hvac.compressor.runTime",
        "function": "run_time",
        "day": "2026-01-14",
        "value": 5.25,
        "unit": "h",
        "period_start": "2026-01-14T00:00:00.000Z",
        "period_end": "2026-01-15T00:00:00.000Z",
        "coverage_percent": 99.5,
    },
)
