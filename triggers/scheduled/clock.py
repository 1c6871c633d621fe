"""Each second: what triggers by the clock owe, snapshots of sites and heartbeats of connectors.

A trigger remembers up to when its moments are done, in a row that is locked while one process works on it; what is made
and that it is done are one transaction. So of two schedulers at the same time one does the work, and a tick that was
missed, comes late or twice changes nothing. Which moments are due the database's clock says.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

import structlog
from celery import shared_task
from django.db import transaction

from portal.lib.database import Cursor, batch_cursor, database_time
from portal.lib.problem import DATABASE_FAULTS
from portal.tenants import scope
from portal.tenants.models import Plan
from triggers import moments
from triggers.models import BY_THE_CLOCK, TriggerKind
from triggers.moments import ClockTrigger, Window
from triggers.scheduled import heartbeats, snapshots

log = structlog.get_logger(__name__)

_MAKERS: dict[str, Callable[[Cursor, ClockTrigger, Window], int]] = {
    TriggerKind.SNAPSHOT: snapshots.make,
    TriggerKind.HEARTBEAT: heartbeats.make,
}

_START = """
insert into triggers_triggerclock (trigger_id, done_until)
select t.id, %b from triggers_trigger t
 where t.kind = any(%b) and t.enabled and not exists (select from triggers_triggerclock k where k.trigger_id = t.id)
 order by t.id
    on conflict do nothing
"""
# A look at a trigger reads all its sites, so it comes some hundred times per interval, and not each second.
_TRIGGERS = """
select t.id, t.organization_id, t.kind, t.interval_seconds, t.level, t.gateways, t.connector_id, c.company_id
  from triggers_trigger t
  join triggers_triggerclock k on k.trigger_id = t.id
  join connectors_connector c on c.id = t.connector_id and c.enabled and c.paused_at is null
  join tenants_organization o on o.id = t.organization_id and o.plan = %b
 where t.enabled and t.kind = any(%b)
   and (k.done_until <= %b - make_interval(secs => least(t.interval_seconds / 120.0, 60)) or k.done_until > %b)
 order by t.id
"""
_LOCK = "select done_until from triggers_triggerclock where trigger_id = %b for update skip locked"
_DONE = "update triggers_triggerclock set done_until = %b where trigger_id = %b"

_one_at_a_time = threading.Lock()
"""A process has a few threads for all its jobs: while a tick takes long, the next ones must not fill them."""


@shared_task
def tick() -> None:
    if not _one_at_a_time.acquire(blocking=False):
        return
    try:
        run(database_time())
    except DATABASE_FAULTS as error:
        log.warning("a tick is missed: the database is away", error=str(error).strip())
    finally:
        _one_at_a_time.release()


def run(now: datetime) -> int:
    """Make what is due at `now`, and return how many that was. What fails for one trigger stops no other."""
    kinds = [kind.value for kind in BY_THE_CLOCK]
    with batch_cursor() as cursor:
        cursor.execute(_START, [now, kinds])
        cursor.execute(_TRIGGERS, [Plan.DATASTREAMS.value, kinds, now, now + moments.SET_BACK])
        triggers = [ClockTrigger(*row) for row in cursor]
    return sum(_work_on(trigger, now) for trigger in triggers)


def _work_on(trigger: ClockTrigger, now: datetime) -> int:
    try:
        with scope.organization(trigger.organization_id), transaction.atomic(), batch_cursor() as cursor:
            row = cursor.execute(_LOCK, [trigger.id]).fetchone()
            due = moments.window(trigger, row[0], now) if row else None
            if due is None:
                return 0
            cursor.execute(_DONE, [due.end, trigger.id])
            return _MAKERS[trigger.kind](cursor, trigger, due)
    except Exception:
        log.exception("a trigger by the clock failed", trigger=str(trigger.id), kind=trigger.kind)
        return 0
