"""When a lane leaves a sick endpoint alone, for how long, and what ends it."""

from math import inf
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.breaker import FIRST_COOL_DOWN, LONGEST_COOL_DOWN, OPENS_AFTER, Breaker

MESSAGES = [UUID(int=n) for n in range(1, 40)]
OTHER = UUID(int=99)


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker()
    assert [breaker.failed(now, key) for key in MESSAGES[:OPENS_AFTER]] == [False] * (OPENS_AFTER - 1) + [True]
    return breaker


def probed(breaker: Breaker, now: float, *, well: bool, asked: float = 0.0) -> bool:
    assert breaker.until <= now, "its time has come"
    breaker.probe(OTHER)
    assert (breaker.until, breaker.state) == (inf, "half-open"), "nothing else goes meanwhile"
    return breaker.succeeded() if well else breaker.failed(now, OTHER, asked)


def test_it_opens_after_ten_messages_that_failed_in_a_row() -> None:
    breaker = Breaker()
    for key in MESSAGES[: OPENS_AFTER - 1]:
        breaker.failed(100.0, key)
    assert (breaker.until, breaker.state) == (0.0, "closed")
    assert breaker.failed(100.0, MESSAGES[OPENS_AFTER])
    assert (breaker.until, breaker.state) == (100.0 + FIRST_COOL_DOWN, "open")


def test_a_message_that_arrives_begins_the_row_anew() -> None:
    breaker = Breaker()
    for _ in range(3):
        for key in MESSAGES[: OPENS_AFTER - 1]:
            assert not breaker.failed(1.0, key)
        assert breaker.succeeded() is False, "nothing was open"
    assert breaker.state == "closed"


def test_one_message_that_fails_again_and_again_is_no_sick_endpoint() -> None:
    breaker = Breaker()
    assert not any(breaker.failed(float(n), OTHER) for n in range(50))
    assert breaker.state == "closed"


def test_the_cool_down_doubles_up_to_a_quarter_of_an_hour_and_starts_afresh_after_a_success() -> None:
    breaker, now, waits = opened(), 0.0, []
    for _ in range(8):
        waits.append(breaker.until - now)
        now = breaker.until
        assert probed(breaker, now, well=False), "it opened again"
    assert waits == [30.0, 60.0, 120.0, 240.0, 480.0, LONGEST_COOL_DOWN, LONGEST_COOL_DOWN, LONGEST_COOL_DOWN]
    assert probed(breaker, breaker.until, well=True), "and says that it closed"
    assert (breaker.until, breaker.state) == (0.0, "closed")
    assert opened().until == FIRST_COOL_DOWN


def test_what_was_on_its_way_when_it_opened_changes_nothing_unless_it_arrives() -> None:
    breaker = opened()
    assert not any(breaker.failed(5.0, key) for key in MESSAGES[OPENS_AFTER:])
    assert breaker.until == FIRST_COOL_DOWN
    breaker.probe(OTHER)
    assert not breaker.failed(31.0, MESSAGES[0])
    assert breaker.until == inf, "the probe is still to be answered"
    assert breaker.succeeded()
    assert breaker.until == 0.0


@pytest.mark.parametrize("asked", [1.0, 60.0, 24 * 3600.0])
def test_retry_after_holds_the_whole_lane_and_then_one_message_finds_out(asked: float) -> None:
    breaker, clamped = Breaker(), min(asked, LONGEST_COOL_DOWN)
    assert not breaker.failed(10.0, MESSAGES[0], asked)
    assert (breaker.until, breaker.state) == (10.0 + clamped, "held")
    assert not probed(breaker, breaker.until, well=True), "it was not open"
    assert breaker.state == "closed"


def test_a_burst_that_is_told_to_wait_counts_once_and_the_longest_wish_holds() -> None:
    breaker = Breaker()
    for seconds, key in enumerate(MESSAGES, 1):
        assert not breaker.failed(0.0, key, float(seconds))
    assert (breaker.until, breaker.state) == (float(len(MESSAGES)), "held")


def test_after_a_held_lanes_probe_failed_everything_may_go_unless_it_asks_again() -> None:
    breaker = Breaker()
    breaker.failed(0.0, MESSAGES[0], 5.0)
    probed(breaker, 5.0, well=False, asked=7.0)
    assert (breaker.until, breaker.state) == (12.0, "held")
    probed(breaker, 12.0, well=False)
    assert breaker.state == "closed"


def test_while_open_the_longer_of_cool_down_and_retry_after_counts() -> None:
    breaker = opened()
    probed(breaker, 30.0, well=False, asked=10.0)
    assert breaker.until == 30.0 + 2 * FIRST_COOL_DOWN
    probed(breaker, 90.0, well=False, asked=600.0)
    assert breaker.until == 90.0 + 600.0


def test_a_probe_that_was_never_sent_leaves_it_to_the_next() -> None:
    breaker = opened()
    breaker.probe(OTHER)
    breaker.unheard(40.0, MESSAGES[0])
    assert breaker.until == inf, "that was another message"
    breaker.unheard(40.0, OTHER)
    assert (breaker.until, breaker.state) == (40.0, "open")
    assert probed(breaker, 40.0, well=True)


TURNS = st.lists(st.tuples(st.sampled_from(["good", "bad", "wait", "lost"]), st.floats(0.0, 100.0)), max_size=200)


@given(TURNS)
def test_whatever_happens_one_at_a_time_it_neither_sticks_nor_waits_longer_than_its_longest(turns) -> None:
    breaker, now = Breaker(), 0.0
    for number, (turn, passed) in enumerate(turns):
        now = max(now + passed, breaker.until)
        key = UUID(int=number + 1)
        if breaker.until:
            breaker.probe(key)
        if turn == "good":
            breaker.succeeded()
            assert breaker.state == "closed"
        elif turn == "lost":
            breaker.unheard(now, key)
        else:
            breaker.failed(now, key, 5000.0 if turn == "wait" else 0.0)
        assert breaker.until <= now + LONGEST_COOL_DOWN
