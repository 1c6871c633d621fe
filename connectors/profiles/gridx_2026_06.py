"""The gridX webhook format as the vendor changed it until 2026-06-24 (B5): what differs from 2026-03.

Vehicles are told of with more attributes, all of them demanded. Where the event does not say what is demanded, a
value is sent only if it is true without knowing more; the defaults below say which, and they are our definition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from connectors.message import Rendered
from connectors.profiles import gridx, gridx_2026_06_schemas
from connectors.profiles.gridx import Fields, MakeData, milliwatts, present, upper
from connectors.profiles.profile import Context, Document, Item

REMOVED = ("ev/control", "ev/create", "ev/delete", "ev/update")


def render(items: Sequence[Item], context: Context) -> Rendered:  # noqa: ARG001
    """`accountID` is no longer demanded, but sent: a receiver of the version before reads it."""
    document = items[0].document
    return gridx.message(document, gridx.payload(document, DATA, refusal), correlation="correlationId")


def refusal(event_type: str) -> str | None:
    if event_type in DATA:
        return None
    if event_type in REMOVED:
        return f"gridX removed the event type {event_type}; the version gridx.2026-03 still has it."
    return gridx.refusal(event_type)


def _gateway(document: Document, data: Mapping[str, Any]) -> Fields:
    return gridx.gateway_data(document, data) | present(gatewayDeviceID=data.get("device_id"))


def _appliance(document: Document, data: Mapping[str, Any]) -> Fields:
    return gridx.appliance_data(document, data) | _part(data)


def _inverter(document: Document, data: Mapping[str, Any]) -> Fields:
    return gridx.inverter_data(document, data) | _part(data)


def _part(data: Mapping[str, Any]) -> Fields:
    return present(firmware=data.get("firmware"), parent=data.get("parent"), gatewayType=data.get("gateway_type"))


def _observed_vehicle(document: Document, data: Mapping[str, Any]) -> Fields:
    return gridx.observed_vehicle_data(document, data) | {"type": "EV"}


def _vehicle_plug(state: str) -> MakeData:
    def fields(document: Document, data: Mapping[str, Any]) -> Fields:
        return _observed_vehicle(document, data) | {"state": state}

    return fields


def _charge_started(document: Document, data: Mapping[str, Any]) -> Fields:
    return gridx.measured_vehicle_data(document, data) | {"type": "EV", "state": "CHARGING"}


def _charge_stopped(document: Document, data: Mapping[str, Any]) -> Fields:
    """What has stopped draws no power."""
    return gridx.measured_vehicle_data(document, {"charge_power_w": 0, **data}) | {"type": "EV", "state": "STOPPED"}


def _charge_failed(document: Document, data: Mapping[str, Any]) -> Fields:
    """The failure was reported when the event happened, unless it names another time."""
    reason = data["failure_reason"]
    return _observed_vehicle(document, data) | {
        "createdAt": data["command_sent_at"],
        "completedAt": data.get("command_failed_at", document["time"]),
        "kind": upper(data["command"]),
        "failureReason": {"type": upper(reason["type"]), "detail": reason["detail"]},
    }


def _measured_vehicle(document: Document, data: Mapping[str, Any]) -> Fields:
    """A vehicle is unplugged, controllable or charging only if somebody says so; power tells of charging, too."""
    power = milliwatts(data["charge_power_w"])
    by_power = "CHARGING" if power > 0 else "DISCHARGING" if power < 0 else ""
    return gridx.measured_vehicle_data(document, data) | {
        "type": "EV",
        "chargeState": upper(data.get("charge_state")) or by_power,
        "plugState": upper(data.get("plug_state", "unknown")),
        "isControllable": data.get("controllable", False),
    }


def _infeasible_goals(document: Document, data: Mapping[str, Any]) -> Fields:
    """Wh and W here, not mW (B5)."""
    return {
        "systemID": document["system"]["id"],
        "assetID": document["appliance"]["id"],
        "minRequestedSoC": data["requested_percent"],
        "currentSoC": data["state_of_charge_percent"],
        "departureAt": data["departure_at"],
        **present(maxStateOfCharge=data.get("highest_percent")),
        "energyNeededWh": data["energy_needed_wh"],
        "deliverableEnergyWh": data["deliverable_energy_wh"],
        "chargingPowerW": data["charge_power_w"],
        **present(atHome=data.get("at_home")),
    }


def _system_action(document: Document, data: Mapping[str, Any]) -> Fields:
    """Of one vehicle now. An action is open until it is said to be solved."""
    action = gridx.system_action_data(document, data)
    if step := data["resolution"].get("action"):
        action["resolution"] |= {"action": gridx.pascal(step)}
    return action | {
        "capabilities": [_camel(name) for name in data.get("capabilities", ())],
        **gridx.vehicle_data(document),
        "status": upper(data.get("status", "open")),
    }


def _camel(words: str) -> str:
    """`charge_state` is chargeState here."""
    pascal = gridx.pascal(words)
    return pascal[0].lower() + pascal[1:]


DATA: dict[str, MakeData] = {
    **{name: make for name, make in gridx.DATA.items() if name not in REMOVED},
    **{name: _appliance for name in gridx.DATA if name.startswith("appliance/")},
    **{name: _gateway for name in gridx.DATA if name.startswith("gateway/")},
    "ev/charge-failed": _charge_failed,
    "ev/charge-started": _charge_started,
    "ev/charge-stopped": _charge_stopped,
    "ev/infeasible-charging-goals": _infeasible_goals,
    "ev/measurement": _measured_vehicle,
    "ev/plugged": _vehicle_plug("PLUGGED"),
    "ev/unplugged": _vehicle_plug("UNPLUGGED"),
    "inverter/status": _inverter,
    "system/action": _system_action,
}

PROFILE = replace(
    gridx.PROFILE,
    version="2026-06",
    title="gridX (June 2026)",
    description="The gridX webhook format of June 2026: more is told of vehicles, and their raw cloud events are gone.",
    refusal=refusal,
    schema=gridx_2026_06_schemas.schema,
    render=render,
)
