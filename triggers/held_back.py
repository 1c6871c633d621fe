"""What of a batch's events is held back by what came before them: faults by their rules, alarms by their life."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from portal.fleet.locate import Source
from portal.lib.database import Cursor
from triggers import alarms, faults, rules
from triggers.faults import Ripe
from triggers.matching import Configuration

JUDGED = frozenset({*faults.SEVERITIES, *alarms.TYPES})
"""Types of events that may be held back; of others nothing needs to be known."""

Happened: TypeAlias = tuple[str, Source, datetime, dict[str, Any]]
"""An event's type, where it comes from, when it happened, and its data."""


def any_judged(event_types: Iterable[str]) -> bool:
    return not JUDGED.isdisjoint(event_types)


def judge(
    cursor: Cursor,
    organization_id: UUID,
    config: Configuration,
    happened: Mapping[int, Happened],
    now: datetime,
) -> tuple[dict[int, tuple[dict[str, Any], str | None]], dict[int, Ripe]]:
    """By their index, the data of those that are faults or alarms, and why each is held back or None; and by the index
    of a fault's clear the raise that goes out before it.

    Call it in the transaction that stores the events.
    """
    overdue: dict[int, Ripe] = {}
    judged: dict[int, tuple[dict[str, Any], str | None]] = {}
    reports = {
        index: _fault(config.occurrence_rules, one) for index, one in happened.items() if _is(one, faults.SEVERITIES)
    }
    if reports:
        verdicts, ripe = faults.judge(cursor, organization_id, list(reports.values()), now, leaves=config.sends)
        judged |= zip(reports, verdicts, strict=True)
        overdue = {index: ripe[place] for place, index in enumerate(reports) if place in ripe}
    of_alarms = {index: _alarm(one) for index, one in happened.items() if _is(one, alarms.TYPES)}
    if of_alarms:
        judged |= zip(of_alarms, alarms.judge(cursor, organization_id, list(of_alarms.values()), now), strict=True)
    return judged, overdue


def _is(one: Happened, types: Collection[str]) -> bool:
    return one[0] in types


def _fault(occurrence_rules: Sequence[rules.Rule], one: Happened) -> faults.Report:
    event_type, source, time, data = one
    appliance = source.parts["appliance"]
    severity = faults.SEVERITIES[event_type]
    return faults.Report(
        key=(source.subject_id, event_type, data["code"]),
        gateway_id=source.gateway_id,
        company_id=source.company_id,
        time=time,
        data=data,
        conditions=rules.conditions_for(occurrence_rules, data["code"], appliance["type"], severity),
    )


def _alarm(one: Happened) -> alarms.Report:
    event_type, source, time, data = one
    return alarms.Report(
        key=(source.gateway_id, data["alarm_id"]),
        appliance_id=source.appliance_id,
        status=alarms.TYPES[event_type],
        time=time,
        data=data,
    )
