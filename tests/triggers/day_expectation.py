"""What a plan of `tests.triggers.day_simulator` must lead to, in plain Python and without the product's code.

Every event is a tuple: type, serial number of its device, time, company, and what it says. Deadlines, thresholds and
definitions are repeated here on purpose: where the product's change, this does not follow.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, TypeAlias

from tests.triggers.day_simulator import (
    END,
    FAULTS_AFTER,
    MISSED_SWEEPS,
    NOT_OPTED_IN,
    READINGS_AFTER,
    START,
    STEPS,
    TYPES,
    GatewayPlan,
    Report,
    moment,
)

DEBOUNCE = timedelta(minutes=1)
THRESHOLDS = {"pv.power": 250.0, "pv.energy": 1.0, "signal": 5.0}
LONGEST_THE_SAME = timedelta(hours=6)
LEAST_COVERED = 80.0
AGGREGATES = {
    # by the name that partners read: function, data point
    "power.maximum": ("maximum", "pv.power"),
    "power.mean": ("mean", "pv.power"),
    "power.starts": ("starts", "pv.power"),
    "power.runTime": ("run_time", "pv.power"),
    "power.availability": ("availability", "pv.power"),
    "energy": ("energy", "pv.energy"),
}
AGGREGATED_AT = END + timedelta(hours=13)

Told: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """`values` are value and coverage of the aggregates that are sent, by inverter and name; `held` why others are
    not."""

    events: Counter[Told] = field(default_factory=Counter)
    values: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    held: dict[tuple[str, str], str] = field(default_factory=dict)


def expect(day: Iterable[GatewayPlan]) -> Expectation:
    expected = Expectation()
    for plan in day:
        expected.events.update(_Life(plan=plan).events())
        company = plan.contract_acts[-1].paired if plan.contract_acts else plan.company
        if company in {None, NOT_OPTED_IN}:
            continue
        for name in AGGREGATES:
            verdict = "moved" if plan.role in {"moves at noon", "moves after the day"} else _aggregate(plan, name)
            if isinstance(verdict, str):
                expected.held[plan.inverter, name] = verdict
            else:
                expected.values[plan.inverter, name] = verdict
                says = (name, AGGREGATES[name][0], START.date().isoformat())
                expected.events["aggregate/daily", plan.inverter, AGGREGATED_AT, company, *says] += 1
    return expected


# One gateway's day


@dataclass(slots=True, kw_only=True)
class _Device:
    deadline: timedelta
    heard: datetime | None = None
    online: bool = False
    with_gateway: bool = False

    def is_silent(self, now: datetime) -> bool:
        return self.online and self.heard is not None and now - self.heard > self.deadline + DEBOUNCE


@dataclass(slots=True, kw_only=True)
class _Life:
    """A gateway as the day goes on: whose it is, who is online, and what was sent last of each series."""

    plan: GatewayPlan
    company: str | None = None
    gateway: _Device = field(init=False)
    inverter: _Device = field(init=False)
    newest: dict[str, datetime] = field(default_factory=dict)
    sent: dict[str, float] = field(default_factory=dict)

    def events(self) -> Iterator[Told]:
        plan = self.plan
        self.company = plan.company
        self.gateway = _Device(deadline=timedelta(minutes=plan.gateway_deadline))
        self.inverter = _Device(deadline=timedelta(minutes=plan.inverter_deadline))
        for step in STEPS:
            yield from self._jobs(step)
            yield from self._contract(step)
            reports = [one for one in plan.reports if one.step == step and not one.refused]
            if reports:
                yield from self._heard(moment(step) + READINGS_AFTER, any(one.of_inverter for one in reports))
                yield from self._values(reports)
            yield from self._faults(step)

    def _about(self, what: str, time: datetime, *says: Any) -> Told:
        serial = self.plan.serial if what.startswith(("gateway/", "contract/")) else self.plan.inverter
        return (what, serial, time, self.company, *says)

    def _jobs(self, step: int) -> Iterator[Told]:
        now = moment(step)
        if step not in MISSED_SWEEPS:
            if self.gateway.is_silent(now):
                self.gateway.online = False
                yield self._about("gateway/offline", now)
            silent = self.inverter.is_silent(now)
            if self.inverter.online and (silent or not self.gateway.online):
                self.inverter.online, self.inverter.with_gateway = False, not self.gateway.online
                yield self._about("appliance/offline", now)
        for one in self.plan.faults:
            if one.step == step and one.let_go_since is not None:
                yield self._about(TYPES[one.code], moment(one.let_go_since) + FAULTS_AFTER, one.code, True, None)

    def _heard(self, now: datetime, of_inverter: bool) -> Iterator[Told]:
        """Whoever is heard is back at once, and a gateway brings back what went with it."""
        gateway, inverter = self.gateway, self.inverter
        if gateway.heard is not None and not gateway.online:
            yield self._about("gateway/online", now)
        follows = inverter.with_gateway and not inverter.online
        gateway.heard, gateway.online = now, True
        if not of_inverter and not follows:
            return
        if inverter.heard is not None and not inverter.online:
            yield self._about("appliance/online", now)
        inverter.heard, inverter.online, inverter.with_gateway = now, True, False

    def _contract(self, step: int) -> Iterator[Told]:
        for act in self.plan.contract_acts:
            if act.step != step:
                continue
            for company, previous, status, initiator in act.told:
                yield ("contract/status", self.plan.serial, moment(step), company, previous, status, initiator)
            self.company = act.paired
            self.sent = {}

    def _values(self, reports: Sequence[Report]) -> Iterator[Told]:
        """A first value, a change by the threshold since the value sent last, and a counter that fell."""
        for one in sorted(reports, key=lambda one: one.time):
            late = one.property in self.newest and one.time <= self.newest[one.property]
            if late:
                continue
            self.newest[one.property] = one.time
            if self.company in {None, NOT_OPTED_IN}:
                continue
            reason = self._reason(one)
            if reason is not None:
                self.sent[one.property] = one.value
                serial = self.plan.inverter if one.of_inverter else self.plan.serial
                yield ("datapoint/value", serial, one.time, self.company, one.property, one.value, reason)

    def _reason(self, one: Report) -> str | None:
        before = self.sent.get(one.property)
        if before is None:
            return "first"
        if one.property == "pv.energy" and one.value < before:
            return "reset"
        return "changed" if round(abs(one.value - before), 6) >= THRESHOLDS[one.property] else None

    def _faults(self, step: int) -> Iterator[Told]:
        now = moment(step) + FAULTS_AFTER
        reports = [one for one in self.plan.faults if one.step == step and one.let_go_since is None]
        if reports:
            yield from self._heard(now, of_inverter=True)
        for one in reports:
            yield self._about(TYPES[one.code], now, one.code, one.active, one.held)


# The day's figures


def _aggregate(plan: GatewayPlan, name: str) -> tuple[float, float] | str:
    """Value and percent of the day that is covered, or why it is held back."""
    function, data_point = AGGREGATES[name]
    mine = sorted((one for one in plan.reports if one.property == data_point and not one.refused), key=_time)
    today = [one for one in mine if START <= one.time < END]
    around = [
        *[one for one in mine if one.time < START][-1:],
        *today,
        *[one for one in mine if one.time >= END][:1],
    ]
    stands = _standing(around)
    reached = _percent(sum(stands, timedelta()))
    if function == "availability":
        return reached, reached
    good = [seconds for one, seconds in zip(around, stands, strict=True) if one.quality == "good"]
    covered = _percent(sum(good, timedelta()))
    if data_point == "pv.power" and _longest_the_same(today) > LONGEST_THE_SAME:
        return "stuck"
    if covered < LEAST_COVERED:
        return "flagged" if reached >= LEAST_COVERED else "coverage"
    return _figure(function, around, today, stands), covered


def _figure(function: str, around: Sequence[Report], today: Sequence[Report], stands: Sequence[timedelta]) -> float:
    both = list(zip(around, stands, strict=True))
    match function:
        case "maximum":
            return max(one.value for one in today)
        case "mean":
            return (
                sum(one.value * seconds.total_seconds() for one, seconds in both)
                / sum(stands, timedelta()).total_seconds()
            )
        case "run_time":
            return sum((seconds for one, seconds in both if one.value > 0), timedelta()) / timedelta(hours=1)
        case "starts":
            return sum(before.value == 0 < one.value for before, one in zip(around, today, strict=False))
    return _total(around, END) - _total(around, START)


def _standing(readings: Sequence[Report]) -> list[timedelta]:
    """Each stands until the next, but for no longer than readings usually are apart; of that, what is of the day."""
    times = [one.time for one in readings]
    pace = statistics.median(after - before for before, after in pairwise(times))
    ends = [min(after, time + pace) for time, after in zip(times, [*times[1:], END], strict=True)]
    return [max(timedelta(), min(end, END) - max(time, START)) for time, end in zip(times, ends, strict=True)]


def _total(readings: Sequence[Report], at: datetime) -> float:
    """The register's total at a midnight, on the line between the readings before and after it."""
    before = [one for one in readings if one.time <= at][-1]
    after = next(one for one in readings if one.time >= at)
    if before.time == after.time:
        return before.total
    return before.total + (after.total - before.total) * ((at - before.time) / (after.time - before.time))


def _longest_the_same(readings: Sequence[Report]) -> timedelta:
    longest, since = timedelta(), readings[0]
    for one in readings:
        if one.value != since.value:
            since = one
        if one.value != 0:
            longest = max(longest, one.time - since.time)
    return longest


def _percent(of_day: timedelta) -> float:
    return 100 * (of_day / (END - START))


def _time(one: Report) -> datetime:
    return one.time
