"""What a site's last values make of a snapshot, as tables; and the moments at which one is due."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from portal.events.catalogue import CATALOGUE, validate
from portal.fleet.appliance_types import APPLIANCE_KINDS, APPLIANCE_TYPES
from triggers.moments import ClockTrigger, Window, window
from triggers.snapshots import Device, Measured, device_type, take

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def device(type_: str, kind: str = "", *measured: tuple[str, str, Any], name: str = "D") -> Device:
    return Device(id=name, type=type_, kind=kind, measured=[Measured(name=n, unit=u, value=v) for n, u, v in measured])


@pytest.mark.line(116, 121, 122, 123, 124, 125, 126)
@pytest.mark.parametrize(
    ("type_", "kind", "expected"),
    [
        ("inverter", "", "solar"),
        ("inverter", "pv", "solar"),
        ("inverter", "hybrid", "solar"),
        ("inverter", "battery", "storage"),
        ("meter", "grid", "grid"),
        ("meter", "pv", "solar"),
        ("meter", "heat_pump", "heat_pump"),
        ("meter", "evstation", "variable_power_load"),
        ("meter", "heating", "switched_load"),
        ("meter", "", "fixed"),
        ("meter", "wind_turbine", None),
        ("heat_pump", "", "heat_pump"),
        ("heater", "", "switched_load"),
        ("evstation", "", "variable_power_load"),
        ("container", "", None),
        ("unknown", "", "fixed"),
    ],
)
def test_what_a_device_is_in_a_snapshot(type_: str, kind: str, expected: str | None) -> None:
    assert device_type(device(type_, kind)) == expected


@pytest.mark.line(121, 122, 123, 124, 125, 126, 127)
@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (device("meter", "grid", ("grid.power", "W", -1250.5)), {"grid": {"active_power_w": -1250.5}}),
        (device("inverter", "pv", ("acPower", "kW", 4.31)), {"solar": {"active_power_w": 4310.0}}),
        (
            device("inverter", "battery", ("battery.power", "W", 1500.0), ("battery.state_of_charge", "%", 63.5)),
            {"storage": {"active_power_w": -1500.0, "mean_soc_percent": 63.5}},
        ),
        (
            device("heat_pump", "", ("hvac.power", "W", 950.0), ("hvac.mode", "", "hot_water")),
            {"heat_pump": {"active_power_w": -950.0, "operation_modes": ["on"]}},
        ),
        (
            device("heat_pump", "", ("hvac.power", "W", 0.0), ("hvac.mode", "", "standby")),
            {"heat_pump": {"active_power_w": 0.0, "operation_modes": ["off"]}},
        ),
        (device("evstation", "", ("charger.power", "W", 11e3)), {"variable_power_load": {"active_power_w": -11e3}}),
        (device("heater", "", ("power", "W", 2e3)), {"switched_load": {"active_power_w": -2e3}}),
        (
            device(
                "meter", "grid", ("grid.power_limit_import", "W", 17250.0), ("grid.limit_feed_in", "W", 10e3),
                ("energy.imported.today", "kWh", 1.83), ("energy.exported.today", "kWh", 5.12),
            ),
            {
                "grid": {
                    "import_limit_w": 17250.0, "export_limit_w": 10e3,
                    "today_imported_energy_wh": 1830.0, "today_exported_energy_wh": 5120.0,
                },
            },
        ),
        (
            device(
                "inverter", "battery", ("energy_stored", "kWh", 6.35), ("capacity", "kWh", 10.0),
                ("charged_today", "Wh", 4200.0), ("discharged_today", "Wh", 2100.0),
            ),
            {
                "storage": {
                    "energy_stored_wh": 6350.0, "energy_capacity_wh": 10e3,
                    "today_charged_wh": 4200.0, "today_discharged_wh": 2100.0,
                },
            },
        ),
        (
            device("inverter", "pv", ("pv.power", "W", 10.0), ("pv.power_l1", "W", 3.0), ("pv.max_power", "W", 9e3)),
            {"solar": {"active_power_w": 10.0}},
        ),
        (
            device("inverter", "pv", ("pv.power", "W", 10.0), ("pv.energy", "kWh", 900.0), ("pv.today", "°C", 9.0)),
            {"solar": {"active_power_w": 10.0}},
        ),
        (
            device("inverter", "battery", ("power", "W", 1.0), ("soc", "%", 101.0)),
            {"storage": {"active_power_w": -1.0}},
        ),
        (device("inverter", "pv", ("power", "W", "much")), None),
        (device("container", "", ("power", "W", 5.0)), None),
        (device("inverter", "pv"), None),
    ],
)  # fmt: skip
def test_what_a_device_tells(made: Device, expected: dict[str, Any] | None) -> None:
    assert take([made], with_devices=False) == expected


@pytest.mark.line(116)
def test_devices_of_a_type_count_together_and_a_meter_beside_them_does_not() -> None:
    site = [
        device("inverter", "pv", ("pv.power", "W", 1000.0)),
        device("inverter", "pv", ("pv.power", "W", 500.0)),
        device("meter", "pv", ("meter.power", "W", 1490.0), ("meter.energy_today", "Wh", 7000.0)),
        device("inverter", "battery", ("soc", "%", 40.0)),
        device("inverter", "battery", ("soc", "%", 60.0)),
        device("meter", "heat_pump", ("meter.power", "W", 800.0)),
    ]
    assert take(site, with_devices=False) == {
        "solar": {"active_power_w": 1500.0, "today_energy_wh": 7000.0},
        "storage": {"mean_soc_percent": 50.0},
        "heat_pump": {"active_power_w": -800.0},
    }


@pytest.mark.line(115)
def test_each_device_by_itself() -> None:
    site = [
        device("meter", "grid", ("grid.power", "W", 700.0), name="M"),
        device("unknown", "", ("power", "W", 700.0), name="X"),
        device("heater", name="H"),
        device("container", name="C"),
    ]
    assert take(site, with_devices=True) == {
        "grid": {"active_power_w": 700.0},
        "switched_load": {},
        "devices": [
            {"node_id": "M", "type": "grid", "active_power_w": 700.0},
            {"node_id": "X", "type": "fixed", "active_power_w": -700.0},
            {"node_id": "H", "type": "switched_load"},
        ],
    }


def test_whatever_is_measured_the_snapshot_is_one_that_the_catalogue_knows() -> None:
    """Every type and kind, with values from the sensible to the absurd."""
    measured = [
        (f"{words}.{n}", unit, value)
        for n, value in enumerate((0.0, -1.0, 5.0, 1e300, -1e300, True, "on"))
        for words, unit in (("power", "W"), ("soc", "%"), ("energy_today_imported", "MWh"), ("limit_export", "MW"))
    ]
    for one in measured:
        site = [device(t, k, one, ("power", "W", 1.0)) for t in APPLIANCE_TYPES for k in APPLIANCE_KINDS]
        snapshot = take(site, with_devices=True)
        assert snapshot is not None
        data = {"level": "device", "period_s": 60, "expires_at": "2026-01-15T10:32:00.000Z", **snapshot}
        assert validate(CATALOGUE["telemetry/snapshot"], data) == []


def trigger(interval: int, number: int = 1) -> ClockTrigger:
    key = UUID(int=number)
    return ClockTrigger(key, key, "snapshot", interval, "device_type", [], key, None)


@pytest.mark.line(114)
@pytest.mark.parametrize(
    ("interval", "done", "start"),
    [
        pytest.param(60, -1, -1, id="a tick later"),
        pytest.param(60, -9, -9, id="some ticks late"),
        pytest.param(60, -3600, -10, id="missed: no more than the last ten seconds"),
        pytest.param(5, -30, -10, id="missed, with a short interval"),
        pytest.param(3600, -3600, -600, id="missed, with a long interval"),
        pytest.param(60, 0, None, id="done already"),
        pytest.param(60, 3, None, id="done by another process, which is a little ahead"),
        pytest.param(60, 3600, 0, id="the clock was set back by an hour: go on from now"),
    ],
)
def test_what_is_due(interval: int, done: float, start: float | None) -> None:
    due = window(trigger(interval), NOON + timedelta(seconds=done), NOON)
    expected = None if start is None else Window(start=NOON + timedelta(seconds=start), end=NOON)
    assert due == expected


def test_a_window_has_no_gap_to_the_next() -> None:
    parameters = Window(start=NOON, end=NOON + timedelta(microseconds=1_000_999)).parameters(trigger(60))
    after = Window(start=NOON + timedelta(microseconds=1_000_999), end=NOON + timedelta(seconds=2)).parameters(
        trigger(60)
    )
    assert after["until"] - after["length"] == parameters["until"]


def test_two_triggers_have_moments_of_their_own() -> None:
    due = Window(start=NOON, end=NOON)
    assert len(Counter(due.parameters(trigger(60, number))["seed"] for number in range(1, 5))) == 4
