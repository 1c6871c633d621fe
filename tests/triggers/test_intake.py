"""The intake on real PostgreSQL: what is stored, what passes, what is refused and why, and who is told."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from connectors.models import WaitingDelivery
from portal.events.models import Event, Reading
from portal.fleet.models import Series
from portal.tenants.models import Plan
from tests.conftest import Tenant
from tests.world import make_connector, make_data_point, make_gateway, make_trigger, reading
from triggers.event_intake import _written
from triggers.intake import accept_events, accept_readings
from triggers.items import EventItem

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
URL = "https://partner.example/hook"


def at(seconds: float) -> datetime:
    return NOW - timedelta(hours=1) + timedelta(seconds=seconds)


@pytest.fixture
def site(in_tenant: Tenant) -> Tenant:
    """A paired gateway with one data point (threshold 10), and a connector that is told of its values."""
    make_gateway(company=in_tenant.company)
    make_data_point()
    make_trigger(make_connector(URL), "datapoint/value")
    return in_tenant


def send(tenant: Tenant, *items: Any, now: datetime = NOW) -> dict[str, Any]:
    return accept_readings(tenant.organization.id, items, now).as_json()


def values() -> list[Any]:
    import json

    return [json.loads(event.body)["data"]["value"] for event in Event.objects.order_by("id")]


def test_what_passes_becomes_an_event_on_its_way(site: Tenant) -> None:
    answer = send(site, reading(100, at(0)), reading(105, at(60)), reading(111, at(120)))

    assert answer == {"accepted": 3, "duplicates": 0, "rejected": []}
    assert Reading.objects.count() == 3
    assert values() == [100, 111]
    assert WaitingDelivery.objects.count() == 2


def test_the_document_says_where_it_comes_from(site: Tenant) -> None:
    import json

    send(site, reading(100.25, at(0)), reading(200.5, at(60.123)))
    document = json.loads(Event.objects.order_by("-id")[0].body)

    assert document["type"] == "datapoint/value"
    assert document["time"] == "2026-11-21T11:01:00.123Z"
    assert document["gateway"]["serial_number"] == "GW-1"
    assert document["appliance"]["type"] == "inverter"
    assert document["system"]["name"] == "Site of GW-1"
    assert document["company"] == str(site.company.id)
    assert document["data"] == {
        "property": "pv.power",
        "value": 200.5,
        "unit": "W",
        "quality": "good",
        "reason": "changed",
        "previous": {"value": 100.25, "time": "2026-11-21T11:00:00.000Z"},
    }


def test_the_same_reading_twice_counts_once(site: Tenant) -> None:
    send(site, reading(100, at(0)))
    assert send(site, reading(100, at(0)), reading(200, at(60))) == {"accepted": 1, "duplicates": 1, "rejected": []}
    assert send(site, reading(300, at(90)), reading(300, at(90)))["duplicates"] == 1
    assert values() == [100, 200, 300]


def test_a_late_reading_is_kept_but_not_sent(site: Tenant) -> None:
    send(site, reading(100, at(60)))
    assert send(site, reading(900, at(0)))["accepted"] == 1
    assert Reading.objects.count() == 2
    assert values() == [100]
    assert Series.objects.get().last_number == 100


def test_readings_in_one_batch_are_judged_in_the_order_of_their_times(site: Tenant) -> None:
    send(site, reading(130, at(120)), reading(100, at(0)), reading(115, at(60)))
    assert values() == [100, 115, 130]


BAD = [
    ({"gateway": "GW-9"}, "/gateway", "There is no gateway 'GW-9'."),
    ({"appliance": "X"}, "/appliance", "Gateway 'GW-1' has no appliance 'X'."),
    ({"property": "pv.colour"}, "/property", "There is no data point named 'pv.colour'."),
    ({"value": "much"}, "/value", "A number is expected: pv.power is a gauge."),
    ({"value": True}, "/value", "A number is expected: pv.power is a gauge."),
    ({"value": float("inf")}, "/value", "The number is not finite."),
    ({"time": NOW + timedelta(minutes=6)}, "/time", "The time is in the future by more than 5 minutes."),
    (
        {"time": datetime(1970, 1, 20, tzinfo=UTC)},
        "/time",
        "The time is more than 31 days ago; import history instead.",
    ),
]


@pytest.mark.parametrize(("fields", "pointer", "detail"), BAD)
def test_a_bad_reading_is_named_and_the_good_ones_go_on(
    site: Tenant, fields: dict[str, Any], pointer: str, detail: str
) -> None:
    bad = reading(**{"value": 1, "time": at(30), **fields})
    answer = send(site, reading(100, at(0)), bad, reading(200, at(60)))

    assert answer["accepted"] == 2
    assert answer["rejected"] == [{"index": 1, "errors": [{"pointer": pointer, "detail": detail}]}]
    assert values() == [100, 200]


def test_history_may_be_imported(site: Tenant) -> None:
    old = datetime(2010, 12, 29, 14, 15, tzinfo=UTC)
    result = accept_readings(site.organization.id, [reading(5, old)], NOW, oldest=None)
    assert (result.accepted, result.rejected) == (1, [])
    assert Reading.objects.get().time == old
    assert len(values()) == 1


@pytest.mark.parametrize("closed", ["company", "pairing", "access", "plan"])
@pytest.mark.line(15, 22, 23, 24, 26, 27, 130)
def test_data_points_leave_only_with_pairing_access_opt_in_and_plan(site: Tenant, closed: str) -> None:
    from portal.fleet.models import Gateway

    gateway = Gateway.objects.get()
    if closed == "company":
        site.company.data_points_enabled = False
        site.company.save()
    elif closed == "plan":
        site.organization.plan = Plan.BASIC
        site.organization.save()
    else:
        Gateway.objects.update(**({"company": None} if closed == "pairing" else {"access_granted": False}))

    assert send(site, reading(100, at(0)))["accepted"] == 1
    assert (values(), WaitingDelivery.objects.count()) == ([], 0)

    site.company.data_points_enabled = True
    site.company.save()
    site.organization.plan = Plan.DATASTREAMS
    site.organization.save()
    Gateway.objects.filter(pk=gateway.pk).update(company=site.company, access_granted=True)
    send(site, reading(100, at(60)))
    assert values() == [100], "the first value after it opens is sent, although nothing changed"


@pytest.mark.parametrize("off", ["trigger", "connector", "gateways", "type", "company"])
def test_nothing_leaves_for_what_does_not_want_it(site: Tenant, off: str) -> None:
    from connectors.models import Connector
    from portal.tenants.models import Company
    from triggers.models import Trigger

    trigger, connector = Trigger.objects.get(), Connector.objects.get()
    if off == "trigger":
        trigger.enabled = False
    elif off == "gateways":
        trigger.gateways = [make_gateway("GW-2").id]
    elif off == "type":
        trigger.event_types = ["gateway/online"]
    trigger.save()
    if off == "connector":
        Connector.objects.update(enabled=False)
    if off == "company":
        Connector.objects.filter(pk=connector.pk).update(company=Company.objects.create(name="Another"))
    send(site, reading(100, at(0)))
    assert values() == [100]
    assert WaitingDelivery.objects.count() == 0


@pytest.mark.line(138)
def test_a_connector_gets_an_event_once_however_many_ask_for_it(site: Tenant) -> None:
    from connectors.models import Connector

    connector = Connector.objects.get()
    make_trigger(connector, "datapoint/value", "gateway/online")
    make_trigger(make_connector(URL, name="Second"), "datapoint/value")
    send(site, reading(100, at(0)))
    assert WaitingDelivery.objects.filter(connector_id=connector.id).count() == 1
    assert WaitingDelivery.objects.count() == 2


@pytest.mark.line(143)
def test_nothing_crosses_the_organization(site: Tenant, stranger: Tenant) -> None:
    answer = accept_readings(stranger.organization.id, [reading(1, at(0))], NOW).as_json()
    assert answer["rejected"][0]["errors"][0]["pointer"] == "/gateway"
    assert (Reading.objects.count(), values()) == (0, [])


def test_a_key_of_one_company_knows_only_its_gateways(site: Tenant) -> None:
    from portal.tenants.models import Company

    other = Company.objects.create(name="Other")
    refused = accept_readings(site.organization.id, [reading(1, at(0))], NOW, company_id=other.id)
    allowed = accept_readings(site.organization.id, [reading(1, at(0))], NOW, company_id=site.company.id)
    assert (refused.accepted, allowed.accepted) == (0, 1)


@pytest.fixture
def told(site: Tenant) -> Tenant:
    make_trigger(make_connector(URL, name="Events"), "gateway/online", "inverter/status", "ev/charge-failed")
    return site


def send_events(tenant: Tenant, *items: EventItem) -> dict[str, Any]:
    return accept_events(tenant.organization.id, items, NOW).as_json()


def test_an_event_is_stored_and_on_its_way(told: Tenant) -> None:
    item = EventItem(type="gateway/online", gateway="GW-1", time=at(0))
    assert send_events(told, item) == {"accepted": 1, "duplicates": 0, "rejected": []}
    assert WaitingDelivery.objects.get().event_type == "gateway/online"
    assert Event.objects.get().company_id == told.company.id


def test_a_producers_id_keeps_a_repeat_out(told: Tenant) -> None:
    item = EventItem(type="gateway/online", gateway="GW-1", time=at(0), id="abc")
    again = EventItem(type="gateway/online", gateway="GW-1", time=at(5), id="abc")
    assert send_events(told, item, item)["duplicates"] == 1
    assert send_events(told, again) == {"accepted": 0, "duplicates": 1, "rejected": []}
    assert Event.objects.count() == 1


def test_another_organization_may_use_the_same_producers_id(told: Tenant, stranger: Tenant) -> None:
    from portal.tenants import scope

    with scope.organization(stranger.organization.id):
        make_gateway()
    item = EventItem(type="gateway/online", gateway="GW-1", time=at(0), id="abc")
    assert send_events(told, item)["accepted"] == send_events(stranger, item)["accepted"] == 1


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"type": "gateway/exploded"}, "/type"),
        ({"type": "ping"}, "/type"),
        ({"type": "datapoint/value"}, "/type"),
        ({"gateway": None}, "/gateway"),
        ({"gateway": "GW-9"}, "/gateway"),
        ({"type": "inverter/status", "data": {"status": "ok", "last_status": "error"}}, "/appliance"),
        ({"type": "inverter/status", "appliance": "GW-1-INV", "data": {"status": "ok"}}, "/data/last_status"),
        (
            {"type": "inverter/status", "appliance": "GW-1-INV", "data": {"status": "sad", "last_status": "ok"}},
            "/data/status",
        ),
        ({"time": NOW + timedelta(hours=1)}, "/time"),
    ],
)
def test_a_bad_event_is_named_and_the_good_ones_go_on(told: Tenant, fields: dict[str, Any], pointer: str) -> None:
    good = EventItem(type="gateway/online", gateway="GW-1", time=at(0))
    bad = EventItem(**{"type": "gateway/online", "gateway": "GW-1", "time": at(0), **fields})
    answer = send_events(told, good, bad, good)
    assert answer["accepted"] == 2
    assert [(item["index"], item["errors"][0]["pointer"]) for item in answer["rejected"]] == [(1, pointer)]
    assert Event.objects.count() == 2


def nested(levels: int) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for _ in range(levels):
        data = {"a": data}
    return data


@pytest.mark.parametrize(
    ("payload", "detail"),
    [
        (nested(300), "is nested too deeply, or holds what JSON cannot"),
        ({"text": "x" * 70_000}, "is larger than 65536 bytes"),
    ],
)
def test_data_that_no_message_could_carry_is_refused_alone(site: Tenant, payload: Any, detail: str) -> None:
    item = EventItem(type="ev/control", gateway="GW-1", appliance="GW-1-INV", time=at(0), data={"payload": payload})
    good = EventItem(type="ev/control", gateway="GW-1", appliance="GW-1-INV", time=at(0), data={"payload": {}})
    answer = send_events(site, good, item)
    assert answer["accepted"] == 1
    assert answer["rejected"] == [{"index": 1, "errors": [{"pointer": "/data", "detail": detail}]}]


def test_what_is_accepted_at_its_deepest_can_be_rendered(site: Tenant) -> None:
    import orjson

    from connectors.profiles import PLAIN, PROFILES, Item

    deepest = max(n for n in range(200, 256) if not _written({"payload": nested(n)})[1])
    data = {"payload": nested(deepest)}
    item = EventItem(type="ev/control", gateway="GW-1", appliance="GW-1-INV", time=at(0), data=data)
    assert send_events(site, item)["accepted"] == 1
    document = orjson.loads(Event.objects.get().body)
    carrying = [profile for profile in PROFILES.values() if profile.carries("ev/control")]
    assert all(profile.render([Item(document)], PLAIN).body for profile in carrying)


@pytest.mark.django_db(transaction=True)
def test_calls_with_the_same_producers_ids_in_other_orders_never_deadlock(told: Tenant) -> None:
    """The second of three ids is held meanwhile, so that without an order each call would hold what the other wants."""

    def call(*ids: str) -> dict[str, Any]:
        try:
            return send_events(told, *(EventItem(type="gateway/online", gateway="GW-1", id=name) for name in ids))
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        with transaction.atomic():
            send_events(told, EventItem(type="gateway/online", gateway="GW-1", id="b"))
            calls = [pool.submit(call, *ids) for ids in ("abc", "cba")]
            until_waiting(2)
            transaction.set_rollback(True)
        answers = [each.result(timeout=20) for each in calls]
    assert sorted(answer["accepted"] for answer in answers) == [0, 3]


def until_waiting(calls: int) -> None:
    """Seen from this thread's connection: locks are no part of a transaction's view."""
    end = time.monotonic() + 10
    with connection.cursor() as cursor:
        while True:
            cursor.execute("select count(*) from pg_locks where not granted")
            if cursor.fetchone()[0] >= calls:
                return
            assert time.monotonic() < end
            time.sleep(0.02)


def test_a_batch_costs_the_same_statements_whatever_its_size(site: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    execute = psycopg.Cursor.execute

    def counted(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        sent.append(query)
        return execute(self, query, *args, **kwargs)

    monkeypatch.setattr(psycopg.Cursor, "execute", counted)

    def statements(*items: Any) -> int:
        sent.clear()
        send(site, *items)
        return len(sent)

    statements(reading(1000, at(0)))  # makes the series and compiles the configuration
    one = statements(reading(2000, at(1)))
    many = statements(*(reading(3000 + 20 * n, at(2 + n)) for n in range(500)))
    assert one == many < 16
    assert len(values()) == 502
