"""Microseconds that a claim costs with 1,000 and with 2,000,000 deliveries waiting.

The product's own `connectors.outbox.claim` on a worker's session (`stage_cursor`), always with the same probes: ten
connectors, fifty rows each, in turn from the start of their lines and from behind the last row read. The rows are made
by SQL, evenly over the connectors, all due, and the table is vacuumed and analysed. Both sizes are measured in turn,
several times; the median of all claims counts.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from uuid import UUID

from bench.bed import Bed
from bench.process import python, run, stop_on_signals

SIZES = (1000, 2_000_000)
CONNECTORS = 10
ORGANIZATION = UUID(int=1)
LIMIT = 50
ROUNDS = 3
CLAIMS = 300
WARM = 20

_FILL = """
insert into connectors_waiting (organization_id, id, connector_id, event_id, event_type, attempts, next_at)
select %(organization)s, uuidv7(), lpad(to_hex(1 + n %% %(connectors)s), 32, '0')::uuid, uuidv7(),
       'system/action', 0, now() - interval '1 hour' + n * interval '1 millisecond'
  from generate_series(0, %(size)s - 1) n
"""


def measure(bed: Bed, sizes: tuple[int, ...] = SIZES, rounds: int = ROUNDS) -> dict[str, float]:
    """Microseconds by how many wait."""
    names = {
        size: bed.template(f"bench_claim_{size}", lambda name, size=size: fill(bed, name, size), of=bed.migrated())
        for size in sizes
    }
    found: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(rounds):
        for size, name in names.items():
            found[size] += json.loads(run(python("-m", "bench.claim", "--probe"), bed.env(name)))
    for name in names.values():
        bed.drop(name)
    return {str(size): statistics.median(values) for size, values in found.items()}


def fill(bed: Bed, database: str, size: int) -> None:
    with bed.session(database) as session:
        session.execute(_FILL, {"size": size, "connectors": CONNECTORS, "organization": ORGANIZATION})


def probe() -> list[float]:
    """In the product's Django: microseconds of each claim."""
    import django

    django.setup()
    from connectors.outbox import Position, Probe, claim
    from portal.lib.database import stage_cursor

    connectors = [UUID(int=1 + n) for n in range(CONNECTORS)]
    after: dict[UUID, Position | None] = dict.fromkeys(connectors)
    found = []
    with stage_cursor() as cursor:
        for turn in range(CLAIMS):
            probes = [
                Probe(connector_id=one, organization_id=ORGANIZATION, limit=LIMIT, after=after[one])
                for one in connectors
            ]
            began = time.perf_counter()
            claims = claim(cursor, probes)
            found.append(1e6 * (time.perf_counter() - began))
            if any(len(claimed.dues) != LIMIT for claimed in claims):
                raise RuntimeError(f"fewer than {LIMIT} rows came back for a connector")
            lasts = {claimed.probe.connector_id: claimed.dues[-1] for claimed in claims}
            after = {one: None if turn % 2 else Position(next_at=due.next_at, id=due.id) for one, due in lasts.items()}
    return found[WARM:]


def main() -> None:
    parser = argparse.ArgumentParser(description="What a claim costs.")
    parser.add_argument("--probe", action="store_true", help="measure this process's database and print all times")
    if parser.parse_args().probe:
        print(json.dumps(probe()))
        return
    stop_on_signals()
    with Bed() as bed:
        for size, cost in measure(bed).items():
            print(f"{int(size):,} waiting: {cost:.0f} µs")


if __name__ == "__main__":
    sys.exit(main())
