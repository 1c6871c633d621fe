"""Occurrence rules by themselves; their lives of faults are in test_fault_properties.py."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from triggers import rules
from triggers.rules import Condition, Held, History, Passed

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class DaylightOnly(Condition, frozen=True, kw_only=True):
    """A kind of condition that the product does not have."""

    after: int

    @property
    def words(self) -> str:
        return f"after {self.after}:00"

    def holds_back(self, history: History, now: datetime) -> Held | None:
        return Held(because="it is night") if now.hour < self.after else None


@pytest.mark.line(9)
def test_a_kind_more_is_a_class_and_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "KINDS", {**rules.KINDS, "daylight": DaylightOnly})
    conditions = tuple(rules.read({"daylight": {"after": 8}}).values())
    by_day, _ = rules.judge(conditions, History(since=NOW), NOW, reported=True)
    by_night, _ = rules.judge(conditions, History(since=NOW), NOW.replace(hour=3), reported=True)
    assert isinstance(by_day, Passed)
    assert by_night == Held(because="it is night")


@pytest.mark.line(6, 9)
@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"moon": {}}, "/moon"),
        ({"occurrences": {"count": 3}}, "/occurrences"),
        ({"occurrences": {"count": 1, "within": 60}}, "/occurrences/count"),
        ({"delay": {"seconds": 0}}, "/delay/seconds"),
        ({"duration": {"seconds": "long"}}, "/duration/seconds"),
    ],
)
def test_conditions_that_cannot_be_meant_are_refused_by_their_place(given: dict[str, object], pointer: str) -> None:
    with pytest.raises(rules.BadCondition) as refused:
        rules.read(given)
    assert refused.value.pointer == pointer
