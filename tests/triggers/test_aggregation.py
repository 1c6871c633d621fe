"""The rule of daily aggregates: which figure is sent, and the first reason that none is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from triggers.aggregation import Definition, Figures, Value, judge, moved, stuck_after

MEAN = Definition(name="p", function="mean", unit="W", minimum_coverage=80.0, stuck_after=21_600)
GOOD = Figures(
    readings=96,
    covered=0.95,
    reached=0.97,
    starts=3,
    run_hours=5.25,
    energy=0.1 + 0.2,
    minimum=-2.0,
    maximum=7.5,
    mean=2.25,
    last="off",
    unchanged=900.0,
    worded=0,
)


@pytest.mark.parametrize(
    ("function", "value"),
    [
        ("starts", 3), ("run_time", 5.25), ("energy", 0.3), ("minimum", -2.0), ("maximum", 7.5), ("mean", 2.25),
        ("last", "off"), ("availability", 97.0),
    ],
)  # fmt: skip
def test_each_function_has_its_figure(function: str, value: Value) -> None:
    verdict = judge(replace(MEAN, function=function), GOOD)
    assert (verdict.value, verdict.reason) == (value, None)
    assert verdict.coverage_percent == (97.0 if function == "availability" else 95.0)


@pytest.mark.line(37)
@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"readings": 0, "covered": 0.0, "reached": 0.0}, "no_readings"),
        ({"worded": 1, "unchanged": 50_000.0, "covered": 0.1}, "not_numbers"),
        ({"unchanged": 21_601.0, "covered": 0.1}, "stuck"),
        ({"unchanged": 21_600.0}, None),
        ({"covered": 0.8}, None),
        ({"covered": 0.7999, "reached": 0.95}, "flagged"),
        ({"covered": 0.7999, "reached": 0.7999}, "coverage"),
        ({"covered": 0.5, "reached": 0.7}, "coverage"),
        ({"mean": None}, "flagged"),
    ],
)
def test_the_first_reason_counts_and_nothing_is_sent_with_one(changed: dict[str, Any], reason: str | None) -> None:
    verdict = judge(MEAN, replace(GOOD, **changed))
    assert verdict.reason == reason
    assert (verdict.value is None) == (reason is not None)
    assert (verdict.detail is None) == (reason is None)


def test_an_availability_is_sent_of_a_day_without_readings_too() -> None:
    silent = replace(GOOD, readings=0, covered=0.0, reached=0.0, mean=None, last=None)
    verdict = judge(replace(MEAN, function="availability"), silent)
    assert (verdict.value, verdict.reason) == (0.0, None)


@pytest.mark.parametrize(
    ("chosen", "kind", "seconds"),
    [(None, "gauge", 21_600), (None, "counter", 0), (None, "state", 0), (0, "gauge", 0), (60.0, "counter", 60.0)],
)
def test_only_gauges_are_stuck_unless_somebody_says_so(chosen: float | None, kind: str, seconds: float) -> None:
    assert stuck_after(chosen, kind) == seconds


def test_never_stuck_when_it_may_rest_for_ever() -> None:
    assert judge(replace(MEAN, stuck_after=0), replace(GOOD, unchanged=86_400.0)).value == 2.25


def test_a_day_of_two_companies_says_since_when_it_is_this_ones() -> None:
    verdict = moved(datetime(2026, 11, 20, 12, tzinfo=UTC))
    assert verdict.detail == "The gateway was another company's until 2026-11-20 12:00 UTC."
    assert (verdict.value, verdict.reason) == (None, "moved")
