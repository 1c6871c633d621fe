"""The delivery worker: claimer → lanes → recorder, three stages that overlap, hosted in a Celery worker.

The claimer reads due deliveries of the owned shards ahead, the lanes send them, the recorder commits what came of
them. A keeper renews the lease and shares the shards out among the workers; a listener hears hints. Each stage is one
thread, each with a database connection at most; none is held while a message is in flight. Everything works without
Redis, outside the Celery consumer, and goes on by itself after any fault of Redis or PostgreSQL.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable, Collection
from time import monotonic
from typing import Any
from uuid import UUID

import psycopg
import structlog
from celery import bootsteps
from django.conf import settings
from django.db import Error as DjangoDatabaseError
from django.db import connection

from connectors import hints, shards
from connectors.claimer import Claimer
from connectors.dispatch import egress_policy
from connectors.lanes import Lanes
from connectors.outbox import Due
from connectors.recorder import Recorder
from connectors.sender import Sender
from connectors.shared_time import SharedTime
from portal.lib.database import Cursor, stage_cursor

DATABASE_FAULTS = (DjangoDatabaseError, psycopg.Error)
AGAIN_SECONDS = 0.5
"""Pause after a database fault before the next try."""
SOON_SECONDS = 0.2
"""Between two looks at the shards while some are changing hands."""
SPARE_FILES = 256
"""File descriptors kept for everything but partners' sockets."""
FINISH_SECONDS = 45.0
"""How long an orderly stop waits for what is in flight: longer than any request's total deadline."""

log = structlog.get_logger(__name__)


class DeliveryEngine:
    """One per process. `start` returns at once; `stop` returns when all in flight is finished and recorded."""

    def __init__(self) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self._stop = threading.Event()
        self._look_at_shards = threading.Event()
        self._finished_sending = threading.Event()
        self._worker_id: UUID | None = None
        self._lease_ends = self._may_take = 0.0
        self._in_doubt = True
        self._leaving: set[int] = set()
        self._max_sockets = _sockets_at_most(settings.DELIVERY_MAX_SOCKETS)
        self._sender = Sender(egress_policy(), max_sockets=self._max_sockets)
        self._time = SharedTime()
        self._recorder = Recorder(forget=self._recorded, now=self._time.now)
        self._lanes = Lanes(
            self._sender, done=self._recorder.add, discard=self._give_back, room=self._room, now=self._time.now
        )
        self._claimer = Claimer(self._lanes)
        self._threads = [
            threading.Thread(target=stage, name=name, daemon=True)
            for name, stage in (
                ("keeper", self._keep),
                ("claimer", self._claim),
                ("lanes", self._send),
                ("recorder", self._record),
                ("listener", self._listen),
            )
        ]

    def start(self) -> None:
        log.info("delivery worker starts", worker=self.name)
        # Tens of thousands of messages come and go without a cycle: to look for cycles among them, and among all that
        # Django has loaded, every 700 objects costs as much as a third of the claimer's work.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish what is in flight, record it, and give the shards up so that others go on at once."""
        self._end()
        self._lanes.stop()
        until = monotonic() + FINISH_SECONDS
        for thread in self._threads:
            thread.join(max(0.1, until - monotonic()))
        log.info("delivery worker stopped", worker=self.name, unrecorded=self._recorder.backlog)

    def _end(self) -> None:
        self._stop.set()
        self._claimer.wake.set()
        self._look_at_shards.set()

    # the stages

    def _claim(self) -> None:
        while not self._stop.is_set():
            self._claimer.wake.wait(self._claimer.seconds_to_next())
            self._claimer.wake.clear()
            if self._worker_id is not None and not self._stop.is_set():
                self._with_database(self._claimer.round)
        connection.close()

    def _send(self) -> None:
        try:
            self._lanes.run()
        except Exception:
            # Alive, it would keep its shards and send nothing. Ended, others take over, and it is started again.
            log.exception("the lanes failed: this worker ends")
            self._end()
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            self._finished_sending.set()
            self._recorder.wake.set()
            self._sender.close()

    def _record(self) -> None:
        while not (self._finished_sending.is_set() and self._recorder.backlog == 0):
            self._recorder.wake.wait(1.0)
            self._recorder.wake.clear()
            self._finished_sending.wait(self._recorder.gathers_for)
            while self._recorder.backlog and self._with_database(self._record_round):
                pass
        connection.close()

    def _record_round(self, cursor: Cursor) -> None:
        assert self._worker_id is not None  # noqa: S101 - nothing was claimed without one
        if not self._recorder.round(cursor, self._worker_id):
            # Shards were lost unnoticed (this machine slept): what is sent before that is put right is sent twice.
            self._in_doubt = True
            self._look_at_shards.set()

    def _keep(self) -> None:
        recorder, claimer = (self._thread(name) for name in ("recorder", "claimer"))
        while not self._stop.is_set():
            self._with_database(self._keep_round)
            self._look_at_shards.wait(SOON_SECONDS if self._leaving or self._in_doubt else shards.RENEW_SECONDS)
            self._look_at_shards.clear()
        claimer.join()
        while recorder.is_alive():
            self._with_database(self._hand_over)
            recorder.join(SOON_SECONDS)
        self._with_database(self._leave)
        connection.close()

    def _listen(self) -> None:
        hints.listen(self._claimer.hint, self._stop)

    def _thread(self, name: str) -> threading.Thread:
        return next(thread for thread in self._threads if thread.name == name)

    # ownership

    def _keep_round(self, cursor: Cursor) -> None:
        """Renew, take what is free up to a fair share, prepare to give up what is more than that."""
        self._renew(cursor)
        assert self._worker_id is not None  # noqa: S101 - renewing joined
        share = shards.fair_share(cursor)
        mine = shards.owned(cursor, self._worker_id)
        if len(mine) < share:
            self._leaving.clear()
            if monotonic() >= self._may_take:
                shards.take(cursor, self._worker_id, share - len(mine))
                mine = shards.owned(cursor, self._worker_id)
        self._leaving &= mine.keys()
        staying = [shard for shard in sorted(mine) if shard not in self._leaving]
        self._leaving.update(staying[share:])
        kept = {shard: epoch for shard, epoch in mine.items() if shard not in self._leaving}
        self._claimer.own(kept, shards.careful(cursor, self._worker_id))
        if self._in_doubt:
            # Until the lanes have given back what is no longer this worker's, nothing may be started.
            self._in_doubt = not self._claimer.follows(kept)
            self._sender.wake()
        idle = [shard for shard in self._leaving if not self._claimer.holds(shard)]
        if idle:
            shards.release(cursor, self._worker_id, idle)
            self._leaving.difference_update(idle)

    def _renew(self, cursor: Cursor) -> None:
        asked = monotonic()
        told = shards.renew(cursor, self._worker_id) if self._worker_id else None
        if told is None:
            self._worker_id = shards.join(cursor, self.name)
            told = shards.renew(cursor, self._worker_id)
        elif asked > self._lease_ends:
            # As after an outage of the database, when every lease has run out: others may only be late too, and what
            # they still have to record would be void, and sent twice.
            self._may_take = asked + shards.LEASE_SECONDS
            self._in_doubt = True
        self._lease_ends = asked + shards.LEASE_SECONDS
        if told is not None:
            self._time.tell(told)

    def _hand_over(self, cursor: Cursor) -> None:
        """While stopping: what has nothing in flight goes to the others at once, whatever else still hangs."""
        self._renew(cursor)
        assert self._worker_id is not None  # noqa: S101 - renewing joined
        shards.announce_leaving(cursor, self._worker_id)
        self._claimer.end()
        idle = [shard for shard in shards.owned(cursor, self._worker_id) if not self._claimer.holds(shard)]
        if idle:
            shards.release(cursor, self._worker_id, idle)

    def _leave(self, cursor: Cursor) -> None:
        if self._worker_id is not None:
            shards.leave(cursor, self._worker_id)

    # guards

    def _room(self, requests: int, deliveries: int) -> int:
        """How many deliveries may be started, with so many requests and so many deliveries in flight.

        None on a lease that may have run out, nor while too much is unrecorded.
        """
        if self._in_doubt or monotonic() >= self._lease_ends:
            return 0
        most_unrecorded: int = settings.DELIVERY_MAX_UNRECORDED
        unrecorded = deliveries + self._recorder.backlog
        return max(0, min(self._max_sockets - requests, most_unrecorded - unrecorded))

    def _recorded(self, dues: Collection[Due]) -> None:
        """What is recorded makes room: for the claimer to read on, and for the lanes under the bound above."""
        self._claimer.forget(dues)
        self._sender.wake()

    def _give_back(self, dues: Collection[Due]) -> None:
        self._claimer.forget(dues)

    def _with_database(self, step: Callable[[Cursor], None]) -> bool:
        """Run one step of a stage; after a database fault, drop the connection, wait a little, and say False."""
        try:
            with stage_cursor() as cursor:
                step(cursor)
        except DATABASE_FAULTS as error:
            log.warning("the database failed a stage; trying again", stage=_stage(), error=str(error).strip())
        except Exception:
            log.exception("a stage failed; trying again", stage=_stage())
        else:
            return True
        connection.close()
        time.sleep(AGAIN_SECONDS)
        return False


def _stage() -> str:
    return threading.current_thread().name


def _sockets_at_most(wanted: int) -> int:
    """Raise the process's soft limit of open files as far as it may go; fewer sockets where that is not enough."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return min(wanted, soft - SPARE_FILES)
    return wanted


class DeliveryStep(bootsteps.StartStopStep):
    """Rides in each Celery worker, beside the consumer and independent of it."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        self.engine: DeliveryEngine | None = None

    def include_if(self, parent: Any) -> bool:
        return bool(settings.DELIVERY_ENGINE)

    def start(self, parent: Any) -> None:
        self.engine = DeliveryEngine()
        self.engine.start()

    def stop(self, parent: Any) -> None:
        if self.engine is not None:
            self.engine.stop()
            self.engine = None

    terminate = stop
