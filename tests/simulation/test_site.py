"""The simulated devices: repeatable, plausible, and with every fault that partners have to cope with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from portal.events import catalogue
from triggers.simulation import fleet
from triggers.simulation.site import Minute, Site
from triggers.simulation.weather import height_of_sun

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
MIDNIGHT = datetime(2026, 4, 15, tzinfo=UTC)
DAY = 24 * 60
CAR_HOMES = (3, 7, 11)
"""They have all that can fail."""
POINTS = {point.name: point for point in fleet.POINTS}


def minutes(number: int, *, seed: int = 1, days: int = 1) -> Iterator[Minute]:
    site = Site(fleet.gateway(number), seed, MIDNIGHT)
    return (site.step(NOW) for _ in range(days * DAY))


def series(number: int, name: str, **more: int) -> list[float | bool | str]:
    return [item.value for minute in minutes(number, **more) for item in minute.readings if item.property == name]


def test_the_same_seed_gives_the_same_values_and_another_seed_others() -> None:
    one, again, other = (list(minutes(3, seed=seed)) for seed in (1, 1, 2))
    assert one == again
    assert one != other


@pytest.mark.parametrize("number", range(4))
def test_every_value_is_of_a_data_point_of_the_fleet_and_of_its_kind(number: int) -> None:
    serials = {appliance.serial_number for appliance in fleet.gateway(number).appliances}
    for minute in minutes(number):
        for item in minute.readings:
            assert item.appliance is None or item.appliance in serials
            is_number = isinstance(item.value, (int, float)) and not isinstance(item.value, bool)
            assert is_number == (POINTS[item.property].kind != "state")
        measured = [(item.appliance, item.property) for item in minute.readings]
        assert len(measured) == len(set(measured))


def test_the_first_minute_measures_everything() -> None:
    names = {item.property for number in range(4) for item in next(minutes(number)).readings}
    assert names == set(POINTS)


def test_the_catalogue_takes_every_event_and_every_kind_of_fault_comes_up() -> None:
    seen: Counter[str] = Counter()
    for number in CAR_HOMES:
        for minute in minutes(number, days=12):
            for event in minute.events:
                seen[event.type] += 1
                event_type = catalogue.CATALOGUE[event.type]
                assert catalogue.validate(event_type, event.data) == []
                assert event.appliance is not None or event_type.subject != "appliance"
    signal = "grid-signal-processor/limitation-of-power-consumption"
    assert set(seen) == {
        *("gateway/offline", "gateway/online", "appliance/offline", "appliance/online", "inverter/status"),
        *("ev/plugged", "ev/unplugged", "ev/charge-started", "ev/charge-stopped", "ev/charge-failed"),
        *("ev/measurement", f"{signal}/set", f"{signal}/unset"),
    }


def test_a_gateway_that_is_away_measures_nothing_until_it_is_back() -> None:
    away = False
    silent = 0
    for minute in minutes(0, days=14):
        types = [event.type for event in minute.events]
        away = "gateway/offline" in types or (away and "gateway/online" not in types)
        assert bool(minute.readings) != away
        silent += away
    assert silent >= 10


def test_counters_only_grow_but_for_resets_to_zero() -> None:
    values = [float(value) for value in series(0, "pv.energy", days=30)]
    falls = [after for before, after in pairwise(values) if after < before]
    assert falls
    assert all(after < 1 for after in falls)


def test_the_sun_shines_by_day_and_clouds_pass() -> None:
    assert height_of_sun(datetime(2026, 4, 15, 1, tzinfo=UTC)) == 0
    summer, winter = (height_of_sun(datetime(2026, month, 21, 12, tzinfo=UTC)) for month in (6, 12))
    assert summer > winter > 0
    by_day = [float(value) for value in series(2, "pv.power")]
    assert min(by_day) == 0
    assert max(by_day) > 20_000
    steps = [abs(after - before) for before, after in pairwise(by_day)]
    assert max(steps) > 1_000


def test_what_a_battery_holds_stays_within_what_it_can() -> None:
    charges = [float(value) for value in series(0, "battery.state_of_charge", days=7)]
    assert 0 <= min(charges) < 40
    assert 80 < max(charges) <= 100


def test_gateways_have_serial_numbers_of_their_own() -> None:
    fleet_of_500 = fleet.gateways(500)
    assert len({spec.serial_number for spec in fleet_of_500}) == 500
    appliances = [item.serial_number for spec in fleet_of_500 for item in spec.appliances]
    assert len(set(appliances)) == len(appliances)
