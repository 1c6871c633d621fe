"""The gridX webhook format as published on 2026-03-16 (S4 lines 173-267), to the letter.

What the vendor changed later belongs in a later version of this profile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, TypeAlias

import orjson

from connectors.message import Rendered
from connectors.profiles import gridx_schemas
from connectors.profiles.profile import Context, Document, Item, Profile, RenderError, data_of
from portal.fleet.appliance_types import KINDS_BY_TYPE

CONTENT_TYPE = "application/json"

Fields: TypeAlias = dict[str, Any]
MakeData: TypeAlias = Callable[[Document, Mapping[str, Any]], Fields]


def render(items: Sequence[Item], context: Context) -> Rendered:  # noqa: ARG001
    document = items[0].document
    return message(document, payload(document, DATA, refusal), correlation="correlationID")


def refusal(event_type: str) -> str | None:
    if event_type in DATA:
        return None
    if event_type == "datapoint/value":
        return "gridX has no event for measured values; use a connector with the standard profile for them."
    return f"gridX has no event type {event_type}."


# what the versions share


def payload(document: Document, makers: Mapping[str, MakeData], refusal: Callable[[str], str | None]) -> Fields:
    """The `data` that this version makes of the event. RenderError when it has no such type, or lacks a field."""
    make = makers.get(document["type"])
    if make is None:
        raise RenderError(refusal(document["type"]))
    try:
        return make(document, data_of(document))
    except KeyError as missing:
        raise RenderError(f"gridX demands a field that this event does not have: {missing.args[0]}") from missing


def message(document: Document, data: Fields, *, correlation: str) -> Rendered:
    """The envelope (S4 lines 173-184); `correlation` is the version's name for the correlation id."""
    envelope: Fields = {
        "id": document["id"],
        "accountID": document["organization"],
        "source": _source(document),
        "specVersion": "1.0",
        "dataContentType": "application/json",
        "time": document["time"],
        "type": document["type"],
    }
    if "correlation_id" in document:
        envelope[correlation] = document["correlation_id"]
    envelope["data"] = data
    return Rendered(body=orjson.dumps(envelope), content_type=CONTENT_TYPE)


def milliwatts(watts: float) -> int:
    """Rounded to a whole milliwatt, halves away from zero. In decimal: 1.0005 W is 1001 mW, not 1000."""
    if isinstance(watts, int):
        return watts * 1000
    return int((Decimal(repr(watts)) * 1000).to_integral_value(ROUND_HALF_UP))


def _exact_milliwatts(watts: float) -> int | float:
    """A fraction of a milliwatt stays (S4 line 248: a number, not an integer)."""
    exact = Decimal(repr(watts)) * 1000
    return int(exact) if exact == exact.to_integral_value() else float(exact)


def _whole(number: float) -> int:
    return number if isinstance(number, int) else int(Decimal(repr(number)).to_integral_value(ROUND_HALF_UP))


def _source(document: Document) -> str:
    """The path of the site (S4 line 179), or of the account for what concerns no site."""
    system = document.get("system")
    return f"/systems/{system['id']}" if system else f"/accounts/{document['organization']}"


def present(**fields: Any) -> Fields:
    """What is empty is left out, never sent as null."""
    return {name: value for name, value in fields.items() if value is not None and value != ""}


def gateway_data(document: Document, data: Mapping[str, Any]) -> Fields:
    """S4 lines 243-246. The user is in `data` only with consent."""
    system, gateway = document["system"], document["gateway"]
    user = data.get("user") or {}
    return present(
        gatewayID=gateway["id"],
        gatewayName=gateway.get("name"),
        gatewaySerialnumber=gateway.get("serial_number"),
        systemID=system["id"],
        systemName=system.get("name"),
        userID=user.get("id"),
        userName=user.get("name"),
        userMail=user.get("email"),
    )


def appliance_data(document: Document, data: Mapping[str, Any]) -> Fields:  # noqa: ARG001
    """S4 lines 210-223; the kind only where the type has one (line 217)."""
    system, appliance = document["system"], document["appliance"]
    kind = appliance.get("kind") if appliance.get("type") in KINDS_BY_TYPE else None
    return present(
        applianceID=appliance["id"],
        gatewayID=document["gateway"]["id"],
        model=appliance.get("model"),
        manufacturer=appliance.get("manufacturer"),
        type=upper(appliance.get("type")),
        kind=upper(kind),
        name=appliance.get("name"),
        serialNumber=appliance.get("serial_number"),
        systemID=system["id"],
        systemName=system.get("name"),
    )


def inverter_data(document: Document, data: Mapping[str, Any]) -> Fields:
    """S4 lines 251-256."""
    return appliance_data(document, data) | present(
        status=upper(data["status"]),
        lastStatus=upper(data["last_status"]),
        errCode=data.get("error_code"),
        lastErrCode=data.get("last_error_code"),
    )


def vehicle_data(document: Document) -> Fields:
    """S4 line 224."""
    return {
        "systemID": document["system"]["id"],
        "assetID": document["appliance"]["id"],
        "gatewayID": document["gateway"]["id"],
    }


def observed_vehicle_data(document: Document, data: Mapping[str, Any]) -> Fields:
    """S4 lines 225-227."""
    return vehicle_data(document) | {"issuedAt": data["issued_at"], "atHome": data["at_home"]}


def _vehicle_state(state: str) -> MakeData:
    """S4 lines 228-233 and 242; `state` is what the type says when the event does not."""

    def fields(document: Document, data: Mapping[str, Any]) -> Fields:
        named = observed_vehicle_data(document, data) | {"state": upper(data.get("state", state))}
        if reason := data.get("failure_reason"):
            named["failureReason"] = {"type": upper(reason["type"]), "detail": reason["detail"]}
        return named

    return fields


def measured_vehicle_data(document: Document, data: Mapping[str, Any]) -> Fields:
    """S4 lines 236-241: mW, m, %, Wh."""
    named = observed_vehicle_data(document, data)
    if "state_of_charge_percent" in data:
        named["stateOfCharge"] = data["state_of_charge_percent"]
    named["chargePower"] = milliwatts(data["charge_power_w"])
    if "range_m" in data:
        named["range"] = _whole(data["range_m"])
    if "charge_limit_percent" in data:
        named["chargeLimit"] = data["charge_limit_percent"]
    if "capacity_wh" in data:
        named["capacity"] = _whole(data["capacity_wh"])
    return named


def _vehicle_control(document: Document, data: Mapping[str, Any]) -> Fields:
    """S4 line 234."""
    return vehicle_data(document) | {"eventPayload": data["payload"]}


def _vehicle_cloud(document: Document, data: Mapping[str, Any]) -> Fields:
    """S4 line 235."""
    return vehicle_data(document) | {"enodeEventPayload": data["payload"]}


def _limit(document: Document, data: Mapping[str, Any]) -> Fields:  # noqa: ARG001
    """S4 lines 247-250: newLPC in mW, absent when the limit is lifted."""
    limit = data.get("limit_w")
    return present(
        newLPC=None if limit is None else _exact_milliwatts(limit),
        receivedAt=data.get("received_at"),
        validUntil=data.get("valid_until"),
    )


def _ping(document: Document, data: Mapping[str, Any]) -> Fields:  # noqa: ARG001
    return present(message=data.get("message"))


def system_action_data(document: Document, data: Mapping[str, Any]) -> Fields:  # noqa: ARG001
    """S4 lines 258-267. The type stays `system/action`: `ping` in the printed schema is a copy error."""
    resolution = data["resolution"]
    return {
        "id": data["id"],
        "type": upper(data["type"]),
        "manufacturer": data["manufacturer"],
        "domain": pascal(data["domain"]),
        "introducedAt": data["introduced_at"],
        "resolution": {
            "description": resolution["description"],
            "title": resolution["title"],
            "access": pascal(resolution["access"]),
            "agent": pascal(resolution["agent"]),
        },
    }


def upper(word: str | None) -> str | None:
    return word.upper() if word else None


def pascal(words: str) -> str:
    """`third_party` is ThirdParty here."""
    return "".join(word.capitalize() for word in words.split("_"))


DATA: dict[str, MakeData] = {
    "appliance/create": appliance_data,
    "appliance/delete": appliance_data,
    "appliance/offline": appliance_data,
    "appliance/online": appliance_data,
    "appliance/update": appliance_data,
    "ev/charge-failed": _vehicle_state("failed"),
    "ev/charge-started": _vehicle_state("charging"),
    "ev/charge-stopped": _vehicle_state("stopped"),
    "ev/control": _vehicle_control,
    "ev/create": _vehicle_cloud,
    "ev/delete": _vehicle_cloud,
    "ev/measurement": measured_vehicle_data,
    "ev/plugged": _vehicle_state("plugged"),
    "ev/unplugged": _vehicle_state("unplugged"),
    "ev/update": _vehicle_cloud,
    "gateway/create": gateway_data,
    "gateway/offline": gateway_data,
    "gateway/online": gateway_data,
    "grid-signal-processor/limitation-of-power-consumption/set": _limit,
    "grid-signal-processor/limitation-of-power-consumption/unset": _limit,
    "inverter/status": inverter_data,
    "ping": _ping,
    "system/action": system_action_data,
}
"""The types that this format has (S4 lines 186-209), and what makes the `data` of each."""

PROFILE = Profile(
    name="gridx",
    version="2026-03",
    title="gridX",
    description="The gridX webhook format: events of gateways, appliances and vehicles, no measured values.",
    content_type=CONTENT_TYPE,
    default_signing="x_signature",
    default_retry_policy="gridx",
    refusal=refusal,
    schema=gridx_schemas.schema,
    render=render,
)
