"""The change filter, as a table: what was sent, what is measured, what follows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from triggers.filters import Reason, Rule, Sent, direction, judge, rounded

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def rule(**fields: Any) -> Rule:
    return Rule(**{"kind": "gauge", **fields})


ABSOLUTE = rule(threshold=0.5)
RELATIVE = rule(threshold=0.05, threshold_kind="relative")
CALM = rule(threshold=0.5, min_interval=60)
REFRESHED = rule(threshold=0.5, max_interval=600)
COUNTER = rule(kind="counter", threshold=10)
STATE = rule(kind="state")


@pytest.mark.parametrize(
    ("rule", "sent", "value", "elapsed", "expected"),
    [
        pytest.param(ABSOLUTE, None, 7.5, 0, Reason.FIRST, id="the first value passes"),
        pytest.param(STATE, None, "off", 0, Reason.FIRST, id="the first state passes"),
        pytest.param(ABSOLUTE, 7.5, 7.5, 10, None, id="no change"),
        pytest.param(rule(), 7.5, 7.5, 10, None, id="no change without a threshold"),
        pytest.param(rule(), 7.5, 7.6, 10, Reason.CHANGED, id="any change without a threshold"),
        pytest.param(ABSOLUTE, 7.5, 7.9, 10, None, id="below the threshold"),
        pytest.param(ABSOLUTE, 7.5, 8.0, 10, Reason.CHANGED, id="at the threshold"),
        pytest.param(ABSOLUTE, 7.5, 6.9, 10, Reason.CHANGED, id="downwards too"),
        pytest.param(rule(threshold=0.1), 0.2, 0.3, 10, Reason.CHANGED, id="at the threshold but for rounding"),
        pytest.param(ABSOLUTE, -0.2, 0.2, 10, None, id="around zero"),
        pytest.param(RELATIVE, 100.0, 104.9, 10, None, id="below 5 %"),
        pytest.param(RELATIVE, 100.0, 105.0, 10, Reason.CHANGED, id="at 5 %"),
        pytest.param(RELATIVE, -100.0, -106.0, 10, Reason.CHANGED, id="5 % of a negative value"),
        pytest.param(RELATIVE, 0.0, 0.001, 10, Reason.CHANGED, id="anything is a change from zero"),
        pytest.param(CALM, 1.0, 100.0, 59.9, None, id="too soon"),
        pytest.param(CALM, 1.0, 100.0, 60, Reason.CHANGED, id="no longer too soon"),
        pytest.param(REFRESHED, 1.0, 1.0, 599, None, id="the silence is not long enough"),
        pytest.param(REFRESHED, 1.0, 1.0, 600, Reason.INTERVAL, id="after the longest silence, changed or not"),
        pytest.param(REFRESHED, 1.0, 9.0, 700, Reason.CHANGED, id="a change says so even then"),
        pytest.param(COUNTER, 5000, 5009, 10, None, id="a counter below its threshold"),
        pytest.param(COUNTER, 5000, 5010, 10, Reason.CHANGED, id="a counter at its threshold"),
        pytest.param(COUNTER, 5000, 0, 10, Reason.RESET, id="a counter that starts again"),
        pytest.param(COUNTER, 5000, 4999, 10, Reason.RESET, id="a counter never falls but by a reset"),
        pytest.param(
            rule(kind="counter", min_interval=60), 5000, 0, 10, None, id="a reset waits for the shortest interval"
        ),
        pytest.param(STATE, "off", "off", 10, None, id="the same state"),
        pytest.param(STATE, "off", "on", 10, Reason.CHANGED, id="another state"),
        pytest.param(STATE, False, True, 10, Reason.CHANGED, id="a boolean state"),
        pytest.param(STATE, 1, True, 10, Reason.CHANGED, id="a number is not a boolean"),
        pytest.param(rule(kind="state", threshold=5), 1, 2, 10, Reason.CHANGED, id="states know no threshold"),
        pytest.param(ABSOLUTE, 7.5, 100.0, 0, None, id="the same time again"),
        pytest.param(ABSOLUTE, 7.5, 100.0, -5, None, id="older than what was sent"),
    ],
)
def test_judge(rule: Rule, sent: Any, value: Any, elapsed: float, expected: Reason | None) -> None:
    before = None if sent is None else Sent(value=sent, time=NOON - timedelta(seconds=elapsed))
    assert judge(rule, before, value, NOON) is expected


def test_a_slow_drift_is_not_lost() -> None:
    """Compared is with the value last sent: steps of 0.2 pass when they add up to the threshold."""
    sent, passed = Sent(value=20.0, time=NOON), []
    for minute in range(1, 11):
        value, time = 20.0 + 0.2 * minute, NOON + timedelta(minutes=minute)
        if judge(ABSOLUTE, sent, value, time):
            passed.append(minute)
            sent = Sent(value=value, time=time)
    assert passed == [3, 6, 9]


STEADY = rule(threshold=1, hysteresis=0.5)


@pytest.mark.line(18, 19)
@pytest.mark.parametrize(
    ("rule", "moved", "value", "expected"),
    [
        pytest.param(STEADY, 0, 21.0, Reason.CHANGED, id="up, where it moved is not known"),
        pytest.param(STEADY, 0, 19.0, Reason.CHANGED, id="down, where it moved is not known"),
        pytest.param(STEADY, 1, 21.0, Reason.CHANGED, id="further up"),
        pytest.param(STEADY, 1, 19.0, None, id="back down by the threshold"),
        pytest.param(STEADY, 1, 18.5, Reason.CHANGED, id="back down by threshold and hysteresis"),
        pytest.param(STEADY, -1, 19.0, Reason.CHANGED, id="further down"),
        pytest.param(STEADY, -1, 21.4, None, id="back up, a little too little"),
        pytest.param(STEADY, -1, 21.5, Reason.CHANGED, id="back up by both"),
        pytest.param(rule(hysteresis=0.5), 1, 19.9, None, id="without a threshold the hysteresis stays"),
        pytest.param(
            rule(threshold=0.05, hysteresis=0.05, threshold_kind="relative"), 1, 18.5, None, id="relative as well"
        ),
        pytest.param(
            rule(threshold=0.05, hysteresis=0.05, threshold_kind="relative"), 1, 18.0, Reason.CHANGED, id="10 % down"
        ),
        pytest.param(rule(kind="counter", hysteresis=5), 1, 19.0, Reason.RESET, id="a counter that starts again"),
        pytest.param(rule(kind="state", hysteresis=5), 1, 19.0, Reason.CHANGED, id="a state has none"),
        pytest.param(
            rule(threshold=1, hysteresis=0.5, max_interval=10), 1, 19.0, Reason.INTERVAL, id="silence ends all the same"
        ),
    ],
)
def test_who_turns_back_has_further_to_go(rule: Rule, moved: int, value: float, expected: Reason | None) -> None:
    sent = Sent(value=20.0, time=NOON - timedelta(seconds=10), direction=moved)
    assert judge(rule, sent, value, NOON) is expected


@pytest.mark.parametrize(
    ("moved", "value", "reason", "expected"),
    [
        (0, 21.0, Reason.CHANGED, 1),
        (1, 19.0, Reason.CHANGED, -1),
        (1, 19.9, Reason.INTERVAL, 1),
        (1, 0.0, Reason.RESET, 0),
        (1, "off", Reason.CHANGED, 0),
    ],
)
def test_where_a_series_moves(moved: int, value: Any, reason: Reason, expected: int) -> None:
    assert direction(Sent(value=20.0, time=NOON, direction=moved), value, reason) == expected


def test_a_first_value_moves_nowhere() -> None:
    assert direction(None, 20.0, Reason.FIRST) == 0


@pytest.mark.line(17)
@pytest.mark.parametrize(
    ("resolution", "value", "expected"),
    [
        (0, 20.123, 20.123),
        (0.1, 20.14, 20.1),
        (0.1, 20.15, 20.2),
        (0.1, 0.3, 0.3),
        (0.5, 20.3, 20.5),
        (10, 1234, 1230),
        (10, 1235, 1240),
        (10, -1235, -1240),
        (1, -0.2, 0.0),
        (0.25, 7, 7),
        (1e-9, 1e300, 1e300),
        (1e308, 1.7e308, 1.7e308),
        (0.1, True, True),
        (0.1, "20.14", "20.14"),
    ],
)
def test_rounded_to_the_resolution(resolution: float, value: Any, expected: Any) -> None:
    near = rounded(rule(resolution=resolution), value)
    assert (repr(near), type(near)) == (repr(expected), type(value))


def test_a_state_is_not_rounded() -> None:
    assert rounded(rule(kind="state", resolution=10), 3) == 3
