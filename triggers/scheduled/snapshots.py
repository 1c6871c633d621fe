"""Snapshots of the sites that are due, out of what their series hold: three statements, however many sites they are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import groupby
from typing import Any

import structlog

from portal.lib import clock
from portal.lib.database import Cursor, Row
from triggers import moments
from triggers import snapshots as sites
from triggers.intake import accept_events
from triggers.items import EventItem
from triggers.models import BY_THE_CLOCK, Level, TriggerKind
from triggers.moments import ClockTrigger, Window
from triggers.snapshots import Device, Measured

log = structlog.get_logger(__name__)

FRESH_SECONDS = 900.0
"""What was measured longer ago than twice this does not tell how a site fares now: this, the data point's expected
interval, or the time from one snapshot to the next, whichever is longest."""

PERIODS_OF_USE = 2
"""Of these: later than that a snapshot is stale, and no longer sent (B3)."""

# Gateways whose data points leave. A site whose gateways are paired with two companies has a snapshot for each.
_GATEWAYS = f"""
select g.id from fleet_gateway g
  join tenants_company c on c.id = g.company_id and c.data_points_enabled
 where g.organization_id = %(organization)b and g.access_granted
   and (%(company)b::uuid is null or g.company_id = %(company)b::uuid)
   and (cardinality(%(gateways)b::uuid[]) = 0 or g.id = any(%(gateways)b::uuid[]))
   and {moments.DUE.format(id="g.system_id")}
"""  # noqa: S608 - our own text
_VALUES = """
select g.system_id, g.company_id, g.id, a.id, a.type, a.kind, s.name, s.unit, s.last_number, s.last_text
  from unnest(%b::uuid[]) u(id)
  join fleet_gateway g on g.id = u.id
  join fleet_appliance a on a.gateway_id = g.id
  left join lateral (select s.*, p.name, p.unit
                       from fleet_series s join fleet_datapoint p on p.id = s.data_point_id
                      where s.subject_id = a.id
                        and s.last_time > %b - 2 * make_interval(secs => greatest(%b, p.expected_interval))) s on true
 order by g.system_id, g.company_id, g.id, a.serial_number, a.id
"""


def make(cursor: Cursor, trigger: ClockTrigger, due: Window) -> int:
    """Store and send the snapshots of this window; returns how many they are. All in the caller's transaction."""
    cursor.execute(
        _GATEWAYS,
        {
            "organization": trigger.organization_id,
            "company": trigger.company_id,
            "gateways": trigger.gateways,
            **due.parameters(trigger),
        },
    )
    gateways = [gateway_id for (gateway_id,) in cursor]
    if not gateways:
        return 0
    fresh = max(FRESH_SECONDS, float(trigger.interval_seconds))
    cursor.execute(_VALUES, [gateways, due.end, fresh])
    items = list(_items(cursor, trigger, due))
    result = accept_events(trigger.organization_id, items, due.end, to=trigger.connector_id)
    if result.rejected:
        log.warning("snapshots were refused", trigger=str(trigger.id), first=result.rejected[0], count=len(items))
    return result.accepted


def _items(rows: Iterable[Row], trigger: ClockTrigger, due: Window) -> Iterator[EventItem]:
    """One for each site of which anything is known, in the name of its first gateway."""
    common = {
        "level": trigger.level,
        "period_s": trigger.interval_seconds,
        "expires_at": clock.rfc3339(due.end + PERIODS_OF_USE * timedelta(seconds=trigger.interval_seconds)),
    }
    for _, of_site in groupby(rows, key=lambda row: row[:2]):
        values = list(of_site)
        snapshot = sites.take(_devices(values), with_devices=trigger.level == Level.DEVICE)
        if snapshot is not None:
            yield EventItem(
                type=BY_THE_CLOCK[TriggerKind.SNAPSHOT], gateway=str(values[0][2]), time=due.end, data=common | snapshot
            )


def _devices(rows: Iterable[Row]) -> list[Device]:
    devices: dict[Any, Device] = {}
    for _, _, _, appliance_id, type_, kind, name, unit, number, text in rows:
        device = devices.setdefault(appliance_id, Device(id=str(appliance_id), type=type_, kind=kind))
        value = number if text is None else json.loads(text)
        if value is not None:
            device.measured.append(Measured(name=name, unit=unit, value=value))
    return list(devices.values())
