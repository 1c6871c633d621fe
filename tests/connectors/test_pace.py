"""Never more than the number in any minute, at an even pace, and never stuck."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.pace import Pace

SLIP = 1e-6
"""What floating point may be off by over an hour, in seconds."""


def taken(pace: Pace, start: float, seconds: float) -> list[float]:
    """When requests go that never stop wanting to."""
    times, now = [], start
    while (now := pace.next_free(now)) < start + seconds:
        pace.take(now)
        times.append(now)
    return times


@pytest.mark.parametrize(
    ("per_minute", "burst"), [(1, 1), (2, 1), (59, 1), (60, 1), (119, 1), (120, 2), (600, 10), (6000, 100)]
)
def test_at_most_a_second_at_once_and_the_number_in_a_minute(per_minute: int, burst: int) -> None:
    times = taken(Pace(per_minute), 1000.0, 180.0)
    assert sum(time < 1000.0 + SLIP for time in times) == burst
    assert len([time for time in times if time < 1060.0 - SLIP]) == per_minute
    assert all(later - earlier >= 60.0 - SLIP for earlier, later in zip(times, times[per_minute:], strict=False))
    assert len(times) >= 3 * (per_minute - burst), "and no slower than that needs"


def test_a_quiet_lane_saves_no_more_than_its_burst() -> None:
    pace = Pace(120)
    taken(pace, 0.0, 60.0)
    assert sum(time < 5000.0 + SLIP for time in taken(pace, 5000.0, 60.0)) == 2


@given(st.integers(1, 3000), st.lists(st.floats(0.0, 20.0), min_size=1, max_size=60))
def test_no_minute_ever_has_more_however_they_come(per_minute: int, pauses: list[float]) -> None:
    pace, now, times = Pace(per_minute), 0.0, []
    for pause in pauses:
        now += pause
        for _ in range(8):
            now = pace.next_free(now)
            pace.take(now)
            times.append(now)
    assert all(later >= earlier for earlier, later in pairwise(times))
    assert all(later - earlier >= 60.0 - SLIP for earlier, later in zip(times, times[per_minute:], strict=False))
