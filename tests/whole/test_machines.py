"""Workers on two machines share the shards of one database; one machine is cut off without a word, and comes back.

The machines are network namespaces on a bridge, whose other side is this machine with PostgreSQL, Redis, web and the
partner. A machine that is cut off hangs on a bridge without power instead: its link is up, every packet is dropped both
ways, and there is no reset and no "unreachable", only silence. Needs root on Linux.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest
import redis
from cryptography.fernet import Fernet

from connectors.models import SHARDS
from portal.runtime import programs
from portal.runtime.postgres import EmbeddedPostgres
from portal.runtime.program import Program, spawn, stop
from portal.runtime.redis import EmbeddedRedis
from tests.receiver import Answer, Receiver
from tests.whole.stack import Api, Stack, eventually

pytestmark = pytest.mark.whole

CONCURRENCY = 4
DELAY = 1.0
"""Seconds that the partner takes to answer: so there is always something in flight."""
PAUSE = 0.5
"""Seconds between readings: fewer than what CONCURRENCY and DELAY let through."""


def ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"


@pytest.fixture(scope="module")
def may_make_namespaces() -> None:
    """The only reason to pass this module over; with the privilege, whatever else is missing is a failure."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root, and this is not root")
    done = subprocess.run(["unshare", "--net", "true"], capture_output=True, text=True, check=False)
    if "not permitted" in done.stderr:
        pytest.skip(f"root may not make network namespaces here: {done.stderr.strip()}")


class Network:
    """A bridge with machines on it. The addresses are of the range for tests of networks (RFC 2544)."""

    def __init__(self) -> None:
        self._tag = f"{os.getpid() % 100_000:05}"
        self._bridge, self._dead_bridge = f"fd{self._tag}on", f"fd{self._tag}off"
        self._subnet = f"198.18.{os.getpid() % 250}"
        self._machines: list[str] = []

    @property
    def subnet(self) -> str:
        return f"{self._subnet}.0/24"

    @property
    def here(self) -> str:
        """This machine's address on the bridge."""
        return f"{self._subnet}.1"

    def __enter__(self) -> Self:
        try:
            ip("link", "add", self._bridge, "type", "bridge")
            ip("addr", "add", f"{self.here}/24", "dev", self._bridge)
            ip("link", "set", self._bridge, "up")
            ip("link", "add", self._dead_bridge, "type", "bridge")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in self._machines:
            with suppress(AssertionError):
                ip("netns", "del", name)  # and its end of the link, and so the link
        for bridge in (self._bridge, self._dead_bridge):
            with suppress(AssertionError):
                ip("link", "del", bridge)

    def add_machine(self) -> str:
        """Its name, which is also that of its namespace."""
        number = len(self._machines) + 1
        name, port = f"feeder{self._tag}n{number}", self._port(number)
        self._machines.append(name)
        ip("netns", "add", name)
        ip("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("link", "set", port, "master", self._bridge, "up")
        ip("-n", name, "addr", "add", f"{self._subnet}.{10 + number}/24", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")
        ip("-n", name, "link", "set", "lo", "up")
        return name

    def address(self, machine: str) -> str:
        return f"{self._subnet}.{11 + self._machines.index(machine)}"

    def cut(self, machine: str) -> None:
        ip("link", "set", self._port(self._machines.index(machine) + 1), "master", self._dead_bridge)

    def heal(self, machine: str) -> None:
        ip("link", "set", self._port(self._machines.index(machine) + 1), "master", self._bridge)

    def _port(self, number: int) -> str:
        return f"fd{self._tag}p{number}"


class Worker:
    """The product's own command for a worker, run inside a machine."""

    def __init__(
        self, machine: str, run: Callable[[Program], subprocess.Popen[str]], program: Program, directory: Path
    ) -> None:
        self.machine = machine
        self._log = directory / f"{machine}.log"
        self._ready = str(program.announces)
        self.process = run(replace(program, command=["ip", "netns", "exec", machine, *program.command], log=self._log))

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.log
        return self._ready in self.log

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


class Machines:
    """Everything: two workers on two machines, the rest here."""

    def __init__(self, directory: Path) -> None:
        self._open = ExitStack()
        try:
            self._start(directory)
        except BaseException:
            self.close()
            raise

    def _start(self, directory: Path) -> None:
        self.network = self._open.enter_context(Network())
        here = self.network.here
        self.partner = self._open.enter_context(Receiver(lambda _: Answer(delay=DELAY), host=here))
        self._postgres = self._open.enter_context(
            EmbeddedPostgres(directory / "servers", settings={"listen_addresses": f"127.0.0.1,{here}"})
        )
        broker = self._open.enter_context(EmbeddedRedis(directory / "servers"))
        self._let_machines_in(broker)
        stack = Stack(directory)  # not started: without scheduler, static files and a worker here
        stack.env.update(
            DATABASE_URL=self._postgres.url,
            REDIS_URL=broker.url,
            EGRESS_ALLOW=f"{here}/32",
            SECRET_KEY="only-for-this-test",
            FIELD_ENCRYPTION_KEYS=Fernet.generate_key().decode(),
            PLAIN_STATIC="1",
            WEB_WORKERS="1",
        )
        stack.command("migrate", "--verbosity", "0")
        web = programs.web(programs.Address(host="127.0.0.1", port=stack.port), stack.env)
        self._run(replace(web, log=directory / "web.log"))
        self.api = stack.organization("machines")
        env = dict(stack.env)
        for name in ("DATABASE_URL", "REDIS_URL"):
            env[name] = env[name].replace("127.0.0.1", here)
        self.workers = [
            Worker(self.network.add_machine(), self._run, programs.worker(number, env), directory) for number in (1, 2)
        ]
        for worker in self.workers:
            eventually(worker.is_ready, 60, "a worker")

    def _run(self, program: Program) -> subprocess.Popen[str]:
        process = spawn(program)
        self._open.callback(stop, program, process)
        return process

    def _let_machines_in(self, broker: EmbeddedRedis) -> None:
        with (self._postgres.cluster / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {self.network.subnet} scram-sha-256\n")
        with psycopg.connect(self._postgres.url.replace("//feeder:", "//postgres:")) as connection:
            connection.execute("select pg_reload_conf()")
        with redis.Redis.from_url(broker.url) as client:
            client.config_set("bind", f"127.0.0.1 {self.network.here}")

    def close(self) -> None:
        self._open.close()

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._postgres.url.replace("//feeder:", "//postgres:")) as connection:
            return connection.execute(query, parameters).fetchall()

    def owned(self, worker: Worker) -> set[int]:
        """Its shards, whether or not it knows."""
        found = self.rows(
            "select s.id from connectors_shard s join connectors_deliveryworker w on w.id = s.owner"
            " where w.name like %s",
            f"%:{worker.process.pid}",
        )
        return {shard for (shard,) in found}

    def paths_of(self, worker: Worker) -> set[str]:
        """The paths at the partner for which it sends."""
        mine = list(self.owned(worker))
        found = self.rows("select url from connectors_connector where shard = any(%s)", mine)
        return {url.removeprefix(self.partner.url) for (url,) in found}

    def waiting(self, worker: Worker) -> set[str]:
        """Ids of the deliveries that wait for its connectors."""
        found = self.rows(
            "select w.id from connectors_waiting w join connectors_connector c on c.id = w.connector_id"
            " where c.shard = any(%s)",
            list(self.owned(worker)),
        )
        return {str(key) for (key,) in found}

    def open_transactions(self, worker: Worker) -> int:
        """Of its sessions, as the server sees them."""
        ((count,),) = self.rows(
            "select count(*) from pg_stat_activity where client_addr = %s and state ~ 'transaction'",
            self.network.address(worker.machine),
        )
        return int(count)


@pytest.fixture
def machines(may_make_namespaces: None, tmp_path: Path) -> Iterator[Machines]:
    machines = Machines(tmp_path)
    try:
        yield machines
    finally:
        for worker in machines.workers:
            print(worker.log)
        machines.close()


class Readings:
    """One value after another for as long as something is awaited; `accepted` holds those with a 202."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._start = time.time() - 200_000
        self.accepted: list[float] = []

    def send(self) -> float:
        number = len(self.accepted)
        value = 1000.0 * number
        status, _ = self._api.send(value, start=self._start + number)
        assert status == 202, "the intake is not concerned"
        self.accepted.append(value)
        return value

    def until(self, check: Callable[[], Any], seconds: float, what: str) -> None:
        end = time.monotonic() + seconds
        while not check():
            assert time.monotonic() < end, f"{what} did not come about within {seconds} s"
            self.send()
            time.sleep(PAUSE)


def paths_that_got(partner: Receiver, value: float) -> set[str]:
    return {path for path, found in arrived(partner) if found == value}


def arrived(partner: Receiver) -> Counter[tuple[str, float]]:
    """How often each value was answered 200, by path."""
    return Counter((received.path, received.json()["data"]["value"]) for received in partner.requests)


def make_connectors(machines: Machines, each: int) -> None:
    """As many as it takes until both workers have `each`: which shard one falls into is chance."""
    machines.api.site()
    for number in range(100):
        machines.api.connector(f"{machines.partner.url}/{number}", f"{number}", concurrency=CONCURRENCY)
        if all(len(machines.paths_of(worker)) >= each for worker in machines.workers):
            return
    raise AssertionError("all connectors fell to one worker")


def test_a_machine_that_is_cut_off_is_taken_over_and_fenced_and_has_its_share_again(machines: Machines) -> None:
    lost, other = machines.workers
    half, partner = SHARDS // 2, machines.partner

    def shared_evenly() -> bool:
        return len(machines.owned(lost)) == len(machines.owned(other)) == half

    eventually(shared_evenly, 30, "an even share")
    make_connectors(machines, each=2)
    of_lost = machines.paths_of(lost)
    paths = of_lost | machines.paths_of(other)
    readings = Readings(machines.api)
    readings.until(lambda: paths_that_got(partner, 0.0) == paths, 20, "a message from each worker")

    last = readings.send()
    eventually(lambda: paths_that_got(partner, last) & of_lost, 10, "a message in flight")
    machines.network.cut(lost.machine)
    began = time.monotonic()
    unrecorded = machines.waiting(lost) & {received.headers["webhook-id"] for received in partner.requests}

    readings.until(lambda: not machines.owned(lost), 30, "the take-over")
    assert time.monotonic() - began < 15
    assert len(machines.owned(other)) == SHARDS
    assert machines.open_transactions(lost) == 0, "nor does the server hold locks for it"
    after = readings.send()
    readings.until(lambda: paths_that_got(partner, after) == paths, 20, "messages for all again")

    machines.network.heal(lost.machine)
    readings.until(shared_evenly, 60, "an even share, after the return")
    expected = {(path, value) for path in paths for value in readings.accepted}
    eventually(lambda: expected <= arrived(partner).keys(), 30, "the arrival of everything accepted")
    eventually(lambda: machines.api.waiting() == 0)

    twice = {key: times for key, times in arrived(partner).items() if times > 1}
    assert {path for path, _ in twice} <= of_lost
    assert sum(twice.values()) - len(twice) <= len(unrecorded) + CONCURRENCY * len(of_lost)
    counts = machines.rows("select state, attempts, count(*) from connectors_delivery group by 1, 2")
    assert counts == [("delivered", 1, len(expected))], "each was recorded once"
    charted = machines.rows("select sum(attempts)::int, sum(delivered)::int from connectors_connectorhour")
    assert charted == [(len(expected), len(expected))], "and nothing late was"
    assert "results of shards that others own now were left out" in lost.log
    assert [worker.stop() for worker in machines.workers] == [0, 0]
