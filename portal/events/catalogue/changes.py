"""That a device or a quantity was added, changed or removed: so that others keep their own lists in step."""

from __future__ import annotations

from typing import Any

from portal.events.catalogue import schemas
from portal.events.catalogue.event_type import EventType

DEVICE_DATA = schemas.closed(
    {
        "identifier": {
            "type": ["string", "null"],
            "maxLength": 200,
            "description": "The device's own identifier from its supplier; null: it has none. Absent: the serial "
            "number of the appliance, or else of the gateway, that the event is about.",
        }
    }
)

QUANTITY_NAME: dict[str, Any] = schemas.translations("What it is called, by language; English is always there.")
QUANTITY_NAME["required"] = ["en"]

QUANTITY_DATA = schemas.closed(
    {
        "property": schemas.name("Name of the data point."),
        "name": QUANTITY_NAME,
    },
    required=("property", "name"),
)


def _device(name: str, title: str, description: str) -> EventType:
    return EventType(
        name=name,
        version=1,
        flow="events",
        subject="gateway",
        title=title,
        description=description,
        schema=DEVICE_DATA,
        sample={"identifier": "device-serial-12345"},
    )


def _quantity(name: str, title: str, description: str) -> EventType:
    return EventType(
        name=name,
        version=1,
        flow="events",
        subject="organization",
        title=title,
        description=description,
        schema=QUANTITY_DATA,
        sample={"property": "active_power", "name": {"en": "Active power", "nl": "Actief vermogen"}},
    )


DEVICE_ADD = _device("device/add", "Device added", "A gateway, or an appliance behind one, was added.")
DEVICE_UPDATE = _device("device/update", "Device changed", "What is known of a gateway or an appliance changed.")
DEVICE_DELETE = _device("device/delete", "Device removed", "A gateway, or an appliance behind one, was removed.")

QUANTITY_ADD = _quantity("quantity/add", "Quantity added", "A data point was defined.")
QUANTITY_UPDATE = _quantity("quantity/update", "Quantity changed", "A data point's definition changed.")
QUANTITY_DELETE = _quantity("quantity/delete", "Quantity removed", "A data point's definition was removed.")
