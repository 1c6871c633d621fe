"""Alarms and their life: raised, acknowledged, closed. All events of one alarm have the same `alarm_id`."""

from __future__ import annotations

from portal.events.catalogue import schemas
from portal.events.catalogue.event_type import EventType

SEVERITIES = ("standard", "critical")


def _alarm(name: str, status: str, title: str, description: str) -> EventType:
    return EventType(
        name=name,
        version=1,
        flow="alarms",
        subject="gateway",
        title=title,
        description=description,
        schema=schemas.closed(
            {
                "alarm_id": schemas.name("The alarm: raised, acknowledged and closed have the same."),
                "status": schemas.one_of((status,), "Where the alarm is in its life now."),
                "severity": schemas.one_of(SEVERITIES, "How bad it is."),
                "raised_at": schemas.moment("When the alarm was raised."),
                "property": schemas.text(
                    "The data point whose value it is about; absent: the device as a whole.", longest=200
                ),
                "value": schemas.measured("That data point's value at the time of this event, in `unit`."),
                "unit": schemas.text("Unit of `value`.", longest=20),
                "texts": schemas.translations("What the matter is, for people, by language."),
            },
            required=("alarm_id", "status", "severity"),
        ),
        sample={
            "alarm_id": "4c9f2a77-31c9-4a3a-8a0a-5b9b7f3d2e10",
            "status": status,
            "severity": "critical",
            "raised_at": "2026-01-15T10:12:00.000Z",
            "property": "inverter.temperature",
            "value": 71.5,
            "unit": "°C",
            "texts": {"en": "The inverter is too hot.", "de": "Der Wechselrichter ist zu heiß."},
        },
    )


ALARM_RAISED = _alarm("alarm/raised", "open", "Alarm raised", "A rule found something at a device that needs care.")
ALARM_ACKNOWLEDGED = _alarm(
    "alarm/acknowledged", "acknowledged", "Alarm acknowledged", "Somebody has seen the alarm and takes care of it."
)
ALARM_CLOSED = _alarm("alarm/closed", "closed", "Alarm closed", "What the alarm was about is over.")
