"""Triggers by the clock on real PostgreSQL: whose snapshots come, when, once, and to whom; and heartbeats."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from connectors.models import Connector, ConnectorHealth, WaitingDelivery
from portal.events.models import Event
from portal.fleet.models import Appliance, Gateway, System
from portal.tenants import scope
from portal.tenants.models import Company, Plan
from tests.conftest import Tenant
from tests.world import make_connector, make_data_point, make_gateway, make_trigger, reading
from triggers.intake import accept_readings
from triggers.models import Trigger, TriggerClock
from triggers.scheduled import clock

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
URL = "https://partner.example/hook"
SNAPSHOT, HEARTBEAT = "telemetry/snapshot", "system/heartbeat"


def snapshots(connector: Connector, **fields: Any) -> Trigger:
    wanted = {"kind": "snapshot", "interval_seconds": 60, "level": "device_type", **fields}
    return make_trigger(connector, SNAPSHOT, **wanted)


def heartbeats(connector: Connector, **fields: Any) -> Trigger:
    return make_trigger(connector, HEARTBEAT, **{"kind": "heartbeat", "interval_seconds": 60, **fields})


def measure(tenant: Tenant, *gateways: str, at: datetime = NOW, value: float = 100) -> None:
    items = [reading(value, at, gateway=serial, appliance=f"{serial}-INV") for serial in gateways]
    assert accept_readings(tenant.organization.id, items, at).accepted == len(items)


@pytest.fixture
def site(in_tenant: Tenant) -> Tenant:
    """A paired gateway whose inverter tells its power; nothing else is sent of it."""
    make_gateway(company=in_tenant.company)
    make_data_point()
    measure(in_tenant, "GW-1")
    return in_tenant


def tick_each_second(seconds: int, start: datetime = NOW) -> list[int]:
    """What each tick made; the first one only winds the clocks up."""
    return [clock.run(start + timedelta(seconds=second)) for second in range(seconds + 1)]


def told(event_type: str = SNAPSHOT) -> list[dict[str, Any]]:
    return [json.loads(event.body) for event in Event.objects.filter(type=event_type).order_by("id")]


def receivers(event_type: str = SNAPSHOT) -> Counter[Any]:
    return Counter(WaitingDelivery.objects.filter(event_type=event_type).values_list("connector_id", flat=True))


@pytest.mark.line(105, 106, 114, 116)
def test_a_site_has_one_snapshot_per_interval_at_its_own_moment(site: Tenant) -> None:
    connector = make_connector(URL)
    snapshots(connector)
    assert sum(tick_each_second(180)) == 3

    times = [datetime.fromisoformat(one["time"]) for one in told()]
    assert times[1] - times[0] == times[2] - times[1] == timedelta(seconds=60)
    first = told()[0]
    assert first["system"]["id"] == str(System.objects.get().id)
    assert first["data"] == {
        "level": "device_type",
        "period_s": 60,
        "expires_at": (times[0] + timedelta(seconds=120)).isoformat(timespec="milliseconds")[:-6] + "Z",
        "solar": {"active_power_w": 100.0},
    }
    assert receivers() == {connector.id: 3}


@pytest.mark.line(115, 117)
def test_each_device_of_all_gateways_of_the_site(site: Tenant) -> None:
    second = make_gateway("GW-2", company=site.company)
    second.system = Gateway.objects.get(serial_number="GW-1").system
    second.save()
    measure(site, "GW-2", value=50)
    snapshots(make_connector(URL), level="device")
    assert sum(tick_each_second(60)) == 1
    data = told()[0]["data"]
    assert data["solar"] == {"active_power_w": 150.0}
    assert [(one["type"], one["active_power_w"]) for one in data["devices"]] == [("solar", 100.0), ("solar", 50.0)]
    assert {one["node_id"] for one in data["devices"]} == {
        str(key) for key in Appliance.objects.values_list("id", flat=True)
    }


@pytest.mark.line(114)
@pytest.mark.parametrize("interval", [5, 60, 600])
def test_many_sites_are_spread_over_the_interval(site: Tenant, interval: int) -> None:
    """Each has one per interval, and no tick a crowd of them: of 30 at random, 20 in one of five come once in 10^7."""
    serials = [f"S-{number}" for number in range(29)]
    for serial in serials:
        make_gateway(serial, company=site.company)
    measure(site, *serials)
    snapshots(make_connector(URL), interval_seconds=interval)
    step = max(1, interval // 60)
    made = [clock.run(NOW + timedelta(seconds=second)) for second in range(0, interval + 1, step)]
    assert Counter(one["system"]["name"] for one in told()) == dict.fromkeys(
        [f"Site of {serial}" for serial in ["GW-1", *serials]], 1
    )
    assert max(made) < 20


@pytest.mark.line(22, 23, 24, 26, 27, 107, 130, 143)
@pytest.mark.parametrize(
    "closed", ["company", "pairing", "access", "plan", "trigger", "connector", "pause", "gateways"]
)
def test_no_snapshot_leaves_where_data_points_do_not(site: Tenant, closed: str) -> None:
    trigger = snapshots(make_connector(URL))
    if closed == "company":
        site.company.data_points_enabled = False
        site.company.save()
    elif closed == "plan":
        site.organization.plan = Plan.BASIC
        site.organization.save()
    elif closed in {"pairing", "access"}:
        Gateway.objects.update(**({"company": None} if closed == "pairing" else {"access_granted": False}))
    elif closed == "trigger":
        Trigger.objects.update(enabled=False)
    elif closed == "gateways":
        Trigger.objects.filter(pk=trigger.pk).update(gateways=[make_gateway("GW-9", company=site.company).id])
    else:
        Connector.objects.update(**({"enabled": False} if closed == "connector" else {"paused_at": NOW}))
    assert sum(tick_each_second(70)) == 0
    assert (told(), receivers()) == ([], {})


@pytest.mark.line(113, 138, 143)
def test_a_snapshot_goes_to_its_own_trigger_s_connector_alone(site: Tenant, stranger: Tenant) -> None:
    """Also not to one that takes snapshots that producers send, nor to another company's or organization's."""
    mine = make_connector(URL)
    snapshots(mine)
    make_trigger(make_connector(URL, name="Producers'"), SNAPSHOT, kind="values")
    other = Company.objects.create(name="Another", data_points_enabled=True)
    snapshots(make_connector(URL, name="Another's", company=other))
    with scope.organization(stranger.organization.id):
        snapshots(make_connector(URL, name="Stranger's"))
    assert sum(tick_each_second(60)) == 1
    assert receivers() == {mine.id: 1}
    with scope.organization(stranger.organization.id):
        assert not Event.objects.exists()


def test_a_snapshot_that_a_producer_sends_does_not_go_to_a_trigger_by_the_clock(site: Tenant) -> None:
    from triggers.intake import accept_events
    from triggers.items import EventItem

    snapshots(make_connector(URL))
    data = {"level": "device_type", "period_s": 60, "expires_at": "2026-11-21T12:02:00.000Z"}
    assert accept_events(site.organization.id, [EventItem(type=SNAPSHOT, gateway="GW-1", data=data)], NOW).accepted == 1
    assert receivers() == {}


def test_a_site_of_which_nothing_new_is_known_has_none(site: Tenant) -> None:
    """What was measured an hour ago does not tell how the site fares now."""
    snapshots(make_connector(URL))
    assert sum(tick_each_second(60, NOW + timedelta(hours=1))) == 0
    measure(site, "GW-1", at=NOW + timedelta(hours=1))
    assert sum(tick_each_second(60, NOW + timedelta(hours=1, minutes=1))) == 1


def test_what_its_producer_doubts_is_no_value_of_a_site(site: Tenant) -> None:
    bad = reading(-9999, NOW + timedelta(seconds=1), quality="bad")
    assert accept_readings(site.organization.id, [bad], NOW + timedelta(seconds=1)).accepted == 1
    snapshots(make_connector(URL))
    assert sum(tick_each_second(60, NOW + timedelta(seconds=2))) == 1
    assert told()[0]["data"]["solar"] == {"active_power_w": 100.0}


@pytest.mark.line(114)
def test_missed_ticks_are_not_made_up_for(site: Tenant) -> None:
    snapshots(make_connector(URL))
    made = tick_each_second(60)
    moment = NOW + timedelta(seconds=made.index(1))
    for later, due in ((3600 + 1, 1), (7200 + 30, 0), (7200 + 65, 1)):
        measure(site, "GW-1", at=moment + timedelta(seconds=later))
        assert clock.run(moment + timedelta(seconds=later)) == due, later
    assert len(told()) == 3


@pytest.mark.line(114)
def test_a_clock_that_jumps_costs_no_more_than_an_interval(site: Tenant) -> None:
    snapshots(make_connector(URL), interval_seconds=5)
    tick_each_second(10)
    ahead = NOW + timedelta(days=1)
    clock.run(ahead)
    TriggerClock.objects.get(done_until=ahead)
    assert clock.run(NOW + timedelta(seconds=11)) == 0
    before = len(told())
    tick_each_second(10, NOW + timedelta(seconds=11))
    assert len(told()) - before == 2


def test_what_fails_for_one_trigger_stops_no_other(site: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    broken, sound = make_connector(URL, name="A"), make_connector(URL, name="B")
    first = snapshots(broken)
    snapshots(sound)
    make, calls = clock._MAKERS["snapshot"], []

    def sometimes(cursor: Any, trigger: Any, due: Any) -> int:
        if trigger.id == first.id:
            calls.append(due)
            with connection.cursor() as other:
                other.execute("select 1/0")
        return make(cursor, trigger, due)

    monkeypatch.setitem(clock._MAKERS, "snapshot", sometimes)
    assert sum(tick_each_second(60)) == 1
    assert receivers() == {sound.id: 1}
    assert len(calls) > 1
    assert TriggerClock.objects.get(trigger=first).done_until == NOW, "what was not done is not said to be"


@pytest.mark.django_db(transaction=True)
@pytest.mark.line(114)
def test_two_schedulers_at_once_make_each_snapshot_once(tenant: Tenant) -> None:
    with scope.organization(tenant.organization.id):
        make_data_point()
        serials = [f"S-{number}" for number in range(30)]
        for serial in serials:
            make_gateway(serial, company=tenant.company)
        measure(tenant, *serials)
        for name in "AB":
            snapshots(make_connector(URL, name=name), interval_seconds=5)
    clock.run(NOW)

    def ticks(lag: float) -> int:
        try:
            return sum(clock.run(NOW + timedelta(seconds=second + lag)) for second in range(1, 6))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        made = sum(pool.map(ticks, (0, 0, 0.2, -0.2)))
    made += clock.run(NOW + timedelta(seconds=5))
    with scope.organization(tenant.organization.id):
        documents = told()
        assert made == len(documents) == sum(receivers().values())
        assert made == pytest.approx(60, abs=6)  # one process is 0.2 s ahead of five seconds
        assert max(Counter((one["system"]["id"], one["time"]) for one in documents).values()) <= 2


@pytest.mark.parametrize("closed", ["", "paused_at", "enabled"])
def test_heartbeats_tell_how_the_connector_fares_and_go_there_alone(site: Tenant, closed: str) -> None:
    connector = make_connector(URL)
    make_trigger(connector, "datapoint/value")
    make_trigger(make_connector(URL, name="All events"), "gateway/online", HEARTBEAT)
    heartbeats(connector)
    measure(site, "GW-1", at=NOW + timedelta(seconds=1), value=900)
    if closed:
        Connector.objects.update(**{closed: NOW if closed == "paused_at" else False})
    assert sum(tick_each_second(120)) == (0 if closed else 2)
    if closed:
        assert (told(HEARTBEAT), receivers(HEARTBEAT)) == ([], {})
        return
    assert receivers(HEARTBEAT) == {connector.id: 2}
    first, second = (one["data"] for one in told(HEARTBEAT))
    assert first["connector_id"] == str(connector.id)
    assert (first["waiting"], second["waiting"]) == (1, 2)
    assert 0 <= first["oldest_waiting_age_s"] <= second["oldest_waiting_age_s"] < 60
    assert "last_success_at" not in first


def test_the_heartbeat_of_a_connector_where_nothing_waits(in_tenant: Tenant) -> None:
    connector = make_connector(URL)
    heartbeats(connector)
    ConnectorHealth.objects.create(
        connector_id=connector.id,
        organization_id=in_tenant.organization.id,
        last_attempt_at=NOW,
        last_success_at=NOW,
        failures_in_a_row=0,
    )
    assert sum(tick_each_second(60)) == 1
    data = {"connector_id": str(connector.id), "waiting": 0, "last_success_at": "2026-11-21T12:00:00.000Z"}
    assert told(HEARTBEAT)[0]["data"] == data


def test_the_tick_reads_the_database_s_clock(site: Tenant, django_assert_max_num_queries: Callable[..., Any]) -> None:
    snapshots(make_connector(URL))
    with django_assert_max_num_queries(20):
        clock.tick()
    until = TriggerClock.objects.get().done_until
    with connection.cursor() as cursor:
        cursor.execute("select now()")
        assert abs(cursor.fetchone()[0] - until) < timedelta(minutes=1)
