"""Alarms: raised, acknowledged, closed, by their producers or over REST. One row holds where each of them is.

What an alarm's state does not allow is held back, so that partners read one life of it, in order; so is what is older
than what is known already. A closed alarm may be raised again: the names are the producers', and a standing one is
raised by the same name each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import UUID

import orjson

from portal.lib import clock
from portal.lib.database import Cursor
from portal.lib.uuid7 import uuid7s
from triggers.models import AlarmStatus

TYPES: Mapping[str, AlarmStatus] = {
    "alarm/raised": AlarmStatus.OPEN,
    "alarm/acknowledged": AlarmStatus.ACKNOWLEDGED,
    "alarm/closed": AlarmStatus.CLOSED,
}
"""The types that are alarms, and what each makes of its alarm."""
ALLOWED: Mapping[str, tuple[AlarmStatus, ...]] = {
    "": (AlarmStatus.OPEN,),
    AlarmStatus.OPEN: (AlarmStatus.ACKNOWLEDGED, AlarmStatus.CLOSED),
    AlarmStatus.ACKNOWLEDGED: (AlarmStatus.CLOSED,),
    AlarmStatus.CLOSED: (AlarmStatus.OPEN,),
}

NOT_RAISED = "no such alarm was raised"
LATE = "it is older than what is known of this alarm"
NEVER = datetime(1970, 1, 1, tzinfo=UTC)

Key: TypeAlias = tuple[UUID, str]
"""Gateway and the alarm's name: two gateways may number theirs alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is said of one alarm now: it is `status`."""

    key: Key
    appliance_id: UUID | None
    status: AlarmStatus
    time: datetime
    data: dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Alarm:
    """One locked row; `triggers.models.Alarm` says what is in it."""

    key: Key
    appliance_id: UUID | None
    status: str
    severity: str
    data: str
    raised_at: datetime | None
    changed_at: datetime


def judge(
    cursor: Cursor, organization_id: UUID, reports: Sequence[Report], now: datetime
) -> list[tuple[dict[str, Any], str | None]]:
    """Each report's data, and why it is held back or None; taken in the order of their times.

    Call it in the transaction that stores the events.
    """
    alarms = _lock(cursor, organization_id, {report.key: report.appliance_id for report in reports})
    judged: list[tuple[dict[str, Any], str | None]] = [({}, None)] * len(reports)
    for index in sorted(range(len(reports)), key=lambda index: reports[index].time):
        report = reports[index]
        judged[index] = step(alarms[report.key], report, now)
    _save(cursor, alarms.values())
    return judged


def step(alarm: Alarm, report: Report, now: datetime) -> tuple[dict[str, Any], str | None]:
    """Move the alarm on by one report, or say why that is not possible.

    A device's clock that is ahead does not make what comes after it late; nor does somebody's taking note, by a clock
    that may be another.
    """
    at = min(report.time, now)
    if report.status not in ALLOWED[alarm.status]:
        if not alarm.status:  # whatever raised it may still be on its way
            alarm.changed_at = max(alarm.changed_at, at)
        return report.data, f"the alarm is {alarm.status}" if alarm.status else NOT_RAISED
    known = alarm.raised_at if alarm.status == AlarmStatus.ACKNOWLEDGED else alarm.changed_at
    if known is not None and at < known:
        return report.data, LATE
    if report.status == AlarmStatus.OPEN:
        alarm.raised_at = at
    alarm.status, alarm.severity, alarm.changed_at = report.status, report.data["severity"], at
    alarm.appliance_id = report.appliance_id
    data = report.data
    if alarm.raised_at is not None:
        data = {"raised_at": clock.rfc3339(alarm.raised_at)} | data
    alarm.data = orjson.dumps(data).decode()
    return data, None


_LOCK = """
insert into triggers_alarm as a (id, organization_id, gateway_id, alarm_id, appliance_id, status, severity, data,
       changed_at)
select k.id, %b, k.gateway_id, k.alarm_id, k.appliance_id, '', '', '{}', %b
  from unnest(%b::uuid[], %b::uuid[], %b::text[], %b::uuid[]) k(id, gateway_id, alarm_id, appliance_id)
 order by k.gateway_id, k.alarm_id
    on conflict (gateway_id, alarm_id) do update set organization_id = excluded.organization_id
returning a.gateway_id, a.alarm_id, a.appliance_id, a.status, a.severity, a.data, a.raised_at, a.changed_at
"""
_SAVE = """
update triggers_alarm a
   set appliance_id = u.appliance_id, status = u.status, severity = u.severity, data = u.data, raised_at = u.raised_at,
       changed_at = u.changed_at
  from unnest(%b::uuid[], %b::text[], %b::uuid[], %b::text[], %b::text[], %b::text[], %b::timestamptz[],
              %b::timestamptz[])
       u(gateway_id, alarm_id, appliance_id, status, severity, data, raised_at, changed_at)
 where a.gateway_id = u.gateway_id and a.alarm_id = u.alarm_id
"""


def _lock(cursor: Cursor, organization_id: UUID, appliances: Mapping[Key, UUID | None]) -> dict[Key, Alarm]:
    """The rows of these keys, made where they are missing; in order, so that two calls wait and never deadlock."""
    gateways, names = zip(*appliances, strict=True)
    ids = uuid7s(len(appliances))
    cursor.execute(_LOCK, [organization_id, NEVER, ids, list(gateways), list(names), list(appliances.values())])
    alarms = [
        Alarm(
            key=(gateway_id, alarm_id),
            appliance_id=appliance_id,
            status=status,
            severity=severity,
            data=data,
            raised_at=raised_at,
            changed_at=changed_at,
        )
        for gateway_id, alarm_id, appliance_id, status, severity, data, raised_at, changed_at in cursor
    ]
    return {alarm.key: alarm for alarm in alarms}


def _save(cursor: Cursor, alarms: Iterable[Alarm]) -> None:
    rows = list(alarms)
    names = ("appliance_id", "status", "severity", "data", "raised_at", "changed_at")
    columns: list[list[Any]] = [[alarm.key[0] for alarm in rows], [alarm.key[1] for alarm in rows]]
    cursor.execute(_SAVE, columns + [[getattr(alarm, name) for alarm in rows] for name in names])
