"""Poison: a delivery whose message kills the worker that makes it, and then the next worker.

For a while after a shard was taken from a worker that died, its deliveries are first made on trial, between a mark in
the waiting table and its removal, both committed. Whoever dies leaves the mark. What bears one already is tried alone,
so that only the one that kills gathers more of them; with MOST_CRASHES it is not made again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final
from uuid import UUID

import structlog
from msgspec.structs import replace

from connectors.dispatch import Target
from connectors.making import Work, make_one
from portal.lib import clock
from portal.lib.database import Cursor

MOST_CRASHES: Final = 2
"""Marks: the first worker that it killed left none, so that the third death is the last."""
REFUSAL: Final = "Three workers died making this message, so it is not made again. Retry it once that is mended."

_MARK = """
update connectors_waiting w set crashes = w.crashes + 1
  from unnest(%b::uuid[], %b::uuid[]) u(organization_id, id)
 where w.organization_id = u.organization_id and w.id = u.id
"""
_CLEAR = """
update connectors_waiting w set crashes = 0
  from unnest(%b::uuid[], %b::uuid[]) u(organization_id, id)
 where w.organization_id = u.organization_id and w.id = u.id
"""

log = structlog.get_logger(__name__)


def tried(cursor: Cursor, works: list[Work], targets: Mapping[UUID, Target], careful: Collection[int]) -> list[Work]:
    """The same work in its order, with a refusal where it killed too often. Only careful shards' is made on trial."""
    suspects = [work for work in works if work.shard in careful]
    poison = {work.due.id for work in suspects if work.due.crashes >= MOST_CRASHES}
    _try(cursor, [work for work in suspects if work.due.crashes == 0], targets)
    for work in suspects:
        if 0 < work.due.crashes < MOST_CRASHES:
            _try(cursor, [work], targets)
    for delivery_id in poison:
        log.error("a delivery that killed its workers is set aside", delivery=str(delivery_id))
    return [replace(work, refusal=REFUSAL) if work.due.id in poison else work for work in works]


def _try(cursor: Cursor, works: Sequence[Work], targets: Mapping[UUID, Target]) -> None:
    if not works:
        return
    ids = [[work.due.organization_id for work in works], [work.due.id for work in works]]
    cursor.execute(_MARK, ids)
    for work in works:
        make_one(targets[work.due.connector_id], work, clock.now())
    cursor.execute(_CLEAR, ids)
