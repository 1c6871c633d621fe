"""Faults of an appliance: raised, and cleared again by an event of the same type."""

from __future__ import annotations

from collections.abc import Mapping

from portal.events.catalogue import schemas
from portal.events.catalogue.event_type import EventType

FAULT_DATA = schemas.closed(
    {
        "fault_id": schemas.name(
            "The same for a fault's raise and its clear. Where it is absent, appliance and code tell which belong "
            "together."
        ),
        "active": schemas.flag("true: the fault is there. false: it is gone; the event's time says since when."),
        "code": schemas.name("The fault's code: it means what the appliance's manufacturer says it means."),
        "occurrences": schemas.count(
            "How often it has occurred since it was first seen, this time included.", lowest=1
        ),
        "since": schemas.moment("When the fault was first seen."),
        "texts": schemas.translations("What the code says, for people, by language."),
    },
    required=("active", "code"),
)


def _fault(name: str, title: str, description: str, *, fault_id: str, code: str, texts: Mapping[str, str]) -> EventType:
    return EventType(
        name=name,
        version=1,
        flow="alarms",
        subject="appliance",
        title=title,
        description=description,
        schema=FAULT_DATA,
        sample={
            "fault_id": fault_id,
            "active": True,
            "code": code,
            "occurrences": 3,
            "since": "2026-01-15T10:12:00.000Z",
            "texts": dict(texts),
        },
    )


APPLIANCE_ERROR = _fault(
    "appliance/error",
    "Error of an appliance",
    "An error keeps an appliance from doing its work, or no longer does: one event when it is raised, one when it is "
    "cleared.",
    fault_id="5d0c8e0a-6d0f-4f57-8a53-3c1d2b8f0e61",
    code="F71A",
    texts={
        "en": "The inverter has stopped because it is too hot.",
        "de": "Der Wechselrichter ist wegen Überhitzung stehen geblieben.",
        "nl": "De omvormer is gestopt omdat hij te heet is.",
    },
)
APPLIANCE_WARNING = _fault(
    "appliance/warning",
    "Warning of an appliance",
    "An appliance works but asks for attention, or no longer does: one event when the warning is raised, one when it "
    "is cleared.",
    fault_id="b3f7a1c2-2c58-4a0e-9d0b-7e6f5a4c3b21",
    code="W12",
    texts={
        "en": "The inverter gives less power because it is hot.",
        "de": "Der Wechselrichter gibt wegen Hitze weniger Leistung ab.",
        "nl": "De omvormer levert minder vermogen omdat hij heet is.",
    },
)
