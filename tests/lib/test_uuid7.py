from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone
from uuid import RFC_4122, UUID

import pytest

from portal.lib import uuid7 as module
from portal.lib.uuid7 import day_bounds, lowest, time_of, uuid7, uuid7s

MOMENT = datetime(2026, 11, 21, 10, 0, 0, 123456, tzinfo=UTC)


def test_is_a_uuid_of_version_7() -> None:
    for key in (uuid7(), uuid7(MOMENT)):
        assert (key.version, key.variant) == (7, UUID("0190a0e6-0000-7000-8000-000000000000").variant)


def test_ids_of_one_thread_sort_as_they_were_made() -> None:
    made = [uuid7() for _ in range(20_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_many_at_once_are_as_if_made_one_by_one() -> None:
    made = [uuid7(), *uuid7s(5_000), uuid7(), *uuid7s(1)]
    assert made == sorted(set(made))
    assert {(key.version, key.variant) for key in made} == {(7, RFC_4122)}
    assert uuid7s(0) == []


def test_ids_of_several_threads_never_meet_and_sort_within_each() -> None:
    start = threading.Barrier(4)

    def make() -> list[UUID]:
        start.wait()
        return [uuid7() for _ in range(5_000)]

    with ThreadPoolExecutor(4) as pool:
        made = [future.result() for future in [pool.submit(make) for _ in range(4)]]
    assert all(one == sorted(one) for one in made)
    assert len(set().union(*made)) == 20_000


def test_a_clock_that_goes_back_does_not_change_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    before = uuid7()
    monkeypatch.setattr(module.time, "time_ns", time.monotonic_ns)  # decades ago
    after = [uuid7() for _ in range(1_000)]
    assert [before, *after] == sorted([before, *after])
    assert time_of(after[-1]) - time_of(before) < timedelta(seconds=1)


def test_a_full_millisecond_runs_over_into_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    milliseconds = time.time_ns() // 1_000_000 + 60_000
    full = UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62 | (1 << 62) - 1)
    monkeypatch.setattr(module, "_last", full.int)
    key = uuid7()
    assert key.int >> 80 == milliseconds + 1
    assert (key.version, uuid7() > key) == (7, True)


@pytest.mark.parametrize("microsecond", [0, 1_000, 1_999, 57_000, 123_456, 999_000, 999_999])
def test_carries_its_moment_to_the_millisecond(microsecond: int) -> None:
    for second in range(60):
        moment = MOMENT.replace(second=second, microsecond=microsecond)
        assert time_of(uuid7(moment)) == moment.replace(microsecond=microsecond // 1000 * 1000)


def test_no_millisecond_of_a_second_is_cut_into_the_one_before() -> None:
    for millisecond in range(1000):
        moment = MOMENT.replace(microsecond=millisecond * 1000)
        assert time_of(lowest(moment)) == moment


def test_a_moment_of_another_time_zone_is_the_same_moment() -> None:
    abroad = MOMENT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert lowest(abroad) == lowest(MOMENT)


def test_bounds_of_days_touch_and_hold_each_id_of_the_day() -> None:
    low, high = day_bounds(date(2026, 11, 21))
    assert (high, high) == (day_bounds(date(2026, 11, 22))[0], lowest(datetime(2026, 11, 22, tzinfo=UTC)))
    midnight = datetime(2026, 11, 21, tzinfo=UTC)
    last = midnight + timedelta(days=1, microseconds=-1)
    for moment in (midnight, MOMENT, last):
        assert low <= uuid7(moment) < high
    assert uuid7(midnight - timedelta(microseconds=1)) < low
    assert uuid7(last + timedelta(microseconds=1)) >= high
