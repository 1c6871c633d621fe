"""The page of faults and alarms: what was held back says why; each role finds what it may change, and no more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from portal.lib import clock
from portal.tenants import scope
from tests.conftest import Tenant
from tests.world import make_gateway
from triggers.intake import accept_events
from triggers.items import EventItem
from triggers.models import Alarm, OccurrenceRule

PAGE = "/faults/"
RULE = {"code": "F71A", "severity": "error", "count": "3", "within": "10", "delay": "60"}


@pytest.fixture
def site(tenant: Tenant) -> Tenant:
    with scope.organization(tenant.organization.id):
        make_gateway()
        OccurrenceRule.objects.create(severity="warning", conditions={"duration": {"seconds": 300}})
    fault: dict[str, Any] = {"active": True, "code": "W7"}
    alarm = {"alarm_id": "A-17", "status": "open", "severity": "critical"}
    items = [
        EventItem(type="appliance/warning", gateway="GW-1", appliance="GW-1-INV", data=fault),
        EventItem(type="alarm/raised", gateway="GW-1", data=alarm),
    ]
    assert accept_events(tenant.organization.id, items, clock.now()).accepted == 2
    return tenant


def rules(tenant: Tenant) -> list[Any]:
    return list(OccurrenceRule._base_manager.order_by("id").values_list("code", "severity", "conditions"))


@pytest.mark.line(10)
def test_everybody_reads_what_was_held_back_and_why(site: Tenant, signed_in: Callable[[str], Client]) -> None:
    for role, change, operate in (("owner", True, True), ("operator", False, True), ("viewer", False, False)):
        page = signed_in(role).get(PAGE).content.decode()
        assert "held back, because it has to last for 5 min" in page
        assert "A-17" in page
        assert "lasts for 5 min" in page
        assert ("Make the rule" in page, "Acknowledge" in page) == (change, operate)


@pytest.mark.line(6, 7, 8)
def test_a_rule_is_made_and_deleted(site: Tenant, owner: Client) -> None:
    assert owner.post(f"{PAGE}rules/new/", RULE).status_code == 302
    made = {"occurrences": {"count": 3, "within": 600.0}, "delay": {"seconds": 60.0}}
    assert rules(site)[1] == ("F71A", "error", made)
    page = owner.get(PAGE).content.decode()
    assert "3 times within 10 min, and closer than 1 min counts as once" in page
    row = OccurrenceRule._base_manager.get(code="F71A")
    owner.post(f"{PAGE}rules/{row.id}/delete/")
    assert len(rules(site)) == 1


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"within": ""}, "Both are needed, or none."),
        ({"count": "1"}, "greater than or equal to 2"),
        ({"code": "", "severity": "warning"}, "There is a rule for these faults already."),
    ],
)
def test_a_bad_rule_is_told_at_its_field(site: Tenant, owner: Client, fields: dict[str, str], reason: str) -> None:
    before = rules(site)
    assert reason in owner.post(f"{PAGE}rules/new/", RULE | fields).content.decode()
    assert rules(site) == before


def test_an_alarm_is_acknowledged_and_closed(site: Tenant, signed_in: Callable[[str], Client]) -> None:
    alarm = Alarm._base_manager.get()
    operator = signed_in("operator")
    for what, status in (("acknowledge", "acknowledged"), ("acknowledge", "acknowledged"), ("close", "closed")):
        operator.post(f"/alarms/{alarm.id}/{what}/")
        alarm.refresh_from_db()
        assert alarm.status == status
    page = operator.get(PAGE).content.decode()
    assert "The alarm is acknowledged; possible now: close." in page
    assert ">A-17<" not in page


def test_who_may_not_changes_nothing(site: Tenant, stranger: Tenant, signed_in: Callable[[str], Client]) -> None:
    rule, alarm, before = OccurrenceRule._base_manager.get(), Alarm._base_manager.get(), rules(site)
    other = Client()
    other.force_login(stranger.people["owner"], backend="allauth.account.auth_backends.AuthenticationBackend")
    calls = [f"{PAGE}rules/{rule.id}/delete/", f"/alarms/{alarm.id}/close/"]
    assert [other.post(path).status_code for path in calls] == [404, 404]
    assert "A-17" not in other.get(PAGE).content.decode()
    calls.append(f"{PAGE}rules/new/")
    assert [signed_in("viewer").post(path, RULE).status_code for path in calls] == [403] * 3
    alarm.refresh_from_db()
    assert (alarm.status, rules(site)) == ("open", before)
