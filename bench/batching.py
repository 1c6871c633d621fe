"""How many events a second a connector with batches gets rid of: 100 in a request, every row durable.

As bench.drain, but counted in the waiting table: between 10 % and 95 % recorded, per second.
"""

from __future__ import annotations

import sys
import time

from bench import arrivals, drain, product
from bench.bed import Bed
from bench.drain import Load
from bench.process import stop_on_signals
from bench.receiver import Receiver

PROFILE = "standard-batch.2026-11"
EVENTS = 100
COUNT = 100_000
WAITING = "select count(*) from connectors_waiting"
GIVE_UP_SECONDS = 300.0


def measure(bed: Bed, *, count: int = COUNT) -> dict[str, float]:
    """`events_per_second`, and `events_per_request` as they came about."""
    filled = drain.template(bed, Load(count=count, profile=PROFILE))
    with bed.copy(filled, "bench_batching") as database, Receiver() as receiver, bed.session(database) as session:
        drain.point_at(session, receiver)
        session.execute(
            "update connectors_connector set batch_max_events = %s, batch_wait_ms = 1000, enabled = false", [EVENTS]
        )
        with product.workers(bed, database, 1):
            session.execute("update connectors_connector set enabled = true")
            began = _when(session, count - int(count * arrivals.FIRST))
            ended = _when(session, count - int(count * arrivals.LAST))
            _when(session, 0)
        requests = receiver.count
        (delivered,) = session.execute("select count(*) from connectors_delivery where state = 'delivered'").fetchone()
        if delivered != count:
            raise RuntimeError(f"{delivered} of {count} deliveries are recorded as delivered")
    share = arrivals.LAST - arrivals.FIRST
    return {"events_per_second": count * share / (ended - began), "events_per_request": count / requests}


def _when(session: object, most: int) -> float:
    """The moment at which no more than this many wait."""
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while session.execute(WAITING).fetchone()[0] > most:  # type: ignore[attr-defined]
        if time.monotonic() > deadline:
            raise TimeoutError("the waiting table does not empty")
        time.sleep(0.05)
    return time.monotonic()


def main() -> None:
    stop_on_signals()
    with Bed() as bed:
        measured = measure(bed)
    print(f"{measured['events_per_second']:,.0f} events/s, {measured['events_per_request']:.0f} in a request")


if __name__ == "__main__":
    sys.exit(main())
