"""Every answer under every policy, and how long the wait is."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.message import ErrorClass, Headers, Outcome
from connectors.retry import POLICIES, decide, retry_after

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
HOUR = 3600.0
MIDDLE = 0.5  # the jitter that leaves a wait as it is
EVERY_STATUS = range(100, 600)


def outcome(status: int | None = None, error: ErrorClass | None = None, headers: Headers = ()) -> Outcome:
    return Outcome(status=status, error=error, detail="why", headers=headers, body=b"", truncated=False, duration=0.1)


def states(policy: str, attempt: int = 1) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for status in EVERY_STATUS:
        decision = decide(POLICIES[policy], outcome(status), attempt, NOW, MIDDLE)
        assert (decision.delay is not None) == (decision.state == "retry")
        found.setdefault(decision.state, set()).add(status)
    return found


@pytest.mark.parametrize("policy", ["standard", "urgent"])
def test_all_but_2xx_and_410_is_tried_again(policy):
    delivered = set(range(200, 300))
    rest = set(EVERY_STATUS) - delivered - {410}
    assert states(policy) == {"delivered": delivered, "gone": {410}, "retry": rest}


@pytest.mark.line(*range(166, 171), 172)
def test_gridx_classes_of_answers():
    delivered = {200, 201, 202, 204}
    transient = {408, 429, 500, 502, 503, 504}
    permanent = set(EVERY_STATUS) - delivered - transient - {410}
    assert states("gridx") == {
        "delivered": delivered,
        "gone": {410},
        "retry": transient,
        "failed": permanent,
    }
    assert {203, 206, 301, 302, 400, 401, 404, 501} <= permanent


def test_none_never_tries_again():
    delivered = set(range(200, 300))
    rest = set(EVERY_STATUS) - delivered - {410}
    assert states("none") == {"delivered": delivered, "gone": {410}, "failed": rest}


@pytest.mark.parametrize("policy", ["standard", "gridx", "urgent"])
@pytest.mark.parametrize("error", list(ErrorClass))
def test_no_answer_is_tried_again_unless_our_side_failed(policy, error):
    state = decide(POLICIES[policy], outcome(error=error), 1, NOW, MIDDLE).state
    assert state == {"render": "failed", "expired": "expired"}.get(error, "retry")


def test_schedules_add_up_to_what_they_say():
    standard, gridx, urgent = POLICIES["standard"], POLICIES["gridx"], POLICIES["urgent"]
    assert standard.tries == 10
    assert 75 * HOUR <= sum(standard.schedule) < 76 * HOUR
    assert (gridx.tries, gridx.timeout) == (6, 5.0)
    assert {later / earlier for earlier, later in zip(gridx.schedule, gridx.schedule[1:], strict=False)} == {4.0}
    assert (set(urgent.schedule), sum(urgent.schedule)) == ({60.0}, 50 * 60.0)
    assert {POLICIES[name].tries for name in ("none", "bosch", "smartgridone")} == {1}
    assert [name for name, policy in POLICIES.items() if policy.expires] == ["smartgridone"]
    assert all(name == policy.name for name, policy in POLICIES.items())


@pytest.mark.line(77)
def test_the_waits_of_withthegrid_are_those_of_its_table():
    assert POLICIES["withthegrid"].schedule == (10, 5 * 60, 30 * 60, 2 * HOUR, 24 * HOUR, 72 * HOUR)
    assert POLICIES["withthegrid"].tries == 7
    assert POLICIES["withthegrid"].pause_after > sum(POLICIES["withthegrid"].schedule)


@pytest.mark.line(169, 170)
def test_the_classes_and_tries_of_gridx():
    policy = POLICIES["gridx"]
    assert (policy.tries, policy.success, policy.gone) == (6, {200, 201, 202, 204}, {410})
    assert policy.transient == {408, 429, 500, 502, 503, 504}


@pytest.mark.parametrize("name", list(POLICIES))
def test_each_try_has_its_wait_and_the_last_one_fails(name):
    policy = POLICIES[name]
    decisions = [decide(policy, outcome(503), n, NOW, MIDDLE) for n in range(1, policy.tries + 2)]
    assert [decision.delay for decision in decisions] == pytest.approx([*policy.schedule, None, None])
    assert [decision.state for decision in decisions] == ["retry"] * len(policy.schedule) + ["failed"] * 2


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 9))
def test_jitter_stays_within_a_fifth(jitter, attempt):
    planned = POLICIES["standard"].schedule[attempt - 1]
    delay = decide(POLICIES["standard"], outcome(500), attempt, NOW, jitter).delay
    assert delay is not None
    assert planned * 0.799 <= delay <= planned * 1.201


RETRY_AFTER = [
    ("120", 120.0),
    (" 120 ", 120.0),
    ("0", 1.0),
    ("-5", 1.0),
    ("1000000000000", 24 * HOUR),
    ("9" * 5000, 24 * HOUR),
    (format_datetime(NOW + timedelta(minutes=10), usegmt=True), 600.0),
    (format_datetime(NOW - timedelta(days=1), usegmt=True), 1.0),
    (format_datetime(NOW + timedelta(days=400), usegmt=True), 24 * HOUR),
    ("Sat, 21 Nov 2026 10:10:00 -0000", 600.0),
    ("1e12", None),
    ("soon", None),
    ("", None),
    ("1.5", None),
    ("Sat, 99 Nov 2026 10:10:00 GMT", None),
    ("Sat, 21 Nov 99999 10:10:00 GMT", None),
]


@pytest.mark.parametrize(("value", "seconds"), RETRY_AFTER)
def test_retry_after_is_read_and_clamped(value, seconds):
    assert retry_after((("rEtRy-AfTeR", value),), NOW) == seconds


@given(st.text(alphabet=st.characters(codec="latin-1"), max_size=60))
def test_no_retry_after_breaks_the_decision(value):
    seconds = retry_after((("Retry-After", value),), NOW)
    assert seconds is None or 1 <= seconds <= 24 * HOUR


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_retry_after_makes_the_wait_longer_but_never_shorter(status):
    policy = POLICIES["gridx"]
    longer = decide(policy, outcome(status, headers=(("Retry-After", "3600"),)), 1, NOW, MIDDLE)
    shorter = decide(policy, outcome(status, headers=(("Retry-After", "1"),)), 5, NOW, MIDDLE)
    assert longer.delay == 3600.0
    assert "asked" in longer.reason
    assert shorter.delay == pytest.approx(policy.schedule[4])


def test_retry_after_adds_no_try():
    headers = (("Retry-After", "10"),)
    assert decide(POLICIES["gridx"], outcome(503, headers=headers), 6, NOW, MIDDLE).state == "failed"
    assert decide(POLICIES["gridx"], outcome(400, headers=headers), 1, NOW, MIDDLE).state == "failed"


SICK, WELL, UNKNOWN = "sick", "well", "unknown"
ENDPOINTS = [
    ("standard", outcome(200), WELL),
    ("standard", outcome(410), WELL),
    ("standard", outcome(404), SICK),
    ("gridx", outcome(404), WELL),
    ("gridx", outcome(503), SICK),
    ("none", outcome(500), SICK),
    ("standard", outcome(error=ErrorClass.TIMEOUT), SICK),
    ("standard", outcome(error=ErrorClass.RENDER), UNKNOWN),
]


@pytest.mark.parametrize(("policy", "came_to", "endpoint"), ENDPOINTS)
@pytest.mark.parametrize("attempt", [1, 99])
def test_a_try_says_whether_the_endpoint_is_sick_also_when_it_was_the_last(policy, came_to, endpoint, attempt):
    assert decide(POLICIES[policy], came_to, attempt, NOW, MIDDLE).endpoint == endpoint


@pytest.mark.parametrize(
    ("status", "hold"), [(429, 60.0), (502, 60.0), (503, 60.0), (504, 60.0), (500, 0.0), (404, 0.0), (200, 0.0)]
)
def test_what_speaks_of_the_endpoint_asks_for_a_wait_of_everything(status, hold):
    answer = outcome(status, headers=(("Retry-After", "60"),))
    for attempt in (1, 99):
        assert decide(POLICIES["standard"], answer, attempt, NOW, MIDDLE).hold == hold
    assert decide(POLICIES["standard"], outcome(status), 1, NOW, MIDDLE).hold == 0.0


def test_the_days_of_only_failures_after_which_a_connector_is_paused():
    days = {name: policy.pause_after / (24 * HOUR) for name, policy in POLICIES.items()}
    assert days == {"standard": 5, "gridx": 1, "urgent": 1, "none": 1, "withthegrid": 5, "bosch": 1, "smartgridone": 1}
