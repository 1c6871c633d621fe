"""Days that were measured at real plants: what is sent equals what plain Python makes of the files."""

from __future__ import annotations

import csv
import math
import statistics
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.triggers.scheduled.aggregating import make_aggregate, run, sent, take, values
from tests.world import make_data_point, make_gateway, reading
from triggers.models import DailyAggregate

pytestmark = pytest.mark.django_db

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
MOUNTAIN_STANDARD = timezone(timedelta(hours=-7))
QUARTER_HOUR = Decimal("0.25")
TEMPERATURE, POWER = "ambient_temp__1053", "inv2_ac_power_w__1047"
NREL_DAYS = [date(2022, 1, day) for day in (3, 4, 5, 6)]
"""Its days are local ones, seven hours behind: the first and the last UTC day are not whole."""


@pytest.fixture
def paired(in_tenant: Any) -> Any:
    in_tenant.company.daily_aggregates_enabled = True
    in_tenant.company.save()
    make_gateway(company=in_tenant.company)
    return in_tenant


def rows_of(name: str) -> list[dict[str, str]]:
    path = DATA / name
    if not path.is_file():
        pytest.fail(f"The real telemetry is missing: shared/data/{name} must stand beside the checkout.")
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def nrel(column: str) -> dict[date, list[Decimal]]:
    """The column's values of each UTC day, every quarter of an hour."""
    days: dict[date, list[Decimal]] = defaultdict(list)
    for row in rows_of("nrel_RSF_II.csv"):
        days[nrel_time(row).date()].append(Decimal(row[column]))
    return days


def nrel_time(row: dict[str, str]) -> datetime:
    local = datetime.strptime(row[""], "%m/%d/%Y %H:%M").replace(tzinfo=MOUNTAIN_STANDARD)
    return local.astimezone(UTC)


def load_nrel(tenant: Any, *columns: str) -> None:
    rows = rows_of("nrel_RSF_II.csv")
    for column in columns:
        take(
            tenant.organization.id,
            [reading(float(row[column]), nrel_time(row), property=column) for row in rows if row[column]],
        )


@pytest.mark.line(30, 31, 33)
def test_temperature_and_power_of_a_plant(paired: Any) -> None:
    temperature = make_data_point(TEMPERATURE, unit="°C", expected_interval=900)
    power = make_data_point(POWER, expected_interval=900)
    for function in ("minimum", "maximum", "mean", "last"):
        make_aggregate(f"t.{function}", function, temperature)
    for function in ("starts", "run_time", "maximum", "availability"):
        make_aggregate(f"p.{function}", function, power)
    load_nrel(paired, TEMPERATURE, POWER)
    by_hand_t, by_hand_p = nrel(TEMPERATURE), nrel(POWER)
    all_starts = 0
    for day in NREL_DAYS:
        run(paired, day)
        cold, watts = by_hand_t[day], by_hand_p[day]
        assert (len(cold), len(watts)) == (96, 96)
        before = by_hand_p[day - timedelta(days=1)][-1]
        began = sum(1 for one, next_one in zip([before, *watts], watts, strict=False) if one <= 0 < next_one)
        running = sum(QUARTER_HOUR for one in watts if one > 0)
        all_starts += began
        assert values(day) == {
            "t.minimum": float(min(cold)),
            "t.maximum": float(max(cold)),
            "t.mean": pytest.approx(float(statistics.mean(cold)), rel=1e-11),
            "t.last": float(cold[-1]),
            "p.starts": began,
            "p.run_time": float(running),
            "p.maximum": float(max(watts)),
            "p.availability": 100,
        }
    assert all_starts > 0


@pytest.mark.line(25, 35)
def test_the_energy_of_a_counter_that_was_reset_at_noon(paired: Any) -> None:
    """The plant has no meter in its file: the test makes one of its power, and resets it once."""
    counter = make_data_point("pv.energy", unit="kWh", kind="counter", expected_interval=900)
    make_aggregate("pv.energyOfDay", "energy", counter)
    total, items, produced = Decimal(1200), [], defaultdict(Decimal)
    for row in rows_of("nrel_RSF_II.csv"):
        time, growth = nrel_time(row), max(Decimal(0), Decimal(row["ac_power_kw_1137"])) * QUARTER_HOUR
        if time == datetime(2022, 1, 5, 19, tzinfo=UTC):
            total = Decimal(0)
        total += growth
        produced[(time - timedelta(minutes=15)).date()] += growth
        items.append(reading(float(total), time, property="pv.energy"))
    take(paired.organization.id, items)
    for day in NREL_DAYS:
        run(paired, day)
        assert produced[day] > 1
        assert values(day)["pv.energyOfDay"] == pytest.approx(float(produced[day]), rel=1e-9)


@pytest.mark.line(37)
def test_the_days_of_a_stuck_sensor_are_held_back_and_the_others_are_sent(paired: Any) -> None:
    """Its days are those in which the file's own mask marks a reading. Half of its days have hardly any readings."""
    rows = [row for row in rows_of("ac_power_inv_2173_stale_data.csv") if row["value_normalized"]]
    point = make_data_point("ac.power", unit="", expected_interval=900)
    make_aggregate("ac.power.mean", "mean", point, stuck_after=4 * 3600)
    items, by_day, stuck = [], defaultdict(list), set()
    for row in rows:
        time = datetime.fromisoformat(row["timestamp"]).astimezone(UTC)
        items.append(reading(float(row["value_normalized"]), time, property="ac.power"))
        by_day[time.date()].append(Decimal(row["value_normalized"]))
        if row["stale_data_mask"] == "True":
            stuck.add(time.date())
    take(paired.organization.id, items)
    days = [date(2010, 12, 29) + timedelta(days=n) for n in range(32)]
    for day in days:
        run(paired, day)
    kept = {day for day in days if day not in stuck and len(by_day[day]) >= 0.8 * 96}
    assert (len(stuck), len(kept)) == (6, 14)
    assert {date.fromisoformat(one["data"]["day"]) for one in sent()} == kept
    held = {one.day: one.reason for one in DailyAggregate.objects.filter(state="held")}
    assert {day for day, reason in held.items() if reason == "stuck"} == stuck
    assert {held[day] for day in set(days) - stuck - kept} == {"coverage", "no_readings"}
    for document in sent():
        day = date.fromisoformat(document["data"]["day"])
        if len(by_day[day]) == 96:
            assert math.isclose(document["data"]["value"], float(statistics.mean(by_day[day])), rel_tol=1e-9)
