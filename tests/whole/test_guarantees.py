"""Nothing accepted is lost, and nothing needs a hand: kills and faults against the whole product.

The oracle in each: values accepted with a 202, minus values that the receiver answered 200, is empty.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from standardwebhooks import Webhook

from tests.receiver import Answer, Receiver
from tests.whole.stack import Api, Stack, eventually

pytestmark = pytest.mark.whole


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("guarantees"), workers=2) as stack:
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


def delivered(partner: Receiver) -> Counter[float]:
    """How often each value was answered 200."""
    answered = Counter(received.headers["webhook-id"] for received in partner.requests)
    by_id = {received.headers["webhook-id"]: received.json()["data"]["value"] for received in partner.requests}
    counted: Counter[float] = Counter()
    for message_id, times in answered.items():
        counted[by_id[message_id]] += times
    return counted


class Source(threading.Thread):
    """Sends batches of values in the background, each value once, and keeps which were accepted."""

    def __init__(self, api: Api, *, pause: float = 0.05, size: int = 20) -> None:
        super().__init__(daemon=True)
        self.api, self.pause, self.size = api, pause, size
        self.accepted: set[float] = set()
        self.statuses: Counter[int] = Counter()
        self.slowest = 0.0
        self._stop_asked = threading.Event()

    def run(self) -> None:
        start, n = time.time() - 200_000, 0
        while not self._stop_asked.is_set():
            values = [1000.0 * (n + k) for k in range(self.size)]
            before = time.monotonic()
            status, _ = self.api.send(*values, start=start + n)
            self.slowest = max(self.slowest, time.monotonic() - before)
            self.statuses[status] += 1
            if status == 202:
                self.accepted.update(values)
                n += self.size
            self._stop_asked.wait(self.pause)

    def finish(self) -> set[float]:
        self._stop_asked.set()
        self.join(60)
        return self.accepted


def all_arrived(source: Source, partner: Receiver, seconds: float = 60) -> Counter[float]:
    accepted = source.finish()
    assert accepted
    eventually(lambda: accepted <= delivered(partner).keys(), seconds, "the arrival of everything accepted")
    return delivered(partner)


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


def test_workers_killed_in_mid_drain_lose_nothing(stack: Stack, api: Api, partner: Receiver) -> None:
    partner.script = lambda _: Answer(delay=0.005)
    api.connector(partner.url)
    source = Source(api)
    source.start()
    for number in (1, 2, 1):
        time.sleep(2)
        os.kill(stack.pid_of("celery", f"worker{number}@"), signal.SIGKILL)
    time.sleep(2)
    counted = all_arrived(source, partner)
    assert sum(counted.values()) - len(counted) <= 3 * 20, "at most what each kill had in flight arrives twice"


def test_a_frozen_workers_shards_are_taken_over_and_its_late_results_change_nothing(
    stack: Stack, api: Api, partner: Receiver
) -> None:
    for n in range(8):  # over eight connectors, both workers own some
        api.connector(f"{partner.url}/{n}", name=f"Partner {n}")
    frozen = stack.pid_of("celery", "worker1@")
    os.kill(frozen, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert api.send(1000.0)[0] == 202
        eventually(lambda: len({received.path for received in partner.requests}) == 8, 20, "the take-over")
        assert time.monotonic() - began < 15
    finally:
        os.kill(frozen, signal.SIGCONT)
    assert api.send(2000.0)[0] == 202
    eventually(lambda: sum(r.json()["data"]["value"] == 2000.0 for r in partner.requests) >= 8)
    eventually(lambda: api.waiting() == 0)


def test_redis_stopped_flushed_and_killed_while_events_come_in(stack: Stack, api: Api, partner: Receiver) -> None:
    api.connector(partner.url)
    url = redis_url(stack)
    source = Source(api)
    source.start()
    time.sleep(1)
    for _ in range(3):
        with redis.Redis.from_url(url) as client:
            client.flushall()
            client.client_kill_filter(_type="pubsub")
        time.sleep(0.3)
    frozen = stack.pid_of("redis-server")
    os.kill(frozen, signal.SIGSTOP)
    time.sleep(6)
    arrived_meanwhile = len(partner.requests)
    time.sleep(4)
    assert len(partner.requests) > arrived_meanwhile, "delivery goes on without Redis"
    os.kill(frozen, signal.SIGCONT)
    time.sleep(1)
    os.kill(stack.pid_of("redis-server"), signal.SIGKILL)
    time.sleep(5)
    counted = all_arrived(source, partner)
    assert set(source.statuses) == {202}, "the intake never noticed"
    assert max(counted.values()) == 1
    assert source.slowest < 2.0


def test_postgresql_killed_and_restarted_while_events_come_in(stack: Stack, api: Api, partner: Receiver) -> None:
    api.connector(partner.url)
    source = Source(api)
    source.start()
    for _ in range(2):
        time.sleep(2)
        os.kill(stack.pid_of("bin/postgres"), signal.SIGKILL)
        time.sleep(6)
    eventually(lambda: api.send(1.0)[0] == 202, 60, "the return of the intake")
    counted = all_arrived(source, partner, 90)
    assert source.statuses[503] > 0
    assert set(source.statuses) <= {202, 503}
    assert counted


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


def redis_url(stack: Stack) -> str:
    lines = (Path(stack.env["DATA_DIR"]) / "runtime.env").read_text().splitlines()
    return next(line.partition("=")[2].strip("'\"") for line in lines if line.startswith("REDIS_URL"))


def database_url(stack: Stack) -> str:
    lines = (Path(stack.env["DATA_DIR"]) / "runtime.env").read_text().splitlines()
    return next(line.partition("=")[2].strip("'\"") for line in lines if line.startswith("DATABASE_URL"))


def test_the_database_holds_no_secret_in_clear(stack: Stack, api: Api, partner: Receiver) -> None:
    canary = "canary-4f1e9a7c-do-not-store"
    made = api.connector(partner.url, auth={"type": "bearer", "token": canary})
    api.send(1000.0)
    assert partner.wait_for(1)[0].headers["authorization"] == f"Bearer {canary}"
    eventually(lambda: api.waiting() == 0)
    shown = json.dumps([api.must("GET", f"connectors/{made['id']}/"), api.must("GET", "deliveries/")])
    secrets = [canary, made["secret"], api.key.rpartition("_")[2]]
    with psycopg.connect(database_url(stack)) as connection:
        tables = connection.execute("select format('%I', tablename) from pg_tables where schemaname = 'public'")
        for (table,) in tables.fetchall():
            rows = connection.execute(f"select t::text from {table} t").fetchall()
            assert not [row for (row,) in rows if any(secret in row for secret in secrets)], table
    assert not [secret for secret in secrets if secret in shown or secret in stack.log]
