"""A made-up event of each type, always the same one: for tests, for the documentation, for test sends."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from portal.events.catalogue.event_type import EventType

SAMPLE_TIME = "2026-01-15T10:30:00.000Z"

NAMESPACE = UUID("0d6f5b6e-3c56-5a0e-9a6c-0f1f7a2f9d11")
"""Under which the made-up ids are derived from their names."""

INVERTER = {
    "serial_number": "9312355",
    "name": "Inverter on the south roof",
    "type": "inverter",
    "kind": "hybrid",
    "manufacturer": "Examplo",
    "model": "HY-10",
}
VEHICLE = {"serial_number": "EV-0042", "name": "Company car", "type": "evstation", "manufacturer": "Examplo"}


def document_of(event_type: EventType, organization_id: str, *, event_id: str | None, time: str) -> dict[str, Any]:
    """A complete event document as docs/event-document.md describes it, with the type's sample as `data`."""
    document: dict[str, Any] = {
        "id": event_id or _identifier(f"event {event_type.name}"),
        "type": event_type.name,
        "version": event_type.version,
        "time": time,
        "organization": organization_id,
    }
    if event_type.subject != "organization":
        document["correlation_id"] = _identifier(f"cause of {event_type.name}")
        document["system"] = {"id": _identifier("system"), "name": "Example house"}
    about_vehicle = event_type.name.startswith(("ev/", "system/action"))
    if event_type.subject in ("gateway", "appliance") or about_vehicle:
        document["gateway"] = {"id": _identifier("gateway"), "serial_number": "GW-000-001", "name": "Cellar"}
    about_appliance = event_type.name.startswith(("alarm/", "datapoint/", "device/"))
    if event_type.subject == "appliance" or about_appliance or about_vehicle:
        model = VEHICLE if about_vehicle else INVERTER
        document["appliance"] = {"id": _identifier(f"appliance {model['serial_number']}"), **model}
    document["data"] = dict(event_type.sample)
    return document


def _identifier(name: str) -> str:
    return str(uuid5(NAMESPACE, name))
