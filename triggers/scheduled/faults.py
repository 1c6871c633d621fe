"""Every minute, raises that were held back and whose faults are still there; and what is known of old faults goes.

The locked rows decide: a second run at the same time passes over what the first one has taken, and later finds nothing
to do. By the database's clock, which all schedulers share.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from celery import shared_task
from django.conf import settings
from django.db import connection, transaction

from portal.lib.database import batch_cursor, database_time
from triggers import faults, rules
from triggers.intake import accept_events
from triggers.items import EventItem
from triggers.matching import configuration

log = structlog.get_logger(__name__)

FAULTS_KEPT = timedelta(seconds=rules.LONGEST_WINDOW) + timedelta(days=1)
"""No rule looks further back."""
CHUNK = 5_000
"""Rows per DELETE."""


@shared_task
def let_ripe_go() -> None:
    let_go(database_time())


@shared_task
def forget_old() -> None:
    forget(database_time())


def let_go(now: datetime) -> int:
    """Send what has held for as long as its rule asks; returns how many. What fails in one organization stops no other.

    An organization with more than fit into one transaction has the others' turn in between.
    """
    total, organizations = 0, _due(now)
    while organizations:
        organization_id = organizations.pop(0)
        try:
            looked_at, gone = _let_go_of(organization_id, now)
        except Exception:
            log.exception("held back faults were not let go", organization=str(organization_id))
            continue
        total += gone
        if looked_at == faults.FIRST:
            organizations.append(organization_id)
    return total


def _let_go_of(organization_id: UUID, now: datetime) -> tuple[int, int]:
    """How many faults were looked at, and how many raises went out."""
    with transaction.atomic(), batch_cursor() as cursor:
        config = configuration(cursor, organization_id)
        looked_at, ripe = faults.let_go(cursor, organization_id, config.occurrence_rules, now, leaves=config.sends)
        items = [
            EventItem(
                type=one.type,
                gateway=str(one.gateway_id),
                appliance=str(one.appliance_id),
                time=one.time,
                data=one.data,
            )
            for one in ripe
        ]
        result = accept_events(organization_id, items, now, decided=True)
    if result.rejected:
        log.warning("a fault that was held back could not be sent", errors=result.rejected[0]["errors"])
    return looked_at, result.accepted


def _due(now: datetime) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute("select distinct organization_id from triggers_fault where until <= %s", [now])
        return [organization_id for (organization_id,) in cursor.fetchall()]


def forget(now: datetime) -> int:
    """Forget closed faults and alarms that no rule and no list asks for any more, and those of devices gone."""
    statements = {
        "delete from triggers_fault where ctid = any(array(select f.ctid from triggers_fault f"
        " where (not f.open and coalesce(f.last_at, '-infinity') < %s)"
        "    or not exists (select from fleet_appliance a where a.id = f.appliance_id) limit %s))": now - FAULTS_KEPT,
        "delete from triggers_alarm where ctid = any(array(select a.ctid from triggers_alarm a"
        " where (a.status in ('', 'closed') and a.changed_at < %s)"
        "    or not exists (select from fleet_gateway g where g.id = a.gateway_id) limit %s))": (
            now - timedelta(days=settings.RETENTION_EVENTS_DAYS)
        ),
    }
    forgotten = 0
    with connection.cursor() as cursor:
        for statement, before in statements.items():
            deleted = CHUNK
            while deleted == CHUNK:
                cursor.execute(statement, [before, CHUNK])
                deleted = cursor.rowcount
                forgotten += deleted
    return forgotten
