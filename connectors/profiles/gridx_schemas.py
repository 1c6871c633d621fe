"""JSON Schemas of the gridX bodies, in our own words, from the vendor's published attributes (S4 lines 173-267).

They are stricter than the vendor's in one thing: an attribute that the format does not have is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from portal.events.catalogue.schemas import (
    Schema,
    closed,
    flag,
    free_form,
    identifier,
    moment,
    one_of,
    percentage,
    quantity,
    text,
)
from portal.fleet.appliance_types import APPLIANCE_KINDS, APPLIANCE_TYPES, KINDS_BY_TYPE

Properties = Mapping[str, Schema]

UINT32 = 2**32 - 1

SYSTEM = {
    "systemID": identifier("The system that it belongs to."),
    "systemName": text("Name of the system, as its customer chose it."),
}


def _upper(words: Sequence[str]) -> list[str]:
    return [word.upper() for word in words]


def message(profile: str, event_type: str, data: Schema, *, correlation: str) -> Schema:
    """The envelope (S4 lines 173-184) around `data`; `correlation` is the version's name for the correlation id."""
    envelope = closed(
        {
            "id": identifier("The event: a repeated delivery of it has the same."),
            "accountID": identifier("The account that the event belongs to."),
            "source": text("Path of what the event comes from, such as /systems/{id}."),
            "specVersion": {"const": "1.0", "description": "Version of CloudEvents that the envelope follows."},
            "dataContentType": {"const": "application/json", "description": "What `data` is."},
            "time": moment("When it happened."),
            "type": {"const": event_type},
            correlation: identifier("Ties events of one cause together."),
            "data": data,
        },
        required=("id", "accountID", "source", "specVersion", "time", "type", "data"),
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:feeder:profile:{profile}:{event_type}",
        **envelope,
    }


# what an appliance, a gateway and a vehicle are

APPLIANCE: Properties = {
    "applianceID": identifier("The appliance."),
    "gatewayID": identifier("The gateway that it is behind."),
    "model": text("Its model."),
    "manufacturer": text("Who made it."),
    "type": one_of(_upper(APPLIANCE_TYPES), "What it is."),
    "kind": one_of(_upper(APPLIANCE_KINDS), "Its role: an inverter's by what is connected, a meter's by its place."),
    "name": text("Its name, as its customer chose it."),
    "serialNumber": text("Its serial number, as it reports it."),
    **SYSTEM,
}

GATEWAY: Properties = {
    "gatewayID": identifier("The gateway."),
    "gatewayName": text("Its name."),
    "gatewaySerialnumber": text("Its serial number."),
    **SYSTEM,
    "userID": identifier("The owner of the system. Personal data: only with consent."),
    "userName": text("The owner's name. Personal data: only with consent."),
    "userMail": text("The owner's e-mail address. Personal data: only with consent."),
}

VEHICLE: Properties = {
    "systemID": SYSTEM["systemID"],
    "assetID": identifier("The vehicle."),
    "gatewayID": identifier("The gateway that it is linked to."),
}

OBSERVED: Properties = {
    **VEHICLE,
    "issuedAt": moment("When the vehicle issued it; it may have taken some time to arrive."),
    "atHome": flag("Whether the vehicle is where its user lives."),
}

MEASURED: Properties = {
    **OBSERVED,
    "stateOfCharge": percentage("How full the battery is."),
    "chargePower": {
        "type": "integer",
        "x-unit": "mW",
        "description": "Power now: positive charges the vehicle, negative discharges it.",
    },
    "range": {"type": "integer", "minimum": 0, "maximum": UINT32, "x-unit": "m", "description": "How far it can go."},
    "chargeLimit": percentage("Where charging ends, as its owner set it."),
    "capacity": {
        "type": "integer",
        "minimum": 0,
        "maximum": UINT32,
        "x-unit": "Wh",
        "description": "Capacity of the battery.",
    },
}

FAILURE = closed(
    {
        "type": one_of(
            ("NO_RESPONSE", "FAILED_PRECONDITION", "CONFLICT", "NOT_FOUND", "REQUESTED_CANCELLATION"),
            "Why the command failed: no reaction in time, not ready in time, replaced by a newer command, vehicle "
            "removed meanwhile, cancelled by its owner.",
        ),
        "detail": text("What happened, in words for people."),
    },
    required=("type", "detail"),
)

RESOLUTION: Properties = {
    "description": text("How to do it: Markdown, in the user's language.", longest=10_000),
    "title": text("What to do, in a few words of the user's language."),
    "access": one_of(("Remote", "Physical"), "In the manufacturer's app, or at the device."),
    "agent": one_of(("User", "ThirdParty"), "The user, or a service partner."),
}

ACTION: Properties = {
    "id": identifier("The action: the same one may be reported again."),
    "type": one_of(("EV",), "What kind of asset it concerns."),
    "manufacturer": text("Who made that asset."),
    "domain": one_of(("Account", "Device"), "Whether the manufacturer's user account is concerned, or the device."),
    "introducedAt": moment("Since when the action is needed."),
    "resolution": closed(RESOLUTION, required=tuple(RESOLUTION)),
}


def appliance(properties: Properties, required: Sequence[str]) -> Schema:
    """Only inverters and meters have a kind, and an inverter not every one (S4 lines 217-219)."""
    inverter_kinds = _upper(KINDS_BY_TYPE["inverter"])
    return closed(properties, required) | {
        "dependentSchemas": {
            "kind": {"properties": {"type": {"enum": _upper(tuple(KINDS_BY_TYPE))}}, "required": ["type"]}
        },
        "if": {"properties": {"type": {"const": "INVERTER"}}, "required": ["type"]},
        "then": {"properties": {"kind": {"enum": inverter_kinds}}},
    }


def inverter(properties: Properties, required: Sequence[str]) -> Schema:
    """S4 lines 251-256."""
    statuses = ("UNKNOWN", "OK", "WARNING", "ERROR")
    changed = {
        "status": one_of(statuses, "The status now."),
        "lastStatus": one_of(statuses, "The status before."),
        "errCode": text("The code now; it means what the manufacturer says it means."),
        "lastErrCode": text("The code before."),
    }
    return appliance({**properties, **changed}, (*required, "lastStatus", "status"))


def vehicle_state(states: Sequence[str], more: Properties | None = None, required: Sequence[str] = ()) -> Schema:
    """S4 lines 228-233 and 242."""
    state = {"state": one_of(states, "The state that began.")}
    return closed({**OBSERVED, **state, **(more or {})}, (*OBSERVED, "state", *required))


# the data of each type, as of 2026-03

APPLIANCE_REQUIRED = ("applianceID", "gatewayID", "systemID")

LIMIT = closed(
    {
        "newLPC": quantity("mW", "The most power that may be drawn now; absent: the limit is lifted.", lowest=0),
        "receivedAt": moment("When the gateway received the signal."),
        "validUntil": moment("Until when the limit holds."),
    }
)

PING = closed({"message": text("A word to the receiver.")})

_APPLIANCE = appliance(APPLIANCE, APPLIANCE_REQUIRED)
_GATEWAY = closed(GATEWAY, required=("gatewayID", "systemID"))
_CHARGE = vehicle_state(("CHARGING", "STOPPED", "FAILED"))
_PLUG = vehicle_state(("PLUGGED", "UNPLUGGED"))
_CLOUD = closed(
    {**VEHICLE, "enodeEventPayload": free_form("What the vehicle's cloud said, passed on as it came.")},
    required=(*VEHICLE, "enodeEventPayload"),
)

DATA: dict[str, Schema] = {
    "appliance/create": _APPLIANCE,
    "appliance/delete": _APPLIANCE,
    "appliance/offline": _APPLIANCE,
    "appliance/online": _APPLIANCE,
    "appliance/update": _APPLIANCE,
    "ev/charge-failed": vehicle_state(("FAILED",), {"failureReason": FAILURE}),
    "ev/charge-started": _CHARGE,
    "ev/charge-stopped": _CHARGE,
    "ev/control": closed(
        {**VEHICLE, "eventPayload": free_form("What the controller said, passed on as it came.")},
        required=(*VEHICLE, "eventPayload"),
    ),
    "ev/create": _CLOUD,
    "ev/delete": _CLOUD,
    "ev/measurement": closed(MEASURED, required=(*OBSERVED, "chargePower")),
    "ev/plugged": _PLUG,
    "ev/unplugged": _PLUG,
    "ev/update": _CLOUD,
    "gateway/create": _GATEWAY,
    "gateway/offline": _GATEWAY,
    "gateway/online": _GATEWAY,
    "grid-signal-processor/limitation-of-power-consumption/set": LIMIT,
    "grid-signal-processor/limitation-of-power-consumption/unset": LIMIT,
    "inverter/status": inverter(APPLIANCE, APPLIANCE_REQUIRED),
    "ping": PING,
    "system/action": closed(ACTION, required=tuple(ACTION)),
}


def schema(event_type: str) -> Mapping[str, Any]:
    return message("gridx.2026-03", event_type, DATA[event_type], correlation="correlationID")
