"""The long runs: a million deliveries with a hundred kills, and an hour of steady traffic."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from bench.soak import faults
from bench.soak.field import Field, Source, Tally
from bench.soak.report import Report
from bench.soak.scenarios import Site
from bench.soak.watch import MIB, Watch

TENANTS = 4
BEHAVIOURS = ["ok", "slow-50", "ok", "slow-150"]
"""Of each tenant's partners: quick ones, and ones so slow that a kill always meets messages in flight."""
STEADY_SECONDS = 62.0
"""Each process is killed once in this time: just longer than a supervisor takes to call it steady, so that it starts
again after half a second and not after thirty."""
SETTLED_SECONDS = 45.0
"""Autovacuum looks every 15 s; then the waiting table's free end is given back."""
TABLE_BYTES = 64 * MIB
"""What the waiting table and its indexes may hold when all of a million has left it. Without crashes it is 5 MB: after
each crash of PostgreSQL the indexes grow by some 2 MB, until a vacuum has found their free pages again."""
GROWTH_MIB_PER_HOUR, GROWTH_DESCRIPTORS_PER_HOUR = 4.0, 4.0
"""What is still called flat."""


def million(
    site: Site, *, deliveries: int = 1_000_000, kills: int = 100, tell: Callable[[str], None] = lambda _: None
) -> Report:
    """Workers, PostgreSQL and Redis are killed in turn while a million deliveries go through."""
    victims = _victims(site)
    spacing = STEADY_SECONDS / len(victims)
    report = Report(name="A million", figures={"deliveries": deliveries, "kills": kills, "every_s": round(spacing, 1)})
    fields = _fields(site, "million")
    per_field = deliveries // (len(fields) * len(BEHAVIOURS))
    rate = per_field / (kills * spacing)
    sources = [Source(field, rate=rate, batch=max(1, round(rate)), total=per_field) for field in fields]
    watch = Watch(site.stack, workers=site.workers, every=10, tell=lambda: tell(_progress(report, fields)))
    for thread in (*sources, watch):
        thread.start()
    for number in range(kills):
        time.sleep(max(0.0, report.began + (number + 1) * spacing - time.monotonic()))
        victim, kill = victims[number % len(victims)]
        tell(f"kill {number + 1} of {kills}: {victim}")
        kill(number // len(victims))
    for source in sources:
        source.done(600)
    tally = _wait(fields)
    _judge(site, report, tally, kills=_deaths(victims, kills), silence_until=time.monotonic())
    for source in sources:
        report.measured[f"intake_{source.field.names[0].split('-')[1]}"] = source.figures()
    time.sleep(SETTLED_SECONDS)
    watch.finish()
    report.measured |= {"waiting_table": watch.table(), "workers": watch.processes()}
    kept = report.measured["waiting_table"]["now"]
    report.demand(kept["rows"] == 0, f"{kept['rows']} rows still wait")
    report.demand(kept["heap"] + kept["indexes"] <= TABLE_BYTES, f"the waiting table is bloated: {kept}")
    return report.close()


def steady(
    site: Site, *, minutes: float = 60.0, per_second: float = 500.0, tell: Callable[[str], None] = lambda _: None
) -> Report:
    """Steady traffic, nothing killed: memory and descriptors of each worker stay as they are."""
    report = Report(name="Steady traffic", figures={"minutes": minutes, "deliveries_per_second": per_second})
    fields = _fields(site, "steady")
    rate = per_second / (len(fields) * len(BEHAVIOURS))
    sources = [Source(field, rate=rate, batch=max(1, round(rate / 4))) for field in fields]
    watch = Watch(site.stack, workers=site.workers, every=60, tell=lambda: tell(_progress(report, fields)))
    for thread in (*sources, watch):
        thread.start()
    time.sleep(minutes * 60)
    for source in sources:
        source.finish()
    watch.finish()
    report.judge(_wait(fields), duplicates_at_most=0)
    slopes = watch.slopes(after=min(600.0, minutes * 60 / 4))
    report.measured |= {"slopes": slopes, "workers": watch.processes(), "waiting_table": watch.table()}
    for name, slope in slopes.items():
        flat = slope["rss_mib_per_hour"] <= GROWTH_MIB_PER_HOUR
        report.demand(flat or minutes < 30, f"{name}'s memory grows: {slope}")
        flat = slope["descriptors_per_hour"] <= GROWTH_DESCRIPTORS_PER_HOUR
        report.demand(flat or minutes < 30, f"{name}'s descriptors grow: {slope}")
    return report.close()


Victim = tuple[str, Callable[[int], None]]


def _victims(site: Site) -> list[Victim]:
    """Who is killed in a cycle, in order; each is told which cycle it is."""
    stack = site.stack

    def worker(number: int) -> Victim:
        return f"worker{number}", lambda _: faults.kill_worker(stack, number)

    def postgres(cycle: int) -> None:
        (faults.stop_postgres_immediately if cycle % 2 else faults.kill_postgres)(stack)

    half = site.workers // 2
    workers = [worker(number) for number in range(1, site.workers + 1)]
    servers: list[Victim] = [("postgres", postgres), ("redis", lambda _: faults.kill_redis(stack))]
    return [*workers[:half], servers[0], *workers[half:], servers[1]]


def _deaths(victims: list[Victim], kills: int) -> dict[str, int]:
    killed = [victims[number % len(victims)][0].rstrip("0123456789") for number in range(kills)]
    return {name: killed.count(name) for name in dict.fromkeys(killed)}


def _judge(site: Site, report: Report, tally: Tally, *, kills: dict[str, int], silence_until: float) -> None:
    report.judge(tally, duplicates_at_most=site.repeated_by(kills["worker"]))
    silence = site.partner.longest_silence(report.began + 5, silence_until - 5)
    report.measured |= {
        "killed": kills,
        "duplicates_per_dead_worker": round(tally.duplicates / max(1, kills["worker"]), 1),
        "longest_silence_s": round(silence, 1),
        "deliveries_per_s": round(tally.accepted / (time.monotonic() - report.began)),
    }


def _fields(site: Site, name: str) -> list[Field]:
    apis = site.stack.organizations([f"{name}-{number}" for number in range(TENANTS)])
    return [Field.plant(api, site.partner, f"{name}-{n}", BEHAVIOURS) for n, api in enumerate(apis)]


def _wait(fields: list[Field]) -> Tally:
    return sum((field.wait(patience=120) for field in fields), Tally(accepted=0))


def _progress(report: Report, fields: list[Field]) -> str:
    accepted, answered = (sum(getattr(field, name) for field in fields) for name in ("expected", "answered"))
    return f"{time.monotonic() - report.began:6.0f} s: {accepted:,} accepted, {answered:,} answered"


LONG: dict[str, Callable[..., Any]] = {"million": million, "steady": steady}
