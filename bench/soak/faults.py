"""Faults: what is killed, frozen, flushed or refused. Processes are found below the run's own supervisor, by pid."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import psycopg
import redis

from tests.whole.stack import Stack, eventually

POSTMASTER = ("bin/postgres", "-D")
REDIS = ("redis-server",)
JOINED = """
select w.name, exists (select from connectors_shard s where s.owner = w.id)
  from connectors_deliveryworker w where w.lease_until > now()
"""


def worker_pids(stack: Stack) -> list[int]:
    return list(stack.pids("celery", "worker", "--hostname"))


def delivering_pids(stack: Stack) -> list[int]:
    """Workers that are alive, have joined and own shards; those without shards when none does."""
    alive = set(worker_pids(stack))
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        joined = {int(name.rpartition(":")[2]): owns for name, owns in connection.execute(JOINED)}
    found = [pid for pid in alive if pid in joined]
    return sorted(pid for pid in found if joined[pid]) or sorted(found)


def all_joined(stack: Stack, workers: int) -> bool:
    """Whether that many workers own shards."""
    alive = set(worker_pids(stack))
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        owners = {int(name.rpartition(":")[2]) for name, owns in connection.execute(JOINED) if owns}
    return len(alive & owners) >= workers


def wait_for_workers(stack: Stack, workers: int, seconds: float = 90) -> None:
    def ready() -> bool:
        with suppress(psycopg.OperationalError):
            return all_joined(stack, workers)
        return False

    eventually(ready, seconds, f"{workers} workers that own shards")


def kill(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def kill_worker(stack: Stack, number: int) -> None:
    kill(stack.pid_of("celery", f"worker{number}@"))


def kill_postgres(stack: Stack) -> None:
    """The postmaster alone: its sessions notice by themselves."""
    kill(stack.pid_of(*POSTMASTER))


def stop_postgres_immediately(stack: Stack) -> None:
    """What `pg_ctl -m immediate` sends."""
    kill(stack.pid_of(*POSTMASTER), signal.SIGQUIT)


def kill_redis(stack: Stack) -> None:
    kill(stack.pid_of(*REDIS))


def flush_redis(stack: Stack) -> None:
    with redis.Redis.from_url(stack.redis_url) as client:
        client.flushall()


def reset_redis_connections(stack: Stack) -> None:
    with redis.Redis.from_url(stack.redis_url) as client:
        for kind in ("normal", "pubsub"):
            client.client_kill_filter(_type=kind, skipme=True)


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        kill(pid, signal.SIGCONT)


@contextmanager
def redis_frozen(stack: Stack) -> Iterator[None]:
    with frozen(stack.pid_of(*REDIS)):
        yield


@contextmanager
def postgres_away(stack: Stack) -> Iterator[None]:
    """Killed, and its address held by something that hangs up on everybody: no restart succeeds meanwhile."""
    port = urlsplit(stack.database_url).port or 0
    kill_postgres(stack)
    with _listener(port) as listener:
        threading.Thread(target=_hang_up, args=(listener,), daemon=True).start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts


def _listener(port: int) -> socket.socket:
    deadline = time.monotonic() + 10
    while True:
        try:
            return socket.create_server(("127.0.0.1", port))
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)


def _hang_up(listener: socket.socket) -> None:
    while True:
        try:
            listener.accept()[0].close()
        except OSError:
            return


def answers(stack: Stack) -> bool:
    """Whether PostgreSQL takes statements."""
    try:
        with psycopg.connect(stack.database_url, connect_timeout=2, autocommit=True) as connection:
            connection.execute("select 1")
    except psycopg.OperationalError:
        return False
    return True
