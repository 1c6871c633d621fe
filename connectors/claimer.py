"""The claimer: reads due deliveries ahead of the lanes, and keeps the lanes' configuration fresh.

One thread, one connection, short SELECTs, no claim is ever written: the shard's owner is the only reader. What was
handed to the lanes is held in memory until it is recorded, so that it is not read twice.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Collection, Iterable
from datetime import timedelta
from time import monotonic
from uuid import UUID

import structlog

from connectors import outbox, quarantine
from connectors.dispatch import EventText, NotSendable, Target, target_of
from connectors.lanes import Lanes
from connectors.making import Work
from connectors.models import Connector, shard_of
from connectors.outbox import Claim, Due, Position, Probe
from portal.lib.crypto import SecretUnreadable
from portal.lib.database import Cursor
from portal.tenants import scope

RESCAN_SECONDS = 2.0
"""How often every connector is probed from the start: for retries that come due and hints that were lost."""
CONFIG_SECONDS = 0.4
"""How often the configuration's versions are compared: a change takes effect within a second."""
READ_AHEAD = 2000
"""Deliveries held per connector: enough for the fastest partner while a claim and a record run. More are read once
half of them are recorded, so that a claim is worth its statements."""
HELD_IN_ALL = 20_000
"""Deliveries held over all connectors: with many busy ones, each gets less read-ahead."""
LEAST_AHEAD = 50
CONNECTOR_BYTES = 4_000_000
"""Text of the events held per connector, about: where events are large, fewer are held."""
BYTES_IN_ALL = 64_000_000
"""Text of the events held over all connectors, about."""
UNKNOWN_SIZE = 20_000
"""Bytes that an event is taken to have before the connector's first ones are read."""
LATE_COMMIT = timedelta(seconds=2)
"""A row may become visible this much after its due time, when its transaction commits late."""
TEXTS = 2000
"""Events kept, so that one for five connectors is read and rendered once although their claims fall apart."""
SMALL_TEXT = 4096
"""Characters up to which an event is kept so: a common one has a few hundred."""

log = structlog.get_logger(__name__)


class Claimer:
    """`hint`, `forget`, `own` and `holds` may be called from any thread; `round` belongs to one."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self.wake = threading.Event()
        self._lock = threading.Lock()
        self._hinted: set[UUID] = set()
        self._forgotten: deque[Due] = deque()
        self._wanted: dict[int, int] = {}
        self._epochs: dict[int, int] = {}
        self._versions: dict[UUID, int] = {}
        self._targets: dict[UUID, Target] = {}
        self._held: dict[UUID, set[UUID]] = {}
        self._positions: dict[UUID, Position] = {}
        self._more: set[UUID] = set()
        self._mean_size: dict[UUID, int] = {}
        self._texts: OrderedDict[UUID, EventText] = OrderedDict()
        self._careful: frozenset[int] = frozenset()
        self._next_config = self._next_rescan = 0.0

    def hint(self, connector_ids: Iterable[UUID]) -> None:
        """These connectors may have new work."""
        with self._lock:
            self._hinted.update(connector_ids)
        self.wake.set()

    def forget(self, dues: Collection[Due]) -> None:
        """These are recorded, or were given back: they may be read again, if they are still there."""
        self._forgotten.extend(dues)
        self.wake.set()

    def own(self, epochs: dict[int, int], careful: frozenset[int] = frozenset()) -> None:
        """From now on, these shards with their epochs are this worker's to deliver; the careful ones on trial."""
        self._careful = careful
        self._wanted = epochs
        self.wake.set()

    def follows(self, epochs: dict[int, int]) -> bool:
        """Whether what it was told to own is what it claims for, and the lanes have been told."""
        return self._epochs == epochs

    def holds(self, shard: int) -> bool:
        """Whether anything of this shard is still queued, in flight or unrecorded."""
        return shard in self._epochs or any(shard_of(connector_id) == shard for connector_id in list(self._held))

    def end(self) -> None:
        """Claim nothing any more; for whoever asks `holds` from now on, once the thread of `round` has ended."""
        self._epochs = {}
        self._drop_forgotten()

    def seconds_to_next(self) -> float:
        return max(0.0, min(self._next_config, self._next_rescan) - monotonic())

    def round(self, cursor: Cursor) -> None:
        """One look: configuration when it is due, then claims for the connectors that may have work."""
        self._refresh(cursor)
        self._drop_forgotten()
        hungry = self._hungry()
        probes = [probe for connector_id in hungry if (probe := self._probe(connector_id))]
        if probes:
            self._claim(cursor, probes)

    # configuration

    def _refresh(self, cursor: Cursor) -> None:
        """Everything that is remembered here is remembered last: after a database fault it is all done again."""
        wanted = self._wanted
        moved = wanted != self._epochs
        if not moved and monotonic() < self._next_config:
            return
        self._next_config = monotonic() + CONFIG_SECONDS
        cursor.execute("select organization_id, version from tenants_configversion")
        versions: dict[UUID, int] = dict(cursor.fetchall())
        changed = {key for key, version in versions.items() if self._versions.get(key) != version}
        if moved or changed:
            self._load(wanted, None if moved else changed)
            self._epochs, self._versions = wanted, versions

    def _load(self, epochs: dict[int, int], organizations: set[UUID] | None) -> None:
        """Make ready the connectors of these shards, of these organizations or of all (None).

        What the lanes hold under an epoch that is over comes back from them: sent, it could not be recorded.
        """
        with scope.every_organization():
            rows = Connector.objects.filter(shard__in=list(epochs))
            rows = rows.select_related("organization", "company", "own_retry_policy")
            if organizations is not None:
                rows = rows.filter(organization_id__in=organizations)
            targets = {connector.id: _ready(connector) for connector in rows.prefetch_related("signing_secrets")}
        kept = {connector_id: target for connector_id, target in targets.items() if target is not None}
        gone = [
            connector_id
            for connector_id, target in self._targets.items()
            if connector_id not in kept and (organizations is None or target.organization_id in organizations)
        ]
        renewed = [
            connector_id
            for connector_id in kept.keys() & self._targets.keys()
            if epochs[kept[connector_id].shard] != self._epochs.get(kept[connector_id].shard)
        ]
        for connector_id in gone:
            del self._targets[connector_id]
            self._positions.pop(connector_id, None)
            self._mean_size.pop(connector_id, None)
            self._more.discard(connector_id)
        self._targets.update(kept)
        self._lanes.retarget(kept, [*gone, *renewed])
        self._positions.clear()
        self._next_rescan = 0.0

    # claims

    def _drop_forgotten(self) -> None:
        """Only here, before a claim: one that began before the record's commit may still have seen the row."""
        touched: dict[UUID, set[UUID]] = {}
        connector_id, held = None, None
        while self._forgotten:
            due = self._forgotten.popleft()
            if due.connector_id is not connector_id:  # neighbours mostly share it, and the very object
                connector_id = due.connector_id
                held = self._held.get(connector_id)
                if held is not None:
                    touched[connector_id] = held
            if held is not None:
                held.discard(due.id)
        for connector_id, held in touched.items():
            if not held:
                del self._held[connector_id]
        with self._lock:
            self._hinted |= touched.keys() & self._more

    def _hungry(self) -> set[UUID]:
        """Taken before the claim is made, so that a hint during the claim counts for the next one."""
        with self._lock:
            hungry, self._hinted = self._hinted, set()
        if monotonic() >= self._next_rescan:
            self._next_rescan = monotonic() + RESCAN_SECONDS
            self._positions.clear()
            hungry = set(self._targets)
        return hungry

    def _probe(self, connector_id: UUID) -> Probe | None:
        target = self._targets.get(connector_id)
        if target is None or not target.enabled:
            return None
        ahead = self._ahead(connector_id)
        after = self._positions.get(connector_id)
        held = len(self._held.get(connector_id, ()))
        if held > ahead // 2 and not target.ordered:
            self._more.add(connector_id)
            return None
        return Probe(
            connector_id=connector_id,
            organization_id=target.organization_id,
            # From the start, what is held comes first and is read once more.
            limit=ahead if after is None else ahead - held,
            after=after,
            ordered=target.ordered,
        )

    def _ahead(self, connector_id: UUID) -> int:
        """How many deliveries of this connector may be held."""
        busy = max(1, len(self._held))
        text = min(CONNECTOR_BYTES, BYTES_IN_ALL // busy)
        return min(
            READ_AHEAD,
            max(LEAST_AHEAD, HELD_IN_ALL // busy),
            max(1, text // self._mean_size.get(connector_id, UNKNOWN_SIZE)),
        )

    def _claim(self, cursor: Cursor, probes: list[Probe]) -> None:
        claims = outbox.claim(cursor, probes)
        new: list[Due] = []
        for claim in claims:
            held = self._held.get(claim.probe.connector_id)
            new += [due for due in claim.dues if due.id not in held] if held else claim.dues
        works = self._works(cursor, new)
        if self._careful:
            works = quarantine.tried(cursor, works, self._targets, self._careful)
        # From here on nothing fails: what counts as held is in the lanes, or it would never be sent.
        for claim in claims:
            self._move_on(claim)
        for due in new:
            self._held.setdefault(due.connector_id, set()).add(due.id)
        if works:
            self._lanes.deliver(works)

    def _move_on(self, claim: Claim) -> None:
        """Remember where to read on: behind the last row while there is more, else a little before now.

        Of an ordered connector, there is more as long as something is held: the next in a gateway's line.
        """
        connector_id = claim.probe.connector_id
        if claim.probe.ordered:
            self._more.add(connector_id)
        elif len(claim.dues) >= claim.probe.limit:
            self._more.add(connector_id)
            self._positions[connector_id] = Position(next_at=claim.dues[-1].next_at, id=claim.dues[-1].id)
        else:
            self._more.discard(connector_id)
            if claim.read_at is not None:
                self._positions[connector_id] = Position(next_at=claim.read_at - LATE_COMMIT, id=UUID(int=0))

    def _works(self, cursor: Cursor, dues: list[Due]) -> list[Work]:
        missing = {(due.organization_id, due.event_id) for due in dues if due.event_id not in self._texts}
        read = {event_id: EventText(body) for event_id, body in outbox.bodies(cursor, missing).items()}
        works = []
        sizes: dict[UUID, list[int]] = {}
        for due in dues:
            shard = self._targets[due.connector_id].shard
            event = read.get(due.event_id) or self._texts.get(due.event_id)
            works.append(Work(due=due, event=event, shard=shard, epoch=self._epochs[shard]))
            sizes.setdefault(due.connector_id, []).append(len(event.text) if event else 1)
        self._mean_size.update({key: max(1, sum(each) // len(each)) for key, each in sizes.items()})
        self._texts.update({key: event for key, event in read.items() if len(event.text) <= SMALL_TEXT})
        while len(self._texts) > TEXTS:
            self._texts.popitem(last=False)
        return works


def _ready(connector: Connector) -> Target | None:
    """The connector's target; None, and a line in the log, when it cannot send: its deliveries wait."""
    try:
        return target_of(connector, connector.signing_secrets.all())
    except (NotSendable, SecretUnreadable, ValueError) as error:
        log.error("a connector cannot send; its deliveries wait", connector=str(connector.id), reason=str(error))
    except Exception:  # one row written by other means must not stop every tenant's deliveries
        log.exception("a connector cannot be made ready; its deliveries wait", connector=str(connector.id))
    return None
