"""How many of each thing an organization has, and its limits; REST and the organization's page show the same."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings

from portal.tenants.authentication import CallerThrottle
from portal.tenants.models import LIVE_KEYS_PER_OWNER

COUNTED = {
    "companies": "tenants.Company",
    "systems": "fleet.System",
    "gateways": "fleet.Gateway",
    "appliances": "fleet.Appliance",
    "data_points": "fleet.DataPoint",
    "connectors": "connectors.Connector",
    "triggers": "triggers.Trigger",
    "subscriptions": "triggers.Subscription",
}
"""Named by string: they belong to packages above this one."""


def counts() -> dict[str, int]:
    """How many of each the caller can see."""
    managers = {name: apps.get_model(label)._default_manager for name, label in COUNTED.items()}
    return {name: manager.count() for name, manager in managers.items()}


def limits() -> dict[str, Any]:
    return {
        "api_keys_per_owner": LIVE_KEYS_PER_OWNER,
        "body_bytes": settings.INTAKE_BODY_LIMIT,
        "request_rate": CallerThrottle.THROTTLE_RATES["caller"],
    }
