"""What hanging partners do to the others: p99 from just before the intake call to the arrival at a healthy receiver.

100 connectors with their own paths, one gateway each; 100 events per second go round them, one per call, through the
product's web process and one worker. None, then 1, then 30 of the paths take requests and never answer. Each time the
load runs a while before events count, so that the hanging lanes are full.
"""

from __future__ import annotations

import json
import sys

from bench import paced, product, world
from bench.bed import Bed
from bench.process import python, run, stop_on_signals
from bench.receiver import Receiver

CONNECTORS = 100
HANGING = (0, 1, 30)
RATE = 100.0
WARM_SECONDS, SECONDS = 8.0, 17.0


def measure(bed: Bed, warm: float = WARM_SECONDS, seconds: float = SECONDS) -> dict[str, float]:
    """Milliseconds by how many hang."""
    each = int(RATE * (warm + seconds))
    with (
        bed.copy(bed.migrated(), "bench_hanging") as database,
        Receiver(timed=each * len(HANGING)) as receiver,
    ):
        env = bed.env(database)
        made = json.loads(run(python("-m", "bench.world", "--url", receiver.url, "--groups", str(CONNECTORS)), env))
        headers = {"Authorization": f"Bearer {made['api_key']}", "Content-Type": "application/json"}
        found = {}
        with product.web(bed, env) as address, product.workers(bed, database, 1):
            for turn, hanging in enumerate(HANGING):
                receiver.hang_below(hanging)
                numbers = range(turn * each, (turn + 1) * each)
                sent = paced.send(f"{address}/api/v1/events/", headers, numbers, RATE, _event)
                counted = [n for n in numbers[int(RATE * warm) :] if n % CONNECTORS >= hanging]
                values = paced.latencies(receiver, {n: sent[n] for n in counted})
                found[str(hanging)] = paced.percentiles(values)["p99"]
        return found


def _event(number: int) -> dict[str, object]:
    """Group n's gateway belongs to connector n, whose path is /c/<n>."""
    return world.event(number, world.gateway_name(number % CONNECTORS))


def main() -> None:
    stop_on_signals()
    with Bed() as bed:
        for hanging, p99 in measure(bed).items():
            print(f"{hanging} of {CONNECTORS} hanging: p99 of the others {p99:.1f} ms")


if __name__ == "__main__":
    sys.exit(main())
