"""What people should know, seen from beside the engine: connectors that fail and recover, and what expires soon.

The engine's own statements know nothing of it. `noticed` beside a connector's health is what tells a change from a
state: it is set and cleared in the transaction of the notice, and a row that is busy waits for the next minute.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from celery import shared_task
from django.db import connection, transaction

from connectors import auth, pausing
from connectors.health import FAILING_AFTER
from connectors.models import Connector, ConnectorHealth
from connectors.notice_models import Notice
from connectors.notices import RECOVERED, about_connector, notify, notify_once
from portal.lib.crypto import SecretUnreadable
from portal.lib.database import database_time
from portal.tenants import scope
from portal.tenants.models import ApiKey

CHUNK: Final = 100
"""Connectors per transaction: the recorder waits for their rows as long."""
WARN_DAYS: Final = (2, 14)
"""Before something expires; people are told once for each."""
KEPT: Final = timedelta(days=90)
"""Longer than the first of WARN_DAYS: what was told is how it is known that it was."""

_FAILING: Final = """
with found as (
    select h.connector_id from connectors_connectorhealth h join connectors_connector c on c.id = h.connector_id
     where h.failures_in_a_row >= %(failing)s and h.failing_since is not null and not h.noticed
       and c.enabled and c.paused_at is null
     limit %(limit)s for update of h skip locked)
update connectors_connectorhealth h set noticed = true from found where h.connector_id = found.connector_id
returning h.connector_id
"""

_RECOVERED: Final = """
with found as (
    select connector_id from connectors_connectorhealth where failures_in_a_row = 0 and noticed
     limit %(limit)s for update skip locked)
update connectors_connectorhealth h set noticed = false from found where h.connector_id = found.connector_id
returning h.connector_id
"""


def notice_health(now: datetime) -> None:
    """Tell once when a connector begins to fail, and once when it works again."""
    with scope.every_organization():
        for kind, statement in (("failing", _FAILING), (RECOVERED, _RECOVERED)):
            while _notice_changed(kind, statement, now) == CHUNK:
                pass


def notice_expiring(now: datetime) -> None:
    """Tell of API keys, and of connectors' own tokens and certificates, before they end."""
    with scope.every_organization():
        for key in ApiKey.objects.filter(revoked_at=None, expires_at__gt=now, expires_at__lte=_horizon(now)):
            days = _days(key.expires_at, now)
            if key.created_at <= key.expires_at - timedelta(days=days):  # a short one is made to end soon
                text = f"The API key {key} expires on {_moment(key.expires_at)}."
                _notice_end(key.organization_id, f"key:{key.id}", text, key.expires_at, days, now)
        for connector, expiry in _ending(now):
            text = f"The {expiry.field} of {connector.name} expires on {_moment(expiry.at)}: its messages fail then."
            about = about_connector(connector.id)
            _notice_end(connector.organization_id, about, text, expiry.at, _days(expiry.at, now), now)


@shared_task
def look_ahead() -> None:
    """Several times a day, so that a tick may be missed; forgets old notices, too."""
    now = database_time()
    notice_expiring(now)
    with scope.every_organization():
        Notice.objects.filter(last_at__lt=now - KEPT).delete()


def _notice_changed(kind: str, statement: str, now: datetime) -> int:
    """A chunk of them; returns how many there were."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(statement, {"failing": FAILING_AFTER, "limit": CHUNK})
            ids: list[UUID] = [row[0] for row in cursor.fetchall()]
        names = dict(Connector.objects.filter(id__in=ids).values_list("id", "name")) if ids else {}
        for row in ConnectorHealth.objects.filter(connector_id__in=names):
            name = names[row.connector_id]
            text = f"{name} fails. {pausing.detail_of(row)}" if kind == "failing" else f"{name} works again."
            notify(row.organization_id, kind, about_connector(row.connector_id), text, now)
    return len(ids)


def _ending(now: datetime) -> Iterator[tuple[Connector, auth.Expiry]]:
    """Connectors that are on, with what of their authentication ends soon."""
    for connector in Connector.objects.filter(enabled=True, auth_type__in=auth.EXPIRING):
        try:
            config = {"type": connector.auth_type, **connector.auth_public, **connector.get_credentials()}
        except SecretUnreadable:
            continue  # its messages fail, of which people are told
        expiry = None if auth.check_form(config) else auth.expiry_of(config)
        if expiry is not None and now < expiry.at <= _horizon(now):
            yield connector, expiry


def _horizon(now: datetime) -> datetime:
    return now + timedelta(days=max(WARN_DAYS))


def _days(end: datetime, now: datetime) -> int:
    """The shortest of WARN_DAYS that has begun."""
    return next(days for days in WARN_DAYS if end - now <= timedelta(days=days))


def _notice_end(organization_id: UUID, about: str, text: str, end: datetime, days: int, now: datetime) -> None:
    notify_once(organization_id, "expiring", f"{about}:{end:%Y-%m-%dT%H:%M}:{days}", text, now)


def _moment(at: datetime) -> str:
    return f"{at:%-d %B %Y, %H:%M} UTC"
