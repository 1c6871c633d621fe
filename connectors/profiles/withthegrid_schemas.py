"""JSON Schema of the Withthegrid bodies, in our own words, from the vendor's field references (S1 lines 59-103)."""

from __future__ import annotations

from typing import Any

from connectors.profiles.decimals import ORDERS_OF_MAGNITUDE, SIGNIFICANDS
from portal.events.catalogue.schemas import Schema, closed, free_form, one_of, text, translations

MOMENT_PATTERN = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$"


def _hash_id(description: str) -> Schema:
    return {"type": "string", "pattern": "^[A-Za-z0-9]+$", "description": description}


def _or_null(schema: Schema) -> Schema:
    return schema | {"type": [schema["type"], "null"]}


def _moment(description: str) -> Schema:
    return {"type": "string", "format": "date-time", "pattern": MOMENT_PATTERN, "description": description}


def _integer(limits: tuple[int, int], description: str) -> Schema:
    return {"type": "integer", "minimum": limits[0], "maximum": limits[1], "description": description}


def _whole(properties: dict[str, Schema]) -> Schema:
    """An object that has all of its fields, always."""
    return closed(properties, required=tuple(properties))


ATTEMPT = _integer((0, 2**31 - 1), "How often the delivery was tried before, 0 the first time.")
ENVIRONMENT = _hash_id("The environment: the organization.")

OBSERVATION = _whole(
    {
        "connectivityEnvironmentQuantityHashId": _or_null(_hash_id("Always null here.")),
        "monitoringEnvironmentQuantityHashId": _or_null(_hash_id("The quantity that was measured.")),
        "portHashId": _or_null(_hash_id("The port of the device; null: unknown.")),
        "channelIndex": {"type": ["integer", "null"], "description": "The channel of the port; null: unknown."},
        "orderOfMagnitude": _integer(ORDERS_OF_MAGNITUDE, "The value is the significand times ten to this power."),
        "significand": _integer(SIGNIFICANDS, "Digits of the value."),
        "formattedValue": text("The value for people, with thousands separators."),
        "unit": _or_null(text("Unit of the value; null: it has none.", longest=20)),
        "generatedAt": _moment("When it was measured."),
        "performance": {"enum": [0, 1], "description": "1: normal. 0: no measurement."},
    }
)

MEASUREMENT = _whole(
    {
        "hashId": _hash_id("The report."),
        "environmentHashId": ENVIRONMENT,
        "connectivityEnvironmentReportTypeHashId": _or_null(_hash_id("Always null here.")),
        "monitoringEnvironmentReportTypeHashId": _or_null(_hash_id("The kind of report; null: unknown.")),
        "observations": {"type": "array", "items": OBSERVATION, "minItems": 1, "description": "The measurements."},
        "deviceHashId": _or_null(_hash_id("The device.")),
        "deviceIdentifier": _or_null(text("The device's serial number; null: unknown.")),
        "deviceFields": free_form("Name, type, kind, manufacturer and model of the device, as far as known."),
        "fields": free_form("What else the report says."),
        "locationHashId": _or_null(_hash_id("The site; null: unknown.")),
        "locationFields": free_form("Name of the site, if it has one."),
        "userHashId": _or_null(_hash_id("The person who wrote the report; null: the device itself did.")),
        "generatedAt": _moment("When the report was made."),
        "createdAt": _moment("When it was stored by the platform."),
        "attempt": ATTEMPT,
    }
)

NAME = translations("The quantity's name, by language.") | {"required": ["en"]}

CHANGE = {
    "hashId": _hash_id("The notification."),
    "object": one_of(("device", "quantity"), "What changed."),
    "action": one_of(("add", "update", "delete"), "What was done to it."),
    "createdAt": _moment("When the notification was made."),
    "updatedAt": _moment("When the notification was changed last."),
    "deletedAt": _or_null(_moment("When the object was deleted; null: it was not.")),
}
DEVICE_CHANGE = _whole(
    CHANGE | {"object": {"const": "device"}, "device": _whole({"identifier": _or_null(text("Its supplier's id."))})}
)
QUANTITY_CHANGE = _whole(CHANGE | {"object": {"const": "quantity"}, "quantity": _whole({"name": NAME})})

NOTIFICATION = _whole(
    {
        "hashId": _hash_id("What triggered this batch of notifications."),
        "environmentHashId": ENVIRONMENT,
        "observations": {
            "type": "array",
            "items": {"anyOf": [DEVICE_CHANGE, QUANTITY_CHANGE]},
            "minItems": 1,
            "description": "The changes.",
        },
        "generatedAt": _moment("When the batch was made."),
        "attempt": ATTEMPT,
    }
)


def schema(event_type: str) -> dict[str, Any]:
    """An array that may hold both kinds of messages, and the kind that carries this type of event in any case."""
    kind = MEASUREMENT if event_type.startswith("datapoint/") else NOTIFICATION
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:feeder:profile:withthegrid.2026-11:{event_type}",
        "type": "array",
        "minItems": 1,
        "items": {"anyOf": [MEASUREMENT, NOTIFICATION]},
        "contains": kind,
    }
