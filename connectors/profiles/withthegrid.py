"""Withthegrid's messages over HTTPS (S1 lines 40-104): an array, always, of measurement and notification messages.

What the vendor leaves open is decided here, and is our definition: a device is the appliance, or else the gateway; a
location is the system; the environment is the organization, a monitoring environment, so what belongs to a connectivity
environment is null. Values of one device and one moment are one report. The vendor's messages have no type in them
(line 104), so MESSAGE_TYPE names it beside them.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID, uuid5

import orjson

from connectors.message import Rendered
from connectors.profiles import decimals, withthegrid_schemas
from connectors.profiles.hash_ids import encode, encode_name
from connectors.profiles.profile import Context, Document, Item, Profile, RenderError, data_of
from portal.lib import clock, uuid7

CONTENT_TYPE = "application/json"

MESSAGE_TYPE: Final = "X-Message-Type"
"""Our header: `measurement`, `notification`, or both with a comma where a batch holds both."""

MOST_EVENTS = 1000

Fields: TypeAlias = dict[str, Any]

_CHANGES: Final = {
    "appliance/create": ("device", "add"),
    "appliance/delete": ("device", "delete"),
    "appliance/update": ("device", "update"),
    "device/add": ("device", "add"),
    "device/delete": ("device", "delete"),
    "device/update": ("device", "update"),
    "gateway/create": ("device", "add"),
    "quantity/add": ("quantity", "add"),
    "quantity/delete": ("quantity", "delete"),
    "quantity/update": ("quantity", "update"),
}
"""What is notified of (lines 97 and 98). Our own appliances and gateways are devices too."""
_MEASUREMENTS: Final = frozenset({"datapoint/report", "datapoint/value"})


def refusal(event_type: str) -> str | None:
    if event_type in _MEASUREMENTS or event_type in _CHANGES:
        return None
    return (
        f"Withthegrid has messages for measurements and for changes of devices and quantities, none for {event_type}; "
        "use a connector with the standard profile for it."
    )


def render(items: Sequence[Item], context: Context) -> Rendered:
    if not context.hash_salt:
        raise RenderError("The organization's salt for hash ids is missing.")
    messages, types = [], []
    for together in _grouped(items):
        measured = together[0].document["type"] in _MEASUREMENTS
        make = _measurement if measured else _notification
        messages.append(make([item.document for item in together], context.hash_salt) | {"attempt": _attempt(together)})
        types.append("measurement" if measured else "notification")
    return Rendered(
        body=orjson.dumps(messages),
        content_type=CONTENT_TYPE,
        headers=((MESSAGE_TYPE, ", ".join(sorted(set(types)))),),
    )


def _grouped(items: Sequence[Item]) -> list[list[Item]]:
    """The items of each message, in the order in which the first of each came."""
    groups: dict[Hashable, list[Item]] = {}
    for item in items:
        groups.setdefault(_message_of(item.document), []).append(item)
    return list(groups.values())


def _message_of(document: Document) -> Hashable:
    """Equal for events that share a message."""
    event_type: str = document["type"]
    if event_type in _CHANGES:
        return "notification"
    if event_type == "datapoint/report":
        return ("report", document["id"])
    if event_type == "datapoint/value":
        return ("values", _device(document)["id"], document["time"])
    raise RenderError(refusal(event_type))


def _attempt(items: Sequence[Item]) -> int:
    """Of the event that was tried most often: the others' repetition is what the partner can see too (line 77)."""
    return max(item.attempt for item in items)


# measurements


def _measurement(documents: Sequence[Document], salt: str) -> Fields:
    """Lines 63-77, but for the attempt."""
    document = documents[0]
    organization, device, data = document["organization"], _device(document), data_of(document)
    report_type, user, system = data.get("report_type"), data.get("user_id"), document.get("system")
    return {
        "hashId": encode(salt, "report", _identity(documents)),
        "environmentHashId": encode(salt, "environment", organization),
        "connectivityEnvironmentReportTypeHashId": None,
        "monitoringEnvironmentReportTypeHashId": (
            encode_name(salt, "report type", organization, report_type) if report_type else None
        ),
        "observations": [
            _observation(observed, document, salt) for document in documents for observed in _observed(document)
        ],
        "deviceHashId": encode(salt, "device", device["id"]),
        "deviceIdentifier": device.get("serial_number"),
        "deviceFields": {name: text for name, text in device.items() if name not in {"id", "serial_number"}},
        "fields": data.get("fields", {}),
        "locationHashId": encode(salt, "location", system["id"]) if system else None,
        "locationFields": {"name": system["name"]} if system and system.get("name") else {},
        "userHashId": encode(salt, "user", user) if user else None,
        "generatedAt": document["time"],
        "createdAt": max(_stored_at(document) for document in documents),
    }


def _observed(document: Document) -> list[Any]:
    """The observations as datapoint/report describes them; a single value is one."""
    data = data_of(document)
    observations: list[Any] = data["observations"] if document["type"] == "datapoint/report" else [data]
    return observations


def _observation(observed: Fields, document: Document, salt: str) -> Fields:
    """Lines 78-87. A quantity is known by its data point's name, a port by its name at the device.

    What is no number has performance 0 and keeps its text; true and false are 1 and 0. What the device itself calls
    bad has performance 0 too.
    """
    value, port = observed["value"], observed.get("port")
    number = decimals.as_decimal(value)
    written = None if number is None else decimals.significand_and_order(number)
    significand, order = written or (0, 0)
    return {
        "connectivityEnvironmentQuantityHashId": None,
        "monitoringEnvironmentQuantityHashId": encode_name(
            salt, "quantity", document["organization"], observed["property"]
        ),
        "portHashId": encode_name(salt, "port", _device(document)["id"], port) if port else None,
        "channelIndex": observed.get("channel"),
        "orderOfMagnitude": order,
        "significand": significand,
        "formattedValue": decimals.formatted(value),
        "unit": observed.get("unit"),
        "generatedAt": _in_utc(observed["time"]) if "time" in observed else document["time"],
        "performance": 1 if written is not None and observed.get("quality") != "bad" else 0,
    }


# notifications


def _notification(documents: Sequence[Document], salt: str) -> Fields:
    """Lines 91-94."""
    return {
        "hashId": encode(salt, "notification batch", _identity(documents)),
        "environmentHashId": encode(salt, "environment", documents[0]["organization"]),
        "observations": [_change(document, salt) for document in documents],
        "generatedAt": max(_stored_at(document) for document in documents),
    }


def _change(document: Document, salt: str) -> Fields:
    """Lines 96-103. The notification's own times are those of the event's arrival; it never changes afterwards."""
    thing, action = _CHANGES[document["type"]]
    stored_at = _stored_at(document)
    return {
        "hashId": encode(salt, "notification", document["id"]),
        "object": thing,
        "action": action,
        thing: _changed_device(document) if thing == "device" else {"name": document["data"]["name"]},
        "createdAt": stored_at,
        "updatedAt": stored_at,
        "deletedAt": document["time"] if action == "delete" else None,
    }


def _changed_device(document: Document) -> Fields:
    """Line 99: the supplier's identifier, which may be null."""
    data = document["data"]
    return {"identifier": data["identifier"] if "identifier" in data else _device(document).get("serial_number")}


# both


def _identity(documents: Sequence[Document]) -> str:
    """Of a message: its event's, or one of its own for just these events.

    So a partner that takes each id once never loses a value that is grouped otherwise in the next attempt.
    """
    first: str = documents[0]["id"]
    if len(documents) == 1:
        return first
    return str(uuid5(UUID(first), " ".join(document["id"] for document in documents)))


def _device(document: Document) -> Fields:
    device: Fields | None = document.get("appliance") or document.get("gateway")
    if device is None:
        raise RenderError("Withthegrid demands a device, and this event is about none.")
    return device


def _stored_at(document: Document) -> str:
    """When the event was accepted: its id says so. A made-up event's does not; it came when it happened."""
    identifier = UUID(document["id"])
    time: str = document["time"]
    return clock.rfc3339(uuid7.time_of(identifier)) if identifier.version == 7 else time


def _in_utc(time: str) -> str:
    """With milliseconds and Z (line 88), however its producer wrote it."""
    try:
        return clock.rfc3339(datetime.fromisoformat(time))
    except (ValueError, OverflowError) as error:  # RFC 3339 has a second 60, and years that UTC has not
        raise RenderError(f"The time {time} cannot be written in UTC.") from error


PROFILE = Profile(
    name="withthegrid",
    version="2026-11",
    title="Withthegrid",
    description="Withthegrid's array of measurement and notification messages: hash ids, numbers as significand and "
    "order of magnitude, readings of one device and moment in one report.",
    content_type=CONTENT_TYPE,
    default_signing="none",
    default_retry_policy="withthegrid",
    refusal=refusal,
    schema=withthegrid_schemas.schema,
    render=render,
    most_events=MOST_EVENTS,
    varies=True,
)
