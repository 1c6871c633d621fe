"""Events in the manner of the Partner API of the Bosch Home Comfort Group (S0 lines 1-39, B1): five families.

The vendor names the families in words and one of them as it is sent, CONTRACT_STATUS; the other four names follow its
pattern. It publishes no body. So the names of the fields are our definition: flat, in camel case, with the properties
that it lists for a contract, and what does not apply left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import orjson

from connectors.message import Rendered
from connectors.profiles import bosch_schemas
from connectors.profiles.languages import best_text
from connectors.profiles.profile import Context, Document, Item, Profile, RenderError, data_of

CONTENT_TYPE: Final = "application/json"

Fields: TypeAlias = dict[str, Any]


def render(items: Sequence[Item], context: Context) -> Rendered:
    document = items[0].document
    known = bosch_schemas.FAMILIES.get(document["type"])
    if known is None:
        raise RenderError(refusal(document["type"]))
    data = data_of(document)
    try:
        body = _about(document, known, data) | _FIELDS[known](document, data, context.languages)
    except KeyError as missing:
        raise RenderError(f"Bosch's format needs a field that this event lacks: {missing.args[0]}") from missing
    return Rendered(body=orjson.dumps(body), content_type=CONTENT_TYPE)


def refusal(event_type: str) -> str | None:
    if event_type in bosch_schemas.FAMILIES:
        return None
    if event_type == "ping":
        return "Bosch's format has no ping; test with one of its own events, such as appliance/online."
    if event_type in {"datapoint/report", "telemetry/snapshot"}:
        return f"Bosch's format has one data point in each event; choose datapoint/value instead of {event_type}."
    return (
        "Bosch's format has five families of events (connectivity, appliance status, contract status, data point, "
        f"daily aggregate), and {event_type} is in none of them."
    )


def _about(document: Document, family: str, data: Mapping[str, Any]) -> Fields:
    """What all families begin with; serial numbers stand there where the event has them."""
    gateway, appliance = document["gateway"], document.get("appliance", {})
    return _present(
        eventId=document["id"],
        eventType=family,
        occurredAt=data.get("occurred_at", document["time"]),
        companyId=document.get("company"),
        gatewayId=gateway["id"],
        gatewaySerialNumber=gateway.get("serial_number"),
        applianceId=appliance.get("id"),
        applianceSerialNumber=appliance.get("serial_number"),
    )


def _connectivity(document: Document, data: Mapping[str, Any], languages: Sequence[str]) -> Fields:  # noqa: ARG001
    """S0 line 2. Without an applianceId the gateway itself is meant."""
    return {"status": document["type"].partition("/")[2].upper()}


def _appliance_status(document: Document, data: Mapping[str, Any], languages: Sequence[str]) -> Fields:
    """S0 line 5; the text in the partner's language (B1)."""
    return _present(
        severity=document["type"].partition("/")[2].upper(),
        active=data["active"],
        errorCode=data["code"],
        errorDescription=best_text(data.get("texts", {}), languages),
        occurrences=data.get("occurrences"),
        since=data.get("since"),
        faultId=data.get("fault_id"),
    )


def _contract(document: Document, data: Mapping[str, Any], languages: Sequence[str]) -> Fields:  # noqa: ARG001
    """S0 line 13: both statuses, always; the one before is null for a new contract."""
    before = data["previous_status"]
    return {
        "contractId": data["contract_id"],
        "previousStatus": before.upper() if before else None,
        "newStatus": data["status"].upper(),
        "initiator": data["initiator"].upper(),
    }


def _data_point(document: Document, data: Mapping[str, Any], languages: Sequence[str]) -> Fields:  # noqa: ARG001
    """S0 lines 15-25: the value, and the one sent before it."""
    return _present(
        dataPoint=data["property"],
        value=data["value"],
        unit=data.get("unit"),
        reason=data["reason"].upper(),
        previousValue=data.get("previous", {}).get("value"),
    )


def _aggregate(document: Document, data: Mapping[str, Any], languages: Sequence[str]) -> Fields:  # noqa: ARG001
    """S0 lines 30-33: one property of one UTC day."""
    return _present(
        property=data["property"],
        day=data["day"],
        value=data["value"],
        unit=data.get("unit"),
        periodStart=data["period_start"],
        periodEnd=data["period_end"],
    )


def _present(**fields: Any) -> Fields:
    return {key: value for key, value in fields.items() if value is not None}


_FIELDS: dict[str, Callable[[Document, Mapping[str, Any], Sequence[str]], Fields]] = {
    "CONNECTIVITY_STATUS": _connectivity,
    "APPLIANCE_STATUS": _appliance_status,
    "CONTRACT_STATUS": _contract,
    "DATA_POINT": _data_point,
    "DAILY_AGGREGATE": _aggregate,
}

PROFILE = Profile(
    name="bosch",
    version="2026-11",
    title="Bosch Home Comfort",
    description=(
        "The five event families of the Bosch Home Comfort Group's Partner API. Of the wire format the vendor "
        "publishes the name CONTRACT_STATUS alone: the other names and all bodies are our definition."
    ),
    content_type=CONTENT_TYPE,
    default_signing="none",
    default_retry_policy="bosch",
    refusal=refusal,
    schema=bosch_schemas.schema,
    render=render,
)
