"""The faults of the plan, one function each; the defaults are the plan's figures.

Every one runs against the whole product under load and returns a Report: nothing accepted is lost, duplicates stay
within the stated bound, nothing needs a hand.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg

from bench.soak import faults, poison
from bench.soak.field import Field, Source, Tally, quantile_of
from bench.soak.partner import Partner
from bench.soak.report import Report
from tests.whole.stack import Api, Stack, eventually

RESUME_SECONDS = 10.0
TAKE_OVER_SECONDS = 15.0
"""The lease (9 s) and a renewal (2 s), and what a busy machine takes on top."""
LATE_SECONDS = 3.0
"""In which a worker that runs again has recorded, or tried to, what it had in flight."""
SICK_QUEUE = 100
"""Messages that wait for a partner that hangs: more than can be tried while it is watched."""


FINGERPRINT = """
select count(*), sum(hashtextextended(t::text || t.xmin::text, 0))
  from connectors_{} t where connector_id = any(%(ids)s::uuid[])
"""
STATES = "select state, count(*) from connectors_delivery where connector_id = any(%(ids)s::uuid[]) group by 1"
SET_ASIDE = """
select count(*) from connectors_attempt where connector_id = any(%(ids)s::uuid[]) and detail ilike '%%workers died%%'
"""


@dataclass(frozen=True, kw_only=True)
class Site:
    """The product under test and its partners. `unrecorded` is the product's DELIVERY_MAX_UNRECORDED."""

    stack: Stack
    partner: Partner
    workers: int
    unrecorded: int
    organizations: list[Api] = field(default_factory=list)

    def field(self, name: str, behaviours: list[str], **options: Any) -> Field:
        """In an organization of its own."""
        return Field.plant(self.organization(), self.partner, name, behaviours, **options)

    def organization(self) -> Api:
        """A new one. They are made by the dozen, because each command takes seconds to start."""
        if not self.organizations:
            names = [f"number-{number}-{time.monotonic_ns()}" for number in range(12)]
            self.organizations.extend(self.stack.organizations(names))
        return self.organizations.pop()

    def repeated_by(self, deaths: int) -> int:
        """Duplicates at most: each death repeats what that worker had in flight or unrecorded, no more in sum."""
        return deaths * self.unrecorded


def f1_workers_killed(site: Site, *, deliveries: int = 6000, kills: int = 25, every: float = 0.4) -> Report:
    """Workers that deliver are killed at random. The next kill waits while none delivers.

    Duplicates: at most what may be in flight. A result is recorded in less time than these partners take to answer.
    """
    report = Report(name="F1 workers killed", figures={"deliveries": deliveries, "kills": kills, "every_s": every})
    behaviours, concurrency = ["slow-50"] * 8, 8
    field = site.field("f1", behaviours, concurrency=concurrency)
    source = _flow(field, deliveries, seconds=kills * every)
    for _ in range(kills):
        time.sleep(every)
        pids: list[int] = eventually(lambda: faults.delivering_pids(site.stack), 90, "a worker that delivers")
        faults.kill(random.choice(pids))  # noqa: S311 - any of them
    source.done(120)
    report.judge(field.wait(), duplicates_at_most=kills * min(site.unrecorded, len(behaviours) * concurrency))
    report.note(source)
    faults.wait_for_workers(site.stack, site.workers)
    return report.close()


def f2_database_away(site: Site, *, kills: int = 3, stops: int = 3, away: float = 60.0) -> Report:
    """PostgreSQL killed, stopped as in a crash, and away for a while, with events coming in all along."""
    figures = {"kills": kills, "immediate_stops": stops, "away_s": away}
    report = Report(name="F2 database away", figures=figures)
    field = site.field("f2", ["slow-20"] * 4)
    source = Source(field, rate=100, batch=10)
    source.start()
    resumed = []
    for fault in [faults.kill_postgres] * kills + [faults.stop_postgres_immediately] * stops:
        time.sleep(2)
        old = site.stack.pid_of(*faults.POSTMASTER)
        fault(site.stack)
        eventually(lambda old=old: site.stack.pid_of(*faults.POSTMASTER) != old, 90, "a new PostgreSQL")
        resumed.append(_resumed(site, field))
    if away:
        with faults.postgres_away(site.stack):
            time.sleep(away)
        resumed.append(_resumed(site, field))
    source.finish()
    report.judge(field.wait(), duplicates_at_most=0)
    report.note(source)
    report.measured["resumed_s"] = [round(seconds, 1) for seconds in resumed]
    report.demand(max(resumed) <= RESUME_SECONDS, f"delivery took {max(resumed):.1f} s to go on")
    report.demand(source.statuses[503] > 0, "the intake never said 503")
    report.demand(set(source.statuses) <= {202, 503}, f"the intake answered {dict(source.statuses)}")
    field.end()
    return report.close()


def f3_redis_away(site: Site, *, flushes: int = 5, kills: int = 5, resets: int = 20, frozen: float = 60.0) -> Report:
    """Redis flushed, killed, its connections reset, and frozen: the intake does not notice, delivery goes on."""
    figures = {"flushes": flushes, "kills": kills, "resets": resets, "frozen_s": frozen}
    report = Report(name="F3 Redis away", figures=figures)
    field = site.field("f3", ["ok"] * 4)
    source = Source(field, rate=200, batch=10)
    source.start()
    for fault, times in ((faults.flush_redis, flushes), (faults.reset_redis_connections, resets)):
        for _ in range(times):
            time.sleep(0.3)
            fault(site.stack)
    for _ in range(kills):
        time.sleep(1)
        old = site.stack.pid_of(*faults.REDIS)
        faults.kill_redis(site.stack)
        eventually(lambda old=old: site.stack.pid_of(*faults.REDIS) != old, 90, "a new Redis")
    with faults.redis_frozen(site.stack):
        time.sleep(frozen)
    time.sleep(1)
    source.finish()
    tally = field.wait()
    report.judge(tally, duplicates_at_most=0)
    report.note(source)
    report.demand(tally.delay(1.0) <= RESUME_SECONDS, f"a delivery came {tally.delay(1.0):.1f} s after its 202")
    report.demand(set(source.statuses) == {202}, f"the intake answered {dict(source.statuses)}")
    slow = quantile_of(sorted(source.seconds), 0.99)
    report.demand(slow < 1.0, f"p99 of the intake's calls was {slow:.2f} s")
    field.end()
    return report.close()


def f6_worker_frozen(site: Site, *, times: int = 20, deliveries: int = 400) -> Report:
    """A worker frozen in mid-drain loses its shards; running again, what it still has to record changes no row."""
    report = Report(name="F6 worker frozen past its lease", figures={"times": times, "deliveries": deliveries * times})
    field = site.field("f6", ["slow-100"] * 8, concurrency=5)
    each, taken_over, changed = deliveries // len(field.names), [], 0
    for number in range(times):
        faults.wait_for_workers(site.stack, site.workers)
        if field.send(range(number * each, (number + 1) * each)) != 202:
            raise RuntimeError("the intake refused")
        time.sleep(0.3)
        began = time.monotonic()
        chosen = random.choice(faults.delivering_pids(site.stack))  # noqa: S311 - any of them
        with faults.frozen(chosen):
            before = field.wait(patience=30)
            taken_over.append(time.monotonic() - began)
            eventually(lambda: _waiting(site, field) == 0, 30, "the record of all that arrived")
            rows = _rows(site, field)
        time.sleep(LATE_SECONDS)
        changed += _rows(site, field) != rows
    report.judge(before, duplicates_at_most=site.repeated_by(times))
    report.measured["all_arrived_s"] = round(max(taken_over), 1)
    report.measured["late_results_left_out"] = site.stack.log.count("were left out")
    report.demand(changed == 0, f"late results changed rows {changed} times")
    report.demand(max(taken_over) <= TAKE_OVER_SECONDS, f"the take-over took {max(taken_over):.1f} s")
    field.end()
    return report.close()


def f7_rolling_restart(site: Site, *, rounds: int = 10, sick_policy: str = "standard") -> Report:
    """All workers, one after the other, asked to end: they hand over what they have, and nothing is sent twice.

    One more partner hangs, so that a worker that ends has to wait for it; the others' messages do not. What is on its
    way to that partner is neither lost nor a duplicate: the try is recorded, and the message goes on waiting.
    """
    figures = {"rounds": rounds, "workers": site.workers, "sick_policy": sick_policy}
    report = Report(name="F7 rolling restart", figures=figures)
    sick = site.field("f7-sick", ["hang"], concurrency=2, retry_policy=sick_policy)
    sick.send(range(SICK_QUEUE))
    field = site.field("f7", ["slow-100"] * 8)
    source = Source(field, rate=60, batch=6)
    source.start()
    eventually(lambda: _arrived(site, sick), 30, "a request that hangs")
    ended = []
    for _ in range(rounds):
        for number in range(1, site.workers + 1):
            faults.wait_for_workers(site.stack, site.workers)
            old, began = site.stack.pid_of("celery", f"worker{number}@"), time.monotonic()
            faults.kill(old, signal.SIGTERM)
            eventually(lambda old=old: old not in faults.worker_pids(site.stack), 60, "the end of a worker")
            ended.append(time.monotonic() - began)
    faults.wait_for_workers(site.stack, site.workers)
    source.finish()
    tally = field.wait()
    report.judge(tally, duplicates_at_most=0)
    report.note(source)
    report.measured |= {"worker_ended_s_max": round(max(ended), 1), "sick_requests": _arrived(site, sick)}
    report.demand(tally.delay(1.0) <= TAKE_OVER_SECONDS, f"a delivery came {tally.delay(1.0):.1f} s after its 202")
    still = _waiting(site, sick)
    report.demand(still == SICK_QUEUE, f"{still} of {SICK_QUEUE} still wait for the partner that hangs")
    report.demand(sick.answered == 0, "the partner that hangs answered")
    for each in (sick, field):
        each.end()
    return report.close()


def f8_partner_hangs(
    site: Site, *, queued: int = 5000, tenants: int = 49, events: int = 20, healthy_p95: float = 2.0
) -> Report:
    """One partner hangs with a long queue; the others notice nothing."""
    figures = {"queued": queued, "tenants": tenants, "events": events, "healthy_p95_s": healthy_p95}
    report = Report(name="F8 a partner hangs", figures=figures)
    sick = site.field("f8-sick", ["hang"])
    for start in range(0, queued, 1000):
        sick.send(range(start, min(queued, start + 1000)))
    apis = site.stack.organizations([f"f8-{number}" for number in range(tenants)])
    healthy = [Field.plant(api, site.partner, f"f8-{n}", ["ok"]) for n, api in enumerate(apis)]
    eventually(lambda: _arrived(site, sick), 30, "a request that hangs")
    sources = [Source(one, rate=4, batch=1, total=events) for one in healthy]
    for source in sources:
        source.start()
    for source in sources:
        source.done(120)
    tally = sum((one.wait(patience=30) for one in healthy), Tally(accepted=0))
    report.judge(tally, duplicates_at_most=0)
    report.measured["healthy_p95_s"] = round(tally.delay(0.95), 3)
    report.demand(tally.delay(0.95) < healthy_p95, f"p95 of the healthy is {tally.delay(0.95):.2f} s")
    report.demand(sick.answered == 0, "the partner that hangs answered")
    for each in [sick, *healthy]:
        each.end()
    return report.close()


def f9_poison(site: Site, *, deliveries: int = 1000, exits: int = 2) -> Report:
    """Messages that cannot be made, that end the process, whose answers are no text, and a connector that goes away.

    Needs the settings of poison.py. Besides the poison, everything is delivered, and no worker needs a hand.
    """
    report = Report(name="F9 poison", figures={"deliveries": deliveries, "end_the_process": exits})
    main = site.field("f9", ["ok"], profile="poison")
    garbage = site.field("f9-garbage", ["garbage"])
    gone = site.field("f9-gone", ["hang"])
    main.excused = frozenset((*poison.RAISES, *poison.UNSERIALISABLE, *poison.EXITS))
    garbage.send(range(2))
    gone.send(range(2))
    main.send(range(poison.EXITS.start + exits))
    main.send(range(poison.EXITS.stop, deliveries - 4))
    gone.api.must("DELETE", f"connectors/{gone.connector_ids[0]}/")
    eventually(lambda: _ended(site, main), 60 * exits + 60, "the end of the last poison")
    report.judge(main.wait() + garbage.wait(), duplicates_at_most=site.repeated_by(3 * exits))
    failed = len(poison.RAISES) + len(poison.UNSERIALISABLE) + exits
    states = {name: _states(site, one) for name, one in (("main", main), ("garbage", garbage), ("gone", gone))}
    report.measured |= {"states": states, "set_aside": _query(site, SET_ASIDE, main)[0]}
    report.demand(states["main"].get("failed") == failed, f"{failed} should have failed: {states['main']}")
    report.demand(report.measured["set_aside"] == exits, "what ends the process was not set aside as such")
    report.demand(states["gone"] == {"dropped": 2}, f"a deleted connector's deliveries: {states['gone']}")
    report.demand(states["garbage"] == {"delivered": 2}, f"deliveries with odd answers: {states['garbage']}")
    faults.wait_for_workers(site.stack, site.workers)
    return report.close()


# what they share


def _flow(field: Field, deliveries: int, *, seconds: float) -> Source:
    """A source that spreads so many deliveries over that time."""
    total = deliveries // len(field.names)
    source = Source(field, rate=total / seconds, batch=max(1, total // 100), total=total)
    source.start()
    return source


def _resumed(site: Site, field: Field) -> float:
    """Seconds from PostgreSQL's answer to the next delivery."""
    eventually(lambda: faults.answers(site.stack), 120, "PostgreSQL's return")
    began, before = time.monotonic(), field.answered
    eventually(lambda: field.answered > before, 60, "a delivery after PostgreSQL's return")
    return time.monotonic() - began


def _arrived(site: Site, field: Field) -> int:
    """Requests that reached its partners, answered or not."""
    state = site.partner.state()
    return sum(state[name]["arrived"] for name in field.names if name in state)


def _query(site: Site, statement: str, field: Field) -> Any:
    with psycopg.connect(site.stack.database_url, autocommit=True) as connection:
        return connection.execute(statement, {"ids": field.connector_ids}).fetchone()


def _waiting(site: Site, field: Field) -> int:
    statement = "select count(*) from connectors_waiting where connector_id = any(%(ids)s::uuid[])"
    return int(_query(site, statement, field)[0])


def _ended(site: Site, field: Field) -> bool:
    try:
        return _waiting(site, field) == 0
    except psycopg.OperationalError:
        return False


def _states(site: Site, field: Field) -> dict[str, int]:
    with psycopg.connect(site.stack.database_url, autocommit=True) as connection:
        return dict(connection.execute(STATES, {"ids": field.connector_ids}).fetchall())


def _rows(site: Site, field: Field) -> Any:
    """A fingerprint of all that is recorded of these connectors' deliveries, versions of the rows included."""
    return [_query(site, FINGERPRINT.format(name), field) for name in ("delivery", "attempt")]


Scenario = Callable[[Site], Report]
FAULTS: dict[str, Scenario] = {
    "F1": f1_workers_killed,
    "F2": f2_database_away,
    "F3": f3_redis_away,
    "F6": f6_worker_frozen,
    "F7": f7_rolling_restart,
    "F8": f8_partner_hangs,
    "F9": f9_poison,
}
