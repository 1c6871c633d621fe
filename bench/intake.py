"""Events per second through the intakes over HTTP, with 32 connections from a client process of its own.

The product's `POST /api/v1/events/` under its own gunicorn command, with 1 and with 100 events per call: checked by
the catalogue, stored, matched, one delivery put on its way for each, answered after the commit. Beside it the usual
REST framework view (bench/rivals/views.py) under the same command: token, serializer with many=True, events and
deliveries by `bulk_create` in one transaction. No worker runs meanwhile.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from bench import client, product, world
from bench.bed import Bed
from bench.process import python, run, stop_on_signals

CONNECTIONS = 32
CALLS = {1: 4000, 100: 600}
RIVAL_CALLS = 150
GROUPS = 10
NOBODY = "http://127.0.0.1:9"
"""Where the connectors point: no worker runs."""


def measure(bed: Bed) -> dict[str, float]:
    """Events per second by the keys of the results: `1`, `100`, `drf_100`."""
    return {**of_product(bed), "drf_100": of_rival(bed)}


def of_product(bed: Bed) -> dict[str, float]:
    with bed.copy(bed.migrated(), "bench_intake") as database:
        env = bed.env(database)
        made = json.loads(run(python("-m", "bench.world", "--url", NOBODY, "--groups", str(GROUPS)), env))
        with product.web(bed, env) as address:
            url = f"{address}/api/v1/events/"
            headers = {"Authorization": f"Bearer {made['api_key']}", "Content-Type": "application/json"}
            return {str(size): _events_per_second(url, headers, size, calls) for size, calls in CALLS.items()}


def of_rival(bed: Bed) -> float:
    with bed.copy(bed.rival(), "bench_rival_intake") as database:
        env = bed.rival_env(database)
        token = run(python("-m", "bench.rivals.fill", "--url", NOBODY), env).strip()
        with product.web(bed, env, application="bench.rivals.wsgi") as address:
            headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
            return _events_per_second(f"{address}/events/", headers, 100, RIVAL_CALLS)


def _events_per_second(url: str, headers: dict[str, str], size: int, calls: int) -> float:
    events: list[dict[str, Any]] = [world.event(n, world.gateway_name(n % GROUPS)) for n in range(size)]
    body = json.dumps({"events": events}).encode()
    client.measure(url, body, headers, count=max(CONNECTIONS, calls // 10), at_once=CONNECTIONS)  # warm
    return size * client.measure(url, body, headers, count=calls, at_once=CONNECTIONS)


def main() -> None:
    stop_on_signals()
    with Bed() as bed:
        for kind, rate in measure(bed).items():
            print(f"{kind}: {rate:,.0f} events/s")


if __name__ == "__main__":
    sys.exit(main())
