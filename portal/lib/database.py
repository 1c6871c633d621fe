"""psycopg below Django's ORM, for the statements that carry whole batches.

Django's own cursors bind parameters on the client and know no binary ones; the hot path sends binary arrays (`%b`),
which PostgreSQL takes ten times as fast (docs/architecture.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection

Row = tuple[Any, ...]


@contextmanager
def batch_cursor() -> Iterator[psycopg.Cursor[Row]]:
    """A psycopg cursor on this thread's Django connection, inside whatever transaction is open there."""
    connection.ensure_connection()
    with psycopg.Cursor(connection.connection) as cursor:
        yield cursor


def open_connection(name: str) -> psycopg.Connection[Row]:
    """A connection of its own for one stage of the delivery worker, in autocommit.

    A prepared statement with `LIMIT $1` falls to a generic plan after a few runs, and that plan may be a sequential
    scan or a hash join over the whole table; the worker's statements only ever want their index, so the other plans
    are switched off here.
    """
    parameters = connection.get_connection_params()
    for key in ("cursor_factory", "context", "prepare_threshold", "server_side_binding"):
        parameters.pop(key, None)
    planner = " ".join(f"-c {method}=off" for method in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin"))
    parameters["options"] = f"{parameters.get('options', '')} {planner} -c timezone=UTC".strip()
    parameters["application_name"] = name
    parameters.setdefault("connect_timeout", 5)
    return psycopg.connect(**parameters, autocommit=True)
