"""What follows when a receiver answers 410 Gone: a subscription ends, an admin's connector is switched off."""

from __future__ import annotations

from uuid import UUID

import structlog
from django.db import transaction

from connectors import outbox
from connectors.models import Connector, DisabledReason, Origin
from portal.tenants import audit, scope

log = structlog.get_logger(__name__)


def receiver_gone(connector_id: UUID) -> None:
    """End a subscription with its connector (S4 line 167), or disable the connector and say why.

    What still waits for a subscription is dropped, and listed as such; what waits for a disabled connector is kept
    until somebody switches it on again or deletes it.
    """
    with scope.every_organization(), audit.acting("system: receiver answered 410 Gone"):
        connector = Connector.objects.filter(id=connector_id).first()
        if connector is None:
            return
        with transaction.atomic():
            Connector.objects.filter(id=connector_id).update(enabled=False, disabled_reason=DisabledReason.GONE)
        log.warning("a receiver is gone", connector=str(connector_id), origin=connector.origin)
        if connector.origin == Origin.SUBSCRIPTION:
            outbox.drop_waiting(connector_id, "The receiver answered 410 Gone and the subscription ended.")
            connector.delete()
