"""A retry policy in words and as data: when each try is made, and what ends them. REST and pages show the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from connectors.retry import PAUSE_ATTEMPTS, RETRY_AFTER_RANGE, Policy

_UNITS = ((86_400, "day"), (3_600, "h"), (60, "min"), (1, "s"))
_LEAST_IN_TOTAL = {"day": 4, "h": 2, "min": 2, "s": 0}
"""From how many of a unit on a total is told in it: 85 min and 75 h say more than 1 h and 3 days."""
_RUN = 3
"""Equal waits, or statuses in a row, from which on they are told as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A try: its number from 1, the seconds since the one before, and since the first."""

    attempt: int
    wait: float
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """`summary` is a few words for a list, such as `6 tries over about 85 min`; `sentences` leave nothing out."""

    steps: tuple[Step, ...]
    summary: str
    sentences: tuple[str, ...]


def describe(policy: Policy) -> Timeline:
    """The same policy always gives the same timeline: the chance in the waits is told, not drawn."""
    steps = [Step(attempt=1, wait=0.0, at=0.0)]
    for wait in policy.schedule:
        steps.append(Step(attempt=len(steps) + 1, wait=wait, at=steps[-1].at + wait))
    total = _total(steps[-1].at)
    summary = f"{policy.tries} tries over about {total}" if policy.schedule else "One try"
    return Timeline(steps=tuple(steps), summary=summary, sentences=tuple(_sentences(policy, summary)))


def span(seconds: float) -> str:
    """Exactly, such as `1 h 4 min`."""
    words, left = [], round(seconds)
    for size, unit in _UNITS:
        count, left = divmod(left, size)
        if count:
            words.append(_counted(count, unit))
    return " ".join(words) or "0 s"


def statuses(given: Iterable[int]) -> str:
    """Such as `any 2xx, 404 or 500 to 504`."""
    left = set(given)
    words = []
    for hundred in sorted({status // 100 for status in left}):
        whole = set(range(hundred * 100, hundred * 100 + 100))
        if whole <= left:
            words.append(f"any {hundred}xx")
            left -= whole
        else:
            words += _ranges(sorted(left & whole))
    return _listed(words, "or")


def _sentences(policy: Policy, summary: str) -> Iterable[str]:
    yield f"{_when(policy.schedule)}: {summary[0].lower()}{summary[1:]}."
    if policy.schedule:
        longest = span(RETRY_AFTER_RANGE[1])
        yield "Each wait is up to a fifth shorter or longer."
        yield f"The receiver may ask for a longer one by Retry-After, up to {longest}."
    yield f"A try that has no answer after {span(policy.timeout)} is ended."
    yield f"Delivered when the answer is {statuses(policy.success)}."
    if policy.gone:
        yield f"At {statuses(policy.gone)} the connector is switched off, or its subscription deleted."
    yield _what_ends(policy)
    if policy.expires:
        yield "What is out of date when its turn comes is dropped."
    yield "What failed stays in the log, and can be sent again by hand."
    days = span(policy.pause_after)
    yield f"After {days} of nothing but failures, {PAUSE_ATTEMPTS} at the least, the connector is paused."


def _when(schedule: tuple[float, ...]) -> str:
    """`At once, then after 15 s and 1 min, then 50 times every 1 min`."""
    clauses: list[str] = []
    singles: list[str] = []
    for wait, run in groupby(schedule):
        count = len(list(run))
        if count < _RUN:
            singles += [span(wait)] * count
            continue
        clauses += [f"after {_listed(singles)}"] if singles else []
        clauses.append(f"{count} times every {span(wait)}")
        singles = []
    clauses += [f"after {_listed(singles)}"] if singles else []
    return ", then ".join(["At once", *clauses])


def _what_ends(policy: Policy) -> str:
    if not policy.schedule:
        return "Every other answer, and no answer at all, is final."
    if policy.transient is None:
        return "Every other answer, and no answer at all, is tried again."
    if not policy.transient:
        return "No answer at all is tried again; every other answer is final."
    again = statuses(policy.transient)
    return f"Tried again when the answer is {again}, and when there is none; every other answer is final."


def _total(seconds: float) -> str:
    for size, unit in _UNITS:
        count = int(seconds // size)
        if count >= _LEAST_IN_TOTAL[unit]:
            return _counted(count, unit)
    raise AssertionError("seconds have no least number")


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''}"


def _ranges(ordered: list[int]) -> list[str]:
    """Those in a row as `500 to 504`, the others one by one."""
    words: list[str] = []
    for _, run in groupby(enumerate(ordered), key=lambda pair: pair[1] - pair[0]):
        members = [status for _, status in run]
        if len(members) < _RUN:
            words += map(str, members)
        else:
            words.append(f"{members[0]} to {members[-1]}")
    return words


def _listed(words: list[str], last: str = "and") -> str:
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
