"""The rule of daily aggregates: which figure a day's readings give, and why some are not sent. Pure.

The figures themselves come from the database (`triggers.day_figures`). What is in doubt is not sent at all: no null,
no part of a day (S0 line 37).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

Value: TypeAlias = float | int | bool | str

STUCK_GAUGE_SECONDS = 6 * 3600
"""Gauges move; a counter may rest for a night, and a state for weeks."""
UNITS = {"starts": "", "run_time": "h", "availability": "%"}
"""Of figures that are not in their data point's unit."""


class Held(StrEnum):
    """Why an aggregate is not sent."""

    MOVED = "moved"  # another company's gateway for a part of the day
    NO_READINGS = "no_readings"
    NOT_NUMBERS = "not_numbers"  # texts, of which there is no sum
    STUCK = "stuck"  # the same value for too long while it should move
    FLAGGED = "flagged"  # too many readings that their producer doubts
    COVERAGE = "coverage"  # too few readings
    ERROR = "error"  # it could not be calculated


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One aggregate as the rule needs it; `stuck_after` in seconds, 0 for never."""

    name: str
    function: str
    unit: str
    minimum_coverage: float
    stuck_after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the readings of one day of one series come to. `covered` and `reached` are shares of the day.

    Only readings of good quality count, but for `readings` and `reached`. `unchanged` is the longest time in seconds
    that one value stayed, its rest left out; `worded` counts values that are no numbers.
    """

    readings: int
    covered: float
    reached: float
    starts: int
    run_hours: float
    energy: float | None
    minimum: float | None
    maximum: float | None
    mean: float | None
    last: Value | None
    unchanged: float
    worded: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Either `value` is to be sent, or it is held back for `reason`, which `detail` tells in words."""

    coverage_percent: float | None = None
    value: Value | None = None
    reason: Held | None = None
    detail: str | None = None


def stuck_after(chosen: float | None, kind: str) -> float:
    """Seconds after which a value that stays is a stuck sensor's; 0 for never."""
    if chosen is not None:
        return chosen
    return STUCK_GAUGE_SECONDS if kind == "gauge" else 0


def refusal(function: str, kind: str, data_point: str) -> str | None:
    """Why there can be no such figure of this data point, of this kind; None where there can."""
    if function == "energy" and kind != "counter":
        return f"Energy is the growth of a counter; {data_point} is a {kind}."
    return None


def moved(at: datetime) -> Verdict:
    """A company gets the aggregates of whole days only, and of no day that was in part another's."""
    until = f"{at:%Y-%m-%d %H:%M} UTC"
    return Verdict(reason=Held.MOVED, detail=f"The gateway was another company's until {until}.")


def judge(definition: Definition, figures: Figures) -> Verdict:
    """The figure, or the first reason that it is not sent, in the order of `Held`.

    An availability says itself how much of the day there were readings, and is always sent.
    """
    if definition.function == "availability":
        share = _percent(figures.reached)
        return Verdict(coverage_percent=share, value=share)
    covered = _percent(figures.covered)
    if not figures.readings:
        return _held(Held.NO_READINGS, covered, "There are no readings of that day.")
    if figures.worded and definition.function != "last":
        return _held(Held.NOT_NUMBERS, covered, f"{figures.worded} of its values are no numbers.")
    if definition.stuck_after and figures.unchanged > definition.stuck_after:
        hours = f"{figures.unchanged / 3600:.1f}"
        return _held(Held.STUCK, covered, f"The value stayed the same for {hours} hours: the sensor is stuck.")
    value = _value(definition.function, figures)
    if covered < definition.minimum_coverage or value is None:
        needed = f"{covered:.1f} % of the day, and {definition.minimum_coverage:g} % are needed"
        if _percent(figures.reached) > max(covered, definition.minimum_coverage):
            return _held(Held.FLAGGED, covered, f"Readings of good quality cover {needed}.")
        return _held(Held.COVERAGE, covered, f"Readings cover {needed}.")
    return Verdict(coverage_percent=covered, value=_tidy(value))


def _held(reason: Held, covered: float, detail: str) -> Verdict:
    return Verdict(coverage_percent=covered, reason=reason, detail=detail)


def _value(function: str, figures: Figures) -> Value | None:
    values: dict[str, Value | None] = {
        "starts": figures.starts,
        "run_time": figures.run_hours,
        "energy": figures.energy,
        "minimum": figures.minimum,
        "maximum": figures.maximum,
        "mean": figures.mean,
        "last": figures.last,
    }
    return values[function]


def _percent(share: float) -> float:
    return round(min(100.0, 100 * share), 3)


def _tidy(value: Value) -> Value:
    """Without what adding binary fractions leaves behind the twelfth digit: 5.3 instead of 5.300000000000001."""
    return float(f"{value:.12g}") if isinstance(value, float) else value
