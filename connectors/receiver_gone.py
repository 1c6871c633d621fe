"""What follows when a receiver answers 410 Gone: a subscription ends, an admin's connector is switched off."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from uuid import UUID

import structlog
from django.db import connection, transaction

from connectors import outbox
from connectors.models import Connector, DisabledReason, Origin
from connectors.notices import about_connector, notify
from portal.lib import clock
from portal.tenants import audit, scope

_ending = ThreadPoolExecutor(max_workers=1, thread_name_prefix="subscriptions end")
"""Dropping a million deliveries takes half a minute, in which the recorder, who calls, has others' results to write."""

log = structlog.get_logger(__name__)


def receiver_gone(connector_id: UUID) -> None:
    """End a subscription with its connector (S4 line 167), or disable the connector and say why.

    What still waits for a subscription is dropped, and listed as such; what waits for a disabled connector is kept
    until somebody switches it on again or deletes it.
    """
    with scope.every_organization(), _acting():
        connector = Connector.objects.filter(id=connector_id).first()
        if connector is None:
            return
        with transaction.atomic():
            Connector.objects.filter(id=connector_id).update(enabled=False, disabled_reason=DisabledReason.GONE)
            follows = "the subscription ends" if connector.origin == Origin.SUBSCRIPTION else "it is switched off"
            text = f"The receiver of {connector.name} answered that it is gone: {follows}."
            notify(connector.organization_id, "disabled", about_connector(connector_id), text, clock.now())
    log.warning("a receiver is gone", connector=str(connector_id), origin=connector.origin)
    if connector.origin == Origin.SUBSCRIPTION:
        _ending.submit(_end_subscription, connector_id)


def _end_subscription(connector_id: UUID) -> None:
    reason = "The receiver answered 410 Gone and the subscription ended."
    try:
        with scope.every_organization(), _acting():
            outbox.drop_waiting(connector_id, reason)
            Connector.objects.filter(id=connector_id).delete()
            # What an intake call under way still put there.
            outbox.drop_waiting(connector_id, reason)
    except Exception:  # nobody asks for this thread's result
        log.exception("a subscription could not be ended; it stays, switched off", connector=str(connector_id))
    finally:
        connection.close()


def _acting() -> AbstractContextManager[object]:
    return audit.acting("system: receiver answered 410 Gone")
