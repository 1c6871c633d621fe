"""The database as the guarantees need it: it keeps what it says it kept, has room for all, and tells the same time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as Caution
from django.db import DatabaseError, connection

from portal.checks import GUARANTEES
from portal.lib import clock

OLDEST_VERSION = 16

PROBE = 1
"""Connection of a web process beside those of its threads, for /readyz."""
STAGES = 3
"""Connections of the delivery engine: keeper, claimer, recorder."""
JOBS = 4
"""Connections of a worker's scheduled jobs: one per thread of Celery's pool."""
SPARE = 5
"""For commands, migrations, and a person who looks."""

DURABLE = ("fsync", "full_page_writes", "synchronous_commit")
_ASK = """
select current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'),
       current_setting('server_version_num')::int / 10000,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
           - coalesce(current_setting('reserved_connections', true)::int, 0),
       (select rolconnlimit from pg_roles where rolname = current_user),
       (select datconnlimit from pg_database where datname = current_database()),
       extract(epoch from clock_timestamp())::float8
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What the server says of itself. `skew` is how far this machine's clock is ahead of the server's, in seconds."""

    off: Sequence[str]
    version: int
    connections: int
    skew: float


@register(GUARANTEES, Tags.database)
def check_database(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """A database that is away is no reason to refuse: everything waits for it, and goes on by itself."""
    if not databases:
        return []
    try:
        return list(judge(ask()))
    except DatabaseError as error:
        return [
            Caution(
                f"The database could not be asked how it is set ({type(error).__name__}).",
                hint="`manage.py check --tag guarantees --database default` asks again.",
                id="database.W001",
            )
        ]


def ask() -> Server:
    with connection.cursor() as cursor:
        before = time.time()
        cursor.execute(_ASK)
        *durable, version, connections, of_role, of_database, their_time = cursor.fetchone()
        our_time = (before + time.time()) / 2
    limits = [limit for limit in (connections, of_role, of_database) if limit >= 0]
    return Server(
        off=[name for name, value in zip(DURABLE, durable, strict=True) if value == "off"],
        version=version,
        connections=min(limits),
        skew=our_time - their_time,
    )


def judge(server: Server) -> Iterator[CheckMessage]:
    if server.off:
        yield _unsafe(", ".join(server.off))
    if server.version < OLDEST_VERSION:
        yield Error(
            f"The database is PostgreSQL {server.version}; {OLDEST_VERSION} or newer is needed.", id="database.E002"
        )
    if server.connections < (needed := connections_needed()):
        yield Error(
            f"The database has {server.connections} connections for us, and {needed} may be needed: "
            f"{settings.WEB_THREADS + PROBE} in each of {settings.WEB_WORKERS} web processes, "
            f"{STAGES + JOBS} in each of {settings.WORKERS} workers, and {SPARE} to spare.",
            hint="Raise max_connections (or the role's or the database's limit), or run fewer.",
            id="database.E003",
        )
    if abs(server.skew) > clock.LARGEST_SKEW_SECONDS:
        yield Caution(
            f"This machine's clock is {clock.skew_in_words(server.skew)}.",
            hint="Leases, deliveries and scheduled jobs go by the database's clock; what comes in is judged by ours.",
            id="database.W002",
        )


def connections_needed() -> int:
    web: int = settings.WEB_WORKERS * (settings.WEB_THREADS + PROBE)
    workers: int = settings.WORKERS * (STAGES + JOBS)
    return web + workers + SPARE


def _unsafe(names: str) -> CheckMessage:
    text = f"The database has {names} off: what was accepted with a 202 can be lost with the power."
    if settings.ALLOW_DATA_LOSS:
        return Caution(text, hint="ALLOW_DATA_LOSS lets it be, for tests and measurements.", id="database.W003")
    return Error(text, hint="Set them on, in postgresql.conf and for this role and database.", id="database.E001")
