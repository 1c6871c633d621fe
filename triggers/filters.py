"""The change filter: which readings of a series are worth sending. Pure; time is an argument.

Compared is always with the value last sent, not the one last measured (S0 line 21), so a slow drift is not lost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, TypeAlias

from typing_extensions import TypeIs

Value: TypeAlias = float | int | bool | str


class Reason(StrEnum):
    """Why a reading passes; travels in the event."""

    FIRST = "first"  # nothing was sent for this series before
    CHANGED = "changed"  # by at least the threshold
    INTERVAL = "interval"  # the longest silence is over, changed or not
    RESET = "reset"  # a counter started again (S0 line 25)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A data point's change filter. Intervals in seconds, 0 for none; a relative threshold of 0.05 is 5 %."""

    kind: Literal["gauge", "counter", "state"]
    threshold: float = 0.0
    threshold_kind: Literal["absolute", "relative"] = "absolute"
    min_interval: float = 0.0
    max_interval: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The value last sent for a series, and when it was measured."""

    value: Value
    time: datetime


def judge(rule: Rule, sent: Sent | None, value: Value, time: datetime) -> Reason | None:
    """Why this value is to be sent, or None to hold it back.

    In this order: the first value always passes; within `min_interval` of the last nothing does; a counter that fell
    passes; a change of at least the threshold passes; after `max_interval` anything does. A reading older than the
    one last sent never passes.
    """
    if sent is None:
        return Reason.FIRST
    elapsed = (time - sent.time).total_seconds()
    if elapsed <= 0 or elapsed < rule.min_interval:
        return None
    if rule.kind == "counter" and is_number(value) and is_number(sent.value) and value < sent.value:
        return Reason.RESET
    if changed(rule, sent.value, value):
        return Reason.CHANGED
    if rule.max_interval and elapsed >= rule.max_interval:
        return Reason.INTERVAL
    return None


def changed(rule: Rule, before: Value, after: Value) -> bool:
    """Whether the step from `before` to `after` reaches the threshold; without one, or for states, any change does."""
    if type(before) is not type(after) and not (is_number(before) and is_number(after)):
        return True
    if before == after:
        return False
    if rule.kind == "state" or not (is_number(before) and is_number(after)):
        return True
    step = abs(after - before)
    needed = rule.threshold * abs(before) if rule.threshold_kind == "relative" else rule.threshold
    # 0.3 - 0.2 is a little less than 0.1: a step that reaches the threshold but for rounding counts.
    return step > needed or math.isclose(step, needed, rel_tol=1e-9)


def is_number(value: Value) -> TypeIs[float | int]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
