"""psycopg below Django's ORM, for the statements that carry whole batches.

Django's own cursors bind parameters on the client and know no binary ones; the hot path sends binary arrays (`%b`),
which the prototype stored ten times as fast as text ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import psycopg
from django.db import connection

Row: TypeAlias = tuple[Any, ...]
Cursor: TypeAlias = psycopg.Cursor[Row]

PREPARE_AFTER = 5
"""Runs after which PostgreSQL keeps a batch statement's plan: planning one anew costs more than a small batch."""

_INDEX_ONLY = "set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off"
"""For the delivery worker's sessions. A prepared statement with `LIMIT $1` falls to a generic plan after a few runs,
and that plan may read the whole table; the worker's statements only ever want their index."""


@contextmanager
def batch_cursor() -> Iterator[Cursor]:
    """A psycopg cursor on this thread's Django connection, inside whatever transaction is open there.

    Its errors leave as Django's, so that a database that goes away in mid-batch is a 503 too.
    """
    with connection.wrap_database_errors, psycopg.Cursor(_session()) as cursor:
        yield cursor


@contextmanager
def stage_cursor() -> Iterator[Cursor]:
    """A batch cursor for one stage (one thread) of the delivery worker; its session only uses index plans."""
    raw = _session()
    with psycopg.Cursor(raw) as cursor:
        if getattr(connection, "planned_for", None) is not raw:
            for statement in _INDEX_ONLY.split(";"):
                cursor.execute(statement)
            connection.planned_for = raw  # type: ignore[attr-defined]
        yield cursor


def _session() -> psycopg.Connection[Row]:
    """This thread's connection. Django's own cursors bind on the client and never prepare; the batch cursors do."""
    connection.ensure_connection()
    raw: psycopg.Connection[Row] = connection.connection
    raw.prepare_threshold = PREPARE_AFTER
    return raw
