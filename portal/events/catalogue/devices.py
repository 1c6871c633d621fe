"""Events of gateways, of appliances, and of inverters. Which device it is stands beside `data`, not in it."""

from __future__ import annotations

from portal.events.catalogue import schemas
from portal.events.catalogue.event_type import EventType

PART = {
    "firmware": schemas.text("Version of the appliance's firmware.", longest=100),
    "parent": schemas.identifier("The appliance that it is a part of."),
    "gateway_type": schemas.text("What kind of gateway the appliance is behind.", longest=100),
}
"""Details of the appliance that the fleet does not keep; an event may tell them."""

APPLIANCE_DATA = schemas.closed(PART)

OWNER = schemas.closed(
    {
        "id": schemas.identifier("The user who owns the system."),
        "name": schemas.text("That user's name.", longest=200),
        "email": schemas.text("That user's e-mail address.", longest=320),
    },
    required=("id",),
) | {"description": "The owner of the system. Personal data: leaves only with consent."}

GATEWAY_DATA = schemas.closed(
    {
        "user": OWNER,
        "device_id": schemas.text("What the gateway's own maker calls this device.", longest=200),
    }
)

INVERTER_STATUSES = ("unknown", "ok", "warning", "error")

INVERTER_DATA = schemas.closed(
    {
        "status": schemas.one_of(INVERTER_STATUSES, "The status now."),
        "last_status": schemas.one_of(INVERTER_STATUSES, "The status before."),
        "error_code": schemas.text(
            "The code that the inverter reports now: it means what the manufacturer says it means.",
            longest=200,
        ),
        "last_error_code": schemas.text("The code that it reported before.", longest=200),
        **PART,
    },
    required=("status", "last_status"),
)


PART_SAMPLE = {
    "firmware": "3.2.1",
    "parent": "5d9f0a44-6f0b-4c53-8f0c-1f7a3a3c2e55",
    "gateway_type": "home_manager",
}


def _gateway(name: str, title: str, description: str) -> EventType:
    return EventType(
        name=name,
        version=1,
        flow="events",
        subject="gateway",
        title=title,
        description=description,
        schema=GATEWAY_DATA,
        sample={
            "user": {
                "id": "a115d9e3-6e78-4ddf-8676-a98c28ad8249",
                "name": "Erika Beispiel",
                "email": "erika@example.com",
            },
            "device_id": "D403-007",
        },
        personal_data=("user",),
    )


def _appliance(name: str, title: str, description: str) -> EventType:
    return EventType(
        name=name,
        version=1,
        flow="events",
        subject="appliance",
        title=title,
        description=description,
        schema=APPLIANCE_DATA,
        sample=PART_SAMPLE,
    )


GATEWAY_CREATE = _gateway("gateway/create", "Gateway added", "A gateway was added to a system.")
GATEWAY_ONLINE = _gateway("gateway/online", "Gateway online", "A gateway reports again.")
GATEWAY_OFFLINE = _gateway(
    "gateway/offline", "Gateway offline", "A gateway has stopped reporting; what is behind it cannot be seen."
)

APPLIANCE_CREATE = _appliance("appliance/create", "Appliance added", "An appliance was found behind a gateway.")
APPLIANCE_UPDATE = _appliance(
    "appliance/update",
    "Appliance changed",
    "An appliance's name, type, kind or another property of it changed.",
)
APPLIANCE_DELETE = _appliance("appliance/delete", "Appliance removed", "An appliance was removed from its gateway.")
APPLIANCE_ONLINE = _appliance("appliance/online", "Appliance online", "An appliance reports again.")
APPLIANCE_OFFLINE = _appliance(
    "appliance/offline",
    "Appliance offline",
    "An appliance has stopped reporting, or its gateway has: then nobody can see what is behind it.",
)

INVERTER_STATUS = EventType(
    name="inverter/status",
    version=1,
    flow="alarms",
    subject="appliance",
    title="Inverter status changed",
    description="An inverter went from one status to another, with the fault code it reports.",
    schema=INVERTER_DATA,
    sample={
        "status": "error",
        "last_status": "ok",
        "error_code": "F71A",
        "last_error_code": "F00",
        **PART_SAMPLE,
    },
)
