"""Who goes offline and comes back, and that each transition is told of once, whoever looks and however often."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from connectors.models import WaitingDelivery
from portal.events.models import Event
from portal.fleet import presence, removal
from portal.fleet.models import Appliance, Gateway, Presence, System
from portal.lib.database import batch_cursor
from portal.tenants import scope
from tests.conftest import Tenant
from tests.world import make_connector, make_data_point, make_gateway, make_trigger, reading
from triggers import presence as remembered
from triggers.heartbeats import HeartbeatItem, take_heartbeats
from triggers.intake import accept_events, accept_readings, take_events
from triggers.items import EventItem, Result
from triggers.scheduled import connectivity
from triggers.scheduled.connectivity import sweep, tick

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
TYPES = ("gateway/online", "gateway/offline", "appliance/online", "appliance/offline")


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    yield
    remembered._noted.clear()


@pytest.fixture
def site(in_tenant: Tenant) -> Tenant:
    """A gateway with one inverter, and a connector that is told of their connectivity."""
    make_gateway(company=in_tenant.company)
    make_data_point()
    make_trigger(make_connector("https://partner.example/hook"), *TYPES)
    return in_tenant


def report(tenant: Tenant, now: datetime, **fields: Any) -> None:
    assert accept_readings(tenant.organization.id, [reading(1, now, **fields)], now).accepted == 1


def say(tenant: Tenant, now: datetime, *items: EventItem) -> Result:
    return take_events(tenant.organization.id, list(enumerate(items)), now, Result())


def beat(tenant: Tenant, now: datetime, **fields: Any) -> Result:
    items = [(0, HeartbeatItem(**{"gateway": "GW-1", **fields}))]
    return take_heartbeats(tenant.organization.id, items, now, Result())


def told() -> list[str]:
    """The connectivity events there are, in their order; gateway and appliance of one moment by name."""
    events = Event.objects.filter(type__in=TYPES).order_by("id")
    return list(events.values_list("type", flat=True))


def row(serial_number: str) -> Presence | None:
    devices = [
        *Gateway.objects.filter(serial_number=serial_number),
        *Appliance.objects.filter(serial_number=serial_number),
    ]
    return Presence.objects.filter(subject_id=devices[0].id).first()


def is_online(*serial_numbers: str) -> list[bool | None]:
    rows = [row(serial_number) for serial_number in serial_numbers]
    return [None if one is None else one.online for one in rows]


BOTH = ("GW-1", "GW-1-INV")


@pytest.mark.line(2, 188, 189, 202, 203)
def test_silence_is_told_of_once_and_the_next_report_at_once(site: Tenant) -> None:
    report(site, NOW)
    assert (told(), is_online(*BOTH)) == ([], [True, True])

    assert sweep(NOW + HOUR) == 0
    assert sweep(NOW + HOUR + 2 * MINUTE) == 2
    assert sweep(NOW + HOUR + 17 * MINUTE) == 0
    assert told() == ["gateway/offline", "appliance/offline"]
    assert is_online(*BOTH) == [False, False]

    report(site, NOW + 2 * HOUR)
    report(site, NOW + 2 * HOUR + MINUTE)
    assert sorted(told()[2:]) == ["appliance/online", "gateway/online"]
    assert is_online(*BOTH) == [True, True]
    assert WaitingDelivery.objects.filter(event_type__in=TYPES).count() == 4


@pytest.mark.line(3, 4)
def test_the_sweep_runs_every_15_minutes_so_that_no_silence_is_told_of_later(settings: Any) -> None:
    (entry,) = [one for one in settings.CELERY_BEAT_SCHEDULE.values() if "connectivity" in one["task"]]
    assert entry["task"] == connectivity.take_silent_offline.name
    assert entry["schedule"].minute == {0, 15, 30, 45}
    assert entry["schedule"].hour == set(range(24))


SILENCE = [
    # seconds allowed: protocol, the gateway's own, the appliance's own, of the gateway, of the appliance
    ("", None, None, 3_600, 3_600),
    ("wired", None, None, 3_600, 3_600),
    ("lorawan", None, None, 86_400, 86_400),
    ("lorawan", 120, None, 120, 120),
    ("lorawan", None, 600, 86_400, 600),
    ("wired", 600, 90_000, 600, 90_000),
]


@pytest.mark.line(2, 3)
def test_the_deadline_is_the_devices_own_or_its_gateways_or_its_protocols(in_tenant: Tenant, settings: Any) -> None:
    """Each at the second of its deadline, and one second later. An appliance alone: its gateway reports meanwhile."""
    settings.CONNECTIVITY_DEBOUNCE_SECONDS = 0
    devices: dict[Any, tuple[int, str]] = {}
    for number, (protocol, own, appliances, _, _) in enumerate(SILENCE):
        for which in ("gateway", "appliance"):
            gateway = make_gateway(f"GW-{number}-{which}", protocol=protocol, offline_after=own)
            appliance = Appliance.objects.get(gateway=gateway)
            appliance.offline_after = appliances
            appliance.save()
            subject = gateway.id if which == "gateway" else appliance.id
            devices[subject] = (number, which)
            Presence.objects.create(
                organization_id=in_tenant.organization.id, subject_id=subject, gateway_id=gateway.id, online=True,
                last_seen_at=NOW, changed_at=NOW,
            )  # fmt: skip
    late = {
        (n, which): case[3 if which == "gateway" else 4]
        for n, case in enumerate(SILENCE)
        for which in ("gateway", "appliance")
    }
    for seconds in sorted({*late.values()}):
        for after, gone in (
            (seconds, {k for k, v in late.items() if v < seconds}),
            (seconds + 1, {k for k, v in late.items() if v <= seconds}),
        ):
            sweep(NOW + after * SECOND)
            offline = Presence.objects.filter(online=False).values_list("subject_id", flat=True)
            assert {devices[subject] for subject in offline} == gone


def test_a_device_that_is_expected_later_or_sooner_is_silent_by_that(site: Tenant) -> None:
    report(site, NOW)
    beat(site, NOW + MINUTE, expect_before=NOW + 10 * MINUTE)
    beat(site, NOW + MINUTE, appliance="GW-1-INV", expect_before=NOW + 30 * HOUR)
    assert sweep(NOW + 11 * MINUTE) == 0, "an appliance's sign of life is its gateway's, and clears what it expected"

    beat(site, NOW + 12 * MINUTE, expect_before=NOW + 20 * MINUTE)
    assert sweep(NOW + 20 * MINUTE) == 0
    assert sweep(NOW + 22 * MINUTE) == 2
    assert told() == ["gateway/offline", "appliance/offline"]
    assert sweep(NOW + 40 * HOUR) == 0


def test_the_next_report_clears_what_was_expected(site: Tenant) -> None:
    beat(site, NOW, expect_before=NOW + 10 * MINUTE)
    report(site, NOW + MINUTE)
    assert row("GW-1").expect_before is None  # type: ignore[union-attr]
    assert sweep(NOW + 30 * MINUTE) == 0


def test_a_device_that_never_reported_goes_offline_only_when_it_was_expected(site: Tenant) -> None:
    assert sweep(NOW + 1000 * HOUR) == 0
    presence.expect(Gateway.objects.get(), NOW + HOUR)
    assert (is_online("GW-1"), sweep(NOW + HOUR)) == ([None], 0)
    assert sweep(NOW + HOUR + 2 * MINUTE) == 1
    assert told() == ["gateway/offline"]


def test_a_report_that_is_a_little_late_again_and_again_makes_no_events(site: Tenant, settings: Any) -> None:
    settings.CONNECTIVITY_DEBOUNCE_SECONDS = 300
    now = NOW
    for _ in range(5):
        report(site, now)
        assert sweep(now + HOUR + 4 * MINUTE) == 0
        now += HOUR + 4 * MINUTE
    settings.CONNECTIVITY_DEBOUNCE_SECONDS = 60
    for _ in range(2):
        report(site, now)
        sweep(now + HOUR + 4 * MINUTE)
        now += HOUR + 4 * MINUTE
    assert sorted(told()) == ["appliance/offline"] * 2 + ["appliance/online"] + ["gateway/offline"] * 2 + [
        "gateway/online"
    ]


def test_appliances_go_and_come_with_their_gateway_but_what_was_silent_before_stays_so(site: Tenant) -> None:
    gateway = Gateway.objects.get()
    for number in ("METER", "PUMP"):
        Appliance.objects.create(gateway=gateway, serial_number=number, offline_after=30 * 86_400)
        report(site, NOW, appliance=number)
    report(site, NOW)
    report(site, NOW + 30 * MINUTE, appliance="METER")
    assert sweep(NOW + HOUR + 2 * MINUTE) == 1  # the inverter, by itself
    assert told() == ["appliance/offline"]
    assert sweep(NOW + HOUR + 32 * MINUTE) == 3  # the gateway, with the other two
    assert told()[1:] == ["gateway/offline", "appliance/offline", "appliance/offline"]

    report(site, NOW + 2 * HOUR, appliance="METER")
    assert sorted(told()[4:]) == ["appliance/online", "appliance/online", "gateway/online"]
    assert is_online("GW-1", "METER", "PUMP", "GW-1-INV") == [True, True, True, False]
    report(site, NOW + 2 * HOUR + MINUTE)
    assert told()[7:] == ["appliance/online"]


def test_what_came_back_with_its_gateway_has_its_own_deadline_from_then_on(site: Tenant) -> None:
    report(site, NOW)
    sweep(NOW + 2 * HOUR)
    beat(site, NOW + 3 * HOUR)
    assert is_online(*BOTH) == [True, True]
    beat(site, NOW + 4 * HOUR)
    assert sweep(NOW + 4 * HOUR) == 0
    assert sweep(NOW + 4 * HOUR + 2 * MINUTE) == 1
    assert is_online(*BOTH) == [True, False]


# What producers say


def test_a_producers_offline_event_is_the_event_and_takes_the_appliances_along(site: Tenant) -> None:
    report(site, NOW)
    say(site, NOW + MINUTE, EventItem(type="gateway/offline", gateway="GW-1"))
    assert (told(), is_online(*BOTH)) == (["gateway/offline"], [False, True])
    assert sweep(NOW + 5 * MINUTE) == 1
    assert told() == ["gateway/offline", "appliance/offline"]
    assert sweep(NOW + 3 * HOUR) == 0


def test_a_producers_online_event_is_the_event_and_brings_the_appliances_back(site: Tenant) -> None:
    report(site, NOW)
    sweep(NOW + 2 * HOUR)
    say(site, NOW + 3 * HOUR, EventItem(type="gateway/online", gateway="GW-1"))
    assert told()[2:].count("gateway/online") == 1
    assert told()[2:].count("appliance/online") == 1
    assert is_online(*BOTH) == [True, True]


def test_what_a_producer_says_twice_is_passed_on_twice(site: Tenant) -> None:
    online = EventItem(type="gateway/online", gateway="GW-1")
    say(site, NOW, online)
    say(site, NOW + MINUTE, online)
    assert told() == ["gateway/online"] * 2


def test_that_an_appliance_is_offline_is_no_sign_of_life(site: Tenant) -> None:
    report(site, NOW)
    say(site, NOW + MINUTE, EventItem(type="appliance/offline", gateway="GW-1", appliance="GW-1-INV"))
    assert is_online(*BOTH) == [True, False]
    assert row("GW-1").last_seen_at == NOW  # type: ignore[union-attr]
    sweep(NOW + 2 * HOUR)
    beat(site, NOW + 3 * HOUR)
    assert is_online(*BOTH) == [True, False], "it went by itself, and comes back by itself"


def test_news_of_the_past_changes_nothing_nor_does_a_repeat(site: Tenant) -> None:
    offline = EventItem(type="gateway/offline", gateway="GW-1", time=NOW - 2 * HOUR, id="once")
    report(site, NOW)
    say(site, NOW + MINUTE, offline)
    assert is_online("GW-1") == [True]
    say(site, NOW + MINUTE, EventItem(type="gateway/offline", gateway="GW-1", id="twice"))
    report(site, NOW + 2 * MINUTE)
    assert say(site, NOW + 3 * MINUTE, EventItem(type="gateway/offline", gateway="GW-1", id="twice")).duplicates == 1
    assert is_online("GW-1") == [True]


def test_of_one_batch_the_last_word_counts(site: Tenant) -> None:
    offline, online = (EventItem(type=f"gateway/{state}", gateway="GW-1") for state in ("offline", "online"))
    say(site, NOW, offline, online)
    assert is_online("GW-1") == [True]
    say(site, NOW + MINUTE, online, offline)
    assert is_online("GW-1") == [False]
    assert len(told()) == 4


def test_what_the_platform_makes_and_what_is_imported_is_no_sign_of_life(site: Tenant) -> None:
    accept_events(site.organization.id, [EventItem(type="gateway/create", gateway="GW-1")], NOW)
    accept_readings(site.organization.id, [reading(1, NOW)], NOW, oldest=None)
    assert is_online(*BOTH) == [None, None]


def test_a_refused_heartbeat_is_named_and_notes_nothing(site: Tenant) -> None:
    assert beat(site, NOW, gateway="GW-9").rejected[0]["errors"][0]["pointer"] == "/gateway"
    assert beat(site, NOW, appliance="X").rejected[0]["errors"][0]["pointer"] == "/appliance"
    assert beat(site, NOW, expect_before=NOW).rejected[0]["errors"][0]["pointer"] == "/expect_before"
    assert Presence.objects.count() == 0


# Schedulers and clocks


def test_a_missed_tick_and_a_late_one_tell_of_the_same_once(site: Tenant) -> None:
    report(site, NOW)
    assert sweep(NOW + 50 * HOUR) == 2  # two hundred ticks were missed
    assert sweep(NOW + 2 * HOUR) == 0  # this one comes after a later one
    assert told() == ["gateway/offline", "appliance/offline"]


def test_after_an_outage_everybody_has_a_sweep_to_report_in(site: Tenant) -> None:
    report(site, NOW)
    assert tick(NOW) == 0
    back = NOW + 30 * HOUR
    assert [tick(back), tick(back + SECOND)] == [0, 0]  # of two schedulers
    assert tick(back + 15 * MINUTE) == 2
    report(site, back + 20 * MINUTE)
    assert tick(back + 60 * MINUTE) == 0
    assert tick(NOW) == 0  # the clock is set back, and on again
    assert tick(back + 2 * HOUR) == 0
    assert tick(back + 2 * HOUR + 15 * MINUTE) == 2


def test_a_tick_that_is_missed_is_no_outage(site: Tenant) -> None:
    report(site, NOW)
    tick(NOW + 45 * MINUTE)
    assert tick(NOW + 75 * MINUTE) == 2


def test_a_clock_that_is_set_back_makes_no_event_and_hides_no_silence_for_long(site: Tenant) -> None:
    ahead = NOW + 48 * HOUR
    report(site, ahead)
    assert sweep(NOW) == 0
    report(site, NOW + MINUTE)
    assert row("GW-1").last_seen_at == NOW + MINUTE  # type: ignore[union-attr]
    assert sweep(NOW + 30 * MINUTE) == 0
    assert sweep(NOW + HOUR + 3 * MINUTE) == 2
    assert told() == ["gateway/offline", "appliance/offline"]


def test_what_was_last_heard_by_a_clock_since_set_back_is_not_online_for_days(site: Tenant) -> None:
    report(site, NOW + 48 * HOUR)
    assert sweep(NOW) == 0
    assert sweep(NOW + HOUR + 2 * MINUTE) == 2


def test_a_stranger_is_left_alone(site: Tenant, stranger: Tenant) -> None:
    with scope.organization(stranger.organization.id):
        make_gateway()
        make_data_point()
    report(stranger, NOW + 2 * HOUR)
    report(site, NOW)
    assert sweep(NOW + 2 * HOUR) == 2
    with scope.organization(stranger.organization.id):
        assert (told(), is_online(*BOTH)) == ([], [True, True])
    say(stranger, NOW + 3 * HOUR, EventItem(type="gateway/online", gateway="GW-1"))
    assert is_online(*BOTH) == [False, False]


def test_what_was_removed_is_not_looked_for(site: Tenant) -> None:
    report(site, NOW)
    removal.remove_appliance(Appliance.objects.get(), NOW)
    assert Presence.objects.count() == 1
    removal.remove_system(System.objects.get(), NOW)
    assert Presence.objects.count() == 0
    assert sweep(NOW + 2 * HOUR) == 0


# Cost


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The statements of batch cursors."""
    statements: list[Any] = []
    execute = psycopg.Cursor.execute

    def counted(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        if type(self) is psycopg.Cursor:
            statements.append(query)
        return execute(self, query, *args, **kwargs)

    monkeypatch.setattr(psycopg.Cursor, "execute", counted)
    return statements


def many(tenant: Tenant, first: int, count: int, seen: datetime) -> None:
    """Gateways that were seen at a time, made by bulk."""
    system = System.objects.create(name=f"Site {first}")
    gateways = Gateway.objects.bulk_create(
        [Gateway(system=system, serial_number=f"MANY-{n}") for n in range(first, first + count)]
    )
    Presence.objects.bulk_create(
        [
            Presence(organization_id=tenant.organization.id, subject_id=one.id, gateway_id=one.id, online=True,
                     last_seen_at=seen, changed_at=seen)
            for one in gateways
        ]
    )  # fmt: skip


def test_a_sweep_costs_the_same_statements_for_10_devices_and_for_1000(site: Tenant, sent: list[Any]) -> None:
    many(site, 0, 10, NOW)
    sweep(NOW + 2 * HOUR)
    costs = []
    for first, count in ((100, 10), (1000, 1000)):
        many(site, first, count, NOW)
        sent.clear()
        assert sweep(NOW + 2 * HOUR) == count
        costs.append(len(sent))
    assert costs[0] == costs[1] < 12
    assert Event.objects.filter(type="gateway/offline").count() == 1020


def test_whoever_goes_is_taken_in_chunks(site: Tenant) -> None:
    many(site, 0, 25, NOW)
    assert sweep(NOW + 2 * HOUR, chunk=10) == 25
    assert told() == ["gateway/offline"] * 25


def test_to_note_a_batch_is_one_statement_and_none_a_moment_later(
    site: Tenant, sent: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    def notes(now: datetime) -> int:
        sent.clear()
        with django_capture_on_commit_callbacks(execute=True):
            report(site, now)
            say(site, now, EventItem(type="inverter/status", gateway="GW-1", appliance="GW-1-INV",
                                     data={"status": "ok", "last_status": "ok"}))  # fmt: skip
        return sum("fleet_presence" in str(query) for query in sent)

    notes(NOW)
    assert notes(NOW + 29 * SECOND) == 0
    assert notes(NOW + 31 * SECOND) > 0
    assert row("GW-1").last_seen_at == NOW + 31 * SECOND  # type: ignore[union-attr]


def test_the_appliances_of_a_gateway_are_found_by_an_index(site: Tenant) -> None:
    many(site, 0, 1000, NOW)
    report(site, NOW)
    with connection.cursor() as cursor:
        cursor.execute("analyze fleet_presence")
        cursor.execute("explain select from fleet_presence where gateway_id = %s", [Gateway.objects.first().id])  # type: ignore[union-attr]
        assert "presence_by_gateway" in str(cursor.fetchall())


def test_a_report_writes_in_place(site: Tenant) -> None:
    """A row that moves touches every index, at each report of each device."""
    changed = ("online", "with_gateway", "last_seen_at", "changed_at", "expect_before")
    with connection.cursor() as cursor:
        cursor.execute(
            "select a.attname from pg_index i"
            "  join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)"
            " where i.indrelid = 'fleet_presence'::regclass"
        )
        assert {name for (name,) in cursor.fetchall()}.isdisjoint(changed)


# Several at once, on connections of their own


@pytest.mark.django_db(transaction=True)
def test_schedulers_at_once_tell_of_each_transition_once(site: Tenant) -> None:
    many(site, 0, 200, NOW)
    report(site, NOW)
    start = Barrier(3)

    def run() -> int:
        try:
            start.wait(20)
            return sweep(NOW + 2 * HOUR, chunk=20)
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        runs = [pool.submit(run) for _ in range(3)]
        gone = sum(one.result(timeout=60) for one in runs)
    gone += sweep(NOW + 2 * HOUR)  # what one left as held by another that had just begun
    assert gone == 202
    assert sorted(told()) == ["appliance/offline"] + ["gateway/offline"] * 201


@pytest.mark.django_db(transaction=True)
def test_reports_and_sweeps_at_once_leave_everyone_as_last_heard(site: Tenant) -> None:
    """Three reports at once of what is offline, beside two sweeps: one online event of each, and no deadlock."""
    report(site, NOW)
    sweep(NOW + 2 * HOUR)
    remembered._noted.clear()
    start = Barrier(5)
    later = NOW + 3 * HOUR

    def run(work: Any) -> None:
        try:
            start.wait(20)
            work()
        finally:
            connection.close()

    reports = [lambda n=n: report(site, later + n * SECOND) for n in range(3)]
    sweeps = [lambda: sweep(later)] * 2
    with ThreadPoolExecutor(5) as pool:
        for one in [pool.submit(run, work) for work in (*reports, *sweeps)]:
            one.result(timeout=60)
    assert sorted(told()[2:]) == ["appliance/online", "gateway/online"]
    assert is_online(*BOTH) == [True, True]


@pytest.mark.django_db(transaction=True)
def test_a_gateway_that_comes_back_while_its_appliances_go_takes_them_back(site: Tenant) -> None:
    """The sweep has its appliances in hand when the gateway reports: the report waits, and finds them."""
    report(site, NOW)
    say(site, NOW + MINUTE, EventItem(type="gateway/offline", gateway="GW-1"))
    remembered._noted.clear()

    def come_back() -> None:
        try:
            beat(site, NOW + 3 * MINUTE)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic(), batch_cursor() as cursor:
            assert len(presence.take_with_gateway(cursor, NOW + 2 * MINUTE, 10)) == 1
            coming = pool.submit(come_back)
            until_waiting()
        coming.result(timeout=20)
    assert is_online(*BOTH) == [True, True]


def until_waiting() -> None:
    end = time.monotonic() + 10
    with connection.cursor() as cursor:
        while True:
            cursor.execute("select count(*) from pg_locks where not granted")
            if cursor.fetchone()[0]:
                return
            assert time.monotonic() < end
            time.sleep(0.02)
