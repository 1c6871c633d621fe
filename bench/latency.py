"""Milliseconds from just before the intake call to the arrival at the receiver, at 10 events per second.

Both designs run whole: gunicorn (the same command for both), the queue, one worker. The product's intake hints over
Redis; the naive view queues a Celery task for each delivery.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from bench import paced, product, rival, world
from bench.bed import Bed
from bench.process import Process, python, run, stop_on_signals
from bench.receiver import Receiver

RATE = 10.0
SECONDS = 20.0
WARM = 20
"""Events before those that count: connections are opened, plans are made."""
GATEWAYS = 10


def measure(bed: Bed, seconds: float = SECONDS) -> dict[str, dict[str, float]]:
    """`p50` and `p99` of `naive` and `product`."""
    return {"naive": of_naive(bed, seconds), "product": of_product(bed, seconds)}


def of_product(bed: Bed, seconds: float) -> dict[str, float]:
    count = WARM + int(RATE * seconds)
    with bed.copy(bed.migrated(), "bench_latency") as database, Receiver(timed=count) as receiver:
        env = bed.env(database)
        made = json.loads(run(python("-m", "bench.world", "--url", receiver.url, "--groups", str(GATEWAYS)), env))
        with product.web(bed, env) as address, product.workers(bed, database, 1):
            headers = {"Authorization": f"Bearer {made['api_key']}", "Content-Type": "application/json"}
            return _percentiles(receiver, f"{address}/api/v1/events/", headers, count)


def of_naive(bed: Bed, seconds: float) -> dict[str, float]:
    count = WARM + int(RATE * seconds)
    with bed.copy(bed.rival(), "bench_rival_latency") as database, Receiver(timed=count) as receiver:
        env = bed.rival_env(database)
        token = run(python("-m", "bench.rivals.fill", "--url", receiver.url), env).strip()
        worker = Process("rival", rival.worker(rival.CONCURRENCY["naive"]), env=env, log=bed.log("rival"))
        with product.web(bed, env, application="bench.rivals.wsgi") as address, worker:
            headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
            return _percentiles(receiver, f"{address}/events/deliver/", headers, count)


def _percentiles(receiver: Receiver, url: str, headers: dict[str, str], count: int) -> dict[str, float]:
    """The warming events have to arrive before the others are sent: until then, a worker may still be starting."""

    def delays(numbers: range) -> list[float]:
        return paced.latencies(receiver, paced.send(url, headers, numbers, RATE, _event))

    delays(range(WARM))
    return paced.percentiles(delays(range(WARM, count)))


def _event(number: int) -> dict[str, Any]:
    return world.event(number, world.gateway_name(number % GATEWAYS))


def main() -> None:
    stop_on_signals()
    with Bed() as bed:
        for design, values in measure(bed).items():
            print(f"{design}: " + " · ".join(f"{name} {value:.1f} ms" for name, value in values.items()))


if __name__ == "__main__":
    sys.exit(main())
