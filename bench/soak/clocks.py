"""F5 of the plan: workers whose machines' clocks are wrong, beside others whose clocks are right."""

from __future__ import annotations

import http.client
import json
import re
import time
from contextlib import ExitStack
from functools import partial
from typing import Any

import psycopg

from bench.soak import faults
from bench.soak.beside import OffWorker
from bench.soak.field import POLL_SECONDS, Field, Source
from bench.soak.report import Report
from bench.soak.scenarios import RESUME_SECONDS, Site
from tests.whole.stack import eventually

HOUR, DAY = 3600.0, 86_400.0
AHEAD = ((HOUR, -HOUR), (DAY, -DAY))
"""Seconds, by phase of a round, of the two workers."""
EACH = 4
"""Messages for the partners that refuse, by phase: with those of the phase before, too few to open a breaker."""
FIRST_RETRY = (4.0, 6.0)
"""Seconds after the first try, by the policy `standard`: five, made up to a fifth longer or shorter."""
ALARM_SECONDS = 60.0
"""A renewal of the lease, every 2 s, and what a busy machine takes on top."""
ROUGHLY = 0.5
"""Seconds by which the 202, from which is counted here, may come after the first try."""
TOLD = re.compile(r"the clock of \S+:(\d+) is (\d+) s (ahead|behind)")

SHARDS = "select id, owner::text, epoch from connectors_shard order by id"
OWNED = """
select count(distinct c.url ~ 'refuse-once$') from connectors_connector c
  join connectors_shard s on s.id = c.shard
  join connectors_deliveryworker w on w.id = s.owner
 where c.id = any(%s::uuid[]) and w.name like %s
"""
SPREAD = """
select count(*) = %s and max(n) - min(n) <= 1
  from (select count(s.id) as n from connectors_deliveryworker w left join connectors_shard s on s.owner = w.id
         where w.lease_until > now() group by w.id) one
"""


def f5_clocks_off(site: Site, *, rounds: int = 10, rate: float = 50.0) -> Report:
    """Two workers with clocks that are ahead and behind, and jump while retries wait; all others go right."""
    report = Report(name="F5 clocks are off", figures={"ahead_s": AHEAD, "rounds": rounds, "rate": rate})
    with ExitStack() as open_:
        off = [open_.enter_context(OffWorker(site.stack, 8 + n, ahead)) for n, ahead in enumerate(AHEAD[0])]
        steady, refused = site.field("f5", ["ok"]), site.field("f5-refused", ["refuse-once"])
        for worker in off:
            worker.wait_until_ready()
        workers = site.workers + len(off)
        eventually(lambda: _ask(site, SPREAD, workers)[0][0], 60, "an even share for each worker")
        _let_each_have_some(site, off, steady, refused)
        shards = _ask(site, SHARDS)
        source = Source(steady, rate=rate, batch=max(1, round(rate / 5)))
        source.start()
        for number in range(rounds):
            _jump_while_retries_wait(site, off, refused, first=2 * EACH * number)
        source.finish()
        report.judge(steady.wait() + refused.wait(), duplicates_at_most=0)
        report.note(source)
        report.demand(_ask(site, SHARDS) == shards, "shards changed hands")
        said = [worker.log.count("this machine's clock is off") for worker in off]
        report.demand(min(said) >= rounds * len(AHEAD), f"the workers said so {said} times")
        _judge_tries(report, site, steady, refused)
        for each in (steady, refused):
            each.end()
    faults.wait_for_workers(site.stack, site.workers)
    return report.close()


def _let_each_have_some(site: Site, off: list[OffWorker], steady: Field, refused: Field) -> None:
    """Both kinds of partners for each worker whose clock is off; which connector is whose is chance."""

    def lacking() -> bool:
        ids = [*steady.connector_ids, *refused.connector_ids]
        return any(_ask(site, OWNED, ids, f"%:{worker.process.pid}")[0][0] < 2 for worker in off)

    for _ in range(50):
        if not lacking():
            return
        steady.add("ok")
        refused.add("refuse-once")
    raise RuntimeError("the workers whose clocks are off have no connectors")


def _jump_while_retries_wait(site: Site, off: list[OffWorker], refused: Field, *, first: int) -> None:
    for phase, ahead in enumerate(AHEAD):
        for worker, seconds in zip(off, ahead, strict=True):
            worker.jump(seconds)
        _wait_for_alarm(site, off)
        if refused.send(range(first + phase * EACH, first + (phase + 1) * EACH)) != 202:
            raise RuntimeError("the intake refused")
        least = (first + (phase + 1) * EACH + first) * len(refused.names)
        eventually(partial(_were_tried, site, refused, least), 30, "the first tries")
    refused.wait(patience=2 * FIRST_RETRY[1])


def _wait_for_alarm(site: Site, off: list[OffWorker]) -> None:
    """Until /readyz tells by how much each of these clocks is off."""
    end = time.monotonic() + ALARM_SECONDS
    while True:
        checks = _readyz(site)
        said = TOLD.findall(checks.get("clocks", ""))
        told = {int(pid): float(by) * (1 if way == "ahead" else -1) for pid, by, way in said}
        if all(abs(told.get(worker.process.pid, 0.0) - worker.ahead) < RESUME_SECONDS for worker in off):
            return
        if time.monotonic() > end:
            raise RuntimeError(f"/readyz does not tell of the clocks that are off: {checks}")
        time.sleep(POLL_SECONDS)


def _readyz(site: Site) -> dict[str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", site.stack.port, timeout=10)
    try:
        connection.request("GET", "/readyz")
        checks: dict[str, str] = json.loads(connection.getresponse().read())["checks"]
    finally:
        connection.close()
    return checks


def _judge_tries(report: Report, site: Site, steady: Field, refused: Field) -> None:
    """No storm: what was refused was tried once more, at its time; and all signatures are of the right time."""
    state = site.partner.state()
    tries = _tried(site, refused)
    report.demand(tries == 2 * refused.expected, f"{tries} tries of {refused.expected} messages refused once")
    delays = refused.tally().delays
    report.measured |= {"tries_of_refused": tries, "retried_after_s": [round(delays[0], 1), round(delays[-1], 1)]}
    report.demand(delays[0] >= FIRST_RETRY[0] - ROUGHLY, f"a message was tried again after {delays[0]:.1f} s")
    report.demand(delays[-1] <= FIRST_RETRY[1] + RESUME_SECONDS, f"a message was tried again after {delays[-1]:.1f} s")
    untimely = sum(state[name]["untimely"] for name in [*steady.names, *refused.names])
    report.demand(untimely == 0, f"{untimely} signatures are of another time")


def _were_tried(site: Site, field: Field, least: int) -> bool:
    return _tried(site, field) >= least


def _tried(site: Site, field: Field) -> int:
    state = site.partner.state()
    return sum(state[name]["arrived"] for name in field.names if name in state)


def _ask(site: Site, question: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(site.stack.database_url, autocommit=True) as connection:
        return connection.execute(question, parameters).fetchall()
