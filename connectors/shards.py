"""Who owns which slice of the connectors: lease, renewal, fair shares, take-over.

A worker's lease is one row on the database's clock. A shard whose owner's lease has run out is free for the others;
taking it raises its epoch, and that fences whatever the former owner still has to record.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from connectors.models import SHARDS
from portal.lib import clock
from portal.lib.database import Cursor
from portal.lib.uuid7 import uuid7

LEASE_SECONDS = 9
RENEW_SECONDS = 2.0
"""A dead worker's shards are in other hands after at most LEASE_SECONDS + RENEW_SECONDS."""

CAREFUL_SECONDS = 60
"""For how long a shard's new owner makes messages on trial first, when the former owner died (see quarantine)."""


def join(cursor: Cursor, name: str) -> UUID:
    """Become a worker: a new id with a fresh lease. Rows of workers long dead are cleared away."""
    worker_id = uuid7()
    cursor.execute("delete from connectors_deliveryworker where lease_until < now() - interval '1 hour'")
    cursor.execute(
        "insert into connectors_deliveryworker (id, name, started_at, lease_until) "
        "values (%b, %b, now(), now() + make_interval(secs => %b))",
        [worker_id, name, float(LEASE_SECONDS)],
    )
    return worker_id


_RENEW = """
update connectors_deliveryworker
   set lease_until = now() + make_interval(secs => %b), clock_ahead = extract(epoch from %b - clock_timestamp())
 where id = %b
returning clock_timestamp()
"""


def renew(cursor: Cursor, worker_id: UUID) -> datetime | None:
    """Extend the lease, and note how this machine's clock goes; returns the database's time.

    None when the worker's row is gone and it has to join anew.
    """
    row = cursor.execute(_RENEW, [float(LEASE_SECONDS), clock.now(), worker_id]).fetchone()
    return row[0] if row else None


def owned(cursor: Cursor, worker_id: UUID) -> dict[int, int]:
    """The worker's shards with their epochs, as the database has them."""
    cursor.execute("select id, epoch from connectors_shard where owner = %b", [worker_id])
    return dict(cursor.fetchall())


_TAKE = """
with free as materialized (
    select s.id, s.epoch from connectors_shard s
     where not exists (select from connectors_deliveryworker w where w.id = s.owner and w.lease_until > now())
     order by s.id limit %b)
update connectors_shard
   set owner = %b, epoch = epoch + 1,
       careful_until = case when owner is null then careful_until else now() + make_interval(secs => %b) end
 where id in (select s.id from connectors_shard s join free on s.id = free.id and s.epoch = free.epoch
                 for update of s skip locked)
"""
"""The epoch is compared once more under the row's lock: who was the first to commit since has raised it. The lease
alone would not do: a locked row is judged anew, but beside the workers that the statement saw when it began."""


def careful(cursor: Cursor, worker_id: UUID) -> frozenset[int]:
    """The worker's shards whose former owner died a short while ago."""
    cursor.execute("select id from connectors_shard where owner = %b and careful_until > now()", [worker_id])
    return frozenset(row[0] for row in cursor.fetchall())


def fair_share(cursor: Cursor) -> int:
    """How many shards one of the workers alive now should own, of those that stay: an even share, rounded up."""
    cursor.execute("select count(*) from connectors_deliveryworker where lease_until > now() and not leaving")
    row = cursor.fetchone()
    return -(-SHARDS // max(1, row[0] if row else 1))


def take(cursor: Cursor, worker_id: UUID, wanted: int) -> None:
    """Take up to `wanted` shards whose owner is none or dead."""
    if wanted > 0:
        with transaction.atomic():
            cursor.execute(_TAKE, [wanted, worker_id, float(CAREFUL_SECONDS)])


def release(cursor: Cursor, worker_id: UUID, shard_ids: list[int]) -> None:
    """Give shards up, once nothing of theirs is in flight or unrecorded."""
    cursor.execute(
        "update connectors_shard set owner = null where owner = %b and id = any(%b::int[])", [worker_id, shard_ids]
    )


def announce_leaving(cursor: Cursor, worker_id: UUID) -> None:
    """From now on the others share out what this worker releases."""
    cursor.execute("update connectors_deliveryworker set leaving = true where id = %b and not leaving", [worker_id])


def leave(cursor: Cursor, worker_id: UUID) -> None:
    """Give everything up: the others take over at their next renewal."""
    with transaction.atomic():
        cursor.execute("update connectors_shard set owner = null where owner = %b", [worker_id])
        cursor.execute("delete from connectors_deliveryworker where id = %b", [worker_id])
