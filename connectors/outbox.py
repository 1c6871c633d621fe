"""The life of a delivery: enqueue · claim · record · retry by hand · drop. The only code that moves its state.

Statements per batch, never per row. Due times are the database's clock throughout.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from operator import attrgetter
from time import sleep
from typing import Any, LiteralString
from uuid import UUID

from django.db import transaction
from msgspec import Struct

from connectors import hints, retry
from connectors.message import Outcome
from connectors.models import State
from portal.events import store
from portal.events.store import NewEvent
from portal.lib import arrays
from portal.lib.database import Cursor, batch_cursor
from portal.lib.uuid7 import uuid7s

DROP_CHUNK = 5000
"""Rows moved per transaction when a connector's waiting deliveries are dropped."""
MOST_ATTEMPTS = 32_767
"""Where the count of attempts ends: its column holds no more, and whoever retries by hand for ever gets there."""
LOOK_AGAIN_SECONDS = 0.02
"""Pause before rows are looked at again that the recorder was writing: its transactions are this short."""


class NotFound(LookupError):
    """There is no such delivery in this organization."""


class NotKept(LookupError):
    """The delivery's event is no longer kept, so there is nothing to send again."""


class ConnectorGone(LookupError):
    """The delivery's connector was deleted."""


# enqueue

_ENQUEUE = f"""
with stored as ({store.ADD_EVENTS})
insert into connectors_waiting
       (organization_id, id, connector_id, event_id, event_type, company_id, gateway_id, attempts, next_at)
select %b, u.id, u.connector_id, u.event_id, u.event_type, u.company_id, u.gateway_id, 0, now()
  from unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::text[], %b::uuid[], %b::uuid[])
       u(id, connector_id, event_id, event_type, company_id, gateway_id)
"""  # noqa: S608 - both halves are this project's own


def enqueue(
    cursor: Cursor, organization_id: UUID, events: Sequence[NewEvent], pairs: Sequence[tuple[NewEvent, UUID]]
) -> None:
    """Store new events and put (event, connector) pairs into the waiting table.

    One statement: outside a transaction it is one by itself, and costs no more than that.
    """
    if events:
        parameters = [*store.columns(organization_id, events), organization_id, *_columns(pairs)]
        cursor.execute(_ENQUEUE, parameters)


_DROP_NEW = """
insert into connectors_delivery (organization_id, id, connector_id, event_id, event_type, company_id, gateway_id,
       state, attempts, last_error, finished_at)
select %b, u.id, u.connector_id, u.event_id, u.event_type, u.company_id, u.gateway_id, %b, 0, %b, clock_timestamp()
  from unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::text[], %b::uuid[], %b::uuid[])
       u(id, connector_id, event_id, event_type, company_id, gateway_id)
"""


def drop_new(cursor: Cursor, organization_id: UUID, pairs: Sequence[tuple[NewEvent, UUID]], reason: str) -> None:
    """List (event, connector) pairs as dropped, which were never to be sent, in the caller's transaction."""
    if pairs:
        cursor.execute(_DROP_NEW, [organization_id, State.DROPPED, reason, *_columns(pairs)])


def _columns(pairs: Sequence[tuple[NewEvent, UUID]]) -> list[arrays.Array]:
    return [
        arrays.uuids(uuid7s(len(pairs))),
        arrays.uuids([connector_id for _, connector_id in pairs]),
        arrays.uuids([event.id for event, _ in pairs]),
        arrays.texts([event.type for event, _ in pairs]),
        arrays.uuids([event.company_id for event, _ in pairs]),
        arrays.uuids([event.gateway_id for event, _ in pairs]),
    ]


# claim


class Position(Struct, frozen=True, kw_only=True):
    """How far a connector's due deliveries have been read: the last row's due time and id."""

    next_at: datetime
    id: UUID


class Probe(Struct, frozen=True, kw_only=True):
    """Ask for up to `limit` due deliveries of a connector, from behind `after` on, or from the start.

    Of an ordered connector, the first of each gateway among its first `limit` is asked for; `after` plays no part.
    """

    connector_id: UUID
    organization_id: UUID
    limit: int
    after: Position | None = None
    ordered: bool = False


class Due(Struct, frozen=True, kw_only=True, gc=False):
    """A delivery that is due. `attempts` have been made; `crashes` workers died while they made its message."""

    id: UUID
    organization_id: UUID
    connector_id: UUID
    event_id: UUID
    attempts: int
    next_at: datetime
    crashes: int


class Claim(Struct, frozen=True, kw_only=True):
    """What was due for one probe, in the order of the due times, and the database's time of the look."""

    probe: Probe
    dues: list[Due]
    read_at: datetime | None


_CLAIM = """
select u.n, w.id, w.event_id, w.attempts, w.next_at, w.crashes, now()
  from unnest(%b::uuid[], %b::int[], %b::timestamptz[], %b::uuid[]) with ordinality u(connector_id, k, next_at, id, n)
 cross join lateral (select * from connectors_waiting
                      where connector_id = u.connector_id and next_at <= now() and (next_at, id) > (u.next_at, u.id)
                        and (hold_until is null or hold_until <= now())
                      order by next_at, id limit u.k) w
"""
_CLAIM_IN_ORDER = """
select u.n, h.id, h.event_id, h.attempts, h.next_at, h.crashes, now()
  from unnest(%b::uuid[], %b::int[]) with ordinality u(connector_id, k, n)
 cross join lateral (select distinct on (gateway_id) *
                       from (select * from connectors_waiting
                              where connector_id = u.connector_id and next_at <= now()
                              order by next_at, id limit u.k) line
                      order by gateway_id, next_at, id) h
 where h.hold_until is null or h.hold_until <= now()
"""
_LONG_AGO = datetime.fromisoformat("2000-01-01T00:00:00+00:00")
_ZERO = UUID(int=0)
_BODIES = """
select e.id, e.body
  from unnest(%b::uuid[], %b::uuid[]) u(organization_id, id)
  join events_event e on e.organization_id = u.organization_id and e.id = u.id
 where e.id between %b and %b
"""
"""The bounds say the same again, and keep the partitions of other days out: opening each costs more than the rows."""


def claim(cursor: Cursor, probes: Sequence[Probe]) -> list[Claim]:
    """Due deliveries of these connectors. Writes nothing: the shards' owner is the only reader."""
    free = [probe for probe in probes if not probe.ordered]
    claims = []
    if free:
        columns: list[list[Any]] = [
            [probe.connector_id for probe in free],
            [probe.limit for probe in free],
            [probe.after.next_at if probe.after else _LONG_AGO for probe in free],
            [probe.after.id if probe.after else _ZERO for probe in free],
        ]
        claims += _claim(cursor, _CLAIM, columns, free)
    if len(free) < len(probes):
        ordered = [probe for probe in probes if probe.ordered]
        columns = [[probe.connector_id for probe in ordered], [probe.limit for probe in ordered]]
        claims += _claim(cursor, _CLAIM_IN_ORDER, columns, ordered)
    return claims


def _claim(cursor: Cursor, statement: LiteralString, columns: list[list[Any]], probes: list[Probe]) -> list[Claim]:
    dues: list[list[Due]] = [[] for _ in probes]
    read_at = None
    for number, id_, event_id, attempts, next_at, crashes, read_at in cursor.execute(statement, columns, binary=True):  # noqa: B007
        probe = probes[number - 1]
        dues[number - 1].append(
            Due(
                id=id_,
                organization_id=probe.organization_id,
                connector_id=probe.connector_id,
                event_id=event_id,
                attempts=attempts,
                next_at=next_at,
                crashes=crashes,
            )
        )
    return [Claim(probe=probe, dues=found, read_at=read_at) for probe, found in zip(probes, dues, strict=True)]


def bodies(cursor: Cursor, events: Collection[tuple[UUID, UUID]]) -> dict[UUID, str]:
    """The event documents' texts of these (organization, event) ids; an event that is no longer kept is missing."""
    if not events:
        return {}
    organizations, ids = zip(*events, strict=True)
    cursor.execute(_BODIES, [list(organizations), list(ids), min(ids), max(ids)], binary=True)
    return dict(cursor.fetchall())


# record


class Result(Struct, frozen=True, kw_only=True, gc=False):
    """What one attempt came to, and what that means for its delivery.

    `shard` and `epoch` are those under which the delivery was claimed: they decide whether this may be recorded.
    `delay` in seconds until the next try, only for `retry`; `in_line` when it keeps its place in the line meanwhile,
    as an ordered connector's does. `rests` are the seconds for which its breaker leaves the endpoint alone. `together`
    is how many deliveries the request held.
    """

    due: Due
    shard: int
    epoch: int
    request_id: UUID
    started_at: datetime
    outcome: Outcome
    request_head: str
    request_digest: bytes
    state: retry.State
    delay: float
    in_line: bool
    rests: float
    together: int = 1

    @property
    def number(self) -> int:
        return min(self.due.attempts + 1, MOST_ATTEMPTS)


_FENCE = """
select s.id, s.epoch from connectors_shard s
  join unnest(%b::int[], %b::bigint[]) u(id, epoch) on s.id = u.id and s.epoch = u.epoch
 where s.owner = %b
   for share of s
"""
_ATTEMPT_COLUMNS = """delivery_id, number, organization_id, connector_id, request_id, started_at, duration_ms,
       status, error, detail, request_head, request_digest, response_head, response_body, truncated"""
_ATTEMPT_TYPES = (
    *("uuid", "int2", "uuid", "uuid", "uuid", "timestamptz", "float8"),
    *("int2", "text", "text", "text", "bytea", "text", "text", "bool"),
)
_COPY_ATTEMPTS = f"copy connectors_attempt ({_ATTEMPT_COLUMNS}) from stdin (format binary)"
_ATTEMPTS = f"""
insert into connectors_attempt ({_ATTEMPT_COLUMNS})
select * from unnest({", ".join(f"%b::{name}[]" for name in _ATTEMPT_TYPES)})
    on conflict do nothing
"""  # noqa: S608 - our own names
_FINISH = """
with ended as (
    delete from connectors_waiting w
     using unnest(%b::uuid[], %b::uuid[], %b::text[], %b::int2[], %b::int2[], %b::text[])
           r(organization_id, id, state, attempts, status, error)
     where w.organization_id = r.organization_id and w.id = r.id
 returning w.organization_id, w.id, w.connector_id, w.event_id, w.event_type, w.company_id, w.gateway_id,
           r.state, r.attempts, r.status, r.error)
insert into connectors_delivery (organization_id, id, connector_id, event_id, event_type, company_id, gateway_id,
       state, attempts, last_status, last_error, finished_at)
select ended.*, clock_timestamp() from ended
"""
_FINISH_AGAIN = _FINISH + "    on conflict do nothing"
_RETRY = """
update connectors_waiting w
   set attempts = r.attempts, crashes = 0, last_status = r.status, last_error = r.error,
       next_at = case when r.in_line then w.next_at else clock_timestamp() + make_interval(secs => r.delay) end,
       hold_until = case when r.in_line then clock_timestamp() + make_interval(secs => r.delay) end
  from unnest(%b::uuid[], %b::uuid[], %b::int2[], %b::float8[], %b::bool[], %b::int2[], %b::text[])
       r(organization_id, id, attempts, delay, in_line, status, error)
 where w.organization_id = r.organization_id and w.id = r.id
"""
_HEALTH = """
insert into connectors_connectorhealth as h (connector_id, organization_id, last_attempt_at, last_status, last_error,
       last_success_at, failures_in_a_row, failing_since, resting_until)
select u.connector_id, u.organization_id, u.at, u.status, u.error, u.succeeded_at, u.failures, u.failing_since,
       case when u.rests > 0 then clock_timestamp() + make_interval(secs => u.rests) end
  from unnest(%b::uuid[], %b::uuid[], %b::timestamptz[], %b::int2[], %b::text[], %b::timestamptz[], %b::int[],
              %b::timestamptz[], %b::float8[])
       u(connector_id, organization_id, at, status, error, succeeded_at, failures, failing_since, rests)
    on conflict (connector_id) do update
   set last_attempt_at = excluded.last_attempt_at, last_status = excluded.last_status,
       last_error = excluded.last_error, last_success_at = coalesce(excluded.last_success_at, h.last_success_at),
       failures_in_a_row = excluded.failures_in_a_row
           + case when excluded.last_success_at is null then h.failures_in_a_row else 0 end,
       failing_since = case when excluded.last_success_at is null
                            then coalesce(h.failing_since, excluded.failing_since) else excluded.failing_since end,
       resting_until = excluded.resting_until
"""
_HOURS = """
insert into connectors_connectorhour as h (connector_id, hour, organization_id, attempts, delivered, failed)
select u.connector_id, date_trunc('hour', now()), u.organization_id, u.attempts, u.delivered, u.failed
  from unnest(%b::uuid[], %b::uuid[], %b::int[], %b::int[], %b::int[])
       u(connector_id, organization_id, attempts, delivered, failed)
    on conflict (connector_id, hour) do update
   set attempts = h.attempts + excluded.attempts, delivered = h.delivered + excluded.delivered,
       failed = h.failed + excluded.failed
"""


_ENDS = {"delivered": State.DELIVERED, "expired": State.DROPPED}


def record(cursor: Cursor, owner: UUID, results: Sequence[Result], *, again: bool = False) -> list[Result]:
    """Write what came of these attempts, in one transaction, and return those that counted.

    Only results whose shard is still this owner's under the same epoch count: a late owner's change nothing. The
    fence's row locks hold a take-over back until the commit.

    Raises UniqueViolation when some of it is recorded already, as after a commit whose confirmation was lost; then
    `again` passes over that. It is not the ordinary way because it costs the database half as much again.
    """
    claimed_under = {(result.shard, result.epoch) for result in results}
    with transaction.atomic():
        cursor.execute(_FENCE, [[s for s, _ in claimed_under], [e for _, e in claimed_under], owner])
        still_ours = set(cursor.fetchall())
        ours = [result for result in results if (result.shard, result.epoch) in still_ours]
        if ours:
            _record_attempts(cursor, ours, again=again)
            _finish(cursor, [result for result in ours if result.state != "retry"], again=again)
            _put_off(cursor, [result for result in ours if result.state == "retry"])
            _record_health(cursor, ours)
    return ours


def _record_attempts(cursor: Cursor, results: Sequence[Result], *, again: bool) -> None:
    rows = [
        (
            r.due.id,
            r.number,
            r.due.organization_id,
            r.due.connector_id,
            r.request_id,
            r.started_at,
            r.outcome.duration * 1000,
            r.outcome.status,
            r.outcome.error,
            r.outcome.detail or (f"One of {r.together} events in this request." if r.together > 1 else ""),
            r.request_head,
            r.request_digest,
            _head(r.outcome),
            _text(r.outcome.body),
            r.outcome.truncated,
        )
        for r in results
    ]
    if again:
        cursor.execute(_ATTEMPTS, [list(column) for column in zip(*rows, strict=True)])
        return
    with cursor.copy(_COPY_ATTEMPTS) as copy:
        copy.set_types(_ATTEMPT_TYPES)
        for row in rows:
            copy.write_row(row)


def _finish(cursor: Cursor, results: Sequence[Result], *, again: bool) -> None:
    if not results:
        return
    cursor.execute(
        _FINISH_AGAIN if again else _FINISH,
        [
            arrays.uuids([r.due.organization_id for r in results]),
            arrays.uuids([r.due.id for r in results]),
            [_ENDS.get(r.state, State.FAILED) for r in results],
            [r.number for r in results],
            [r.outcome.status for r in results],
            [r.outcome.error for r in results],
        ],
    )


def _put_off(cursor: Cursor, results: Sequence[Result]) -> None:
    if not results:
        return
    cursor.execute(
        _RETRY,
        [
            arrays.uuids([r.due.organization_id for r in results]),
            arrays.uuids([r.due.id for r in results]),
            [r.number for r in results],
            [r.delay for r in results],
            [r.in_line for r in results],
            [r.outcome.status for r in results],
            [r.outcome.error for r in results],
        ],
    )


class _Tally:
    """What a batch says of one connector."""

    __slots__ = ("attempts", "delivered", "failed", "failing_since", "last", "last_delivered", "since_success")

    def __init__(self) -> None:
        self.attempts = self.delivered = self.failed = self.since_success = 0
        self.last_delivered: datetime | None = None
        self.failing_since: datetime | None = None

    def add(self, result: Result) -> None:
        self.attempts += 1
        self.last = result
        if result.state == "delivered":
            self.delivered += 1
            self.since_success = 0
            self.last_delivered, self.failing_since = result.started_at, None
        elif result.state != "expired":
            self.since_success += 1
            self.failing_since = self.failing_since or result.started_at
            self.failed += result.state != "retry"


def _record_health(cursor: Cursor, results: Sequence[Result]) -> None:
    """One row per connector of the batch, in the order of their ids so that two recorders cannot deadlock."""
    tallies: dict[UUID, _Tally] = {}
    for result in sorted(results, key=attrgetter("started_at")):
        tally = tallies.get(result.due.connector_id)
        if tally is None:
            tallies[result.due.connector_id] = tally = _Tally()
        tally.add(result)
    rows = [(key, tallies[key], tallies[key].last) for key in sorted(tallies)]
    organizations = [last.due.organization_id for _, _, last in rows]
    cursor.execute(
        _HEALTH,
        [
            [connector_id for connector_id, _, _ in rows],
            organizations,
            [last.started_at for _, _, last in rows],
            [last.outcome.status for _, _, last in rows],
            [last.outcome.error for _, _, last in rows],
            [tally.last_delivered for _, tally, _ in rows],
            [tally.since_success for _, tally, _ in rows],
            [tally.failing_since for _, tally, _ in rows],
            [last.rests for _, _, last in rows],
        ],
    )
    cursor.execute(
        _HOURS,
        [
            [connector_id for connector_id, _, _ in rows],
            organizations,
            [tally.attempts for _, tally, _ in rows],
            [tally.delivered for _, tally, _ in rows],
            [tally.failed for _, tally, _ in rows],
        ],
    )


def _head(outcome: Outcome) -> str:
    return "\n".join(f"{name}: {value}" for name, value in outcome.headers).replace("\x00", "�")


def _text(body: bytes) -> str:
    """A partner's answer as text that PostgreSQL can hold: bytes that are no UTF-8 show as escapes."""
    return body.decode("utf-8", "backslashreplace").replace("\x00", "�")


# by hand

_BACK = """
with back as (
    delete from connectors_delivery where organization_id = %b and id = %b
 returning organization_id, id, connector_id, event_id, event_type, company_id, gateway_id, attempts,
           last_status, last_error)
insert into connectors_waiting (organization_id, id, connector_id, event_id, event_type, company_id, gateway_id,
       attempts, last_status, last_error, next_at)
select back.*, now() from back
returning connector_id
"""
_NOW = """
update connectors_waiting set next_at = least(next_at, now()), hold_until = null
 where organization_id = %b and id = %b returning connector_id
"""
_KEPT = """
select exists (select from events_event where organization_id = d.organization_id and id = d.event_id),
       exists (select from connectors_connector where id = d.connector_id)
  from connectors_delivery d where d.organization_id = %b and d.id = %b
"""


def retry_now(organization_id: UUID, delivery_id: UUID) -> None:
    """Try a delivery again at once, whatever its state; the attempt count goes on.

    Raises NotFound, NotKept or ConnectorGone, and changes nothing then.
    """
    ids = [organization_id, delivery_id]
    with transaction.atomic(), batch_cursor() as cursor:
        row = cursor.execute(_NOW, ids).fetchone()
        if row is None:
            _check_kept(cursor, ids)
            # Where somebody else brought it back at the same moment, it waits by now.
            row = cursor.execute(_BACK, ids).fetchone() or cursor.execute(_NOW, ids).fetchone()
        if row is None:
            raise NotFound
        connector_id: UUID = row[0]
        transaction.on_commit(lambda: hints.publish({connector_id}))


def _check_kept(cursor: Cursor, ids: list[UUID]) -> None:
    """Raises NotKept or ConnectorGone for a finished delivery; where there is none, the caller finds out."""
    kept, connector_is_there = cursor.execute(_KEPT, ids).fetchone() or (True, True)
    if not kept:
        raise NotKept
    if not connector_is_there:
        raise ConnectorGone


_DROP = """
with dropped as (
    delete from connectors_waiting where ctid = any(array(
           select ctid from connectors_waiting where connector_id = %b
            order by next_at, id limit %b for update skip locked))
 returning organization_id, id, connector_id, event_id, event_type, company_id, gateway_id, attempts, last_status)
insert into connectors_delivery (organization_id, id, connector_id, event_id, event_type, company_id, gateway_id,
       attempts, last_status, state, last_error, finished_at)
select dropped.*, %b, %b, clock_timestamp() from dropped
    on conflict do nothing
"""


def drop_waiting(connector_id: UUID, reason: str, still: Callable[[], bool] | None = None) -> int:
    """Move what waits for a connector to the history as `dropped`, in chunks; returns how many.

    Call it when nothing new can be enqueued any more: the connector is disabled, about to be deleted, or paused so that
    it drops; `still` is then asked before each chunk whether to go on. Rows that the recorder is writing at the moment
    are passed over and looked at again: waiting for them would be a deadlock, in which the recorder may be the one to
    lose.
    """
    total = 0
    while still is None or still():
        with transaction.atomic(), batch_cursor() as cursor:
            cursor.execute(_DROP, [connector_id, DROP_CHUNK, State.DROPPED, reason])
            moved = cursor.rowcount
        total += moved
        if moved == 0:
            if not waiting_count([connector_id]):
                return total
            sleep(LOOK_AGAIN_SECONDS)
    return total


_ORPHANED = """
select distinct w.connector_id from connectors_waiting w
 where not exists (select from connectors_connector c where c.id = w.connector_id)
"""


def drop_orphans() -> int:
    """Drop what waits for connectors that are no longer there; returns how many.

    An intake call under way when a connector is deleted may commit after the deletion is over. What it put there
    belongs to no worker, and would wait for ever.
    """
    with batch_cursor() as cursor:
        connector_ids = [connector_id for (connector_id,) in cursor.execute(_ORPHANED)]
    return sum(drop_waiting(connector_id, "The connector was deleted.") for connector_id in connector_ids)


def waiting_count(connector_ids: Iterable[UUID]) -> dict[UUID, int]:
    """How many deliveries wait for each of these connectors; a connector with none is left out."""
    with batch_cursor() as cursor:
        cursor.execute(
            "select connector_id, count(*) from connectors_waiting where connector_id = any(%b::uuid[]) group by 1",
            [list(connector_ids)],
        )
        return dict(cursor.fetchall())
