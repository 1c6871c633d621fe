"""Which events make up Bosch's five families, and the JSON Schema of each family's body: our definition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from portal.events.catalogue import CATALOGUE
from portal.events.catalogue.contracts import CONTRACT_STATUSES, INITIATORS
from portal.events.catalogue.schemas import (
    Schema,
    closed,
    count,
    day,
    flag,
    identifier,
    measured,
    moment,
    name,
    one_of,
    text,
)

FAMILIES: Final = {
    "aggregate/daily": "DAILY_AGGREGATE",
    "appliance/error": "APPLIANCE_STATUS",
    "appliance/offline": "CONNECTIVITY_STATUS",
    "appliance/online": "CONNECTIVITY_STATUS",
    "appliance/warning": "APPLIANCE_STATUS",
    "contract/status": "CONTRACT_STATUS",
    "datapoint/value": "DATA_POINT",
    "gateway/offline": "CONNECTIVITY_STATUS",
    "gateway/online": "CONNECTIVITY_STATUS",
}
"""By event type (S0 line 1). All others are refused."""


def _upper(words: Sequence[str]) -> list[str]:
    return [word.upper() for word in words]


PREVIOUS: Schema = {
    "type": ["string", "null"],
    "enum": [*_upper(CONTRACT_STATUSES), None],
    "description": "The status before; null: the contract is new.",
}

COMMON: Mapping[str, Schema] = {
    "eventId": identifier("The event: a repeated delivery of it has the same."),
    "occurredAt": moment("When it happened."),
    "companyId": identifier("The company that the gateway is paired with."),
    "gatewayId": identifier("The gateway."),
    "gatewaySerialNumber": text("Its serial number."),
    "applianceId": identifier("The appliance; absent: the gateway itself is concerned."),
    "applianceSerialNumber": text("Its serial number."),
}
ALWAYS = ("eventId", "eventType", "occurredAt", "gatewayId")

OWN: Mapping[str, tuple[Mapping[str, Schema], Sequence[str]]] = {
    "CONNECTIVITY_STATUS": (
        {"status": one_of(("ONLINE", "OFFLINE"), "Whether it reports.")},
        ("status",),
    ),
    "APPLIANCE_STATUS": (
        {
            "severity": one_of(("ERROR", "WARNING"), "How bad it is."),
            "active": flag("true: the fault is there. false: it is gone."),
            "errorCode": name("The fault's code: it means what the appliance's manufacturer says it means."),
            "errorDescription": text("What the code says, in the partner's language.", longest=2000),
            "occurrences": count("How often it has occurred since it was first seen.", lowest=1),
            "since": moment("When the fault was first seen."),
            "faultId": name("The same when a fault is raised and when it is cleared."),
        },
        ("severity", "active", "errorCode"),
    ),
    "CONTRACT_STATUS": (
        {
            "contractId": name("The contract."),
            "previousStatus": PREVIOUS,
            "newStatus": one_of(_upper(CONTRACT_STATUSES), "The status now."),
            "initiator": one_of(_upper(INITIATORS), "Who caused the change."),
        },
        ("contractId", "previousStatus", "newStatus", "initiator"),
    ),
    "DATA_POINT": (
        {
            "dataPoint": text("Name of the data point.", longest=200),
            "value": measured("What was measured, in `unit`."),
            "unit": text("Unit of the values."),
            "reason": one_of(
                ("FIRST", "CHANGED", "INTERVAL", "RESET"),
                "FIRST: no value was sent before. CHANGED: by its threshold. INTERVAL: silent long enough. "
                "RESET: the counter began anew.",
            ),
            "previousValue": measured("The value sent before this one."),
        },
        ("dataPoint", "value", "reason"),
    ),
    "DAILY_AGGREGATE": (
        {
            "property": text("Name of the aggregate.", longest=200),
            "day": day("The UTC day that it is of."),
            "value": measured("The figure, in `unit`."),
            "unit": text("Unit of the figure."),
            "periodStart": moment("The day's first moment."),
            "periodEnd": moment("The first moment after the day: it is not part of it."),
        },
        ("property", "day", "value", "periodStart", "periodEnd"),
    ),
}
"""Fields of each family beside the common ones, and which of them are always there."""


def schema(event_type: str) -> Mapping[str, Any]:
    family = FAMILIES[event_type]
    own, required = OWN[family]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:feeder:profile:bosch.2026-11:{event_type}",
        "title": CATALOGUE[event_type].title,
        **closed({"eventType": {"const": family}, **COMMON, **own}, required=(*ALWAYS, *required)),
    }
