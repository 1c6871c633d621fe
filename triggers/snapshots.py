"""How a site fares, out of what its devices measured last. Pure; docs/snapshots.md shows the tables to users.

What a device is decides its group (`device_type`), the unit and the words of a data point's name decide its field. The
names are the organization's own, so it is words that are looked for: `pv.power`, `ac-power` and `inverter_power` are
all a power. What is measured counts as the devices count it: a storage's power is positive while it charges, a load's
while it consumes; the snapshot has the signs of `portal.events.catalogue.snapshots`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import fsum
from typing import Any, TypeAlias

from portal.events.catalogue.snapshots import FIELDS, MOST_DEVICES, MOST_POWER

Value: TypeAlias = float | bool | str
Fields: TypeAlias = dict[str, Any]

_BY_KIND: dict[str, str | None] = {
    "pv": "solar",
    "pv_external": "solar",
    "hybrid": "solar",
    "battery": "storage",
    "grid": "grid",
    "heat_pump": "heat_pump",
    "heat_pump_external": "heat_pump",
    "evstation": "variable_power_load",
    "heating": "switched_load",
    # They produce, and a snapshot has no group for it.
    "fuel_cell": None,
    "bttp": None,
    "wind_turbine": None,
}
"""What an inverter or a meter is for, or stands at. Of all other kinds it is consumption that nobody controls."""

_BY_TYPE: dict[str, str | None] = {
    "heat_pump": "heat_pump",
    "evstation": "variable_power_load",
    "heater": "switched_load",
    "container": None,
}

_LOADS = frozenset({"heat_pump", "switched_load", "variable_power_load", "fixed"})

_FACTORS = {
    "power": {"W": 1.0, "kW": 1e3, "MW": 1e6},
    "energy": {"Wh": 1.0, "kWh": 1e3, "MWh": 1e6},
    "percent": {"%": 1.0},
}

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
"""Where a word ends in `acPower`."""

_RATED = frozenset({"limit", "max", "maximum", "min", "minimum", "nominal", "peak", "rated", "setpoint", "target"})
"""Words of what may be or should be, which is not what is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """By what a data point is known to be a field: what its unit measures, and words of its name.

    One word of each set in `words` must be there, and none of `never`.
    """

    field: str
    measures: str
    words: tuple[frozenset[str], ...]
    never: frozenset[str] = frozenset()


def _any(*words: str) -> frozenset[str]:
    return frozenset(words)


_TODAY = _any("today", "daily")
_IN, _OUT = _any("import", "imported", "drawn", "consumption"), _any("export", "exported", "feedin", "feed")
_CHARGED, _DISCHARGED = _any("charge", "charged"), _any("discharge", "discharged")
_POWER = Naming(field="active_power_w", measures="power", words=(_any("power"),), never=_RATED | {"reactive"})

NAMINGS: Mapping[str, tuple[Naming, ...]] = {
    "grid": (
        _POWER,
        Naming(field="today_imported_energy_wh", measures="energy", words=(_TODAY, _IN)),
        Naming(field="today_exported_energy_wh", measures="energy", words=(_TODAY, _OUT)),
        Naming(field="import_limit_w", measures="power", words=(_any("limit"), _IN)),
        Naming(field="export_limit_w", measures="power", words=(_any("limit"), _OUT)),
    ),
    "solar": (_POWER, Naming(field="today_energy_wh", measures="energy", words=(_TODAY,))),
    "storage": (
        _POWER,
        Naming(field="mean_soc_percent", measures="percent", words=(_any("soc", "charge"),), never=_RATED),
        Naming(field="energy_stored_wh", measures="energy", words=(_any("stored"),)),
        Naming(field="energy_capacity_wh", measures="energy", words=(_any("capacity"),)),
        Naming(field="today_charged_wh", measures="energy", words=(_TODAY, _CHARGED)),
        Naming(field="today_discharged_wh", measures="energy", words=(_TODAY, _DISCHARGED)),
    ),
    "heat_pump": (_POWER,),
    "switched_load": (_POWER,),
    "variable_power_load": (_POWER,),
    "fixed": (_POWER,),
}

_MODE = _any("mode", "status", "state")
_OFF = frozenset({"off", "standby", "0", "false"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The last value of one data point."""

    name: str
    unit: str
    value: Value


@dataclass(slots=True, kw_only=True)
class Device:
    """An appliance with what it measured last; `id` is what a snapshot calls it."""

    id: str
    type: str
    kind: str
    measured: list[Measured] = field(default_factory=list)


def device_type(device: Device) -> str | None:
    """Its type in a snapshot, or None for a device that is in none."""
    if device.type == "inverter":
        return _BY_KIND.get(device.kind, "solar")
    if device.type == "meter":
        return _BY_KIND.get(device.kind, "fixed")
    return _BY_TYPE.get(device.type, "fixed")


def take(devices: Iterable[Device], *, with_devices: bool) -> Fields | None:
    """The groups of a snapshot, and its devices if wanted; None when nothing at all is known of the site."""
    shown = [(device, kind, fields_of(kind, device)) for device in devices if (kind := device_type(device))]
    if not any(fields for _, _, fields in shown):
        return None
    groups = {name: [(device, fields) for device, kind, fields in shown if kind == name] for name in FIELDS}
    snapshot: Fields = {name: _group(members) for name, members in groups.items() if members}
    if with_devices:
        snapshot["devices"] = [
            {"node_id": device.id, "type": kind, **fields} for device, kind, fields in shown[:MOST_DEVICES]
        ]
    return snapshot


def fields_of(kind: str, device: Device) -> Fields:
    """What a device of this type tells, with the signs of a snapshot."""
    fields: Fields = {}
    for naming in NAMINGS[kind]:
        value = _found(naming, device.measured)
        if value is not None:
            fields[naming.field] = value
    power = fields.get("active_power_w")
    if power and (kind == "storage" or kind in _LOADS):
        fields["active_power_w"] = -power
    if kind == "heat_pump" and (mode := _mode(device.measured)):
        fields["operation_modes"] = [mode]
    return fields


def _found(naming: Naming, measured: Sequence[Measured]) -> float | None:
    """The value of the data point that fits; of several the one with the shortest name, which is the least special."""
    fitting = [one for one in measured if _fits(naming, one)]
    if not fitting:
        return None
    best = min(fitting, key=lambda one: (len(one.name), one.name))
    value = float(best.value) * _FACTORS[naming.measures][best.unit]
    return value if _possible(naming, value) else None


def _fits(naming: Naming, one: Measured) -> bool:
    if isinstance(one.value, (bool, str)) or one.unit not in _FACTORS[naming.measures]:
        return False
    words = _words(one.name)
    return words.isdisjoint(naming.never) and not any(words.isdisjoint(wanted) for wanted in naming.words)


def _words(name: str) -> frozenset[str]:
    return frozenset(re.split(r"[^a-z0-9]+", _HUMP.sub(" ", name).lower()))


def _possible(naming: Naming, value: float) -> bool:
    """A value that the catalogue would refuse is left out, and the rest of the snapshot goes."""
    if naming.measures == "power":
        lowest = 0 if naming.field.endswith("_limit_w") else -MOST_POWER
        return lowest <= value <= MOST_POWER
    return 0 <= value <= (100 if naming.measures == "percent" else MOST_POWER)


def _mode(measured: Sequence[Measured]) -> str | None:
    modes = [one for one in measured if not one.unit and not _words(one.name).isdisjoint(_MODE)]
    if not modes:
        return None
    value = min(modes, key=lambda one: (len(one.name), one.name)).value
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return "off" if text.lower() in _OFF else "on"


def _group(members: Sequence[tuple[Device, Fields]]) -> Fields:
    """All devices of a type together. A meter that stands beside them counts only for what none of them tells."""
    themselves = [fields for device, fields in members if device.type != "meter"]
    meters = [fields for device, fields in members if device.type == "meter"]
    told = {name: [fields[name] for fields in themselves if name in fields] for _, each in members for name in each}
    return {
        name: _together(name, values or [fields[name] for fields in meters if name in fields])
        for name, values in told.items()
    }


def _together(name: str, values: Sequence[Any]) -> Any:
    if name == "operation_modes":
        return [mode for modes in values for mode in modes][:MOST_DEVICES]
    total = fsum(values)
    return total / len(values) if name == "mean_soc_percent" else total
