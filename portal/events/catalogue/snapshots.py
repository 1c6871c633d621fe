"""How a whole site fares at one moment.

One convention of signs for all of it: power into the site's own wiring is positive, power out of it is negative. So
what is drawn from the grid, produced, or discharged from a storage is positive; what is fed into the grid, charged, or
consumed is negative; and everything that is measured adds up to zero, but for what is not measured. Energy counters
only grow, each in its own direction.
"""

from __future__ import annotations

from collections.abc import Mapping

from portal.events.catalogue import schemas
from portal.events.catalogue.event_type import EventType
from portal.events.catalogue.schemas import Schema

LEVELS = ("device", "device_type")

MOST_DEVICES = 200
MOST_POWER = 1e12
"""W. Above any plant; keeps a slip of the unit from passing for a measurement."""

PERIODS_UNTIL_STALE = 2


def _power(description: str) -> Schema:
    return schemas.quantity("W", description, lowest=-MOST_POWER, highest=MOST_POWER)


def _limit(description: str) -> Schema:
    return schemas.quantity("W", description, lowest=0, highest=MOST_POWER)


def _energy(description: str) -> Schema:
    return schemas.quantity("Wh", description, lowest=0)


POWER_OF_A_LOAD = _power("Power: negative while it is consumed.")

OPERATION_MODES: Schema = {
    "type": "array",
    "items": {"enum": ["off", "on"]},
    "maxItems": MOST_DEVICES,
    "description": "In which mode each heat pump is.",
}

FIELDS: dict[str, dict[str, Schema]] = {
    "grid": {
        "active_power_w": _power("Power: positive from the grid, negative into it."),
        "today_imported_energy_wh": _energy("Drawn from the grid since midnight."),
        "today_exported_energy_wh": _energy("Fed into the grid since midnight."),
        "import_limit_w": _limit("The most that may be drawn from the grid now."),
        "export_limit_w": _limit("The most that may be fed into the grid now."),
    },
    "solar": {
        "active_power_w": _power("Power: positive while it is produced."),
        "today_energy_wh": _energy("Produced since midnight."),
    },
    "storage": {
        "active_power_w": _power("Power: positive while discharging, negative while charging."),
        "mean_soc_percent": schemas.percentage("How full the storages are, on average."),
        "energy_stored_wh": _energy("Stored now."),
        "energy_capacity_wh": _energy("What can be stored at most."),
        "today_charged_wh": _energy("Charged since midnight."),
        "today_discharged_wh": _energy("Discharged since midnight."),
    },
    "heat_pump": {"active_power_w": POWER_OF_A_LOAD, "operation_modes": OPERATION_MODES},
    "switched_load": {"active_power_w": POWER_OF_A_LOAD},
    "variable_power_load": {"active_power_w": POWER_OF_A_LOAD},
}
"""What each type of device may tell. Midnight is that of the site's time zone."""

TITLES = {
    "grid": "The connection to the grid.",
    "solar": "Solar production.",
    "storage": "Storages: batteries.",
    "heat_pump": "Heat pumps.",
    "switched_load": "Loads that can be switched on and off.",
    "variable_power_load": "Loads whose power can be set, such as chargers of vehicles.",
}

DEVICE_TYPES = (*FIELDS, "fixed")
"""`fixed` is consumption that nobody controls: a device may be of that type, but there is no group for it."""


def _groups() -> Mapping[str, Schema]:
    none = "Absent or empty: there is none at the site."
    return {name: schemas.closed(fields) | {"description": f"{TITLES[name]} {none}"} for name, fields in FIELDS.items()}


def _any_field() -> Mapping[str, Schema]:
    """The fields of all types. What a sign means depends on the type, so the descriptions do not name one."""
    merged = {name: schema for fields in FIELDS.values() for name, schema in fields.items()}
    return merged | {"active_power_w": _power("Power: positive into the site's wiring, negative out of it.")}


DEVICE = schemas.closed(
    {
        "node_id": schemas.name("The device."),
        "type": schemas.one_of(DEVICE_TYPES, "What it is."),
        **_any_field(),
    },
    required=("node_id", "type"),
)

TELEMETRY_SNAPSHOT = EventType(
    name="telemetry/snapshot",
    version=1,
    flow="values",
    subject="system",
    title="Snapshot of a site",
    description="How a site fares at one moment, by type of device and, if wanted, by device. It is of use only while "
    "it is fresh: who could not be reached in time gets the next one instead. Power into the site's wiring is "
    "positive (from the grid, produced, discharged), power out of it is negative (to the grid, charged, consumed).",
    schema=schemas.closed(
        {
            "level": schemas.one_of(LEVELS, "device_type: the groups alone. device: also each device by itself."),
            "period_s": schemas.quantity("s", "From one snapshot to the next.", lowest=1, highest=86400),
            "expires_at": schemas.instant("When it is stale and no longer sent: two periods after its time."),
            **_groups(),
            "devices": {
                "type": "array",
                "items": DEVICE,
                "maxItems": MOST_DEVICES,
                "description": "Each device by itself, at the level `device`.",
            },
        },
        required=("level", "period_s", "expires_at"),
    ),
    sample={
        "level": "device",
        "period_s": 60,
        "expires_at": "2026-01-15T10:32:00.000Z",
        "grid": {
            "active_power_w": -1250.5,
            "today_imported_energy_wh": 1830,
            "today_exported_energy_wh": 5120,
            "import_limit_w": 17250,
            "export_limit_w": 10000,
        },
        "solar": {"active_power_w": 4310, "today_energy_wh": 9840},
        "storage": {
            "active_power_w": -1500,
            "mean_soc_percent": 63.5,
            "energy_stored_wh": 6350,
            "energy_capacity_wh": 10000,
            "today_charged_wh": 4200,
            "today_discharged_wh": 2100,
        },
        "heat_pump": {"active_power_w": -950, "operation_modes": ["on"]},
        "switched_load": {},
        "variable_power_load": {"active_power_w": 0},
        "devices": [
            {"node_id": "meter-1", "type": "grid", "active_power_w": -1250.5},
            {"node_id": "inverter-1", "type": "solar", "active_power_w": 4310, "today_energy_wh": 9840},
        ],
    },
)
