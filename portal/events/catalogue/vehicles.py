"""Events of electric vehicles. The vehicle is the event's appliance; power is positive while charging."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portal.events.catalogue import schemas
from portal.events.catalogue.event_type import EventType, Flow

CHARGE_STATES = ("charging", "stopped", "failed")

FAILURES = ("no_response", "failed_precondition", "conflict", "not_found", "requested_cancellation")

MOST_POWER = 1e9
"""W. Far above any charger; keeps a slip of the unit, such as mW, from passing for a measurement."""

OBSERVED = {
    "issued_at": schemas.moment("When the vehicle issued this. It may have taken some time to arrive."),
    "at_home": schemas.flag("Whether the vehicle is at its user's home, where its charging may be controlled."),
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
        "charge_power_w": schemas.quantity(
            "W",
            "Power now: positive charges the vehicle, negative discharges it.",
            lowest=-MOST_POWER,
            highest=MOST_POWER,
        ),
        "state_of_charge_percent": schemas.percentage("How full the battery is."),
        "range_m": schemas.quantity("m", "How far the vehicle can drive now.", lowest=0, highest=4294967295),
        "charge_limit_percent": schemas.percentage("Where charging ends, as its owner set it."),
        "capacity_wh": schemas.quantity("Wh", "Capacity of the battery.", lowest=0, highest=4294967295),
    },
    required=("issued_at", "at_home", "charge_power_w"),
)

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
    },
)

CHARGE_STARTED = _vehicle(
    "ev/charge-started",
    "Charging started",
    "A vehicle began to charge.",
    _observed(CHARGE_STATES),
    {**ISSUED, "state": "charging"},
)

CHARGE_STOPPED = _vehicle(
    "ev/charge-stopped",
    "Charging stopped",
    "A vehicle no longer charges.",
    _observed(CHARGE_STATES),
    {**ISSUED, "state": "stopped"},
)

CHARGE_FAILED = _vehicle(
    "ev/charge-failed",
    "Charging failed",
    "A command to charge a vehicle did not succeed.",
    _observed(("failed",), {"failure_reason": FAILURE_REASON}),
    {
        **ISSUED,
        "state": "failed",
        "failure_reason": {"type": "no_response", "detail": "The vehicle did not answer within 5 minutes."},
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
