"""Hints over Redis: "these connectors have work". They may be lost and are never needed; they save the wait.

Publishing happens in a thread of its own, so that no request ever waits for the broker; while the broker is away the
hints that pile up are one set of connector ids, thrown away after a failed try.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection
from uuid import UUID

import redis
import structlog
from django.conf import settings

CHANNEL = "feeder:hints"
ANSWER_SECONDS = 0.5
"""How long Redis may take to answer before a hint is given up."""
RETRY_SECONDS = 1.0
PAUSE_SECONDS = 0.02
"""Between two messages: the first one goes at once, and in a rush the next says what many calls would have said."""

log = structlog.get_logger(__name__)


class _Publisher:
    """Collects ids and publishes them in one message each time Redis has taken the last."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._ids: set[UUID] = set()
        self._lock = threading.Lock()
        self._filled = threading.Event()
        threading.Thread(target=self._run, name="hints", daemon=True).start()

    def add(self, connector_ids: Collection[UUID]) -> None:
        with self._lock:
            self._ids.update(connector_ids)
        self._filled.set()

    def _run(self) -> None:
        client = redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS
        )
        quiet = threading.Event()
        while True:
            self._filled.wait()
            self._filled.clear()
            with self._lock:
                ids, self._ids = self._ids, set()
            try:
                client.publish(CHANNEL, b"".join(connector_id.bytes for connector_id in ids))
                quiet.wait(PAUSE_SECONDS)
            except (redis.RedisError, OSError) as error:
                log.warning("a hint was not published; workers find the work by themselves", error=str(error))
                quiet.wait(RETRY_SECONDS)


_publisher: _Publisher | None = None
_starting = threading.Lock()


def publish(connector_ids: Collection[UUID]) -> None:
    """Tell the workers that these connectors have work. Returns at once and never fails."""
    global _publisher
    if not connector_ids:
        return
    with _starting:
        if _publisher is None or _publisher.pid != os.getpid():
            _publisher = _Publisher()
    _publisher.add(connector_ids)


def listen(heard: Callable[[list[UUID]], None], stop: threading.Event) -> None:
    """Call `heard` with the ids of each hint until `stop` is set; after any fault of Redis, listen again."""
    while not stop.is_set():
        client = redis.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=5, health_check_interval=5
        )
        try:
            with client.pubsub(ignore_subscribe_messages=True) as channel:  # type: ignore[no-untyped-call]
                channel.subscribe(CHANNEL)
                while not stop.is_set():
                    message = channel.get_message(timeout=1.0)
                    if message is not None:
                        data: bytes = message["data"]
                        heard([UUID(bytes=data[i : i + 16]) for i in range(0, len(data) - 15, 16)])
        except (redis.RedisError, OSError) as error:
            log.warning("hints cannot be heard; looking for work by the clock alone", error=str(error))
            stop.wait(RETRY_SECONDS)
        finally:
            client.close()
