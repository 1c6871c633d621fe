"""A chunk of gateways gets its aggregates of one day: figures, verdicts, rows and events, in one transaction.

The row of an aggregate decides that it is sent: who writes the row sends the event, and nobody can write it twice. So
several runs at once, and runs that begin again after a crash, send each aggregate once.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

import psycopg
import structlog
from django.db import transaction

from connectors.notices import notify
from portal.lib import clock
from portal.lib.database import Cursor, batch_cursor
from portal.lib.uuid7 import uuid7s
from triggers import aggregation, day_figures
from triggers.aggregation import Held, Value, Verdict
from triggers.day_figures import Question, Subject
from triggers.intake import accept_events
from triggers.items import EventItem
from triggers.models import Aggregate

log = structlog.get_logger(__name__)

CHUNK = 50
"""Gateways. With 20 aggregates each it is one batch of 1,000 events."""
AGGREGATE_FAILED = "aggregate_failed"
"""The kind of notice."""


@dataclass(slots=True, kw_only=True)
class Done:
    """What became of a chunk. `last` is its last gateway, and None when there was none left."""

    last: UUID | None = None
    gateways: int = 0
    sent: int = 0
    held: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One aggregate of one device, and what becomes of it."""

    subject: Subject
    name: str
    verdict: Verdict
    function: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gateway:
    """`moved_at` is when it came from another company to this one."""

    id: UUID
    company_id: UUID
    moved_at: datetime | None


# Those whose company has opted in and has access, and whose organization's plan sends. A gateway without a company has
# nobody who asked for its aggregates.
_SHARED = """
  from fleet_gateway g
  join tenants_company c on c.id = g.company_id and c.daily_aggregates_enabled
  join tenants_organization o on o.id = g.organization_id and o.plan = 'datastreams'
 where g.organization_id = %b and g.access_granted
"""
_COUNT = "select count(*)" + _SHARED
# Locked against moving to another company: what the event says of the company must still be so.
_COLUMNS = """
select g.id, g.company_id,
       (select min(later.pgh_created_at) from fleet_gatewaychange later
         where later.pgh_obj_id = g.id
           and later.pgh_id > (select max(other.pgh_id) from fleet_gatewaychange other
                                where other.pgh_obj_id = g.id and other.company_id <> g.company_id))
"""
_NEXT = _COLUMNS + _SHARED + "   and g.id > %b order by g.id limit %b for share of g"
_DECIDE = """
insert into triggers_dailyaggregate
       (organization_id, day, subject_id, property, id, gateway_id, company_id,
        state, value, coverage_percent, reason, detail)
select %(organization)b, %(day)b, u.subject_id, u.property, u.id, u.gateway_id, u.company_id,
       case when u.value is null then 'held' else 'sent' end, u.value::jsonb, u.coverage_percent, u.reason, u.detail
  from unnest(%(subjects)b::uuid[], %(properties)b::text[], %(ids)b::uuid[], %(gateways)b::uuid[],
              %(companies)b::uuid[], %(values)b::text[], %(coverages)b::float8[], %(reasons)b::text[],
              %(details)b::text[])
       u(subject_id, property, id, gateway_id, company_id, value, coverage_percent, reason, detail)
 order by u.subject_id, u.property  -- two runs wait for each other, and never deadlock
    on conflict (organization_id, day, subject_id, property) do update
   set company_id = excluded.company_id, state = excluded.state, value = excluded.value,
       coverage_percent = excluded.coverage_percent, reason = excluded.reason, detail = excluded.detail
 where triggers_dailyaggregate.state = 'held' and %(again)b
returning subject_id, property
"""
_HOLD = """
update triggers_dailyaggregate d
   set state = 'held', value = null, reason = %b, detail = u.detail
  from unnest(%b::uuid[], %b::text[], %b::text[]) u(subject_id, property, detail)
 where d.organization_id = %b and d.day = %b and d.subject_id = u.subject_id and d.property = u.property
"""


def start_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def count_gateways(organization_id: UUID) -> int:
    """How many there are to decide for."""
    with batch_cursor() as cursor:
        cursor.execute(_COUNT, [organization_id])
        return int(cursor.fetchall()[0][0])


def decide(organization_id: UUID, day: date, after: UUID | None, now: datetime, *, again: bool = False) -> Done:
    """Decide what is undecided of the day for the next CHUNK gateways, by id, `after` that one.

    `again` decides anew what was held back; what was sent stays. The scope must be the organization's.
    """
    with transaction.atomic(), batch_cursor() as cursor:
        gateways = _gateways(cursor, organization_id, after)
        if not gateways:
            return Done()
        aggregates = list(Aggregate.objects.filter(enabled=True).order_by("id").values_list("id", flat=True))
        question = Question(
            organization_id=organization_id,
            start=start_of(day),
            gateways=list(gateways),
            aggregates=aggregates,
            again=again,
        )
        decisions = [_for_company(decision, gateways, question) for decision in _decisions(cursor, question)]
        new = _write(cursor, question, decisions, gateways)
        failed = [one for one in new if one.verdict.reason == Held.ERROR]
        leaving = [one for one in new if one.verdict.reason is None]
        refused = _send(cursor, question, leaving, now)
        _tell(organization_id, day, [*failed, *refused], now)
        held = Counter(one.verdict.reason.value for one in new if one.verdict.reason is not None)
        held[Held.ERROR.value] += len(refused)
        sent = len(leaving) - len(refused)
        return Done(last=max(gateways), gateways=len(gateways), sent=sent, held=+held)


def _gateways(cursor: Cursor, organization_id: UUID, after: UUID | None) -> dict[UUID, _Gateway]:
    cursor.execute(_NEXT, [organization_id, after or UUID(int=0), CHUNK])
    return {row[0]: _Gateway(id=row[0], company_id=row[1], moved_at=row[2]) for row in cursor}


def _decisions(cursor: Cursor, question: Question) -> list[Decision]:
    """A number that cannot be calculated with holds back the aggregates that it is in, and no others."""
    try:
        with transaction.atomic():
            found = day_figures.read(cursor, question)
    except psycopg.DataError as error:
        parts = question.halves()
        if parts:
            return [decision for part in parts for decision in _decisions(cursor, part)]
        log.warning("a daily aggregate could not be calculated", gateway=question.gateways[0], error=str(error))
        verdict = Verdict(reason=Held.ERROR, detail=f"It could not be calculated: {str(error).splitlines()[0]}.")
        wanted = day_figures.wanted(cursor, question)
        return [Decision(subject=subject, name=name, verdict=verdict) for subject, name in wanted]
    return [
        Decision(
            subject=subject,
            name=definition.name,
            verdict=aggregation.judge(definition, figures),
            function=definition.function,
            unit=definition.unit,
        )
        for subject, definition, figures in found
    ]


def _for_company(decision: Decision, gateways: dict[UUID, _Gateway], question: Question) -> Decision:
    moved_at = gateways[decision.subject.gateway_id].moved_at
    if moved_at is None or moved_at <= question.start:
        return decision
    return Decision(subject=decision.subject, name=decision.name, verdict=aggregation.moved(moved_at))


def _write(
    cursor: Cursor, question: Question, decisions: Sequence[Decision], gateways: dict[UUID, _Gateway]
) -> list[Decision]:
    """Store the decisions; returns those that nobody else has stored before."""
    if not decisions:
        return []
    verdicts = [one.verdict for one in decisions]
    cursor.execute(
        _DECIDE,
        {
            "organization": question.organization_id,
            "day": question.start.date(),
            "again": question.again,
            "subjects": [one.subject.id for one in decisions],
            "properties": [one.name for one in decisions],
            "ids": uuid7s(len(decisions)),
            "gateways": [one.subject.gateway_id for one in decisions],
            "companies": [gateways[one.subject.gateway_id].company_id for one in decisions],
            "values": [None if one.value is None else _kept(one.value) for one in verdicts],
            "coverages": [one.coverage_percent for one in verdicts],
            "reasons": [None if one.reason is None else one.reason.value for one in verdicts],
            "details": [one.detail for one in verdicts],
        },
    )
    written = set(cursor.fetchall())
    return [one for one in decisions if (one.subject.id, one.name) in written]


def _kept(value: Value) -> str:
    """As JSON for a jsonb column, which holds no NUL; the event has the value as it was measured."""
    return json.dumps(value.replace("\0", "\ufffd") if isinstance(value, str) else value)


def _send(cursor: Cursor, question: Question, leaving: Sequence[Decision], now: datetime) -> list[Decision]:
    """Through the intake, as every event; what it refuses is held back, and returned."""
    if not leaving:
        return []
    result = accept_events(question.organization_id, [_event(one, question) for one in leaving], now)
    if not result.rejected:
        return []
    refused = [leaving[item["index"]] for item in result.rejected]
    details = [" ".join(error["detail"] for error in item["errors"]) for item in result.rejected]
    subjects, names = [one.subject.id for one in refused], [one.name for one in refused]
    day = question.start.date()
    cursor.execute(_HOLD, [Held.ERROR.value, subjects, names, details, question.organization_id, day])
    return refused


def _event(decision: Decision, question: Question) -> EventItem:
    subject, verdict = decision.subject, decision.verdict
    data: dict[str, Any] = {
        "property": decision.name,
        "function": decision.function,
        "day": question.start.date().isoformat(),
        "value": verdict.value,
        "period_start": clock.rfc3339(question.start),
        "period_end": clock.rfc3339(question.end),
        "coverage_percent": verdict.coverage_percent,
    }
    if decision.unit:
        data["unit"] = decision.unit
    appliance = None if subject.appliance_id is None else str(subject.appliance_id)
    return EventItem(type="aggregate/daily", gateway=str(subject.gateway_id), appliance=appliance, data=data)


def _tell(organization_id: UUID, day: date, failed: Sequence[Decision], now: datetime) -> None:
    """An internal error is not the customer's to find (S0 line 38); poor readings are listed, and nobody is told."""
    for name, count in Counter(one.name for one in failed).items():
        text = (
            f"The daily aggregate {name} of {day} could not be calculated for {count} of the devices; it is not sent."
        )
        notify(organization_id, AGGREGATE_FAILED, f"aggregate:{name}", text, now)
