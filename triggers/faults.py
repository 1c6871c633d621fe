"""Faults of appliances: a raise and its clear are a pair, sent once each, and what is transient is held back.

One row for each appliance, type (error or warning) and code holds where the fault is. It is locked for the intake
call, moved on by each report, and written back: two statements for a whole batch. By itself, `step` is pure.

A clear is sent if its raise was. Raises of a fault that is open, its raise sent, add nothing, unless the gateway has
come to another company meanwhile: that one has not been told. Whatever is older than what is known already changes
nothing, as with late readings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import orjson

from portal.lib import clock
from portal.lib.database import Cursor
from portal.lib.uuid7 import uuid7
from triggers import rules
from triggers.rules import Conditions, Held, History

SEVERITIES: Mapping[str, str] = {"appliance/error": "error", "appliance/warning": "warning"}
"""The types that are faults, and how rules call them."""
FIRST = 500
"""Faults let go per organization and transaction."""

LATE = "it is older than what is known of this fault"
ALREADY_OPEN = "the fault is open already, and its raise was sent"
NOT_OPEN = "the fault is not open"
RAISE_HELD = "its raise was held back"

Key: TypeAlias = tuple[UUID, str, str]
"""Appliance, type, code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a device says of one fault now; `conditions` are those of the rule that is for it."""

    key: Key
    gateway_id: UUID
    company_id: UUID | None = None
    time: datetime
    data: dict[str, Any]
    conditions: Conditions


@dataclass(slots=True, kw_only=True)
class Fault:
    """One locked row; `triggers.models.Fault` says what is in it."""

    key: Key
    gateway_id: UUID
    fault_id: str = ""
    open: bool = False
    sent: bool = False
    since: datetime | None = None
    last_at: datetime | None = None
    counted: list[datetime] = field(default_factory=list)
    counts: bool = False
    occurrences: int = 0
    told_since: datetime | None = None
    told_to: UUID | None = None
    until: datetime | None = None
    data: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ripe:
    """A raise that was held back, and goes out now."""

    type: str
    gateway_id: UUID
    appliance_id: UUID
    time: datetime
    data: dict[str, Any]


Judged: TypeAlias = tuple[dict[str, Any], str | None]
"""An event's data with what it lacked, and why it is held back, or None."""


def judge(
    cursor: Cursor, organization_id: UUID, reports: Sequence[Report], now: datetime, *, leaves: bool
) -> tuple[list[Judged], dict[int, Ripe]]:
    """What becomes of these reports, each in its place; taken in the order of their times. And by the place of a clear
    the raise that goes out before it.

    Call it in the transaction that stores the events. While nothing of the organization `leaves`, nothing counts as
    sent.
    """
    faults = _lock(cursor, organization_id, {report.key: report.gateway_id for report in reports})
    judged: list[Judged] = [({}, None)] * len(reports)
    overdue: dict[int, Ripe] = {}
    for index in sorted(range(len(reports)), key=lambda index: reports[index].time):
        report = reports[index]
        if (ripe := before_clear(faults[report.key], report, now, leaves=leaves)) is not None:
            overdue[index] = ripe
        judged[index] = step(faults[report.key], report, now, leaves=leaves)
    _save(cursor, faults.values())
    return judged, overdue


def step(fault: Fault, report: Report, now: datetime, *, leaves: bool = True) -> Judged:
    """Move the fault on by one report. A device's clock that is ahead does not make what comes after it late."""
    at = min(report.time, now)
    if fault.last_at is not None and at < fault.last_at:
        return report.data, LATE
    fault.last_at = at
    return _raised(fault, report, at, leaves=leaves) if report.data["active"] else _cleared(fault, report)


def _raised(fault: Fault, report: Report, at: datetime, *, leaves: bool) -> Judged:
    if not fault.open:
        fault.open, fault.sent, fault.counts, fault.since = True, False, False, at
        fault.fault_id = report.data.get("fault_id") or str(uuid7())
    if fault.sent and report.company_id in (fault.told_to, None):
        fault.occurrences += 1
        return _filled(fault, report.data), ALREADY_OPEN
    held = _look(fault, report.conditions, at, reported=True, leaves=leaves)
    if held is None:
        fault.told_to = report.company_id
    fault.data = None if fault.until is None else orjson.dumps(report.data).decode()
    return _filled(fault, report.data), held


def _cleared(fault: Fault, report: Report) -> Judged:
    if not fault.open:
        return report.data, NOT_OPEN
    fault.open, fault.until, fault.data = False, None, None
    return _filled(fault, report.data), None if fault.sent else RAISE_HELD


def _look(fault: Fault, conditions: Conditions, at: datetime, *, reported: bool, leaves: bool) -> str | None:
    history = History(since=fault.since or at, counted=tuple(fault.counted), counts=fault.counts)
    verdict, history = rules.judge(conditions, history, at, reported=reported)
    fault.counted, fault.counts = list(history.counted), history.counts
    if isinstance(verdict, Held):
        fault.until = verdict.until
        return verdict.because
    fault.sent, fault.until = leaves, None
    fault.occurrences, fault.told_since = verdict.occurrences, verdict.since
    return None


def _filled(fault: Fault, data: dict[str, Any]) -> dict[str, Any]:
    """Raise and clear share the id; what the producer does not say of the past is added where it was told."""
    told: dict[str, Any] = {}
    if fault.sent and fault.told_since is not None:
        told = {"occurrences": fault.occurrences, "since": clock.rfc3339(fault.told_since)}
    return told | data | {"fault_id": fault.fault_id}


# what was held back, and is ripe


def before_clear(fault: Fault, report: Report, now: datetime, *, leaves: bool = True) -> Ripe | None:
    """The raise, if the fault was there for as long as its rule asks before this clear, and nobody has looked since:
    reports may come minutes apart and arrive together."""
    at = min(report.time, now)
    if report.data["active"] or fault.until is None or fault.until > at:
        return None
    if fault.last_at is not None and at < fault.last_at:
        return None
    if _look(fault, report.conditions, at, reported=False, leaves=leaves) is not None:
        return None
    fault.told_to = report.company_id
    return _let_go(fault)


def let_go(
    cursor: Cursor, organization_id: UUID, occurrence_rules: Sequence[rules.Rule], now: datetime, *, leaves: bool
) -> tuple[int, list[Ripe]]:
    """Look again at up to FIRST faults whose time has come: how many these were, and the raises that go out.

    Store and send those in the same transaction. Rows that another run has taken, or an intake call, are passed over.
    """
    ripe, looked_at = [], []
    for appliance_type, company_id, *row in cursor.execute(_RIPE, [organization_id, now, FIRST]):
        fault = _fault(row)
        _, event_type, code = fault.key
        conditions = rules.conditions_for(occurrence_rules, code, appliance_type, SEVERITIES[event_type])
        looked_at.append(fault)
        if _look(fault, conditions, now, reported=False, leaves=leaves) is None:
            fault.told_to = company_id
            ripe.append(_let_go(fault))
        if fault.until is None:
            fault.data = None
    _save(cursor, looked_at)
    return len(looked_at), ripe


def _let_go(fault: Fault) -> Ripe:
    assert fault.since is not None  # noqa: S101 - set with each raise
    appliance_id, event_type, _ = fault.key
    return Ripe(
        type=event_type,
        gateway_id=fault.gateway_id,
        appliance_id=appliance_id,
        time=fault.since,
        data=_filled(fault, orjson.loads(fault.data or "{}")),
    )


# the table

_COLUMNS = """appliance_id, type, code, gateway_id, fault_id, open, sent, since, last_at, counted, counts,
       occurrences, told_since, told_to, until, data"""
_RETURNED = ", ".join(f"f.{name.strip()}" for name in _COLUMNS.split(","))
_LOCK = f"""
insert into triggers_fault as f (organization_id, appliance_id, type, code, gateway_id, fault_id, open, sent, counted,
       counts, occurrences)
select %b, k.appliance_id, k.type, k.code, k.gateway_id, '', false, false, '{{}}', false, 0
  from unnest(%b::uuid[], %b::text[], %b::text[], %b::uuid[]) k(appliance_id, type, code, gateway_id)
 order by k.appliance_id, k.type, k.code
    on conflict (appliance_id, type, code) do update set gateway_id = excluded.gateway_id
returning {_RETURNED}
"""  # noqa: S608 - our own names
_SAVE = """
update triggers_fault f
   set fault_id = u.fault_id, open = u.open, sent = u.sent, since = u.since, last_at = u.last_at,
       counted = u.counted::timestamptz[], counts = u.counts, occurrences = u.occurrences, told_since = u.told_since,
       told_to = u.told_to, until = u.until, data = u.data
  from unnest(%b::uuid[], %b::text[], %b::text[], %b::text[], %b::bool[], %b::bool[], %b::timestamptz[],
              %b::timestamptz[], %b::text[], %b::bool[], %b::int[], %b::timestamptz[], %b::uuid[], %b::timestamptz[],
              %b::text[])
       u(appliance_id, type, code, fault_id, open, sent, since, last_at, counted, counts, occurrences, told_since,
         told_to, until, data)
 where f.appliance_id = u.appliance_id and f.type = u.type and f.code = u.code
"""
_RIPE = f"""
select a.type, g.company_id, {_RETURNED}
  from triggers_fault f
  join fleet_appliance a on a.id = f.appliance_id
  join fleet_gateway g on g.id = a.gateway_id
 where f.organization_id = %b and f.until <= %b
 order by f.until limit %b
   for update of f skip locked
"""  # noqa: S608 - our own names


def _lock(cursor: Cursor, organization_id: UUID, gateways: Mapping[Key, UUID]) -> dict[Key, Fault]:
    """The rows of these keys, made where they are missing; in order, so that two calls wait and never deadlock."""
    appliances, types, codes = zip(*gateways, strict=True)
    cursor.execute(_LOCK, [organization_id, list(appliances), list(types), list(codes), list(gateways.values())])
    return {fault.key: fault for fault in map(_fault, cursor)}


def _fault(row: Sequence[Any]) -> Fault:
    appliance_id, event_type, code, *rest = row
    names = (
        *("gateway_id", "fault_id", "open", "sent", "since", "last_at", "counted", "counts"),
        *("occurrences", "told_since", "told_to", "until", "data"),
    )
    return Fault(key=(appliance_id, event_type, code), **dict(zip(names, rest, strict=True)))


def _save(cursor: Cursor, faults: Iterable[Fault]) -> None:
    rows = list(faults)
    if not rows:
        return
    columns = [[fault.key[part] for fault in rows] for part in range(3)]
    names: tuple[str, ...] = ("fault_id", "open", "sent", "since", "last_at")
    columns += [[getattr(fault, name) for fault in rows] for name in names]
    columns.append([_times(fault.counted) for fault in rows])
    names = ("counts", "occurrences", "told_since", "told_to", "until", "data")
    columns += [[getattr(fault, name) for fault in rows] for name in names]
    cursor.execute(_SAVE, columns)


def _times(times: Iterable[datetime]) -> str:
    """A list inside a list, as text: PostgreSQL's arrays of arrays are rectangles."""
    return f"{{{','.join(time.isoformat() for time in times)}}}"
