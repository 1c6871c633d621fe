"""What the product promises, against all of its processes; and the faults of the plan in short.

The faults are the functions of `make soak` with smaller figures. The oracle in each: what was accepted with a 202,
minus what the partners answered 200, is empty; duplicates stay within the bound.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import psycopg
import pytest
from standardwebhooks import Webhook

from bench.soak import clocks, scenarios, schedulers
from bench.soak.partner import Partner
from bench.soak.report import Report
from bench.soak.scenarios import Site
from tests.receiver import Answer, Receiver
from tests.whole.stack import Api, Stack, eventually

pytestmark = pytest.mark.whole


UNRECORDED = 200
"""DELIVERY_MAX_UNRECORDED here: so small that the bound on duplicates says something."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    env = {
        "DELIVERY_MAX_UNRECORDED": str(UNRECORDED),
        "API_RATE": "100000/min",
        "CONNECTIVITY_DEBOUNCE_SECONDS": "0",
        "DJANGO_SETTINGS_MODULE": "bench.soak.poisoned_settings",
    }
    with Stack(tmp_path_factory.mktemp("guarantees"), workers=2, env=env) as stack:
        yield stack


@pytest.fixture
def partner() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def api(stack: Stack, request: pytest.FixtureRequest) -> Api:
    api = stack.organization(request.node.name.removeprefix("test_").replace("_", "-")[:40].strip("-"))
    api.site()
    return api


@pytest.mark.line(105)
def test_from_a_reading_to_a_partners_200(api: Api, partner: Receiver) -> None:
    made = api.connector(partner.url + "/hook?site=7")
    status, answer = api.send(100.0, 104.0, 111.5)
    assert (status, answer) == (202, {"accepted": 3, "duplicates": 0, "rejected": []})
    first, second = partner.wait_for(2, timeout=10)

    bodies = [Webhook(made["secret"]).verify(received.body, received.headers) for received in (first, second)]
    assert [body["data"]["value"] for body in bodies] == [100.0, 111.5]
    assert first.path == "/hook?site=7"
    eventually(lambda: api.waiting() == 0)
    found = api.must("GET", f"deliveries/{first.headers['webhook-id']}/")
    assert (found["state"], found["attempts"], found["last_status"]) == ("delivered", 1, 200)
    attempt = api.must("GET", f"deliveries/{found['id']}/attempts/")["results"][0]
    assert attempt["request"]["body"] == first.body.decode()


def test_a_subscription_from_ping_to_gone(api: Api, partner: Receiver) -> None:
    wish = {"event_types": ["gateway/online"], "target_url": partner.url + "/gridx", "active": False}
    made = api.must("POST", "subscriptions/", wish)
    exchange = api.must("POST", f"subscriptions/{made['id']}/ping/")
    assert exchange["delivered"]
    assert partner.wait_for(1)[0].json()["type"] == "ping"

    api.must("PUT", f"subscriptions/{made['id']}/", {**wish, "active": True})
    event = {"type": "gateway/online", "gateway": "GW-1", "time": "2026-11-21T10:00:00.000Z"}
    event["time"] = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    assert api.call("POST", "events/", {"events": [event]})[0] == 202
    received = partner.wait_for(2)[1]
    assert received.json()["data"]["gatewaySerialnumber"] == "GW-1"
    assert received.headers["x-signature"].startswith("sha512=")

    partner.script = lambda _: Answer(410)
    assert api.call("POST", "events/", {"events": [event]})[0] == 202
    eventually(lambda: api.call("GET", f"subscriptions/{made['id']}/")[0] == 404, what="the end of the subscription")


def test_a_change_of_configuration_reaches_every_process_within_a_second(api: Api, partner: Receiver) -> None:
    made = api.connector(partner.url)
    api.send(1000.0)
    partner.wait_for(1)
    api.must("PATCH", f"connectors/{made['id']}/", {"enabled": False})
    time.sleep(1)
    for n in range(12):  # enough calls to meet each web process
        api.send(2000.0 + 100 * n, start=time.time() + n)
    api.must("PATCH", f"connectors/{made['id']}/", {"enabled": True})
    time.sleep(1)
    api.send(9000.0, start=time.time() + 60)
    eventually(lambda: any(r.json()["data"]["value"] == 9000.0 for r in partner.requests))
    assert [received.json()["data"]["value"] for received in partner.requests] == [1000.0, 9000.0]


def test_the_database_holds_no_secret_in_clear(stack: Stack, api: Api, partner: Receiver) -> None:
    canary = "canary-4f1e9a7c-do-not-store"
    made = api.connector(partner.url, auth={"type": "bearer", "token": canary})
    api.send(1000.0)
    assert partner.wait_for(1)[0].headers["authorization"] == f"Bearer {canary}"
    eventually(lambda: api.waiting() == 0)
    shown = json.dumps([api.must("GET", f"connectors/{made['id']}/"), api.must("GET", "deliveries/")])
    secrets = [canary, made["secret"], api.key.rpartition("_")[2]]
    with psycopg.connect(stack.database_url) as connection:
        tables = connection.execute("select format('%I', tablename) from pg_tables where schemaname = 'public'")
        for (table,) in tables.fetchall():
            rows = connection.execute(f"select t::text from {table} t").fetchall()
            assert not [row for (row,) in rows if any(secret in row for secret in secrets)], table
    assert not [secret for secret in secrets if secret in shown or secret in stack.log]


# the faults of the plan


@pytest.fixture(scope="module")
def site(stack: Stack) -> Iterator[Site]:
    with Partner() as partner:
        yield Site(stack=stack, partner=partner, workers=2, unrecorded=UNRECORDED)


def holds(report: Report) -> bool:
    print(report)
    return not report.broken


def test_a_rolling_restart_sends_nothing_twice(site: Site) -> None:
    assert holds(scenarios.f7_rolling_restart(site, rounds=1, sick_policy="gridx"))


def test_redis_away_is_not_noticed(site: Site) -> None:
    assert holds(scenarios.f3_redis_away(site, flushes=2, kills=1, resets=3, frozen=6.0))


def test_a_frozen_workers_late_results_change_nothing(site: Site) -> None:
    assert holds(scenarios.f6_worker_frozen(site, times=1))


def test_schedulers_that_are_killed_and_doubled_make_everything_once(site: Site) -> None:
    assert holds(schedulers.f4_two_schedulers(site, ticks=45, organizations=2, gateways=3, kills=3))


def test_clocks_that_are_off_harm_nothing_and_are_told(site: Site) -> None:
    assert holds(clocks.f5_clocks_off(site, rounds=1))


@pytest.mark.line(28)
def test_killed_workers_lose_nothing(site: Site) -> None:
    assert holds(scenarios.f1_workers_killed(site, deliveries=1600, kills=3))


def test_a_database_that_was_away_lost_nothing(site: Site) -> None:
    assert holds(scenarios.f2_database_away(site, kills=1, stops=1, away=0.0))


def test_a_partner_that_hangs_delays_only_itself(site: Site) -> None:
    assert holds(scenarios.f8_partner_hangs(site, queued=1000, tenants=5, events=10, healthy_p95=10.0))


def test_poison_is_set_aside_and_the_rest_delivered(site: Site) -> None:
    assert holds(scenarios.f9_poison(site, exits=1))


@pytest.mark.line(106, 109, 110, 114, 115, 118, 119, 128)
def test_a_site_tells_by_the_clock_how_it_fares(api: Api, partner: Receiver) -> None:
    """Scheduler, worker and engine together hold an interval of 5 s: a tick may be late, and nothing is left behind."""
    assert api.send(100.0)[0] == 202
    made = api.must(
        "POST", "connectors/", {"name": "Site", "url": partner.url + "/telemetry", "profile": "smartgridone"}
    )
    api.must("PATCH", f"connectors/{made['id']}/", {"enabled": True})
    trigger = {"name": "Each 5 s", "kind": "snapshot", "interval_seconds": 5, "level": "device", "enabled": True}
    api.must("POST", "triggers/", trigger | {"connector": made["id"]})
    arrived = partner.wait_for(3, timeout=60)

    first, second, third = (received.json() for received in arrived[:3])
    assert first["solar"] == second["solar"] == third["solar"] == {"active_power_W": 100.0}
    assert [device["type"] for device in first["devices"]] == ["solar"]
    assert first["time"] < second["time"] < third["time"]
    assert third["time"] - first["time"] >= 5
    assert {received.path for received in arrived} == {"/telemetry"}


@pytest.mark.line(22, 23, 24, 28)
def test_unpairing_counts_at_once_and_so_does_pairing(api: Api, partner: Receiver) -> None:
    """The source allows five minutes for each; here the next reading counts."""
    api.connector(partner.url)
    now = time.time()
    assert api.send(100.0, start=now - 60)[0] == 202
    partner.wait_for(1)
    gateway = api.must("GET", "gateways/?serial_number=GW-1")["results"][0]
    api.must("POST", f"gateways/{gateway['id']}/unpair/")
    assert api.send(500.0, 900.0, start=now - 50) == (202, {"accepted": 2, "duplicates": 0, "rejected": []})
    pairing = {"company": gateway["company"], "access_granted": True}
    api.must("POST", f"gateways/{gateway['id']}/pair/", pairing)
    assert api.send(901.0, start=now - 40)[0] == 202
    partner.wait_for(2)
    eventually(lambda: api.waiting() == 0)
    assert [received.json()["data"]["value"] for received in partner.requests] == [100.0, 901.0]
