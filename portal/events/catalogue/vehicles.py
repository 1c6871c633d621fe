"""Events of electric vehicles. The vehicle is the event's appliance; power is positive while charging."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portal.events.catalogue import schemas
from portal.events.catalogue.event_type import EventType, Flow

CHARGE_STATES = ("charging", "stopped", "failed")

BATTERY_STATES = ("initializing", "charging", "complete", "stopped", "fault", "no_power", "discharging")

FAILURES = ("no_response", "failed_precondition", "conflict", "not_found", "requested_cancellation")

MOST_POWER = 1e9
"""W. Far above any charger; keeps a slip of the unit, such as mW, from passing for a measurement."""

OBSERVED = {
    "issued_at": schemas.moment("When the vehicle issued this. It may have taken some time to arrive."),
    "at_home": schemas.flag("Whether the vehicle is at its user's home, where its charging may be controlled."),
}

POWER = schemas.quantity(
    "W",
    "Power now: positive charges the vehicle, negative discharges it.",
    lowest=-MOST_POWER,
    highest=MOST_POWER,
)

BATTERY = {
    "charge_power_w": POWER,
    "state_of_charge_percent": schemas.percentage("How full the battery is."),
    "range_m": schemas.quantity("m", "How far the vehicle can drive now.", lowest=0, highest=4294967295),
}

FAILURE_REASON = schemas.closed(
    {
        "type": schemas.one_of(
            FAILURES,
            "no_response: the vehicle did not react in time. failed_precondition: it was not ready in time. "
            "conflict: a newer command took over. not_found: the vehicle was removed meanwhile. "
            "requested_cancellation: its owner cancelled the command.",
        ),
        "detail": schemas.text("What happened, in words for people."),
    },
    required=("type", "detail"),
) | {"description": "Why the charging command failed."}

MEASUREMENT_DATA = schemas.closed(
    {
        **OBSERVED,
        **BATTERY,
        "charge_limit_percent": schemas.percentage("Where charging ends, as its owner set it."),
        "capacity_wh": schemas.quantity("Wh", "Capacity of the battery.", lowest=0, highest=4294967295),
        "charge_state": schemas.one_of(BATTERY_STATES, "What the charging does while the vehicle is plugged in."),
        "plug_state": schemas.one_of(("plugged", "unplugged", "unknown"), "Whether it is connected to a charger."),
        "controllable": schemas.flag("Whether its charging can be controlled now."),
    },
    required=("issued_at", "at_home", "charge_power_w"),
)

GOALS_DATA = schemas.closed(
    {
        "requested_percent": schemas.percentage("How full the user wants the battery to be on departure, at least."),
        "state_of_charge_percent": BATTERY["state_of_charge_percent"],
        "departure_at": schemas.moment("When the user wants to leave."),
        "highest_percent": schemas.percentage("How full the user lets the battery become; absent: no limit is set."),
        "energy_needed_wh": schemas.quantity("Wh", "Energy that the goal takes from here.", lowest=0),
        "deliverable_energy_wh": schemas.quantity("Wh", "Energy that can be charged until departure.", lowest=0),
        "charge_power_w": schemas.quantity("W", "Power that this was computed with.", lowest=0, highest=MOST_POWER),
        "at_home": schemas.flag("Whether the vehicle is at its user's home; absent: not known."),
    },
    required=(
        "requested_percent",
        "state_of_charge_percent",
        "departure_at",
        "energy_needed_wh",
        "deliverable_energy_wh",
        "charge_power_w",
    ),
)

COMMAND = {
    "command": schemas.one_of(("start", "stop"), "What the vehicle was asked to do."),
    "command_sent_at": schemas.moment("When it was asked."),
    "command_failed_at": schemas.moment("When the failure was reported."),
}

PAYLOAD_DATA = schemas.closed(
    {"payload": schemas.free_form("What the vehicle's cloud or the controller said, passed on as it came.")},
    required=("payload",),
)

ISSUED = {"issued_at": "2026-01-15T10:29:41Z", "at_home": True}


def _observed(states: tuple[str, ...], more: Mapping[str, schemas.Schema] | None = None) -> schemas.Schema:
    """`state` may be left out: the event's type says it already."""
    state = schemas.one_of(states, "The state that began; when absent, the one that the event's type names.")
    return schemas.closed({**OBSERVED, "state": state, **(more or {})}, required=("issued_at", "at_home"))


def _vehicle(
    name: str,
    title: str,
    description: str,
    schema: schemas.Schema,
    sample: Mapping[str, Any],
    *,
    flow: Flow = "events",
    deprecated: bool = False,
) -> EventType:
    return EventType(
        name=name,
        version=1,
        flow=flow,
        subject="appliance",
        title=title,
        description=description,
        schema=schema,
        sample=sample,
        deprecated=deprecated,
    )


MEASUREMENT = _vehicle(
    "ev/measurement",
    "Vehicle measured",
    "Charging power of a vehicle, and what else it tells of its battery.",
    MEASUREMENT_DATA,
    {
        **ISSUED,
        "charge_power_w": 7360.5,
        "state_of_charge_percent": 63.5,
        "range_m": 241000,
        "charge_limit_percent": 80,
        "capacity_wh": 77400,
        "charge_state": "charging",
        "plug_state": "plugged",
        "controllable": True,
    },
)

INFEASIBLE_GOALS = _vehicle(
    "ev/infeasible-charging-goals",
    "Charging goal out of reach",
    "A vehicle cannot be charged as far as its user wants before the time of departure.",
    GOALS_DATA,
    {
        "requested_percent": 80,
        "state_of_charge_percent": 42.5,
        "departure_at": "2026-01-15T12:00:00Z",
        "highest_percent": 90,
        "energy_needed_wh": 29025,
        "deliverable_energy_wh": 5550,
        "charge_power_w": 3700,
        "at_home": True,
    },
)

CHARGE_STARTED = _vehicle(
    "ev/charge-started",
    "Charging started",
    "A vehicle began to charge.",
    _observed(CHARGE_STATES, BATTERY),
    {**ISSUED, "state": "charging", "charge_power_w": 7360.5, "state_of_charge_percent": 63.5, "range_m": 241000},
)

CHARGE_STOPPED = _vehicle(
    "ev/charge-stopped",
    "Charging stopped",
    "A vehicle no longer charges.",
    _observed(CHARGE_STATES, BATTERY),
    {**ISSUED, "state": "stopped", "charge_power_w": 0, "state_of_charge_percent": 80, "range_m": 304000},
)

CHARGE_FAILED = _vehicle(
    "ev/charge-failed",
    "Charging failed",
    "A command to charge a vehicle did not succeed.",
    _observed(("failed",), {"failure_reason": FAILURE_REASON, **COMMAND}),
    {
        **ISSUED,
        "state": "failed",
        "failure_reason": {"type": "no_response", "detail": "The vehicle did not answer within 5 minutes."},
        "command": "start",
        "command_sent_at": "2026-01-15T10:24:41Z",
        "command_failed_at": "2026-01-15T10:29:41Z",
    },
    flow="alarms",
)

PLUGGED = _vehicle(
    "ev/plugged",
    "Vehicle plugged in",
    "A vehicle was connected to a charger.",
    _observed(("plugged",)),
    {**ISSUED, "state": "plugged"},
)

UNPLUGGED = _vehicle(
    "ev/unplugged",
    "Vehicle unplugged",
    "A vehicle was disconnected from its charger.",
    _observed(("unplugged",)),
    {**ISSUED, "state": "unplugged"},
)

CONTROL = _vehicle(
    "ev/control",
    "Vehicle controlled",
    "A control message of a vehicle, in its sender's own form. Being retired.",
    PAYLOAD_DATA,
    {"payload": {"command": "charge", "limitW": 4200}},
    deprecated=True,
)

CREATE = _vehicle(
    "ev/create",
    "Vehicle added",
    "A vehicle was linked, in the form of its cloud. Being retired.",
    PAYLOAD_DATA,
    {"payload": {"vehicle": {"brand": "Examplo", "year": 2025}}},
    deprecated=True,
)

UPDATE = _vehicle(
    "ev/update",
    "Vehicle changed",
    "What is known of a vehicle changed, in the form of its cloud. Being retired.",
    PAYLOAD_DATA,
    {"payload": {"vehicle": {"brand": "Examplo", "isReachable": True}}},
    deprecated=True,
)

DELETE = _vehicle(
    "ev/delete",
    "Vehicle removed",
    "A vehicle was unlinked, in the form of its cloud. Being retired.",
    PAYLOAD_DATA,
    {"payload": {"vehicle": {"brand": "Examplo"}}},
    deprecated=True,
)
