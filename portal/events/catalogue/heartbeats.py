"""Signs of life of a connector, so that silence can be told from an outage."""

from __future__ import annotations

from portal.events.catalogue import schemas
from portal.events.catalogue.event_type import EventType

SYSTEM_HEARTBEAT = EventType(
    name="system/heartbeat",
    version=1,
    flow="events",
    subject="organization",
    platform_made=True,
    title="Heartbeat",
    description="Comes at a steady pace through a connector that asks for it, and tells how much waits there.",
    schema=schemas.closed(
        {
            "connector_id": schemas.identifier("The connector that it is about, and that it comes through."),
            "waiting": schemas.count("How many messages waited for this connector."),
            "oldest_waiting_age_s": schemas.quantity(
                "s", "How long the oldest of them had waited; absent: none waited.", lowest=0
            ),
            "last_success_at": schemas.moment("When a message was last delivered; absent: none ever was."),
        },
        required=("connector_id", "waiting"),
    ),
    sample={
        "connector_id": "1c2b6f0e-55a1-4d8f-a2a7-0b1c7c1f9d42",
        "waiting": 12,
        "oldest_waiting_age_s": 3.5,
        "last_success_at": "2026-01-15T10:29:58.000Z",
    },
)
