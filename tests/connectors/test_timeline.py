"""A retry policy in words and as data."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.retry import POLICIES, Policy
from connectors.timeline import describe, span, statuses

PLAIN = Policy(name="p", title="P", schedule=(60.0,), timeout=20.0, success=frozenset({200}), pause_after=86_400.0)


def policy(*schedule: float, **fields: object) -> Policy:
    return replace(PLAIN, schedule=schedule, **fields)


def test_each_try_with_its_wait_and_its_time() -> None:
    steps = [(step.attempt, step.wait, step.at) for step in describe(POLICIES["gridx"]).steps]
    assert steps == [(1, 0, 0), (2, 15, 15), (3, 60, 75), (4, 240, 315), (5, 960, 1275), (6, 3840, 5115)]


@pytest.mark.parametrize(
    ("name", "summary", "first"),
    [
        ("gridx", "6 tries over about 85 min", "At once, then after 15 s, 1 min, 4 min, 16 min and 1 h 4 min"),
        ("withthegrid", "7 tries over about 4 days", "At once, then after 10 s, 5 min, 30 min, 2 h, 1 day and 3 days"),
        ("standard", "10 tries over about 75 h", "At once, then after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h"),
        ("urgent", "51 tries over about 50 min", "At once, then 50 times every 1 min"),
        ("bosch", "One try", "At once: one try."),
    ],
)
def test_the_schedule_in_words(name: str, summary: str, first: str) -> None:
    drawn = describe(POLICIES[name])
    assert drawn.summary == summary
    assert drawn.sentences[0].startswith(first)


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ((1.0, 1.0), "At once, then after 1 s and 1 s: 3 tries over about 2 s."),
        ((5.0, 60.0, 60.0, 60.0, 7200.0), "then after 5 s, then 3 times every 1 min, then after 2 h"),
        ((3661.0,), "At once, then after 1 h 1 min 1 s: 2 tries over about 61 min."),
        ((7 * 86_400.0,), "after 7 days: 2 tries over about 7 days."),
    ],
)
def test_equal_waits_are_told_as_one(schedule: tuple[float, ...], words: str) -> None:
    assert words in describe(policy(*schedule)).sentences[0]


def test_what_answers_lead_to() -> None:
    text = " ".join(describe(POLICIES["gridx"]).sentences)
    assert "no answer after 5 s" in text
    assert "Delivered when the answer is 200 to 202 or 204." in text
    assert "At 410 the connector is switched off" in text
    assert "Tried again when the answer is 408, 429, 500 or 502 to 504, and when there is none; every other" in text
    assert "After 1 day of nothing but failures" in text


def test_what_is_not_so_is_not_said() -> None:
    one_try = " ".join(describe(policy(gone=frozenset())).sentences)
    assert "switched off" not in one_try
    assert "out of date" not in one_try
    assert "out of date" in " ".join(describe(POLICIES["smartgridone"]).sentences)
    assert "Retry-After" not in " ".join(describe(POLICIES["none"]).sentences)
    none_transient = " ".join(describe(policy(60.0, transient=frozenset())).sentences)
    assert "No answer at all is tried again; every other answer is final." in none_transient
    assert "final" in " ".join(describe(POLICIES["none"]).sentences)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({200}, "200"),
        ({200, 204}, "200 or 204"),
        (range(200, 300), "any 2xx"),
        ([*range(200, 300), 404, *range(500, 505)], "any 2xx, 404 or 500 to 504"),
        (range(200, 600), "any 2xx, any 3xx, any 4xx or any 5xx"),
    ],
)
def test_statuses(given: object, words: str) -> None:
    assert statuses(given) == words


def test_a_span_of_nothing() -> None:
    assert span(0) == "0 s"
