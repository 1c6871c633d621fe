"""JSON Schemas of the Wattsense bodies. Every field is always there; where its type says so it may be null."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portal.events.catalogue import CATALOGUE
from portal.events.catalogue.schemas import Schema, closed, identifier, measured, name, one_of, text

Properties = Mapping[str, Schema]


def _nullable(schema: Schema) -> Schema:
    return schema | {"type": [schema["type"], "null"]}


def _milliseconds(description: str) -> Schema:
    return {"type": "integer", "x-unit": "ms", "description": f"{description} Milliseconds since 1970, UTC."}


TAGS: Schema = {
    "type": "object",
    "additionalProperties": {"type": "string"},
    "description": "Labels of the property, by name; none is an empty object.",
}

DEVICE = identifier("The gateway.")
EQUIPMENT = _nullable(identifier("The appliance behind the gateway; null: it is about the gateway itself."))
EXTERNAL = _nullable(text("Serial number of the appliance, or of the gateway where no appliance is concerned."))
RECEIVED = _nullable(_milliseconds("When it was received here."))

VALUE: Properties = {
    "deviceId": DEVICE,
    "property": text("Name of the data point."),
    "timestamp": _milliseconds("When it was measured."),
    "payload": measured("The value."),
    "receivedAt": RECEIVED,
    "scaledPayload": {"type": ["number", "null"], "description": "The value, if it is a number."},
    "name": _nullable(text("Name of the data point.")),
    "unit": _nullable(text("Unit of the value.")),
    "externalId": EXTERNAL,
    "propertyId": _nullable(text("Id of the property; not used here.")),
    "equipmentId": EQUIPMENT,
    "gatewayInterfaceId": _nullable(text("Interface of the gateway; not used here.")),
    "slug": _nullable(text("Name of the data point, by which it can be asked for.")),
    "isOutOfService": {"type": ["boolean", "null"], "description": "Whether the point is out of service; not known."},
    "tags": TAGS,
}
"""S3 lines 145-159."""

ALARM: Properties = {
    "alarmId": name("The alarm: all messages about it have the same."),
    "status": one_of(("open", "acknowledged", "closed"), "Where the alarm is in its life."),
    "severity": one_of(("standard", "critical"), "How bad it is."),
    "message": _nullable(text("What the matter is, in the partner's language.", longest=10_000)),
    "raisedAt": _nullable(_milliseconds("When it began.")),
    "property": _nullable(text("Name of the data point that it is about; null: the device as a whole.")),
}


def _event(event_type: str) -> Properties:
    return {
        "deviceId": _nullable(DEVICE),
        "event": {"const": event_type},
        "eventId": identifier("The event: a repeated delivery of it has the same."),
        "timestamp": _milliseconds("When it happened."),
        "receivedAt": RECEIVED,
        "externalId": EXTERNAL,
        "equipmentId": EQUIPMENT,
        "data": dict(CATALOGUE[event_type].schema),
        "tags": TAGS,
    }


def schema(event_type: str) -> Mapping[str, Any]:
    described = CATALOGUE[event_type]
    if described.flow == "values":
        properties = VALUE
    elif described.flow == "alarms":
        properties = {**ALARM, **_event(event_type)}
    else:
        properties = _event(event_type)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:feeder:profile:wattsense.2026-11:{event_type}",
        "title": described.title,
        **closed(properties, required=tuple(properties)),
    }
