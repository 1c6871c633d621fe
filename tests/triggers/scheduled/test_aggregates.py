"""Daily aggregates: for whom, what holds them back, and that each is sent once whatever happens to a run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from connectors.models import WaitingDelivery
from connectors.notice_models import Notice
from portal.fleet import pairing
from portal.fleet.models import Appliance, DataPoint, Gateway
from portal.tenants import scope
from portal.tenants.models import Company, Plan
from tests.conftest import Tenant
from tests.triggers.scheduled.aggregating import (
    DAY,
    RUN,
    at,
    make_aggregate,
    put,
    reasons,
    run,
    sent,
    values,
)
from tests.world import make_connector, make_data_point, make_gateway, make_trigger
from triggers import daily_aggregates
from triggers.models import AggregateRun, DailyAggregate
from triggers.scheduled.aggregates import aggregate_due, due_day

pytestmark = pytest.mark.django_db

WHOLE_DAY = [100.0 + n for n in range(96)]


def opt_in(company: Company) -> Company:
    company.daily_aggregates_enabled = True
    company.save()
    return company


@pytest.fixture
def paired(in_tenant: Tenant) -> Tenant:
    """One gateway with one inverter; its company has opted in to daily aggregates."""
    make_gateway(company=opt_in(in_tenant.company))
    make_data_point(expected_interval=900)
    return in_tenant


def with_gateways(tenant: Tenant, count: int) -> None:
    """Each with a whole day of readings, and one aggregate for each."""
    for number in range(count):
        serial = f"GW-{number + 2}"
        make_gateway(serial, company=tenant.company)
        put(tenant, WHOLE_DAY, gateway=serial, appliance=f"{serial}-INV")


# What a day comes to


@pytest.mark.line(30, 31, 32, 33)
def test_one_event_for_each_device_and_property_of_the_day(paired: Tenant) -> None:
    make_aggregate("pv.power.maximum", "maximum")
    make_aggregate("pv.runTime", "run_time")
    make_aggregate("signal.minimum", "minimum", make_data_point("gateway.signal", unit="dBm", expected_interval=900))
    put(paired, [0.0] * 24 + WHOLE_DAY[:72])
    put(paired, [-70.0, -71.5] * 48, property="gateway.signal", appliance=None)
    put(paired, [9999.0], at(24))
    put(paired, [9999.0], at(-1))
    aggregate_due(RUN)
    by_property = {one["data"]["property"]: one for one in sent()}
    assert by_property["pv.power.maximum"]["data"] == {
        "property": "pv.power.maximum",
        "function": "maximum",
        "day": "2026-11-20",
        "value": 171.0,
        "unit": "W",
        "period_start": "2026-11-20T00:00:00.000Z",
        "period_end": "2026-11-21T00:00:00.000Z",
        "coverage_percent": 100.0,
    }
    assert by_property["pv.power.maximum"]["time"] == "2026-11-21T13:00:00.000Z"
    assert by_property["pv.power.maximum"]["appliance"]["serial_number"] == "GW-1-INV"
    assert (by_property["pv.runTime"]["data"]["value"], by_property["pv.runTime"]["data"]["unit"]) == (18.0, "h")
    assert "appliance" not in by_property["signal.minimum"]
    assert by_property["signal.minimum"]["data"]["value"] == -71.5
    assert len(sent()) == 3


@pytest.mark.line(34)
def test_it_goes_to_the_connectors_that_want_it(paired: Tenant) -> None:
    connector = make_connector("https://partner.example/")
    make_trigger(connector, "aggregate/daily")
    make_aggregate("pv.power.mean", "mean")
    put(paired, WHOLE_DAY)
    aggregate_due(RUN)
    waiting = WaitingDelivery.objects.get(event_type="aggregate/daily")
    assert waiting.connector_id == connector.id


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (datetime(2026, 11, 21, 12, 59, 59, tzinfo=UTC), date(2026, 11, 19)),
        (datetime(2026, 11, 21, 13, 0, tzinfo=UTC), date(2026, 11, 20)),
        (datetime(2026, 11, 22, 12, 59, tzinfo=UTC), date(2026, 11, 20)),
        (datetime(2028, 3, 1, 13, 0, tzinfo=UTC), date(2028, 2, 29)),
        (datetime(2027, 1, 1, 13, 0, tzinfo=UTC), date(2026, 12, 31)),
    ],
)
@pytest.mark.line(32, 33)
def test_a_day_is_due_from_13_oclock_of_the_next(now: datetime, day: date) -> None:
    assert due_day(now) == day


@pytest.mark.line(33)
@pytest.mark.parametrize(
    "day",
    [
        pytest.param(date(2028, 2, 29), id="leap day"),
        pytest.param(date(2026, 3, 29), id="clocks go forward in Europe"),
        pytest.param(date(2026, 10, 25), id="clocks go back in Europe"),
    ],
)
def test_every_utc_day_has_24_hours(paired: Tenant, day: date) -> None:
    make_aggregate("pv.runTime", "run_time")
    put(paired, [5.0, *WHOLE_DAY[1:]], at(day=day))
    put(paired, [5.0], at(24, day))
    run(paired, day)
    assert values() == {"pv.runTime": 24.0}


@pytest.mark.line(25, 35)
def test_energy_is_the_growth_of_the_counter_split_at_midnight(paired: Tenant) -> None:
    make_aggregate("e", "energy", make_data_point("pv.energy", kind="counter", expected_interval=3600))
    hour = timedelta(hours=1)
    # 10 to 14 over midnight, half of it this day's; a reset; a step back of the meter's own; 4 over the next midnight.
    day = [14.0 + n for n in range(12)] + [0.5, 2.0, 1.9, 3.0] + [3.0] * 8
    put(paired, [10.0], at(-0.5), property="pv.energy")
    put(paired, day, at(0.5), hour, property="pv.energy")
    put(paired, [7.0], at(24.5), property="pv.energy")
    run(paired)
    assert values() == {"e": pytest.approx(2 + 11 + 0.5 + 1.5 - 0.1 + 1.1 + 2)}


@pytest.mark.line(25, 35)
def test_a_counter_that_wraps_loses_what_filled_it_and_never_counts_backwards(paired: Tenant) -> None:
    make_aggregate("e", "energy", make_data_point("pv.energy", kind="counter", expected_interval=3600))
    day = [65_530.0 + n for n in range(6)] + [4.0 + n for n in range(18)]  # 65,535 is the most it can hold
    put(paired, [65_530.0], at(0), property="pv.energy")
    put(paired, day, at(0.5), timedelta(hours=1), property="pv.energy")
    put(paired, [21.0], at(24), property="pv.energy")
    run(paired)
    assert values() == {"e": pytest.approx(5 + 4 + 17)}


def test_half_of_it_is_a_counter_that_began_again(paired: Tenant) -> None:
    meter = make_data_point("pv.energy", kind="counter", expected_interval=3600)
    make_aggregate("e", "energy", meter, minimum_coverage=0.0)
    put(paired, [1000.0, 500.0, 600.0], at(1), property="pv.energy")
    run(paired)
    assert values() == {"e": 600.0}


def test_what_a_counter_grew_while_it_was_doubted_over_midnight_is_both_days(paired: Tenant) -> None:
    make_aggregate("e", "energy", make_data_point("pv.energy", kind="counter", expected_interval=900))
    for quality, start, end in (("good", -24, -2), ("bad", -2, 2), ("good", 2, 23), ("uncertain", 23, 25)):
        grown = [24.0 + quarter / 4 for quarter in range(4 * start, 4 * end)]
        put(paired, grown, at(start), property="pv.energy", quality=quality)
    put(paired, [49.0], at(25), property="pv.energy")
    for day in (DAY - timedelta(days=1), DAY):
        run(paired, day)
        assert values(day) == {"e": pytest.approx(24.0)}


def test_starts_count_from_the_day_before_and_above_what_idles(paired: Tenant) -> None:
    make_aggregate("starts", "starts")
    make_aggregate("compressor", "starts", running_above=50.0)
    put(paired, [0.0], at(-0.25))
    put(paired, [12.0, 0.0, -3.0, 80.0] * 24)
    run(paired)
    assert values() == {"starts": 25, "compressor": 24}


def test_a_text_that_the_list_cannot_keep_as_it_is_holds_up_nothing(paired: Tenant) -> None:
    make_aggregate("state", "last", make_data_point("pv.state", kind="state", unit="", expected_interval=900))
    put(paired, ["nul \0 inside"] * 96, property="pv.state")
    run(paired)
    assert (values(), DailyAggregate.objects.get().value) == ({"state": "nul \0 inside"}, "nul \ufffd inside")


def test_switches_have_starts_and_texts_have_a_last_value(paired: Tenant) -> None:
    switch = make_data_point("connected", kind="state", unit="", expected_interval=900)
    mode = make_data_point("mode", kind="state", unit="", expected_interval=900)
    make_aggregate("plugged", "starts", switch)
    make_aggregate("plugged.last", "last", switch)
    make_aggregate("mode.last", "last", mode)
    make_aggregate("mode.mean", "mean", mode)
    put(paired, [False, True, True, False] * 24, property="connected")
    put(paired, ["heating", "off"] * 48, property="mode")
    run(paired)
    assert values() == {"plugged": 24, "plugged.last": False, "mode.last": "off"}
    assert reasons() == {"mode.mean": "not_numbers"}


# Quality


@pytest.mark.line(37)
@pytest.mark.parametrize(
    ("readings", "reason"),
    [
        pytest.param(WHOLE_DAY[:80], None, id="enough"),
        pytest.param(WHOLE_DAY[:76], "coverage", id="too few"),
        pytest.param([7.5] * 26 + WHOLE_DAY[:70], "stuck", id="the same for more than six hours"),
        pytest.param([7.5] * 25 + WHOLE_DAY[:71], None, id="the same for six hours"),
        pytest.param([0.0] * 60 + WHOLE_DAY[:36], None, id="at rest"),
        pytest.param([None] * 96, "no_readings", id="none"),
    ],
)
def test_poor_days_are_held_back_with_their_reason(paired: Tenant, readings: list[Any], reason: str | None) -> None:
    make_aggregate("mean", "mean")
    make_aggregate("availability", "availability")
    put(paired, [1.0], at(-30))
    if any(readings):
        put(paired, readings)
    run(paired)
    assert Notice.objects.count() == 0
    assert ("mean" in values()) == (reason is None)
    assert reasons() == ({} if reason is None else {"mean": reason})
    assert values()["availability"] == pytest.approx(100 * sum(one is not None for one in readings) / 96, abs=1e-3)


@pytest.mark.parametrize(("there_since", "tells"), [(DAY, True), (DAY + timedelta(days=1), False)])
def test_a_device_that_was_not_there_yet_has_no_such_day(paired: Tenant, there_since: date, tells: bool) -> None:
    make_aggregate("mean", "mean")
    make_aggregate("availability", "availability")
    put(paired, [1.0], at(day=DAY + timedelta(days=1)))
    Appliance.objects.update(created_at=at(day=there_since))
    run(paired)
    assert (values(), reasons()) == (({"availability": 0.0}, {"mean": "no_readings"}) if tells else ({}, {}))


@pytest.mark.line(37)
def test_flagged_readings_do_not_count(paired: Tenant) -> None:
    make_aggregate("maximum", "maximum")
    make_aggregate("any.maximum", "maximum", minimum_coverage=0.0)
    put(paired, WHOLE_DAY[:70])
    put(paired, [5000.0] * 13, at(17.5), quality="uncertain")
    put(paired, [9000.0] * 13, at(20.75), quality="bad")
    run(paired)
    assert values() == {"any.maximum": 169.0}
    assert reasons() == {"maximum": "flagged"}
    held = DailyAggregate.objects.get(state="held")
    assert held.detail == "Readings of good quality cover 72.9 % of the day, and 80 % are needed."


def test_without_an_expected_interval_the_days_own_is_taken(paired: Tenant) -> None:
    DataPoint.objects.update(expected_interval=None)
    make_aggregate("mean", "mean")
    make_aggregate("patient", "mean", holds_for=7200.0)
    put(paired, WHOLE_DAY[:48])
    put(paired, WHOLE_DAY[:11], at(13), timedelta(hours=1))
    run(paired)
    assert (list(values()), reasons()) == (["patient"], {"mean": "coverage"})


@pytest.mark.line(37, 38)
def test_numbers_too_large_hold_back_what_they_are_in_and_nothing_else(paired: Tenant) -> None:
    make_aggregate("mean", "mean")
    make_aggregate("maximum", "maximum", make_data_point("ac.power", expected_interval=900))
    make_aggregate("mean.too", "mean", DataPoint.objects.get(name="ac.power"))
    with_gateways(paired, 2)
    put(paired, [1.7e308, 1.6e308] * 48)
    put(paired, WHOLE_DAY, property="ac.power")
    run(paired)
    assert sorted(one["data"]["property"] for one in sent()) == ["maximum", "mean", "mean", "mean.too"]
    held = DailyAggregate.objects.get(state="held")
    assert (held.property, held.reason, held.value) == ("mean", "error", None)
    assert "out of range" in held.detail
    notice = Notice.objects.get()
    assert (notice.kind, notice.about, notice.count) == ("aggregate_failed", "aggregate:mean", 1)
    assert "could not be calculated for 1 of the devices" in notice.text


# For whom


@pytest.mark.line(26, 36)
def test_a_company_gets_all_of_them_or_none(paired: Tenant) -> None:
    make_aggregate("mean", "mean")
    make_aggregate("maximum", "maximum")
    other = Company.objects.create(name="Not opted in", data_points_enabled=True)
    make_gateway("GW-2", company=other)
    make_gateway("GW-3")
    make_gateway("GW-4", company=paired.company)
    Gateway.objects.filter(serial_number="GW-4").update(access_granted=False)
    for serial in ("GW-1", "GW-2", "GW-3", "GW-4"):
        put(paired, WHOLE_DAY, gateway=serial, appliance=f"{serial}-INV")
    run(paired)
    assert {one["gateway"]["serial_number"] for one in sent()} == {"GW-1"}
    assert len(sent()) == 2
    assert DailyAggregate.objects.count() == 2
    opt_in(other)
    run(paired)
    assert {one["gateway"]["serial_number"] for one in sent()} == {"GW-1", "GW-2"}


def test_only_a_plan_that_sends(paired: Tenant) -> None:
    make_aggregate("mean", "mean")
    put(paired, WHOLE_DAY)
    paired.organization.plan = Plan.BASIC
    paired.organization.save()
    aggregate_due(RUN)
    run(paired)
    assert (sent(), DailyAggregate.objects.count()) == ([], 0)


def test_another_organization_is_left_alone(paired: Tenant, stranger: Tenant) -> None:
    make_aggregate("mean", "mean")
    put(paired, WHOLE_DAY)
    with scope.organization(stranger.organization.id):
        make_gateway(company=opt_in(stranger.company))
        make_data_point(expected_interval=900)
        make_aggregate("mean", "mean")
        put(stranger, WHOLE_DAY)
    run(paired)
    assert len(sent()) == 1
    with scope.organization(stranger.organization.id):
        assert (sent(), DailyAggregate.objects.count()) == ([], 0)


def test_a_day_that_was_in_part_another_companys_is_nobodys(paired: Tenant) -> None:
    make_aggregate("mean", "mean")
    put(paired, WHOLE_DAY)
    put(paired, WHOLE_DAY, at(24))
    second = opt_in(Company.objects.create(name="Second"))
    pairing.pair(Gateway.objects.get(), second, access_granted=True)
    with connection.cursor() as cursor:
        cursor.execute(
            "update fleet_gatewaychange set pgh_created_at = %s where pgh_id = (select max(pgh_id) from"
            " fleet_gatewaychange)",
            [at(12)],
        )
    run(paired)
    assert (sent(), reasons()) == ([], {"mean": "moved"})
    assert DailyAggregate.objects.get().detail == "The gateway was another company's until 2026-11-20 12:00 UTC."
    run(paired, DAY + timedelta(days=1))
    assert [one["company"] for one in sent()] == [str(second.id)]


# Once


def test_runs_again_send_nothing_again_and_add_what_is_missing(paired: Tenant) -> None:
    make_aggregate("mean", "mean")
    put(paired, WHOLE_DAY)
    aggregate_due(RUN)
    aggregate_due(RUN + timedelta(minutes=10))
    run(paired)
    assert list(values()) == ["mean"]
    make_aggregate("maximum", "maximum")
    aggregate_due(RUN + timedelta(minutes=20))
    assert list(values()) == ["mean"]
    run(paired)
    assert list(values()) == ["mean", "maximum"]


def test_late_readings_are_taken_up_when_asked_and_never_change_what_was_sent(paired: Tenant) -> None:
    make_aggregate("mean", "mean")
    make_aggregate("maximum", "maximum", minimum_coverage=10.0)
    put(paired, WHOLE_DAY[:50])
    run(paired)
    assert (values(), reasons()) == ({"maximum": 149.0}, {"mean": "coverage"})
    put(paired, [500.0 + n for n in range(46)], at(12.5))
    run(paired)
    assert (values(), reasons()) == ({"maximum": 149.0}, {"mean": "coverage"})
    run(paired, again=True)
    assert values() == {"maximum": 149.0, "mean": pytest.approx((sum(WHOLE_DAY[:50]) + sum(range(500, 546))) / 96)}
    run(paired, again=True)
    assert (len(sent()), reasons()) == (2, {})


def test_a_crash_between_chunks_is_made_up_for(paired: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daily_aggregates, "CHUNK", 2)
    make_aggregate("mean", "mean")
    put(paired, WHOLE_DAY)
    with_gateways(paired, 5)
    accept, calls = daily_aggregates.accept_events, []

    def second_time_fails(*args: Any, **options: Any) -> Any:
        calls.append(1)
        done = accept(*args, **options)
        if len(calls) == 2:
            raise RuntimeError("the power went")
        return done

    with patch.object(daily_aggregates, "accept_events", second_time_fails):
        aggregate_due(RUN)
    assert (len(sent()), DailyAggregate.objects.count()) == (2, 2)
    assert AggregateRun.objects.get().finished_at is None
    aggregate_due(RUN + timedelta(minutes=10))
    assert len({one["gateway"]["serial_number"] for one in sent()}) == len(sent()) == 6
    assert AggregateRun.objects.get().finished_at == RUN + timedelta(minutes=10)


def test_one_organization_that_fails_stops_no_other(paired: Tenant, stranger: Tenant) -> None:
    make_aggregate("mean", "mean")
    put(paired, WHOLE_DAY)
    with scope.organization(stranger.organization.id):
        make_gateway(company=opt_in(stranger.company))
        make_data_point(expected_interval=900)
        make_aggregate("mean", "mean")
        put(stranger, WHOLE_DAY)
    accept = daily_aggregates.accept_events

    def fails_for_us(organization_id: Any, *args: Any) -> Any:
        if organization_id == paired.organization.id:
            raise RuntimeError("a bug")
        return accept(organization_id, *args)

    with patch.object(daily_aggregates, "accept_events", fails_for_us):
        aggregate_due(RUN)
    assert sent() == []
    assert Notice.objects.get().kind == "aggregate_failed"
    with scope.organization(stranger.organization.id):
        assert len(sent()) == 1


def test_a_chunk_costs_the_same_statements_whatever_is_in_it(paired: Tenant) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            run(paired)
        return len(captured)

    make_aggregate("mean", "mean")
    put(paired, WHOLE_DAY)
    few = statements()
    make_aggregate("maximum", "maximum")
    make_aggregate("minimum", "minimum")
    with_gateways(paired, 6)
    assert statements() == few


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["two schedulers", "two operators", "two operators, again"])
def test_two_at_once_send_each_once(paired: Tenant, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setattr(daily_aggregates, "CHUNK", 2)
    make_aggregate("mean", "mean", minimum_coverage=100.0)
    with_gateways(paired, 7)
    again = how.endswith("again")
    if again:
        make_aggregate("maximum", "maximum", minimum_coverage=100.0)
        put(paired, WHOLE_DAY[:40])
        run(paired)
        put(paired, WHOLE_DAY[40:], at(10))
    ready = threading.Barrier(2)

    def work(go: Callable[[], object]) -> None:
        try:
            with scope.organization(paired.organization.id):
                ready.wait(10)
                go()
        finally:
            connections.close_all()

    go = (lambda: aggregate_due(RUN)) if how == "two schedulers" else (lambda: run(paired, again=again))
    threads = [threading.Thread(target=work, args=[go]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    events = [(one["gateway"]["serial_number"], one["data"]["property"]) for one in sent()]
    assert len(events) == len(set(events)) == (16 if again else 7)
