"""Health for whoever runs the product: `/healthz`, is this process alive; `/readyz`, can an event come in and go out.

Scheduler and delivery workers start after the web process, and the scheduler reports only every half minute. So for
GRACE_SECONDS after a web process starts they may be missing: they count as starting then, not as failed. A clock that
is off is a warning: events come in and go out nevertheless.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, TypeAlias

from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from portal.lib import clock
from portal.lib.broker import FAULTS, brief_client

SCHEDULER_AGE_SECONDS = 120.0
"""The scheduler reports every 30 s; this leaves room for a few lost reports."""
GRACE_SECONDS = 120.0
BROKER_SECONDS = 0.5
DATABASE_SECONDS = 1.5

_started = time.monotonic()

State: TypeAlias = Literal["ok", "starting", "warning", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`detail` is empty for what is ok. Only what has failed makes the product not ready."""

    state: State
    detail: str = ""


Findings: TypeAlias = dict[str, Finding]
OK = Finding(state="ok")


def healthz(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


def readyz(_request: HttpRequest) -> JsonResponse:
    uptime = time.monotonic() - _started
    findings = {**in_time(lambda: _database(uptime)), "broker": _broker()}
    failed = [name for name, finding in findings.items() if finding.state == "failed"]
    body = {
        "status": "not ready" if failed else "ready",
        "wrong": failed,
        "checks": {
            name: f"{finding.state}: {finding.detail}" if finding.detail else finding.state
            for name, finding in findings.items()
        },
    }
    return JsonResponse(body, status=503 if failed else 200, headers={"Cache-Control": "no-store"})


class _Asker:
    """One thread per process with a connection of its own, so that a database that hangs holds up no request."""

    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="readyz")
    asked: Future[Findings] | None = None


def in_time(ask: Callable[[], Findings]) -> Findings:
    """What `ask` finds, or that the database does not answer. While one question hangs no other is asked."""
    if _Asker.asked is None or _Asker.asked.done():
        _Asker.asked = _Asker.pool.submit(_asked_apart, ask)
    try:
        return _Asker.asked.result(DATABASE_SECONDS)
    except TimeoutError:
        return {"database": Finding(state="failed", detail=f"does not answer within {DATABASE_SECONDS} s")}


def _asked_apart(ask: Callable[[], Findings]) -> Findings:
    """What only waits for a lock is ended by the database itself."""
    close_old_connections()
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"set statement_timeout = '{DATABASE_SECONDS}s'")
    except (DatabaseError, InterfaceError) as error:
        return {"database": _away(error)}
    return ask()


def _away(error: Exception) -> Finding:
    return Finding(state="failed", detail=f"not available ({type(error).__name__})")


def _database(uptime: float) -> Findings:
    """Database and schema, and what only a working database can tell."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
        schema = _schema()
        if schema.state != "ok":
            return {"database": OK, "schema": schema}
        return {"database": OK, "schema": OK, **_reports(uptime)}
    except (DatabaseError, InterfaceError) as error:
        return {"database": _away(error)}


class _Schema:
    """Once the schema is that of this process's code it stays so; until then it is looked at each time."""

    current = False


def _schema() -> Finding:
    if not _Schema.current:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if missing:
            first = missing[0][0]
            detail = f"{len(missing)} migrations are not applied, the first is {first.app_label}.{first.name}"
            return Finding(state="failed", detail=detail)
        _Schema.current = True
    return OK


_REPORTS = """
select (select extract(epoch from now() - at)::float8 from triggers_schedulertick),
       (select jsonb_object_agg(name, clock_ahead)::text from connectors_deliveryworker where lease_until > now()),
       extract(epoch from %s - clock_timestamp())::float8
"""


def _reports(uptime: float) -> Findings:
    with connection.cursor() as cursor:
        cursor.execute(_REPORTS, [clock.now()])
        age, of_workers, ahead = cursor.fetchone()
    workers: dict[str, float] = json.loads(of_workers or "{}")
    return {
        "scheduler": judge_scheduler(age, uptime),
        "workers": judge_workers(len(workers), uptime),
        "clocks": judge_clocks({"this web process": ahead, **workers}),
    }


def judge_scheduler(age: float | None, uptime: float) -> Finding:
    """`age` of the scheduler's last report and `uptime` of this process, in seconds."""
    if age is not None and age <= SCHEDULER_AGE_SECONDS:
        return OK
    detail = "has never reported" if age is None else f"reported last {age:.0f} s ago"
    return Finding(state="starting" if uptime < GRACE_SECONDS else "failed", detail=detail)


def judge_workers(alive: int, uptime: float) -> Finding:
    if alive:
        return OK
    return Finding(state="starting" if uptime < GRACE_SECONDS else "failed", detail="no delivery worker is alive")


def judge_clocks(ahead: Mapping[str, float]) -> Finding:
    """By process, how many seconds its clock is ahead of the database's."""
    off = {name: seconds for name, seconds in ahead.items() if abs(seconds) > clock.LARGEST_SKEW_SECONDS}
    if not off:
        return OK
    detail = ", ".join(f"the clock of {name} is {clock.skew_in_words(seconds)}" for name, seconds in off.items())
    return Finding(state="warning", detail=detail)


def _broker() -> Finding:
    """Asked once and briefly: a broker that is silent must not hold the answer up."""
    try:
        with brief_client(BROKER_SECONDS) as client:
            client.ping()
    except FAULTS as error:
        return Finding(state="failed", detail=f"not available ({type(error).__name__})")
    return OK
