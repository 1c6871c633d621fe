"""A fault from the intake to two partners' servers: each reads it in its language; what is held back reaches none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.worker import DeliveryEngine
from portal.events.models import Event
from portal.tenants.models import Company
from tests.conftest import Tenant
from tests.connectors.test_worker import engine, shards
from tests.receiver import Receiver
from tests.world import make_connector, make_gateway, make_trigger
from triggers.intake import accept_events
from triggers.items import EventItem
from triggers.models import OccurrenceRule

__all__ = ["engine", "shards"]
pytestmark = pytest.mark.django_db(transaction=True)

TEXTS = {"en": "Too hot.", "de": "Zu heiß.", "nl": "Te heet."}


def report(gateway: str, active: bool, code: str = "F71A", of: str = "appliance/error") -> EventItem:
    data: dict[str, Any] = {"active": active, "code": code, "texts": TEXTS}
    return EventItem(type=of, gateway=gateway, appliance=f"{gateway}-INV", data=data)


@pytest.mark.line(5, 6, 10)
def test_each_company_reads_the_fault_in_its_language(in_tenant: Tenant, engine: DeliveryEngine) -> None:
    OccurrenceRule.objects.create(severity="warning", conditions={"occurrences": {"count": 2, "within": 60}})
    with Receiver() as receiver:
        for gateway, languages in (("NL-1", ["nl", "en"]), ("DE-1", ["de-AT", "de"])):
            company = Company.objects.create(name=gateway, languages=languages)
            make_gateway(gateway, company=company)
            fields: dict[str, Any] = {"profile": "bosch.2026-11", "signing": "none", "company": company}
            connector = make_connector(f"{receiver.url}/{gateway}", gateway, **fields)
            make_trigger(connector, "appliance/error", "appliance/warning", kind="alarms")
        for active in (True, False):
            reports = [report(gateway, active) for gateway in ("NL-1", "DE-1")]
            reports.append(report("NL-1", active, of="appliance/warning"))
            result = accept_events(in_tenant.organization.id, reports, datetime.now(UTC))
            assert (result.accepted, result.rejected) == (3, [])
        received = receiver.wait_for(4)
    read = [(one.path, one.json()["active"], one.json()["errorDescription"]) for one in received]
    assert sorted(read) == [
        ("/DE-1", False, "Zu heiß."),
        ("/DE-1", True, "Zu heiß."),
        ("/NL-1", False, "Te heet."),
        ("/NL-1", True, "Te heet."),
    ]
    assert Event.objects.exclude(held_because=None).count() == 2
