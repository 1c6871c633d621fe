"""Occurrence rules: whether a fault that occurs is worth telling, or held back as transient. Pure; time is an argument.

A rule is made of conditions, each of a kind in KINDS; all of them must be met. The words of the source are few ("the
number of times an event occurs", "the delay between event occurrences", S0 lines 7 and 8); what they mean here is our
definition. A condition can only hold a raise back. Clears follow their raises: that is `triggers.faults`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta, Struct

from portal.lib.durations import written

FEWEST_COUNTED, MOST_COUNTED = 2, 100
"""That a rule can ask for. The most is also how many are remembered of one fault."""
LONGEST_WINDOW = 30 * 86_400
LONGEST_WAIT = 7 * 86_400

Times: TypeAlias = Annotated[int, Meta(ge=FEWEST_COUNTED, le=MOST_COUNTED)]
Window: TypeAlias = Annotated[float, Meta(gt=0, le=LONGEST_WINDOW)]
Wait: TypeAlias = Annotated[float, Meta(gt=0, le=LONGEST_WAIT)]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A fault that is there `since` then without a clear.

    `counted` are the times of those of its occurrences that counted, now and before, in order; `counts` says whether
    one of this time is among them.
    """

    since: datetime
    counted: tuple[datetime, ...] = ()
    counts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Why a raise is held back; `until` is when to look again whether the fault is still there, or None for never."""

    because: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """The raise goes out: it has occurred so many times, the first of them at `since`."""

    occurrences: int
    since: datetime


class Condition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kind of condition: override what it has a say in. Its fields are what users give; durations in seconds."""

    @property
    def words(self) -> str:
        """What it asks for, for people. Each kind says its own: there are no words for a condition as such."""
        raise NotImplementedError

    def counts_from(self, counted: Sequence[datetime]) -> datetime | None:
        """From when on a further occurrence counts; None: at once."""
        return None

    def holds_back(self, history: History, now: datetime) -> Held | None:
        return None


class Occurrences(Condition, frozen=True, kw_only=True):
    """It has to occur this many times within so long (S0 line 7); once met, that is so for as long as it is there."""

    count: Times
    within: Window

    @property
    def words(self) -> str:
        return f"{self.count} times within {written(self.within)}"

    def holds_back(self, history: History, now: datetime) -> Held | None:
        counted, window = history.counted, timedelta(seconds=self.within)
        runs = zip(counted, counted[self.count - 1 :], strict=False)
        if any(last >= history.since and last - first <= window for first, last in runs):
            return None
        found = sum(time >= counted[-1] - window for time in counted)
        times = "once" if found == 1 else f"{found} times"
        return Held(because=f"it has occurred {times} within {written(self.within)}, and {self.count} times are needed")


class Delay(Condition, frozen=True, kw_only=True):
    """Occurrences closer to each other than this are one (S0 line 8): a fault that flutters counts, and is told, once.

    One that comes too soon counts when the delay is over, if the fault is still there then.
    """

    seconds: Wait

    @property
    def words(self) -> str:
        return f"closer than {written(self.seconds)} counts as once"

    def counts_from(self, counted: Sequence[datetime]) -> datetime | None:
        return counted[-1] + timedelta(seconds=self.seconds) if counted else None


class Duration(Condition, frozen=True, kw_only=True):
    """It has to be there for this long without a clear."""

    seconds: Wait

    @property
    def words(self) -> str:
        return f"lasts for {written(self.seconds)}"

    def holds_back(self, history: History, now: datetime) -> Held | None:
        until = history.since + timedelta(seconds=self.seconds)
        return Held(because=f"it has to last for {written(self.seconds)}", until=until) if now < until else None


KINDS: Mapping[str, type[Condition]] = {"occurrences": Occurrences, "delay": Delay, "duration": Duration}
"""By the name that users give. A kind more is a class and a line here (S0 line 9)."""

Conditions: TypeAlias = tuple[Condition, ...]


class BadCondition(ValueError):
    """A rule's conditions cannot be read; `pointer` says where, as a JSON pointer."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.pointer = pointer


def read(given: Mapping[str, Any]) -> dict[str, Condition]:
    """Conditions by their kind, in the order of KINDS, from their JSON. Raises BadCondition."""
    if unknown := sorted(given.keys() - KINDS.keys()):
        raise BadCondition(f"/{unknown[0]}", f"There is no such condition; there are: {', '.join(KINDS)}.")
    found = {}
    for name in (name for name in KINDS if name in given):
        try:
            found[name] = msgspec.convert(given[name], KINDS[name])
        except msgspec.ValidationError as error:
            detail, _, place = str(error).partition(" - at `$")
            raise BadCondition(f"/{name}" + place.rstrip("`").replace(".", "/"), f"{detail}.") from None
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """For which faults the conditions are: an empty `code` or `appliance_type` and the severity `any` are for all."""

    code: str
    appliance_type: str
    severity: str
    conditions: Conditions

    def fits(self, code: str, appliance_type: str, severity: str) -> bool:
        return (
            self.code in {"", code}
            and self.appliance_type in {"", appliance_type}
            and self.severity in {"any", severity}
        )

    @property
    def specificity(self) -> tuple[bool, bool, bool]:
        return bool(self.code), bool(self.appliance_type), self.severity != "any"


def in_order(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """The most specific first: by the code, then by the appliance's type, then by the severity."""
    return tuple(sorted(rules, key=lambda rule: rule.specificity, reverse=True))


def conditions_for(rules: Sequence[Rule], code: str, appliance_type: str, severity: str) -> Conditions:
    """Those of the first rule that fits, of rules in order; none where none fits: then every raise goes out."""
    return next((rule.conditions for rule in rules if rule.fits(code, appliance_type, severity)), ())


def judge(conditions: Conditions, history: History, now: datetime, *, reported: bool) -> tuple[Passed | Held, History]:
    """Whether a raise goes out now, and the history with what counts since this look.

    `reported`: the device has said so now; otherwise it is looked at again whether what was held back is ripe.
    """
    if reported or not history.counts:
        waits = [time for one in conditions if (time := one.counts_from(history.counted)) and time > now]
        if not waits:
            counted = (*history.counted, now)[-MOST_COUNTED:]
            history = History(since=history.since, counted=counted, counts=True)
        elif not history.counts:
            because = "it occurs too soon after the last time, and counts as one with it"
            return Held(because=because, until=max(waits)), history
    for condition in conditions:
        if (held := condition.holds_back(history, now)) is not None:
            return held, history
    return _passed(conditions, history), history


def _passed(conditions: Conditions, history: History) -> Passed:
    windows = [
        history.counted[-1] - timedelta(seconds=one.within) for one in conditions if isinstance(one, Occurrences)
    ]
    start = min([history.since, *windows])
    told = [time for time in history.counted if time >= start]
    return Passed(occurrences=len(told), since=told[0])
