"""How fast the product empties a full waiting table: deliveries per second, every row durable.

Events of 1 KB are taken in by the real intake while no worker runs. Then real Celery workers start, by the product's
own command line, with every connector switched off. When each worker owns its share of the shards, all connectors are
switched on at once: nothing of a process's start is in the figures. A worker notices that within its usual interval.

    rate      deliveries that arrived at the receiver between 10 % and 95 % of the count, per second
    recorded  the same from 10 % arrived until the waiting table is empty: what is recorded at the end counts too
    CPU       used between the same two marks, per delivery that arrived between them, in microseconds

Afterwards every delivery has to be in the history as delivered, or the measurement fails.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import arrivals, cpu, product
from bench.bed import Bed
from bench.process import python, run, stop_on_signals
from bench.receiver import HOSTS, Receiver

CONNECTORS = 64
"""About: rounded to whole groups of fan-out."""
COUNT = 60_000


@dataclass(frozen=True, kw_only=True)
class Load:
    """What waits: `count` deliveries in all, of `count / fan_out` events."""

    count: int = COUNT
    fan_out: int = 1
    connectors: int = CONNECTORS
    concurrency: int | None = None
    signing: str = "standard_webhooks"
    profile: str = "standard.2026-11"

    @property
    def groups(self) -> int:
        return max(1, round(self.connectors / self.fan_out))

    @property
    def name(self) -> str:
        return "bench_drain_" + hashlib.sha256(" ".join(self.words()).encode()).hexdigest()[:10]

    def words(self) -> list[str]:
        words = ["--groups", str(self.groups), "--fan-out", str(self.fan_out)]
        words += ["--events", str(self.count // self.fan_out), "--signing", self.signing, "--profile", self.profile]
        return words + (["--concurrency", str(self.concurrency)] if self.concurrency else [])


@dataclass(frozen=True, kw_only=True)
class Drain:
    """`cpu_us` per delivery by who used it; `threads_us` those of the workers' threads by name."""

    rps: float
    recorded_rps: float
    connections: int
    cpu_us: dict[str, float]
    threads_us: dict[str, float]


def template(bed: Bed, load: Load) -> str:
    """The filled database, to be copied for each run. The receiver's address is set in the copy."""

    def fill(name: str) -> None:
        run(python("-m", "bench.world", "--url", "http://127.0.0.1:9", *load.words()), bed.env(name))

    return bed.template(load.name, fill, of=bed.migrated())


def measure(bed: Bed, load: Load, workers: int) -> Drain:
    filled = template(bed, load)
    with (
        bed.copy(filled, "bench_drain") as database,
        Receiver() as receiver,
        bed.session(database) as session,
    ):
        expected = _scalar(session, "select count(*) from connectors_waiting")
        point_at(session, receiver)
        _switch(session, on=False)
        with product.workers(bed, database, workers) as running:
            _switch(session, on=True)
            drained = _watch(bed, receiver, session, [process.pid for process in running], expected)
        delivered = _scalar(session, "select count(*) from connectors_delivery where state = 'delivered'")
        if delivered != expected:
            raise RuntimeError(f"{delivered} of {expected} deliveries are recorded as delivered")
    return drained


def point_at(session: Any, receiver: Receiver) -> None:
    """Each connector at an address of its own, as partners are: libcurl looks through all connections to one host."""
    session.execute(
        "update connectors_connector c"
        "   set url = regexp_replace(c.url, '^http://[^/]+', 'http://127.0.0.' || 1 + n.number %% %s || ':' || %s)"
        "  from (select id, row_number() over (order by id) as number from connectors_connector) n where n.id = c.id",
        [HOSTS, receiver.port],
    )


def _switch(session: Any, *, on: bool) -> None:
    """Below the product's code, which knows no switch for all; the configuration's version rises by its triggers."""
    session.execute("update connectors_connector set enabled = %s", [on])


@dataclass(frozen=True, kw_only=True)
class _Mark:
    """The count and all CPU clocks at one moment."""

    at: float
    count: int
    cpu: dict[str, float]
    threads: Counter[str]


def _watch(bed: Bed, receiver: Receiver, session: Any, pids: list[int], expected: int) -> Drain:
    def mark() -> _Mark:
        threads: Counter[str] = Counter()
        for pid in pids:
            threads.update(cpu.thread_seconds(pid))
        clocks = {
            "worker": cpu.processes_seconds(pids),
            "postgres": cpu.family_seconds(bed.postgres.pid),
            "receiver": cpu.process_seconds(receiver.pid),
        }
        return _Mark(at=time.monotonic(), count=receiver.count, cpu=clocks, threads=threads)

    def wait_until(count: int) -> None:
        arrivals.wait_until(receiver, count, lambda: bed.last_words("worker1"))

    wait_until(int(expected * arrivals.FIRST))
    first = mark()
    wait_until(int(expected * arrivals.LAST))
    last = mark()
    wait_until(expected)
    while _scalar(session, "select count(*) from connectors_waiting"):
        time.sleep(arrivals.LOOK_SECONDS)
    recorded = time.monotonic()
    seen = last.count - first.count
    return Drain(
        rps=seen / (last.at - first.at),
        recorded_rps=(expected - first.count) / (recorded - first.at),
        connections=receiver.connections,
        cpu_us={name: 1e6 * (last.cpu[name] - first.cpu[name]) / seen for name in first.cpu},
        threads_us={name: 1e6 * (last.threads[name] - first.threads[name]) / seen for name in last.threads},
    )


def _scalar(session: Any, query: str) -> Any:
    return session.execute(query).fetchone()[0]


def lines(drain: Drain) -> list[str]:
    """For people: the figures on a few lines."""
    threads = sorted(drain.threads_us.items(), key=lambda entry: -entry[1])
    return [
        f"{drain.rps:,.0f}/s arrived · {drain.recorded_rps:,.0f}/s recorded · {drain.connections} connections",
        "CPU µs/delivery: " + " · ".join(f"{name} {used:.1f}" for name, used in drain.cpu_us.items()),
        "worker threads:  " + " · ".join(f"{name} {used:.1f}" for name, used in threads if used >= 0.1),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Deliveries per second of the product's workers.")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--count", type=int, default=COUNT, help="deliveries")
    parser.add_argument("--fan-out", type=int, default=1, help="connectors that each event goes to")
    parser.add_argument("--connectors", type=int, default=CONNECTORS)
    parser.add_argument("--concurrency", type=int, help="of each connector; the product's default")
    parser.add_argument("--signing", default="standard_webhooks")
    parser.add_argument("--profile", default="standard.2026-11")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="servers and filled databases stay there for next time"
    )
    options = parser.parse_args()
    load = Load(
        count=options.count,
        fan_out=options.fan_out,
        connectors=options.connectors,
        concurrency=options.concurrency,
        signing=options.signing,
        profile=options.profile,
    )
    stop_on_signals()
    with Bed(options.keep) as bed:
        for _ in range(options.repeat):
            print("\n".join(lines(measure(bed, load, options.workers))), flush=True)


if __name__ == "__main__":
    sys.exit(main())
