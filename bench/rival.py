"""Deliveries per second of the usual Celery designs, measured as the product's are: `naive` and `tuned`.

Deliveries and their tasks wait in the database and in the queue before the worker starts; the rate is that of arrivals
between 10 % and 95 % of the count. The worker is Celery's prefork pool. For both designs the number of processes
that was best on two cores is taken (see CONCURRENCY).
"""

from __future__ import annotations

import argparse
import sys

from bench.arrivals import rate
from bench.bed import Bed
from bench.process import Process, python, run, stop_on_signals
from bench.receiver import Receiver

CONCURRENCY = {"naive": 4, "tuned": 4}
COUNTS = {"naive": 1500, "tuned": 4000}


def measure(bed: Bed, design: str, count: int | None = None, concurrency: int | None = None) -> float:
    count = count or COUNTS[design]
    with bed.copy(bed.rival(), "bench_rival_drain") as database, Receiver() as receiver:
        env = bed.rival_env(database, tuned=design == "tuned")
        run(python("-m", "bench.rivals.fill", "--url", receiver.url, "--deliveries", str(count)), env)
        with Process("rival", worker(concurrency or CONCURRENCY[design]), env=env, log=bed.log("rival")):
            return rate(receiver, count, lambda: bed.last_words("rival"))


def worker(concurrency: int) -> list[str]:
    words = ("-m", "celery", "--quiet", "-A", "bench.rivals", "worker", "--pool", "prefork")
    return python(*words, "--concurrency", str(concurrency), "--loglevel", "warning")


def main() -> None:
    parser = argparse.ArgumentParser(description="Deliveries per second of a usual Celery design.")
    parser.add_argument("design", choices=list(COUNTS))
    parser.add_argument("--count", type=int)
    parser.add_argument("--concurrency", type=int)
    options = parser.parse_args()
    stop_on_signals()
    with Bed() as bed:
        print(f"{measure(bed, options.design, options.count, options.concurrency):,.0f} deliveries/s")


if __name__ == "__main__":
    sys.exit(main())
