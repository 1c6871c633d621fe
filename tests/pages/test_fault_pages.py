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
ALARM: dict[str, Any] = {"status": "open", "severity": "critical"}
RULE = {"code": "F71A", "severity": "error", "count": "3", "within": "10 min", "delay": "60 s"}


@pytest.fixture
def site(tenant: Tenant) -> Tenant:
    with scope.organization(tenant.organization.id):
        make_gateway()
        OccurrenceRule.objects.create(severity="warning", conditions={"duration": {"seconds": 300}})
    fault: dict[str, Any] = {"active": True, "code": "W7"}
    alarm = ALARM | {"alarm_id": "A-17"}
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
        assert ("Make the rule" in page, "/rules/" in page, "Acknowledge" in page) == (change, change, operate)


@pytest.mark.line(6, 7, 8)
def test_a_rule_is_made_and_deleted(site: Tenant, owner: Client) -> None:
    assert owner.post(f"{PAGE}rules/new/", RULE).status_code == 302
    made = {"occurrences": {"count": 3, "within": 600.0}, "delay": {"seconds": 60.0}}
    assert rules(site)[1] == ("F71A", "error", made)
    page = owner.get(PAGE).content.decode()
    assert "3 times within 10 min, and closer than 1 min counts as once" in page
    row = OccurrenceRule._base_manager.get(code="F71A")
    asked = owner.get(f"{PAGE}rules/{row.id}/delete/").content.decode()
    assert "Delete the rule for F71A?" in asked
    assert "It asks: 3 times within 10 min, and closer than 1 min counts as once." in asked
    assert len(rules(site)) == 2
    owner.post(f"{PAGE}rules/{row.id}/delete/")
    assert len(rules(site)) == 1


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"within": ""}, "Both are needed, or none."),
        ({"count": "1"}, "greater than or equal to 2"),
        ({"within": "31 days"}, "Longer than 0 s, and at most 30 days."),
        ({"delay": "0"}, "Longer than 0 s, and at most 7 days."),
        ({"duration": "a while"}, "is no duration"),
        ({"appliance_type": "toaster"}, "Select a valid choice"),
        ({"code": "", "severity": "warning"}, "There is a rule for these faults already."),
    ],
)
def test_a_bad_rule_is_told_at_its_field(site: Tenant, owner: Client, fields: dict[str, str], reason: str) -> None:
    """When it is made, and when another one would become it."""
    other = owner.post(f"{PAGE}rules/new/", RULE | {"code": "F2"})
    before, row = rules(site), OccurrenceRule._base_manager.get(code="F2")
    for path in ("new/", f"{row.id}/"):
        answer = owner.post(f"{PAGE}rules/{path}", RULE | fields)
        assert reason in answer.content.decode()
        assert answer.context["form"].errors.keys() <= {*RULE, "duration", "appliance_type"}
    assert (other.status_code, rules(site)) == (302, before)


def test_a_rule_is_changed_from_what_it_is(site: Tenant, owner: Client) -> None:
    """Also one that was made over REST, with figures that are no round ones."""
    conditions = {"occurrences": {"count": 3, "within": 5.5}, "duration": {"seconds": 5400.0}}
    row = OccurrenceRule._base_manager.get()
    OccurrenceRule._base_manager.filter(id=row.id).update(conditions=conditions)
    path = f"{PAGE}rules/{row.id}/"
    assert path in owner.get(PAGE).content.decode()
    form = owner.get(path).context["form"]
    shown = {name: form[name].value() for name in form.fields}
    assert (shown["count"], shown["within"], shown["delay"], shown["duration"]) == (3, "5.5 s", None, "90 min")
    as_shown = {name: "" if value is None else value for name, value in shown.items()}
    assert owner.post(path, as_shown)["Location"] == PAGE
    assert rules(site) == [("", "warning", conditions)]
    owner.post(path, as_shown | {"count": "", "within": "", "duration": "1 h 30 min", "code": "W7"})
    assert rules(site) == [("W7", "warning", {"duration": {"seconds": 5400.0}})]


def test_the_lists_turn_like_the_log_of_deliveries(site: Tenant, owner: Client) -> None:
    """Both at their own pace: 21 more of each, of which 20 are shown at a time."""
    more = [EventItem(type="alarm/raised", gateway="GW-1", data=ALARM | {"alarm_id": f"B-{n:02}"}) for n in range(21)]
    fault = {"active": True, "code": "W7"}
    more += [EventItem(type="appliance/warning", gateway="GW-1", appliance="GW-1-INV", data=fault)] * 21
    assert accept_events(site.organization.id, more, clock.now()).accepted == 42
    first = owner.get(PAGE)
    alarms, held = first.context["alarms"], first.context["held"]
    assert ([len(alarms.rows), alarms.older], [len(held.rows), held.older]) == ([20, True], [20, True])
    older = owner.get(PAGE, {"alarms-before": alarms.rows[-1].id})
    assert [row.alarm_id for row in older.context["alarms"].rows] == ["B-00", "A-17"]
    assert older.context["held"].rows == held.rows
    text = older.content.decode()
    assert f"alarms-after={older.context['alarms'].rows[0].id}" in text
    newer = owner.get(PAGE, {"alarms-after": older.context["alarms"].rows[0].id})
    assert newer.context["alarms"].rows == alarms.rows
    assert newer.context["alarms"].newest
    earlier = owner.get(PAGE, {"before": held.rows[-1].id}).context["held"]
    assert (len(earlier.rows), earlier.older, earlier.newest) == (2, False, False)
    end = owner.get(PAGE, {"before": earlier.rows[-1].id}).content.decode()
    assert "Nothing older was held back." in end


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
    calls = [f"{PAGE}rules/{rule.id}/", f"{PAGE}rules/{rule.id}/delete/", f"/alarms/{alarm.id}/close/"]
    assert [other.post(path, RULE).status_code for path in calls] == [404] * 3
    assert [other.get(path).status_code for path in calls[:2]] == [404] * 2
    assert "A-17" not in other.get(PAGE).content.decode()
    calls.append(f"{PAGE}rules/new/")
    assert [signed_in("viewer").post(path, RULE).status_code for path in calls] == [403] * 4
    alarm.refresh_from_db()
    assert (alarm.status, rules(site)) == ("open", before)
