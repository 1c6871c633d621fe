"""Alarms as people change them: they take note of one, or close it, and partners are told."""

from __future__ import annotations

import orjson
import structlog
from django.db import transaction

from portal.fleet.models import Appliance
from portal.lib import clock
from portal.tenants.access import Access, get_or_404
from triggers import alarms
from triggers.intake import accept_events
from triggers.items import EventItem
from triggers.models import Alarm, AlarmStatus

log = structlog.get_logger(__name__)

CHANGES = {"acknowledge": "alarm/acknowledged", "close": "alarm/closed"}


class Impossible(Exception):
    """The alarm's state does not allow it; the text names what is possible instead."""


def change(access: Access, alarm_id: str, what: str) -> Alarm:
    """The alarm afterwards. Raises Impossible, and Http404 for what is no alarm of this organization."""
    event_type = CHANGES[what]
    with transaction.atomic():
        alarm = get_or_404(Alarm.objects.exclude(status="").select_for_update(), pk=alarm_id)
        status = alarms.TYPES[event_type]
        if status not in alarms.ALLOWED[alarm.status]:
            raise Impossible(_possible(alarm))
        # One that was removed keeps no alarm open.
        there = alarm.appliance_id is not None and Appliance.objects.filter(pk=alarm.appliance_id).exists()
        item = EventItem(
            type=event_type,
            gateway=str(alarm.gateway_id),
            appliance=str(alarm.appliance_id) if there else None,
            data=orjson.loads(alarm.data) | {"status": status.value},
        )
        # What another machine has noted, by a clock a little ahead, comes before this all the same.
        result = accept_events(alarm.organization_id, [item], max(clock.now(), alarm.changed_at))
        if result.rejected:  # its gateway was removed meanwhile
            raise Impossible(result.rejected[0]["errors"][0]["detail"])
    log.info("alarm changed", alarm=str(alarm.id), status=status.value, who=access.who)
    alarm.refresh_from_db()
    return alarm


def _possible(alarm: Alarm) -> str:
    possible = [what for what, name in CHANGES.items() if alarms.TYPES[name] in alarms.ALLOWED[alarm.status]]
    then = f"possible now: {', '.join(possible)}" if possible else "only its producer can raise it again"
    return f"The alarm is {AlarmStatus(alarm.status).value}; {then}."
