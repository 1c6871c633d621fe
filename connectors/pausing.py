"""Pausing a connector and resuming it: by hand, or after its retry policy's limit of only failures (G6).

A paused connector sends nothing. With "hold" its events are queued as ever and wait; with "drop" what waits and what
comes meanwhile goes to the history as dropped, from where it can be sent again by hand.
"""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

import structlog
from django.db import connection, transaction

from connectors import outbox, policies, retry
from connectors.models import Connector, ConnectorHealth, PauseReason, WhilePaused
from connectors.notices import about_connector, notify
from portal.lib import clock
from portal.tenants import audit, scope
from portal.tenants.access import Access

DROPPED: Final = "The connector was paused."
"""The reason that the history shows beside what was dropped."""

SOMEBODY: Final = "By hand."
"""What a partner reads instead of a person's e-mail address or another key's name."""

_dropping = ThreadPoolExecutor(max_workers=1, thread_name_prefix="drop what waits")
"""Dropping a million deliveries takes half a minute, for which no request waits."""

log = structlog.get_logger(__name__)


def pause_by_hand(connector: Connector, access: Access, waiting: WhilePaused, now: datetime) -> None:
    pause(connector, waiting=waiting, reason=PauseReason.MANUAL, detail=_by(access), now=now)


def detail_for(connector: Connector, access: Access) -> str:
    """Why it is paused, as this caller may read it: a partner learns who did it only when it was the same key."""
    partner = access.company_id is not None
    if partner and connector.paused_reason == PauseReason.MANUAL and connector.paused_detail != _by(access):
        return SOMEBODY
    return connector.paused_detail


def _by(access: Access) -> str:
    return f"By {access.user.email}." if access.user is not None else f"By the API {access.who.replace(':', ' ')}."


def pause(connector: Connector, *, waiting: WhilePaused, reason: PauseReason, detail: str, now: datetime) -> None:
    """Send nothing any more. A repeated call may change what becomes of the waiting; since when and why stay.

    With "drop", what waits is dropped in the background once the caller's transaction is committed.
    """
    rows = Connector.objects.filter(id=connector.id)
    if not _begin(connector.id, waiting, reason, detail, now):
        rows.exclude(while_paused=waiting).update(while_paused=waiting)
    connector.refresh_from_db(fields=["paused_at", "paused_reason", "paused_detail", "while_paused"])
    if waiting == WhilePaused.DROP:
        transaction.on_commit(partial(_dropping.submit, _drop, connector.organization_id, connector.id))


def resume(connector: Connector) -> None:
    """Send again, what was held first. Its failures begin to count anew: else the next one would pause it again."""
    now = clock.now()
    with transaction.atomic():
        Connector.objects.filter(id=connector.id).exclude(paused_at=None).update(
            paused_at=None, paused_reason="", paused_detail="", while_paused=WhilePaused.HOLD
        )
        forgive(connector.id, now)
    connector.refresh_from_db(fields=["paused_at", "paused_reason", "paused_detail", "while_paused"])


def forgive(connector_id: UUID, now: datetime) -> None:
    """Count the days of only failures from now on: somebody resumed it, switched it on, or gave it another URL."""
    ConnectorHealth.objects.filter(connector_id=connector_id, failing_since__lt=now).update(failing_since=now)


def pause_if_failing(connector_ids: Collection[UUID], now: datetime) -> list[UUID]:
    """Pause those of these connectors that did nothing but fail for as long as their policy allows; returns them.

    One query when there are none. What waits is held: it is for somebody to decide.
    """
    if not connector_ids:
        return []
    shortest = min(policies.PAUSE_RANGE[0], *(policy.pause_after for policy in retry.POLICIES.values()))
    with scope.every_organization():
        sick = {
            row.connector_id: row
            for row in ConnectorHealth.objects.filter(
                connector_id__in=connector_ids,
                failures_in_a_row__gte=retry.PAUSE_ATTEMPTS,
                failing_since__lte=now - timedelta(seconds=shortest),
            )
        }
        if not sick:
            return []
        with audit.acting("system: only failures"):
            found = Connector.objects.filter(id__in=sick, enabled=True, paused_at=None)
            found = found.select_related("own_retry_policy")
            return [one.id for one in found if _pause_failing(one, sick[one.id], now)]


def detail_of(row: ConnectorHealth) -> str:
    """Since when it fails, how often, and how the last attempt ended."""
    last = f"was answered {row.last_status}" if row.last_status else f"had no answer ({row.last_error})"
    since = f"{row.failing_since:%-d %B %Y, %H:%M} UTC"
    return f"All {row.failures_in_a_row} attempts since {since} failed; the last one {last}."


def _pause_failing(connector: Connector, row: ConnectorHealth, now: datetime) -> bool:
    policy = policies.resolve(connector)
    if policy is None or row.failing_since is None or now - row.failing_since < timedelta(seconds=policy.pause_after):
        return False
    detail = detail_of(row)
    with transaction.atomic():
        paused = _begin(connector.id, WhilePaused.HOLD, PauseReason.FAILING, detail, now)
        if paused:
            text = f"{connector.name} is paused, and what comes for it waits. {detail}"
            notify(connector.organization_id, "paused", about_connector(connector.id), text, now)
    if paused:
        log.warning("a connector that only fails is paused", connector=str(connector.id), detail=detail)
    return paused


def _begin(connector_id: UUID, waiting: WhilePaused, reason: PauseReason, detail: str, now: datetime) -> bool:
    """Pause it unless it is; False when it was. Of two at once, one does it."""
    running = Connector.objects.filter(id=connector_id, paused_at=None)
    return bool(running.update(paused_at=now, paused_reason=reason, paused_detail=detail, while_paused=waiting))


def _drop(organization_id: UUID, connector_id: UUID) -> None:
    try:
        with scope.organization(organization_id):
            outbox.drop_waiting(connector_id, DROPPED, still=partial(_drops, connector_id))
    except Exception:  # nobody asks for this thread's result
        log.exception("what waits could not be dropped; it stays", connector=str(connector_id))
    finally:
        connection.close()


def _drops(connector_id: UUID) -> bool:
    return Connector.objects.filter(id=connector_id, while_paused=WhilePaused.DROP).exclude(paused_at=None).exists()
