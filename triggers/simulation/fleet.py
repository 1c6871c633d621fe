"""What the simulated fleet consists of. The demo's rows and what `simulate` sends both come from here.

Gateway number n is the same site in every run: its layout, its devices and its serial numbers follow from n.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

ORGANIZATION = "Nordlys Energi"
COMPANIES = ("Fjordvarme Hjem", "Solgaard Drift")
"""Private homes, and a company that runs plants."""

DEMO_GATEWAYS = 40

Role: TypeAlias = Literal["inverter", "battery", "heat_pump", "charger", "meter"]
"""What the simulation makes of an appliance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PointSpec:
    """A data point with its change filter. Intervals in seconds of real time, because readings carry real times."""

    name: str
    title: str
    unit: str = ""
    kind: Literal["gauge", "counter", "state"] = "gauge"
    threshold: float = 0.0
    threshold_kind: Literal["absolute", "relative"] = "absolute"
    min_interval: float = 60.0
    max_interval: float = 900.0


POINTS: tuple[PointSpec, ...] = (
    PointSpec(name="pv.power", title="Photovoltaic power", unit="W", threshold=250),
    PointSpec(name="pv.energy", title="Photovoltaic energy", unit="kWh", kind="counter", threshold=1),
    PointSpec(name="inverter.temperature", title="Inverter temperature", unit="°C", threshold=2),
    PointSpec(name="battery.power", title="Battery power, positive while charging", unit="W", threshold=250),
    PointSpec(name="battery.state_of_charge", title="Battery state of charge", unit="%", threshold=2),
    PointSpec(name="grid.power", title="Grid power, positive while drawing", unit="W", threshold=500),
    PointSpec(name="grid.energy_import", title="Energy drawn", unit="kWh", kind="counter", threshold=1),
    PointSpec(name="grid.energy_export", title="Energy fed in", unit="kWh", kind="counter", threshold=1),
    PointSpec(name="hvac.system.sensor.t0", title="Outdoor temperature", unit="°C", threshold=0.5),
    PointSpec(name="hvac.flow_temperature", title="Flow temperature", unit="°C", threshold=1),
    PointSpec(
        name="hvac.power",
        title="Heat pump power",
        unit="W",
        threshold=0.15,
        threshold_kind="relative",
    ),
    PointSpec(name="hvac.energy", title="Heat pump energy", unit="kWh", kind="counter", threshold=1),
    PointSpec(name="hvac.mode", title="Heat pump mode", kind="state", min_interval=0),
    PointSpec(name="charger.power", title="Charging power", unit="W", threshold=500),
    PointSpec(name="charger.energy", title="Charged energy", unit="kWh", kind="counter", threshold=1),
    PointSpec(name="charger.connected", title="Vehicle connected", kind="state", min_interval=0),
    PointSpec(name="gateway.signal", title="Radio signal", unit="dBm", threshold=5, min_interval=300),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregateSpec:
    """A daily aggregate of the data point `point`. What is above `running_above` runs."""

    name: str
    point: str
    function: str
    running_above: float = 0.0
    stuck_after: float | None = None


AGGREGATES: tuple[AggregateSpec, ...] = (
    AggregateSpec(name="pv.energyOfDay", point="pv.energy", function="energy"),
    AggregateSpec(name="pv.power.maximum", point="pv.power", function="maximum"),
    AggregateSpec(name="inverter.temperature.maximum", point="inverter.temperature", function="maximum"),
    AggregateSpec(
        name="battery.stateOfCharge.minimum", point="battery.state_of_charge", function="minimum", stuck_after=0
    ),
    AggregateSpec(name="grid.energyImportOfDay", point="grid.energy_import", function="energy"),
    AggregateSpec(name="grid.energyExportOfDay", point="grid.energy_export", function="energy"),
    AggregateSpec(name="hvac.system.sensor.t0.mean", point="hvac.system.sensor.t0", function="mean"),
    AggregateSpec(name="hvac.compressor.numberOfStarts", point="hvac.power", function="starts", running_above=100.0),
    AggregateSpec(name="hvac.compressor.runTime", point="hvac.power", function="run_time", running_above=100.0),
    AggregateSpec(name="hvac.mode.last", point="hvac.mode", function="last"),
    AggregateSpec(name="charger.energyOfDay", point="charger.energy", function="energy"),
    AggregateSpec(name="gateway.availability", point="gateway.signal", function="availability"),
)
"""One at least for each way to make a figure of a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplianceSpec:
    role: Role
    serial_number: str
    name: str
    type: str
    kind: str
    manufacturer: str
    model: str

    @property
    def fields(self) -> dict[str, str]:
        """All that the product is told of it."""
        return {name: getattr(self, name) for name in _APPLIANCE_FIELDS}


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySpec:
    """One site with its gateway, both of the same name. `company` is an index into COMPANIES."""

    number: int
    serial_number: str
    name: str
    model: str
    firmware: str
    company: int
    peak_w: float
    appliances: tuple[ApplianceSpec, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    title: str
    company: int
    roles: tuple[Role, ...]
    peak_w: float
    """Power of the photovoltaic modules in full sun."""


_LAYOUTS = (
    _Layout(title="Home", company=0, roles=("inverter", "battery", "meter"), peak_w=8_000),
    _Layout(title="Heat pump home", company=0, roles=("inverter", "heat_pump", "meter"), peak_w=6_000),
    _Layout(title="Plant", company=1, roles=("inverter", "meter"), peak_w=60_000),
    _Layout(title="Car home", company=0, roles=("inverter", "battery", "charger", "meter"), peak_w=10_000),
)

_APPLIANCE_FIELDS = ("serial_number", "name", "type", "kind", "manufacturer", "model")

_STREETS = ("Bjerkeveien", "Elvegata", "Fjellstien", "Granveien", "Havnegata", "Kirkebakken", "Lyngveien")

_APPLIANCES: dict[Role, tuple[str, str, str, str, str, str]] = {
    "inverter": ("INV", "Inverter", "inverter", "pv", "Examplo", "Sol 8"),
    "battery": ("BAT", "Battery inverter", "inverter", "battery", "Examplo", "Akku 10"),
    "heat_pump": ("WP", "Heat pump", "heat_pump", "", "Varmeverk", "Luft 7"),
    "charger": ("EVC", "Charger", "evstation", "", "Ladestein", "Boks 11"),
    "meter": ("MTR", "Grid meter", "meter", "grid", "Maaler", "M3"),
}


def gateway(number: int) -> GatewaySpec:
    """Gateway `number`, counted from 0."""
    layout = _LAYOUTS[number % len(_LAYOUTS)]
    street = _STREETS[number % len(_STREETS)]
    serial = f"NL-{number + 1:05d}"
    return GatewaySpec(
        number=number,
        serial_number=serial,
        name=f"{layout.title} {street} {number + 1}",
        model="Nordbox 2",
        firmware="2.14.1" if number % 3 else "2.13.0",
        company=layout.company,
        peak_w=layout.peak_w,
        appliances=tuple(_appliance(role, number) for role in layout.roles),
    )


def gateways(count: int) -> list[GatewaySpec]:
    return [gateway(number) for number in range(count)]


def _appliance(role: Role, number: int) -> ApplianceSpec:
    prefix, name, type_, kind, manufacturer, model = _APPLIANCES[role]
    return ApplianceSpec(
        role=role,
        serial_number=f"{prefix}-{number + 1:05d}",
        name=name,
        type=type_,
        kind=kind,
        manufacturer=manufacturer,
        model=model,
    )
