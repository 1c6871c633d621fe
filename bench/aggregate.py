"""Seconds that a day's aggregates take: gateways times 20 properties times 96 readings, from readings to events.

The product's own `triggers.daily_aggregates.decide`, chunk by chunk, as the scheduled task runs it. The readings are
made by SQL. Each size has a database of its own, vacuumed and analysed, and is measured once. Besides the seconds,
what of them is the statement that reads and reckons; the rest stores, validates and matches the events.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import cycle
from typing import Any

from bench.bed import Bed
from bench.process import python, run, stop_on_signals

SIZES = (100, 500)
PROPERTIES = 20
READINGS = 96
GAUGE_FUNCTIONS = ("starts", "run_time", "minimum", "maximum", "mean", "last", "availability")
COUNTERS = 4
"""Of the properties; the others are gauges."""

_READINGS = """
insert into events_reading (series_id, time, number, text, quality)
select s.id, %(day)s::timestamptz + r * interval '1 day' / %(readings)s,
       case when p.kind = 'counter' then r * 1.5 else 500 + 400 * sin(r / 7.0 + s.id) end, null, 0
  from fleet_series s
  join fleet_datapoint p on p.id = s.data_point_id
 cross join generate_series(0, %(readings)s - 1) r
"""
_SERIES = """
insert into fleet_series (organization_id, gateway_id, subject_id, data_point_id)
select g.organization_id, g.id, g.id, p.id
  from fleet_gateway g join fleet_datapoint p on p.organization_id = g.organization_id
"""


def measure(bed: Bed, gateways: int) -> dict[str, Any]:
    with bed.copy(bed.migrated(), f"bench_aggregate_{gateways}") as name:
        found: dict[str, Any] = json.loads(
            run(python("-m", "bench.aggregate", "--probe", str(gateways)), bed.env(name))
        )
    return found


def probe(gateways: int) -> dict[str, Any]:
    """In the product's Django: fill this process's database, and measure a day."""
    import django

    django.setup()
    from django.db import connection

    from portal.tenants import scope
    from portal.tenants.models import Organization

    organization = Organization.objects.create(name="Bench")
    now = datetime.now(UTC)
    day = now.date() - timedelta(days=1)
    with scope.organization(organization.id):
        _fill(organization, gateways, day)
        with connection.cursor() as cursor:
            cursor.execute("vacuum (analyze)")
        return _run(organization, day, now)


def _fill(organization: Any, gateways: int, day: date) -> None:
    from django.db import connection

    from portal.fleet.models import DataPoint, Gateway, System
    from portal.tenants.models import Company
    from triggers.models import Aggregate

    company = Company.objects.create(name="Partner", daily_aggregates_enabled=True)
    system = System.objects.create(name="Site")
    Gateway.objects.bulk_create(
        Gateway(organization=organization, system=system, company=company, access_granted=True, serial_number=f"G{n}")
        for n in range(gateways)
    )
    functions = cycle(GAUGE_FUNCTIONS)
    for number in range(PROPERTIES):
        kind = "counter" if number < COUNTERS else "gauge"
        point = DataPoint.objects.create(name=f"p{number}", kind=kind, unit="W", expected_interval=86_400 / READINGS)
        function = "energy" if kind == "counter" else next(functions)
        Aggregate.objects.create(name=f"p{number}.{function}", function=function, data_point=point)
    with connection.cursor() as cursor:
        cursor.execute(_SERIES)
        cursor.execute(_READINGS, {"day": day, "readings": READINGS})


def _run(organization: Any, day: date, now: datetime) -> dict[str, Any]:
    from triggers import daily_aggregates

    sent, chunks, done = 0, 0, daily_aggregates.Done()
    began = time.perf_counter()
    with _clocked() as reading:
        while (done := daily_aggregates.decide(organization.id, day, done.last, now)).last:
            sent += done.sent
            chunks += 1
    return {
        "sent": sent,
        "chunks": chunks,
        "seconds": time.perf_counter() - began,
        "reading_seconds": sum(reading),
        "own_cpu_seconds": time.process_time(),
    }


@contextmanager
def _clocked() -> Iterator[list[float]]:
    """The seconds of each statement that reads a chunk's readings."""
    from triggers import day_figures

    read, seconds = day_figures.read, []

    def clocked(*args: Any) -> Any:
        began = time.perf_counter()
        try:
            return read(*args)
        finally:
            seconds.append(time.perf_counter() - began)

    day_figures.read = clocked
    try:
        yield seconds
    finally:
        day_figures.read = read


def main() -> None:
    parser = argparse.ArgumentParser(description="What a day's aggregates cost.")
    parser.add_argument("--probe", type=int, metavar="GATEWAYS", help="fill and measure this process's database")
    parser.add_argument("--gateways", type=int, nargs="*", default=SIZES, help="sizes (default: %(default)s)")
    options = parser.parse_args()
    if options.probe:
        print(json.dumps(probe(options.probe)))
        return
    stop_on_signals()
    with Bed() as bed:
        for gateways in options.gateways:
            found = measure(bed, gateways)
            print(
                f"{gateways:,} gateways: {found['sent']:,} aggregates in {found['seconds']:.1f} s, "
                f"{found['reading_seconds']:.1f} s of them reading; {found['chunks']} chunks"
            )


if __name__ == "__main__":
    sys.exit(main())
