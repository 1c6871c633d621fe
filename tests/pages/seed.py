"""A portal with something on every page: connectors of each health, a day of figures, deliveries, an inbox."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from connectors import channels, profiles
from connectors.inbox import inbox_url
from connectors.models import (
    Attempt,
    Connector,
    ConnectorHealth,
    ConnectorHour,
    Delivery,
    DeliveryWorker,
    InboxMessage,
    WaitingDelivery,
)
from connectors.notices import about_connector, notify
from portal.events.catalogue import sample_document
from portal.events.models import Event
from portal.lib import clock
from portal.lib.uuid7 import uuid7
from portal.tenants.models import Organization
from tests.world import make_connector, make_trigger

DAY_CURVE = [3, 2, 2, 2, 3, 5, 9, 14, 22, 31, 38, 44, 47, 46, 41, 35, 28, 20, 14, 10, 8, 6, 5, 4]
HEAD = (
    "POST https://hooks.example/in\nContent-Type: application/json\nwebhook-signature: v1,c2lnbmVk\nAuthorization: •••"
)


@dataclass
class Portal:
    """What was made, by the name that a page shows."""

    connectors: dict[str, Connector] = field(default_factory=dict)
    deliveries: dict[str, UUID] = field(default_factory=dict)


def fill(organization: Organization, now: datetime | None = None) -> Portal:
    """Inside the organization's scope."""
    now = now or clock.now()
    portal = Portal()
    for name, url, failures, status, error, on in (
        ("Grid operations", "https://hooks.gridops.example/v2/in", 0, 200, None, True),
        ("Alarm desk", "https://alarms.vaktsentral.example/events/partners", 0, 204, None, True),
        ("Heat pump fleet", "https://api.varmeby.example/partners/feeder", 3, 503, None, True),
        ("Daily settlement", "https://settle.kraftbors.example/api/webhooks", 41, None, "timeout", True),
        ("EV depot status", "https://depot.ladekraft.example/hook", 0, 200, None, False),
    ):
        connector = make_connector(url, name, enabled=on)
        portal.connectors[name] = connector
        make_trigger(connector, "gateway/online", "gateway/offline", "appliance/offline")
        _fared(connector, now, failures, status, error)
    portal.connectors["Solar portfolio"] = make_connector("https://in.solpark.example/w/9f3c", "Solar portfolio")
    demo = make_connector("https://to-be-set.example/", "Demo inbox")
    demo.url = inbox_url(organization, demo.id)
    demo.save()
    portal.connectors["Demo inbox"] = demo
    _fared(demo, now, 0, 200, None)
    for minutes in range(1, 31):
        ended(portal.connectors["Grid operations"], now - timedelta(minutes=minutes), status=200)
    failing = portal.connectors["Daily settlement"]
    portal.deliveries["failed"] = ended(failing, now - timedelta(minutes=40), state="failed", error="timeout", tries=3)
    ended(portal.connectors["Heat pump fleet"], now - timedelta(minutes=50), state="failed", status=422)
    portal.deliveries["delivered"] = ended(portal.connectors["Alarm desk"], now - timedelta(seconds=30), status=204)
    portal.deliveries["retrying"] = waiting(portal.connectors["Heat pump fleet"], now, tries=2, status=503)
    portal.deliveries["waiting"] = waiting(portal.connectors["Grid operations"], now)
    arrived(organization, demo, now, verified=True)
    arrived(organization, demo, now - timedelta(minutes=2), verified=False)
    arrived(organization, None, now - timedelta(minutes=9), verified=None)
    channels.add("slack", "https://hooks.slack.com/services/T0/B0/secret")
    notify(organization.id, "failing", about_connector(failing.id), "Daily settlement fails. All attempts failed.", now)
    DeliveryWorker.objects.create(name="worker1@host", started_at=now, lease_until=now + timedelta(hours=1))
    return portal


def _fared(connector: Connector, now: datetime, failures: int, status: int | None, error: str | None) -> None:
    ConnectorHealth.objects.create(
        connector_id=connector.id,
        organization_id=connector.organization_id,
        last_attempt_at=now - timedelta(seconds=12 + 9 * failures),
        last_status=status,
        last_error=error,
        last_success_at=now - timedelta(hours=failures + 1),
        failures_in_a_row=failures,
    )
    hour = now.replace(minute=0, second=0, microsecond=0)
    for index, amount in enumerate(DAY_CURVE):
        bad = 0 if not failures or index < 24 - failures else amount // (1 if failures > 10 else 3) + 1
        ConnectorHour.objects.create(
            connector_id=connector.id,
            organization_id=connector.organization_id,
            hour=hour - timedelta(hours=23 - index),
            attempts=amount + bad,
            delivered=0 if failures > 10 and bad else amount,
            failed=bad,
        )


def event(connector: Connector, event_type: str, at: datetime) -> UUID:
    key = uuid7(at)
    document = sample_document(event_type, str(connector.organization_id), event_id=str(key), time=clock.rfc3339(at))
    Event.objects.create(
        organization_id=connector.organization_id, id=key, type=event_type, time=at, body=json.dumps(document)
    )
    return key


def ended(
    connector: Connector,
    at: datetime,
    *,
    state: str = "delivered",
    status: int | None = None,
    error: str | None = None,
    tries: int = 1,
    event_type: str = "gateway/online",
) -> UUID:
    """A finished delivery with its event and its attempts, made at `at`."""
    key = uuid7(at)
    event_id = event(connector, event_type, at)
    Delivery.objects.create(
        organization_id=connector.organization_id,
        id=key,
        connector_id=connector.id,
        event_id=event_id,
        event_type=event_type,
        state=state,
        attempts=tries,
        last_status=status,
        last_error=error,
        finished_at=at + timedelta(milliseconds=180 + at.second * 3),
    )
    for number in range(1, tries + 1):
        attempt(connector, key, number, event_id, at, status, error)
    return key


def waiting(connector: Connector, at: datetime, tries: int = 0, status: int | None = None) -> UUID:
    key = uuid7(at)
    event_id = event(connector, "appliance/offline", at)
    WaitingDelivery.objects.create(
        organization_id=connector.organization_id,
        id=key,
        connector_id=connector.id,
        event_id=event_id,
        event_type="appliance/offline",
        attempts=tries,
        next_at=at + timedelta(minutes=5),
        last_status=status,
    )
    for number in range(1, tries + 1):
        attempt(connector, key, number, event_id, at, status, None)
    return key


def attempt(
    connector: Connector,
    delivery_id: UUID,
    number: int,
    event_id: UUID,
    at: datetime,
    status: int | None,
    error: str | None,
) -> None:
    document = json.loads(Event.objects.get(id=event_id).body)
    body = profiles.PROFILES["standard.2026-11"].render([profiles.Item(document)], profiles.PLAIN).body
    Attempt.objects.create(
        delivery_id=delivery_id,
        number=number,
        organization_id=connector.organization_id,
        connector_id=connector.id,
        request_id=uuid7(at),
        started_at=at + timedelta(seconds=number - 1),
        duration_ms=41.5 + number,
        status=status,
        error=error,
        detail="no complete answer within 20 s" if error else "",
        request_head=HEAD.replace("https://hooks.example/in", connector.url),
        request_digest=hashlib.sha256(body).digest(),
        response_head="Content-Type: application/json\nServer: nginx" if status else "",
        response_body='{"ok": true}' if status == 200 else "",
        truncated=False,
    )


def arrived(organization: Organization, connector: Connector | None, at: datetime, *, verified: bool | None) -> None:
    fields: dict[str, Any] = {"content-type": "application/cloudevents+json", "webhook-signature": "v1,c2lnbmVk"}
    document = sample_document("gateway/online", str(organization.id))
    InboxMessage.objects.create(
        id=uuid7(at),
        organization_id=organization.id,
        connector_id=connector.id if connector else None,
        received_at=at,
        method="POST",
        path=f"/inbox/{organization.inbox_token}/{connector.id if connector else UUID(int=0)}/",
        headers=fields | {"host": "{}:{}".format(*settings.INBOX_ADDRESS)},
        body=json.dumps(document),
        verified=verified,
        signing="standard_webhooks" if verified is not None else "none",
    )
