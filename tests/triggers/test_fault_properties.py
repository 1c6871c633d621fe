"""Random lives of faults against an oracle of their own: never a message without a cause, never a cause without one."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.models import WaitingDelivery
from portal.events.models import Event
from portal.lib.uuid7 import uuid7
from tests.conftest import Tenant
from tests.world import make_connector, make_gateway, make_trigger
from triggers import faults, rules
from triggers.faults import Fault, Report
from triggers.intake import accept_events
from triggers.items import EventItem
from triggers.models import OccurrenceRule
from triggers.scheduled.faults import let_go

pytestmark = pytest.mark.line(5, 6, 7, 8, 10)

START = datetime(2026, 11, 21, 6, tzinfo=UTC)
KEY = (UUID(int=1), "appliance/error", "F1")
RAISE, CLEAR, LOOK = "raise", "clear", "look"

Life = list[tuple[int, str]]
"""What happens at which second: the device raises or clears the fault, or a scheduler looks."""

# Small numbers, so that most lives meet the edges of their rules.
asked_for = st.fixed_dictionaries(
    {},
    optional={
        "occurrences": st.fixed_dictionaries({"count": st.integers(2, 4), "within": st.integers(1, 20)}),
        "delay": st.fixed_dictionaries({"seconds": st.integers(1, 9)}),
        "duration": st.fixed_dictionaries({"seconds": st.integers(1, 9)}),
    },
)
lives = st.lists(st.tuples(st.integers(1, 6), st.sampled_from([RAISE, LOOK, CLEAR])), min_size=12, max_size=40).map(
    lambda steps: list(zip(accumulate(wait for wait, _ in steps), (what for _, what in steps), strict=True))
)


def expected(conditions: dict[str, Any], life: Life) -> Iterator[tuple[int, str]]:
    """What partners are to read, by the words of the rules: each time the whole past is looked at anew."""
    count = conditions.get("occurrences", {}).get("count", 1)
    within = conditions.get("occurrences", {}).get("within", 0)
    delay = conditions.get("delay", {}).get("seconds", 0)
    duration = conditions.get("duration", {}).get("seconds", 0)
    counted: list[int] = []
    began, own, told = None, [], False
    for second, what in life:
        if began is None and what == RAISE:
            began, own, told = second, [], False
        if began is not None and not told:
            if (what == RAISE or not own) and (not counted or second - counted[-1] >= delay):
                counted.append(second)
                own.append(second)
            often = any(sum(last - within <= one <= last for one in counted) >= count for last in own)
            if often and second - began >= duration:
                told = True
                yield second, RAISE
        if what == CLEAR:
            if began is not None and told:
                yield second, CLEAR
            began = None


def lived(conditions: dict[str, Any], life: Life) -> Iterator[tuple[int, str, str]]:
    """What the product sends: second, what, and the fault's id. A scheduler only finds what is due."""
    read = tuple(rules.read(conditions).values())
    fault = Fault(key=KEY, gateway_id=UUID(int=2))
    for second, what in life:
        now = START + timedelta(seconds=second)
        if what == LOOK:
            due = fault.until is not None and fault.until <= now
            if due and faults._look(fault, read, now, reported=False, leaves=True) is None:
                yield second, RAISE, fault.fault_id
            continue
        data = {"active": what == RAISE, "code": "F1"}
        report = Report(key=KEY, gateway_id=UUID(int=2), time=now, data=data, conditions=read)
        if faults.before_clear(fault, report, now) is not None:
            yield second, RAISE, fault.fault_id
        told, because = faults.step(fault, report, now)
        if because is None:
            yield second, what, told["fault_id"]


@given(asked_for, lives)
@settings(max_examples=300, deadline=None)
def test_each_cause_has_its_message_and_each_message_its_cause(conditions: dict[str, Any], life: Life) -> None:
    sent = list(lived(conditions, life))
    assert [(second, what) for second, what, _ in sent] == list(expected(conditions, life))


@given(asked_for, lives)
@settings(max_examples=100, deadline=None)
def test_raise_and_clear_take_turns_and_share_an_id(conditions: dict[str, Any], life: Life) -> None:
    sent = list(lived(conditions, life))
    assert [what for _, what, _ in sent] == [RAISE if n % 2 == 0 else CLEAR for n in range(len(sent))]
    for n, (before, after) in enumerate(pairwise(sent)):
        assert (before[2] == after[2]) == (n % 2 == 0)


@given(lives)
@settings(max_examples=100, deadline=None)
def test_a_look_too_many_changes_nothing(life: Life) -> None:
    """Two schedulers, or one that looks all the time."""
    conditions = {"delay": {"seconds": 7}, "duration": {"seconds": 9}}
    eager = [(second, what) for second, what in life for _ in range(1 if what != LOOK else 2)]
    assert list(expected(conditions, eager)) == [(second, what) for second, what, _ in lived(conditions, life)]


@given(asked_for, st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2027, 1, 1)))  # noqa: DTZ001
@settings(max_examples=50, deadline=None)
def test_without_a_rule_or_a_past_only_time_and_number_hold_back(conditions: dict[str, Any], moment: datetime) -> None:
    now = moment.replace(tzinfo=UTC)
    read = tuple(rules.read(conditions).values())
    verdict, history = rules.judge(read, rules.History(since=now), now, reported=True)
    assert isinstance(verdict, rules.Held) == bool(conditions.keys() & {"occurrences", "duration"})
    assert history.counted == (now,)


# the same through the intake and the scheduled job, on PostgreSQL


@pytest.mark.parametrize("seed", [1, 2])
def test_a_whole_network_of_faults_sends_each_pair_once(in_tenant: Tenant, seed: int) -> None:
    chance = random.Random(seed)
    conditions = {
        "A": {"occurrences": {"count": 2, "within": 900}},
        "B": {"delay": {"seconds": 300}, "duration": {"seconds": 120}},
        "C": {},
    }
    for code, one in conditions.items():
        OccurrenceRule.objects.create(code=code, conditions=one)
    for name in ("GW-1", "GW-2"):
        make_gateway(name, company=in_tenant.company)
    make_trigger(make_connector("https://partner.example/hook"), *faults.SEVERITIES, kind="alarms")
    lives: dict[tuple[str, str], Life] = {(gateway, code): [] for gateway in ("GW-1", "GW-2") for code in conditions}
    for second in range(60, 3600, 60):
        if chance.random() < 0.3:
            let_go(START + timedelta(seconds=second))
            for life in lives.values():
                life.append((second, LOOK))
            continue
        batch = []
        for (gateway, code), life in lives.items():
            if chance.random() < 0.5:
                life.append((second, chance.choice([RAISE, CLEAR])))
                batch.append(_item(gateway, code, *life[-1]))
        accept_events(in_tenant.organization.id, batch, START + timedelta(seconds=second))
    for (gateway, code), life in lives.items():
        assert list(_sent(gateway, code)) == [what for _, what in expected(conditions[code], life)], (gateway, code)


def _item(gateway: str, code: str, second: int, what: str) -> EventItem:
    return EventItem(
        type="appliance/error",
        gateway=gateway,
        appliance=f"{gateway}-INV",
        time=START + timedelta(seconds=second),
        id=str(uuid7()),
        data={"active": what == RAISE, "code": code},
    )


def _sent(gateway: str, code: str) -> Iterable[str]:
    waiting = [row.event_id for row in WaitingDelivery.objects.all()]
    assert len(waiting) == len(set(waiting))
    for event in Event.objects.filter(id__in=waiting).order_by("id"):
        document = orjson.loads(event.body)
        if (document["gateway"]["serial_number"], document["data"]["code"]) == (gateway, code):
            yield RAISE if document["data"]["active"] else CLEAR
