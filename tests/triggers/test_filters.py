"""The change filter, as a table: what was sent, what is measured, what follows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from triggers.filters import Reason, Rule, Sent, judge

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
