"""A partner's subscription: made, changed and ended together with the connector that is its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from connectors import configure
from connectors.models import Origin
from portal.lib.uuid7 import uuid7
from portal.tenants.access import Access
from triggers.models import Subscription

DEFAULT_PROFILE = "gridx.2026-03"
"""The version that subscriptions are documented in; a newer one is sent only to those who ask for it."""

CONNECTOR_FIELDS = {"url": "target_url", "ownership": "ownership"}
"""What of a subscription is its connector's, by the names there."""

Fields = Mapping[str, Any]


def subscribe(access: Access, fields: Fields) -> tuple[Subscription, str | None]:
    """A new subscription and its secret. Expects checked fields: event_types, target_url, active, company, profile."""
    key = uuid7()
    company = fields.get("company")
    company_id = company.id if company is not None else access.company_id
    with transaction.atomic():
        connector, secret = configure.create_connector(
            access,
            {
                "name": f"Subscription {key}",
                "company": company,
                "origin": Origin.SUBSCRIPTION,
                "url": fields["target_url"],
                "profile": fields.get("profile") or DEFAULT_PROFILE,
                **({"ownership": fields["ownership"]} if "ownership" in fields else {}),
            },
        )
        subscription = Subscription.objects.create(
            id=key,
            organization_id=access.organization.id,
            connector=connector,
            company_id=company_id,
            event_types=fields["event_types"],
            active=fields.get("active", False),
        )
        configure.set_enabled(connector, enabled=subscription.active)
    return subscription, secret


def change(subscription: Subscription, fields: Fields, now: datetime) -> None:
    """Store what is given. Expects checked fields: event_types, target_url, active, ownership.

    A subscription whose receiver has to show first that it wants to be sent to becomes inactive.
    """
    connector = subscription.connector
    wanted = {name: fields[given] for name, given in CONNECTOR_FIELDS.items() if given in fields}
    with transaction.atomic():
        if wanted:
            was_on = connector.enabled
            configure.change_connector(connector, wanted, now)
            if was_on and not connector.enabled:
                subscription.active = False
        if "active" in fields:
            configure.set_enabled(connector, enabled=fields["active"])
        subscription.event_types = fields.get("event_types", subscription.event_types)
        subscription.active = fields.get("active", subscription.active)
        subscription.save()


def unsubscribe(subscription: Subscription) -> None:
    """End a subscription: its connector goes, and with it the subscription."""
    configure.remove_connector(subscription.connector)
