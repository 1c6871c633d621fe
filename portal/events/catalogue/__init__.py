"""Which types of event there are, and what each one's `data` holds. Pure: knows no database.

To add a type, describe it in the module of its subject and name it in CATALOGUE. To change one in a way that
its readers would notice, raise its version.
"""

from __future__ import annotations

from typing import Any

from portal.events.catalogue import (
    aggregates,
    alarms,
    changes,
    contracts,
    devices,
    faults,
    heartbeats,
    reports,
    sites,
    snapshots,
    vehicles,
)
from portal.events.catalogue.event_type import EventType, Flow, Subject
from portal.events.catalogue.sample import SAMPLE_TIME, document_of
from portal.events.catalogue.validation import validate

__all__ = ["CATALOGUE", "EventType", "Flow", "Subject", "get", "sample_document", "validate"]

CATALOGUE: dict[str, EventType] = {
    "aggregate/daily": aggregates.AGGREGATE_DAILY,
    "alarm/acknowledged": alarms.ALARM_ACKNOWLEDGED,
    "alarm/closed": alarms.ALARM_CLOSED,
    "alarm/raised": alarms.ALARM_RAISED,
    "appliance/create": devices.APPLIANCE_CREATE,
    "appliance/delete": devices.APPLIANCE_DELETE,
    "appliance/error": faults.APPLIANCE_ERROR,
    "appliance/offline": devices.APPLIANCE_OFFLINE,
    "appliance/online": devices.APPLIANCE_ONLINE,
    "appliance/update": devices.APPLIANCE_UPDATE,
    "appliance/warning": faults.APPLIANCE_WARNING,
    "contract/status": contracts.CONTRACT_STATUS,
    "datapoint/report": reports.DATAPOINT_REPORT,
    "datapoint/value": sites.DATAPOINT_VALUE,
    "device/add": changes.DEVICE_ADD,
    "device/delete": changes.DEVICE_DELETE,
    "device/update": changes.DEVICE_UPDATE,
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
    "quantity/add": changes.QUANTITY_ADD,
    "quantity/delete": changes.QUANTITY_DELETE,
    "quantity/update": changes.QUANTITY_UPDATE,
    "system/action": sites.SYSTEM_ACTION,
    "system/heartbeat": heartbeats.SYSTEM_HEARTBEAT,
    "telemetry/snapshot": snapshots.TELEMETRY_SNAPSHOT,
}


def get(name: str) -> EventType | None:
    return CATALOGUE.get(name)


def sample_document(
    name: str, organization_id: str, *, event_id: str | None = None, time: str = SAMPLE_TIME
) -> dict[str, Any]:
    """A whole event document with sample content; the same arguments give the same document."""
    return document_of(CATALOGUE[name], organization_id, event_id=event_id, time=time)
