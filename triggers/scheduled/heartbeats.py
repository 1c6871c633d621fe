"""The heartbeat of a connector that asks for one: how much waits there, for how long, and when it last went well.

Counting what waits is the work of it, which is why a connector's heartbeat does not come more often than each half
minute. A connector that is paused or switched off has none.
"""

from __future__ import annotations

from typing import Any

from portal.lib import clock
from portal.lib.database import Cursor
from triggers import moments
from triggers.intake import accept_events
from triggers.items import EventItem
from triggers.models import BY_THE_CLOCK, TriggerKind
from triggers.moments import ClockTrigger, Window

_DUE = f"select {moments.DUE.format(id='%(connector)b::uuid')}"
# A delivery's id is of version 7: it tells when it was made.
_STATE = """
select count(*), extract(epoch from clock_timestamp() - min(uuid_extract_timestamp(w.id)))::float8,
       (select last_success_at from connectors_connectorhealth where connector_id = %(connector)b)
  from connectors_waiting w
 where w.connector_id = %(connector)b
"""


def make(cursor: Cursor, trigger: ClockTrigger, due: Window) -> int:
    """Store and send the heartbeat if its moment is in this window; returns how many that are."""
    connector = {"connector": trigger.connector_id}
    if not next(cursor.execute(_DUE, {**due.parameters(trigger), **connector}))[0]:
        return 0
    waiting, age, last_success_at = next(cursor.execute(_STATE, connector))
    data: dict[str, Any] = {"connector_id": str(trigger.connector_id), "waiting": waiting}
    if age is not None:
        data["oldest_waiting_age_s"] = round(max(0.0, age), 3)
    if last_success_at is not None:
        data["last_success_at"] = clock.rfc3339(last_success_at)
    item = EventItem(type=BY_THE_CLOCK[TriggerKind.HEARTBEAT], time=due.end, data=data)
    return accept_events(trigger.organization_id, [item], due.end, to=trigger.connector_id).accepted
