"""The faults of the plan in short: the functions of `make soak`, with smaller figures."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.soak import scenarios
from bench.soak.partner import Partner
from bench.soak.report import Report
from bench.soak.scenarios import Site
from tests.whole.stack import Stack

pytestmark = pytest.mark.whole

ENOUGH_API_CALLS = "100000/min"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    unrecorded = 200
    env = {
        "DELIVERY_MAX_UNRECORDED": str(unrecorded),
        "API_RATE": ENOUGH_API_CALLS,
        "DJANGO_SETTINGS_MODULE": "bench.soak.poisoned_settings",
    }
    with Partner() as partner, Stack(tmp_path_factory.mktemp("faults"), workers=2, env=env) as stack:
        yield Site(stack=stack, partner=partner, workers=2, unrecorded=unrecorded)


def holds(report: Report) -> bool:
    print(report)
    return not report.broken


def test_a_partner_that_hangs_delays_only_itself(site: Site) -> None:
    assert holds(scenarios.f8_partner_hangs(site, queued=1000, tenants=5, events=10, healthy_p95=10.0))


def test_a_rolling_restart_sends_nothing_twice(site: Site) -> None:
    assert holds(scenarios.f7_rolling_restart(site, rounds=1))


def test_redis_away_is_not_noticed(site: Site) -> None:
    assert holds(scenarios.f3_redis_away(site, flushes=2, kills=1, resets=3, frozen=6.0))


def test_a_frozen_workers_late_results_change_nothing(site: Site) -> None:
    assert holds(scenarios.f6_worker_frozen(site, times=1))


def test_killed_workers_lose_nothing(site: Site) -> None:
    assert holds(scenarios.f1_workers_killed(site, deliveries=1600, kills=3))


def test_a_database_that_was_away_lost_nothing(site: Site) -> None:
    assert holds(scenarios.f2_database_away(site, kills=1, stops=1, away=4.0))
