"""The recorder: all results since its last commit, in one short transaction, fenced by the shards' epochs.

One thread, one connection. While a commit runs, the next batch gathers; so the batches grow with the load. A small
one waits a moment for more, unless an ordered connector's next message waits for it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection
from datetime import datetime
from uuid import UUID

import psycopg
import structlog
from msgspec.structs import replace

from connectors import outbox, pausing
from connectors.outbox import Due, Result
from connectors.receiver_gone import receiver_gone
from portal.lib import clock
from portal.lib.database import Cursor

BATCH = 1000
WORTH_A_COMMIT = 400
"""Results for which nothing more is waited for."""
GATHER_SECONDS = 0.02

log = structlog.get_logger(__name__)


class Recorder:
    """`add` and `backlog` may be used from any thread; `round` belongs to one."""

    def __init__(self, *, forget: Callable[[Collection[Due]], None], now: Callable[[], datetime] = clock.now) -> None:
        self.wake = threading.Event()
        self._forget = forget
        self._now = now
        self._results: deque[Result] = deque()
        self._batch: list[Result] = []
        self._awaited = False

    @property
    def backlog(self) -> int:
        """Results not yet committed."""
        return len(self._results) + len(self._batch)

    @property
    def gathers_for(self) -> float:
        """Seconds to wait before the next round: a commit for three results costs nearly what one for 300 does."""
        return 0.0 if self._awaited or self.backlog >= WORTH_A_COMMIT else GATHER_SECONDS

    def add(self, result: Result) -> None:
        self._results.append(result)
        if result.in_line:
            self._awaited = True
        if not self.wake.is_set():
            self.wake.set()

    def round(self, cursor: Cursor, owner: UUID) -> bool:
        """Commit what has gathered; False when some of it was left out, because its shard has another owner now.

        When the database fails, the batch is kept for the next round.
        """
        self._awaited = False
        while len(self._batch) < BATCH and self._results:
            self._batch.append(self._results.popleft())
        if not self._batch:
            return True
        recorded = self._record(cursor, owner, self._batch)
        batch, self._batch = self._batch, []
        self._forget([result.due for result in batch])
        for connector_id in {result.due.connector_id for result in recorded if result.state == "gone"}:
            receiver_gone(connector_id)
        pausing.pause_if_failing({r.due.connector_id for r in recorded if r.state in {"retry", "failed"}}, self._now())
        left_out = len(batch) - len(recorded)
        if left_out:
            log.warning("results of shards that others own now were left out", count=left_out)
        return left_out == 0

    def _record(self, cursor: Cursor, owner: UUID, results: list[Result]) -> list[Result]:
        try:
            return outbox.record(cursor, owner, results)
        except psycopg.errors.UniqueViolation:
            log.info("some results were recorded before, their confirmation was lost", count=len(results))
            return outbox.record(cursor, owner, results, again=True)
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            if len(results) == 1:
                log.error("an answer could not be stored; its text is left out", error=str(error))
                return outbox.record(cursor, owner, [_without_answer(results[0])])
        recorded: list[Result] = []
        for result in results:
            recorded += self._record(cursor, owner, [result])
        return recorded


def _without_answer(result: Result) -> Result:
    outcome = replace(result.outcome, headers=(), body=b"", detail="The partner's answer could not be stored.")
    return replace(result, outcome=outcome, request_head="")
