"""The demo: complete at once, the same fleet as the simulation's, and left alone ever after."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command

from connectors.inbox import is_inbox_url
from connectors.models import Connector, SigningSecret
from connectors.profiles import PLAIN, PROFILES, Item
from connectors.signing import SCHEMES
from portal.events.models import Event
from portal.fleet.models import Appliance, DataPoint, Gateway
from portal.tenants import scope
from portal.tenants.models import Company, Membership, Organization, Role, User
from triggers.intake import accept_events, accept_readings
from triggers.items import EventItem, ReadingItem
from triggers.models import Aggregate, Function, Trigger
from triggers.simulation import fleet
from triggers.simulation.site import Site

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


def seeded() -> dict[str, Any]:
    out = StringIO()
    call_command("seed_demo", "--json", stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def test_the_first_run_makes_everything_and_tells_the_secrets() -> None:
    answer = seeded()
    assert set(answer) == {"organization", "email", "password", "api_key"}
    assert answer["api_key"].startswith("fk_")
    assert User.objects.get(email=answer["email"]).check_password(answer["password"])
    with scope.organization(UUID(answer["organization"])):
        assert Membership.objects.get().role == Role.OWNER
        assert list(
            Company.objects.filter(data_points_enabled=True).order_by("name").values_list("name", flat=True)
        ) == [*fleet.COMPANIES]
        assert {gateway.sharing for gateway in Gateway.objects.select_related("company")} == {"active"}
        assert DataPoint.objects.count() == len(fleet.POINTS)
        assert set(Aggregate.objects.values_list("function", flat=True)) == set(Function.values)
        assert Event.objects.count() == 0


def test_a_later_run_changes_nothing_and_tells_no_secret() -> None:
    first = seeded()
    with scope.organization(UUID(first["organization"])):
        Trigger.objects.filter(name__startswith="Alarms").delete()
        before = Gateway.objects.count(), Appliance.objects.count(), Connector.objects.count(), Trigger.objects.count()
    again = seeded()
    assert again == {**first, "password": None, "api_key": None}
    assert Organization.objects.count() == 1
    with scope.organization(UUID(first["organization"])):
        after = Gateway.objects.count(), Appliance.objects.count(), Connector.objects.count(), Trigger.objects.count()
    assert after == before


def test_the_connectors_send_to_the_organizations_own_inbox(settings: Any) -> None:
    organization = Organization.objects.get(id=seeded()["organization"])
    with scope.organization(organization.id):
        connectors = {connector.profile: connector for connector in Connector.objects.all()}
        assert {(item.profile, item.signing, item.enabled) for item in connectors.values()} == {
            ("standard.2026-11", "standard_webhooks", True),
            ("gridx.2026-06", "x_signature", True),
        }
        assert all(is_inbox_url(item.url, organization) for item in connectors.values())
        for secret in SigningSecret.objects.select_related("connector"):
            assert SCHEMES[secret.connector.signing].check(secret.get_secret()) is None
        kinds = {(trigger.connector.profile, trigger.kind) for trigger in Trigger.objects.select_related("connector")}
        assert kinds == {
            ("standard.2026-11", "values"),
            ("standard.2026-11", "events"),
            ("standard.2026-11", "snapshot"),
            ("gridx.2026-06", "events"),
            ("gridx.2026-06", "alarms"),
        }
        for trigger in Trigger.objects.select_related("connector"):
            assert trigger.event_types
            assert all(PROFILES[trigger.connector.profile].carries(name) for name in trigger.event_types)
    settings.INBOX_ADDRESS = ("127.0.0.1", 8123)
    seeded()
    with scope.organization(organization.id):
        for connector in Connector.objects.all():
            assert connector.url.startswith("http://127.0.0.1:8123/inbox/")
            assert is_inbox_url(connector.url, organization)


def test_the_intake_takes_everything_that_the_simulated_fleet_sends() -> None:
    organization_id = UUID(seeded()["organization"])
    readings, events = [], []
    for spec in fleet.gateways(8):
        site = Site(spec, 1, datetime(2026, 4, 15, tzinfo=UTC))
        for minute in (site.step(NOW) for _ in range(3 * 24 * 60)):
            about = {"gateway": spec.serial_number, "time": NOW}
            events += [EventItem(type=e.type, appliance=e.appliance, data=e.data, **about) for e in minute.events]
            first = minute.readings if site.local.hour == 0 else ()
            readings += [ReadingItem(appliance=m.appliance, property=m.property, value=m.value, **about) for m in first]
    taken = accept_readings(organization_id, readings, NOW)
    assert taken.rejected == []
    assert taken.accepted > 40
    happened = accept_events(organization_id, events, NOW)
    assert (happened.accepted, happened.rejected) == (len(events), [])
    with scope.organization(organization_id):
        documents = [json.loads(event.body) for event in Event.objects.all()]
        formats = [PROFILES[connector.profile] for connector in Connector.objects.all()]
    for document in documents:
        for format_ in formats:
            assert not format_.carries(document["type"]) or format_.render([Item(document)], PLAIN).body
