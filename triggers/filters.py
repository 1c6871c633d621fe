"""The change filter: which readings of a series are worth sending. Pure; time is an argument.

Compared is always with the value last sent, not the one last measured (S0 line 21), so a slow drift is not lost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
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
    """A data point's change filter. Intervals in seconds, 0 for none; a relative threshold of 0.05 is 5 %.

    `hysteresis`, measured as the threshold is, comes on top of it for a gauge that turns back: noise around a value
    is not sent up and down for ever. Numbers are rounded to multiples of `resolution`; 0 leaves them as measured.
    """

    kind: Literal["gauge", "counter", "state"]
    threshold: float = 0.0
    threshold_kind: Literal["absolute", "relative"] = "absolute"
    hysteresis: float = 0.0
    resolution: float = 0.0
    min_interval: float = 0.0
    max_interval: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The value last sent for a series, and when it was measured.

    `direction` is where it had moved when it was last sent for a change: 1 up, -1 down, 0 not known.
    """

    value: Value
    time: datetime
    direction: int = 0


def judge(rule: Rule, sent: Sent | None, value: Value, time: datetime) -> Reason | None:
    """Why this value is to be sent, or None to hold it back.

    In this order: the first value always passes; within `min_interval` of the last nothing does; a counter that fell
    passes; a change of at least the threshold passes; after `max_interval` anything does. A reading older than the
    one last sent never passes. The value is one that `rounded` has been over.
    """
    if sent is None:
        return Reason.FIRST
    elapsed = (time - sent.time).total_seconds()
    if elapsed <= 0 or elapsed < rule.min_interval:
        return None
    if rule.kind == "counter" and is_number(value) and is_number(sent.value) and value < sent.value:
        return Reason.RESET
    if changed(rule, sent.value, value, sent.direction):
        return Reason.CHANGED
    if rule.max_interval and elapsed >= rule.max_interval:
        return Reason.INTERVAL
    return None


def changed(rule: Rule, before: Value, after: Value, direction: int = 0) -> bool:
    """Whether the step from `before` to `after` reaches the threshold; without one, or for states, any change does.

    Against the last `direction` it has to reach the hysteresis too.
    """
    if type(before) is not type(after) and not (is_number(before) and is_number(after)):
        return True
    if before == after:
        return False
    if rule.kind == "state" or not (is_number(before) and is_number(after)):
        return True
    step = abs(after - before)
    needed = rule.threshold
    if rule.kind == "gauge" and direction and (after > before) != (direction > 0):
        needed += rule.hysteresis
    if rule.threshold_kind == "relative":
        needed *= abs(before)
    # 0.3 - 0.2 is a little less than 0.1: a step that reaches the threshold but for rounding counts.
    return step > needed or math.isclose(step, needed, rel_tol=1e-9)


def is_number(value: Value) -> TypeIs[float | int]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def direction(sent: Sent | None, value: Value, reason: Reason) -> int:
    """Where the series moves, once this value is sent for this reason; only a change can turn it."""
    if sent is None or not (is_number(value) and is_number(sent.value)) or reason is Reason.RESET:
        return 0
    if reason is not Reason.CHANGED:
        return sent.direction
    return 1 if value > sent.value else -1


def rounded(rule: Rule, value: Value) -> Value:
    """A number as the nearest multiple of the resolution, by decimal digits; halves go away from zero.

    States stay what they are, and so does what would be too large for a float after it.
    """
    if not rule.resolution or rule.kind == "state" or not is_number(value):
        return value
    unit = Decimal(str(rule.resolution))
    exact = (Decimal(str(value)) / unit).to_integral_value(ROUND_HALF_UP) * unit + 0  # not -0
    if isinstance(value, int) and exact == exact.to_integral_value():
        return int(exact)
    near = float(exact)
    return near if math.isfinite(near) else value
