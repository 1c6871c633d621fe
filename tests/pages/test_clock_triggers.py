"""Triggers by the clock on their connector's page."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from portal.tenants import scope
from tests.conftest import Tenant
from tests.world import make_connector
from triggers.models import Trigger

HTMX = {"HX-Request": "true"}
SHOWN_TO_ALL_KINDS = {"event_types": ["gateway/online"], "interval_seconds": "60", "level": "device_type"}


def connector_of(tenant: Tenant, **fields: Any) -> Any:
    with scope.organization(tenant.organization.id):
        return make_connector("https://x.example/", **fields)


@pytest.mark.line(109, 114, 115)
@pytest.mark.parametrize(
    ("wish", "expected", "said"),
    [
        (
            {"kind": "snapshot", "interval_seconds": "5", "level": "device"},
            (["telemetry/snapshot"], 5, "device"),
            "every 5 s, each device too",
        ),
        ({"kind": "snapshot", "interval_seconds": ""}, (["telemetry/snapshot"], 60, "device_type"), "every 60 s"),
        ({"kind": "heartbeat", "interval_seconds": "300"}, (["system/heartbeat"], 300, ""), "every 300 s"),
        ({"kind": "events", "interval_seconds": "300"}, (["gateway/online"], None, ""), "gateway/online"),
    ],
)
def test_a_trigger_by_the_clock_is_made(
    tenant: Tenant, owner: Client, wish: dict[str, str], expected: tuple[Any, ...], said: str
) -> None:
    connector = connector_of(tenant)
    body = SHOWN_TO_ALL_KINDS | {"name": "T"} | wish
    answer = owner.post(f"/connectors/{connector.id}/triggers/", body, headers=HTMX)
    made = Trigger._base_manager.get()
    assert (made.event_types, made.interval_seconds, made.level) == expected
    assert said in answer.content.decode()


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        ({"kind": "snapshot", "interval_seconds": "4"}, "Between 5 and 86400 seconds"),
        ({"kind": "heartbeat", "interval_seconds": "5"}, "Between 30 and 86400 seconds"),
        ({"kind": "snapshot", "level": "site"}, "Select a valid choice"),
    ],
)
def test_what_the_clock_does_not_do(tenant: Tenant, owner: Client, wish: dict[str, str], reason: str) -> None:
    body = SHOWN_TO_ALL_KINDS | {"name": "T"} | wish
    answer = owner.post(f"/connectors/{connector_of(tenant).id}/triggers/", body, headers=HTMX)
    assert reason in answer.content.decode()
    assert not Trigger._base_manager.exists()


def test_a_format_without_snapshots_says_so(tenant: Tenant, owner: Client) -> None:
    connector = connector_of(tenant, profile="gridx.2026-03")
    body = SHOWN_TO_ALL_KINDS | {"name": "T", "kind": "snapshot"}
    answer = owner.post(f"/connectors/{connector.id}/triggers/", body, headers=HTMX)
    assert 'role="alert"' in answer.content.decode()
    assert not Trigger._base_manager.exists()


def test_who_may_not_change_makes_none(tenant: Tenant, stranger: Tenant, signed_in: Any) -> None:
    connector = connector_of(tenant)
    body = SHOWN_TO_ALL_KINDS | {"name": "T", "kind": "heartbeat"}
    assert signed_in("viewer").post(f"/connectors/{connector.id}/triggers/", body).status_code == 403
    client = Client()
    client.force_login(stranger.people["owner"], backend="allauth.account.auth_backends.AuthenticationBackend")
    assert client.post(f"/connectors/{connector.id}/triggers/", body).status_code == 404
    assert not Trigger._base_manager.exists()
