"""psycopg below Django's ORM, for the statements that carry whole batches.

Django's own cursors bind parameters on the client and know no binary ones; the hot path sends binary arrays (`%b`),
which the prototype stored ten times as fast as text ones.
"""

from __future__ import annotations

import select
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeAlias

import psycopg
from django.db import connection

from portal.lib.arrays import Array, ArrayDumper

Row: TypeAlias = tuple[Any, ...]
Cursor: TypeAlias = psycopg.Cursor[Row]

PREPARE_AFTER = 5
"""Runs after which PostgreSQL keeps a batch statement's plan: planning one anew costs more than a small batch."""

_STAGE_SETTINGS = "; ".join(
    f"set {setting}"
    for setting in (
        # A prepared statement with `LIMIT $1` falls to a generic plan after a few runs, and that plan may read the
        # whole table; the worker's statements only ever want their index.
        *("enable_seqscan = off", "enable_hashjoin = off", "enable_mergejoin = off"),
        # A worker that vanishes or freezes in mid-record holds row locks that whoever takes over would wait for. The
        # server lets go of them before the lease ends; the worker, if it comes back, records that batch again.
        "idle_in_transaction_session_timeout = '5s'",
        # The server's side of what the settings say for ours: a silent peer is given up after half a minute, not hours.
        *("tcp_user_timeout = '20s'", "tcp_keepalives_idle = 10", "tcp_keepalives_interval = 5"),
        "tcp_keepalives_count = 3",
    )
)
"""For the delivery worker's sessions."""


def database_time() -> datetime:
    """By the server's clock, which all processes share. Scheduled jobs go by it: a machine's own may jump."""
    with batch_cursor() as cursor:
        told: datetime = next(cursor.execute("select clock_timestamp()"))[0]
    return told


@contextmanager
def batch_cursor() -> Iterator[Cursor]:
    """A psycopg cursor on this thread's Django connection, inside whatever transaction is open there.

    Its errors leave as Django's, so that a database that goes away in mid-batch is a 503 too.
    """
    with connection.wrap_database_errors, psycopg.Cursor(_session()) as cursor:
        yield cursor


@contextmanager
def stage_cursor() -> Iterator[Cursor]:
    """A batch cursor for one stage (one thread) of the delivery worker, on a session that is set for it."""
    raw = _session()
    with psycopg.Cursor(raw) as cursor:
        if getattr(connection, "set_for_a_stage", None) is not raw:
            cursor.execute(_STAGE_SETTINGS)
            connection.set_for_a_stage = raw  # type: ignore[attr-defined]
        yield cursor


def _session() -> psycopg.Connection[Row]:
    """This thread's connection. Django's own cursors bind on the client and never prepare; the batch cursors do."""
    if connection.connection is not None and not connection.in_atomic_block and _has_spoken(connection.connection):
        connection.close_if_health_check_failed()
    connection.ensure_connection()
    raw: psycopg.Connection[Row] = connection.connection
    if raw.prepare_threshold != PREPARE_AFTER:
        raw.prepare_threshold = PREPARE_AFTER
        raw.adapters.register_dumper(Array, ArrayDumper)
    return raw


def _has_spoken(raw: psycopg.Connection[Row]) -> bool:
    """Whether an idle connection has something to be read, as one has that the server has closed.

    Django asks the server itself before the first query of a request; a batch outside a transaction does not come by
    there, and this costs no round trip.
    """
    if raw.closed:
        return True
    waiting = select.poll()
    waiting.register(raw.fileno(), select.POLLIN)
    return bool(waiting.poll(0))
