"""The contract by which an end user grants a partner access to a gateway."""

from __future__ import annotations

from typing import Any

from portal.events.catalogue import schemas
from portal.events.catalogue.event_type import EventType

CONTRACT_STATUSES = ("pending", "active", "rejected", "revoked", "closed", "acknowledged")
INITIATORS = ("partner", "end_user", "platform")

PREVIOUS_STATUS: dict[str, Any] = {
    "type": ["string", "null"],
    "enum": [*CONTRACT_STATUSES, None],
    "description": "The status before; null: the contract is new.",
}
"""Never left out, so that every event tells the whole transition (S0 line 13)."""

CONTRACT_STATUS = EventType(
    name="contract/status",
    version=1,
    flow="events",
    subject="gateway",
    platform_made=True,
    title="Contract status changed",
    description="A contract between a partner and the end user of a gateway went from one status to another.",
    schema=schemas.closed(
        {
            "contract_id": schemas.name("The contract."),
            "previous_status": PREVIOUS_STATUS,
            "status": schemas.one_of(
                CONTRACT_STATUSES,
                "The status now. pending: the partner has to answer. active: accepted. rejected: the partner declined. "
                "revoked: the partner ended it. closed: the end user ended it. acknowledged: the partner took note "
                "of that.",
            ),
            "initiator": schemas.one_of(INITIATORS, "Who caused the change."),
            "occurred_at": schemas.moment("When the status changed."),
        },
        required=("contract_id", "previous_status", "status", "initiator", "occurred_at"),
    ),
    sample={
        "contract_id": "8f14e45f-ceea-467f-a8d5-91b5a7d0c1ff",
        "previous_status": "pending",
        "status": "active",
        "initiator": "partner",
        "occurred_at": "2026-01-15T10:30:00.000Z",
    },
)
