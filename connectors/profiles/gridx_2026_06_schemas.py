"""JSON Schemas of the gridX bodies of 2026-06 (B5), where they differ from those of 2026-03."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.profiles import gridx_schemas as before
from connectors.profiles.gridx_schemas import MEASURED, OBSERVED, Properties
from portal.events.catalogue.schemas import Schema, closed, flag, identifier, moment, one_of, percentage, quantity, text

APPLIANCE: Properties = {
    **before.APPLIANCE,
    "firmware": text("Version of its firmware."),
    "parent": text("The appliance that it is a part of."),
    "gatewayType": text("What kind of gateway it is behind."),
}

GATEWAY: Properties = {**before.GATEWAY, "gatewayDeviceID": text("What the gateway's maker calls this device.")}

VEHICLE: Properties = {**OBSERVED, "type": {"const": "EV", "description": "What kind of asset it is."}}

BATTERY: Properties = {name: MEASURED[name] for name in ("stateOfCharge", "chargePower", "range")}

COMMAND: Properties = {
    "createdAt": moment("When the vehicle was asked."),
    "completedAt": moment("When the failure was reported."),
    "kind": one_of(("START", "STOP"), "What the vehicle was asked to do."),
    "failureReason": before.FAILURE,
}

STATE: Properties = {
    "chargeState": one_of(
        ("INITIALIZING", "CHARGING", "COMPLETE", "STOPPED", "FAULT", "NO_POWER", "DISCHARGING", ""),
        "What the charging does; empty when the vehicle is not plugged in, or nothing is known of it.",
    ),
    "plugState": one_of(("PLUGGED", "UNPLUGGED", "UNKNOWN"), "Whether the vehicle is connected to a charger."),
    "isControllable": flag("Whether its charging can be controlled now; false also when that is not known."),
}

GOALS: Properties = {
    "systemID": before.VEHICLE["systemID"],
    "assetID": before.VEHICLE["assetID"],
    "minRequestedSoC": percentage("How full its user wants the battery to be on departure, at least."),
    "currentSoC": percentage("How full the battery is."),
    "departureAt": moment("When its user wants to leave."),
    "energyNeededWh": quantity("Wh", "Energy that the goal takes from here.", lowest=0),
    "deliverableEnergyWh": quantity("Wh", "Energy that can be charged until departure.", lowest=0),
    "chargingPowerW": quantity("W", "Power that this was computed with.", lowest=0),
}

GOALS_MORE: Properties = {
    "maxStateOfCharge": percentage("How full its user lets the battery become; absent: no limit is set."),
    "atHome": flag("Whether the vehicle is where its user lives; absent: not known."),
}

ACTION: Properties = {
    **before.ACTION,
    "resolution": closed(
        {**before.RESOLUTION, "action": one_of(("Link", "LinkAdditionalAsset"), "The step that would resolve it.")},
        required=tuple(before.RESOLUTION),
    ),
    "capabilities": {
        "type": "array",
        "items": {"enum": ["chargeState", "information", "startCharging", "stopCharging", "location"]},
        "description": "What works again once somebody has acted.",
    },
    "gatewayID": identifier("The gateway that the asset is linked to."),
    "assetID": identifier("The asset."),
    "systemID": before.SYSTEM["systemID"],
    "status": one_of(("OPEN", "SOLVED"), "Whether somebody still has to act."),
}


def _vehicle(more: Properties, required: Sequence[str]) -> Schema:
    return closed({**VEHICLE, **more}, required=(*VEHICLE, *required))


def _in_state(state: str, more: Properties, *required: str) -> Schema:
    return _vehicle({**more, "state": {"const": state, "description": "The state that began."}}, ("state", *required))


_APPLIANCE = before.appliance(APPLIANCE, before.APPLIANCE_REQUIRED)
_GATEWAY = closed(GATEWAY, required=("gatewayID", "systemID"))

DATA: dict[str, Schema] = {
    "appliance/create": _APPLIANCE,
    "appliance/delete": _APPLIANCE,
    "appliance/offline": _APPLIANCE,
    "appliance/online": _APPLIANCE,
    "appliance/update": _APPLIANCE,
    "ev/charge-failed": _vehicle(COMMAND, tuple(COMMAND)),
    "ev/charge-started": _in_state("CHARGING", BATTERY, "chargePower"),
    "ev/charge-stopped": _in_state("STOPPED", BATTERY, "chargePower"),
    "ev/infeasible-charging-goals": closed({**GOALS, **GOALS_MORE}, required=tuple(GOALS)),
    "ev/measurement": _vehicle({**MEASURED, **STATE}, ("chargePower", *STATE)),
    "ev/plugged": _in_state("PLUGGED", {}),
    "ev/unplugged": _in_state("UNPLUGGED", {}),
    "gateway/create": _GATEWAY,
    "gateway/offline": _GATEWAY,
    "gateway/online": _GATEWAY,
    "grid-signal-processor/limitation-of-power-consumption/set": before.LIMIT,
    "grid-signal-processor/limitation-of-power-consumption/unset": before.LIMIT,
    "inverter/status": before.inverter(APPLIANCE, before.APPLIANCE_REQUIRED),
    "ping": before.PING,
    "system/action": closed(ACTION, required=tuple(ACTION)),
}


def schema(event_type: str) -> Mapping[str, Any]:
    return before.message("gridx.2026-06", event_type, DATA[event_type], correlation="correlationId")
