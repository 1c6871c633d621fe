"""Which types of event there are, and what each one's `data` holds. Pure: knows no database.

To add a type, describe it in the module of its subject and name it in CATALOGUE. To change one in a way that
its readers would notice, raise its version.
"""

from __future__ import annotations

from typing import Any

from portal.events.catalogue import devices, sites, vehicles
from portal.events.catalogue.event_type import EventType, Flow, Subject
from portal.events.catalogue.sample import SAMPLE_TIME, document_of
from portal.events.catalogue.validation import validate

__all__ = ["CATALOGUE", "EventType", "Flow", "Subject", "get", "sample_document", "validate"]

CATALOGUE: dict[str, EventType] = {
    "appliance/create": devices.APPLIANCE_CREATE,
    "appliance/delete": devices.APPLIANCE_DELETE,
    "appliance/offline": devices.APPLIANCE_OFFLINE,
    "appliance/online": devices.APPLIANCE_ONLINE,
    "appliance/update": devices.APPLIANCE_UPDATE,
    "datapoint/value": sites.DATAPOINT_VALUE,
    "ev/charge-failed": vehicles.CHARGE_FAILED,
    "ev/charge-started": vehicles.CHARGE_STARTED,
    "ev/charge-stopped": vehicles.CHARGE_STOPPED,
    "ev/control": vehicles.CONTROL,
    "ev/create": vehicles.CREATE,
    "ev/delete": vehicles.DELETE,
    "ev/infeasible-charging-goals": vehicles.INFEASIBLE_GOALS,
    "ev/measurement": vehicles.MEASUREMENT,
    "ev/plugged": vehicles.PLUGGED,
    "ev/unplugged": vehicles.UNPLUGGED,
    "ev/update": vehicles.UPDATE,
    "gateway/create": devices.GATEWAY_CREATE,
    "gateway/offline": devices.GATEWAY_OFFLINE,
    "gateway/online": devices.GATEWAY_ONLINE,
    "grid-signal-processor/limitation-of-power-consumption/set": sites.LIMIT_SET,
    "grid-signal-processor/limitation-of-power-consumption/unset": sites.LIMIT_UNSET,
    "inverter/status": devices.INVERTER_STATUS,
    "ping": sites.PING,
    "system/action": sites.SYSTEM_ACTION,
}


def get(name: str) -> EventType | None:
    return CATALOGUE.get(name)


def sample_document(
    name: str, organization_id: str, *, event_id: str | None = None, time: str = SAMPLE_TIME
) -> dict[str, Any]:
    """A whole event document with sample content; the same arguments give the same document."""
    return document_of(CATALOGUE[name], organization_id, event_id=event_id, time=time)
