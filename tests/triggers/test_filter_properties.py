"""The change filter over random series: never a message without a cause, never a cause without a message.

The oracle keeps all that was sent, and takes each rule's words one by one; numbers are whole, so that it needs no
tolerance for binary fractions (tests/triggers/test_filters.py has those).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triggers import filters
from triggers.filters import Rule, Sent

pytestmark = pytest.mark.line(18, 19, 20, 21, 25)

START = datetime(2026, 11, 21, tzinfo=UTC)
Series = list[tuple[int, Any]]
"""Second and value."""

rules = st.builds(
    Rule,
    kind=st.sampled_from(["gauge", "counter", "state"]),
    threshold=st.integers(0, 20).map(float),
    hysteresis=st.integers(0, 5).map(float),
    min_interval=st.integers(0, 30).map(float),
    max_interval=st.sampled_from([0.0, 40.0, 90.0]),
)
series = st.lists(st.tuples(st.integers(1, 30), st.integers(-40, 40)), max_size=50).map(
    lambda steps: list(zip(accumulate(wait for wait, _ in steps), (value for _, value in steps), strict=True))
)


def sent(rule: Rule, measured: Series) -> Iterator[tuple[int, Any]]:
    """What the product sends of a series."""
    last: Sent | None = None
    for second, value in measured:
        time = START + timedelta(seconds=second)
        reason = filters.judge(rule, last, value, time)
        if reason is not None:
            last = Sent(value=value, time=time, direction=filters.direction(last, value, reason))
            yield second, value


def expected(rule: Rule, measured: Series) -> Iterator[tuple[int, Any]]:
    """What partners are to read, by the words of the documentation."""
    trail: list[tuple[int, Any]] = []
    heading = 0
    for second, value in measured:
        if not trail:
            trail.append((second, value))
            yield second, value
            continue
        then, before = trail[-1]
        silence, step = second - then, value - before
        needed = max(rule.threshold, 1) if rule.kind != "state" else 1
        if rule.kind == "gauge" and step * heading < 0:
            needed = max(rule.threshold + rule.hysteresis, 1)
        fell = rule.kind == "counter" and step < 0
        moved = abs(step) >= needed
        too_long = rule.max_interval > 0 and silence >= rule.max_interval
        if silence < rule.min_interval or not (fell or moved or too_long):
            continue
        if fell:
            heading = 0
        elif moved:
            heading = 1 if step > 0 else -1
        trail.append((second, value))
        yield second, value


@given(rules, series)
@settings(max_examples=300, deadline=None)
def test_what_is_sent_is_what_the_rules_ask_for(rule: Rule, measured: Series) -> None:
    assert list(sent(rule, measured)) == list(expected(rule, measured))


@given(rules, series)
@settings(max_examples=150, deadline=None)
def test_partners_are_never_further_behind_than_the_threshold(rule: Rule, measured: Series) -> None:
    """However slowly a value drifts: compared is with what was sent, not with what was measured last."""
    rule = replace(rule, min_interval=0.0)
    told = dict(sent(rule, measured))
    known: Any = None
    for second, value in measured:
        known = told.get(second, known)
        allowed = 0 if rule.kind == "state" else rule.threshold + (rule.hysteresis if rule.kind == "gauge" else 0)
        assert value == known or abs(value - known) < allowed


@given(rules, series, st.integers(0, 49), st.integers(0, 30))
@settings(max_examples=150, deadline=None)
def test_a_reading_that_is_late_or_repeated_is_never_sent(rule: Rule, measured: Series, at: int, late: int) -> None:
    if at >= len(measured):
        return
    second, value = measured[at]
    last = Sent(value=value, time=START + timedelta(seconds=second))
    assert filters.judge(rule, last, value + 1000, last.time - timedelta(seconds=late)) is None
