"""The Wattsense datastream webhook (S3 lines 129-159): a base URL with a route for values, for events and for alarms.

The body of a value is the vendor's. It publishes none for events and alarms: those are our definition, in the style of
the value and after the alerts of its alarm pages (B4). So is what its fields hold here: a device is our gateway, an
equipment the appliance behind it, and times are in milliseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

import orjson

from connectors.message import Rendered
from connectors.profiles import wattsense_schemas
from connectors.profiles.languages import best_text
from connectors.profiles.profile import Context, Document, Item, Profile, RenderError, data_of
from connectors.profiles.wattsense_alarms import alarm_of
from portal.events import catalogue

CONTENT_TYPE: Final = "application/json"

VALUE: Final = "datapoint/value"

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Fields: TypeAlias = dict[str, Any]


def render(items: Sequence[Item], context: Context) -> Rendered:
    document = items[0].document
    if reason := refusal(document["type"]):
        raise RenderError(reason)
    route = catalogue.CATALOGUE[document["type"]].flow
    data = data_of(document)
    try:
        if route == "values":
            body = _value(document, data)
        elif route == "alarms":
            body = _alarm(document, data, context.languages)
        else:
            body = _event(document, data)
    except KeyError as missing:
        raise RenderError(f"Wattsense demands a field that this event does not have: {missing.args[0]}") from missing
    return Rendered(body=orjson.dumps(body), content_type=CONTENT_TYPE, route=route)


def refusal(event_type: str) -> str | None:
    described = catalogue.get(event_type)
    if described is None:
        return f"There is no event type {event_type}."
    if described.flow == "values" and event_type != VALUE:
        return f"Wattsense has one value in each message; choose {VALUE} instead of {event_type}."
    return None


def _value(document: Document, data: Mapping[str, Any]) -> Fields:
    """S3 lines 145-159, all of them always there: null where the line allows it and nothing is known."""
    name, value = data["property"], data["value"]
    return {
        "deviceId": document["gateway"]["id"],
        "property": name,
        "timestamp": milliseconds(document["time"]),
        "payload": value,
        "receivedAt": received_at(document),
        "scaledPayload": value if isinstance(value, int | float) and not isinstance(value, bool) else None,
        "name": name,
        "unit": data.get("unit"),
        "externalId": _serial_number(document),
        "propertyId": None,
        "equipmentId": _id_of(document, "appliance"),
        "gatewayInterfaceId": None,
        "slug": name,
        "isOutOfService": None,
        "tags": {},
    }


def _event(document: Document, data: Mapping[str, Any]) -> Fields:
    """Our definition; `data` is as the catalogue describes it."""
    return {
        "deviceId": _id_of(document, "gateway"),
        "event": document["type"],
        "eventId": document["id"],
        "timestamp": milliseconds(document["time"]),
        "receivedAt": received_at(document),
        "externalId": _serial_number(document),
        "equipmentId": _id_of(document, "appliance"),
        "data": data,
        "tags": {},
    }


def _alarm(document: Document, data: Mapping[str, Any], languages: Sequence[str]) -> Fields:
    """Our definition: an event that also says what the alarm is, with its text in the partner's language."""
    alarm = alarm_of(document, data)
    return {
        "alarmId": alarm.id,
        "status": alarm.status,
        "severity": alarm.severity,
        "message": best_text(alarm.texts, languages),
        "raisedAt": _raised_at(alarm.raised_at),
        "property": data.get("property"),
        **_event(document, data),
    }


def milliseconds(moment: str) -> int:
    """Since 1970, of a time in RFC 3339. ValueError for a leap second, which that count does not have."""
    return (datetime.fromisoformat(moment.upper()) - EPOCH) // timedelta(milliseconds=1)


def _raised_at(moment: str | None) -> int | None:
    try:
        return milliseconds(moment) if moment else None
    except ValueError:
        return None  # the text itself is in `data`


def received_at(document: Document) -> int | None:
    """When the event was accepted, in milliseconds since 1970: an id of version 7 begins with it."""
    event_id = document["id"]
    return int(event_id[:8] + event_id[9:13], 16) if event_id[14] == "7" else None


def _id_of(document: Document, reference: str) -> str | None:
    return document[reference]["id"] if reference in document else None


def _serial_number(document: Document) -> str | None:
    """The equipment's, else the device's: what they are called outside of this product."""
    for reference in ("appliance", "gateway"):
        if reference in document:
            serial_number: str | None = document[reference].get("serial_number")
            return serial_number
    return None


PROFILE = Profile(
    name="wattsense",
    version="2026-11",
    title="Wattsense",
    description=(
        "The Wattsense datastream webhook: a base URL with a route each for values, events and alarms. The body of a "
        "value is the vendor's; the bodies of events and alarms are our definition, for it publishes none."
    ),
    content_type=CONTENT_TYPE,
    default_signing="wattsense",
    default_retry_policy="standard",
    refusal=refusal,
    schema=wattsense_schemas.schema,
    render=render,
    routes=("values", "events", "alarms"),
)
