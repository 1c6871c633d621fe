"""Servers that DATABASE_URL and REDIS_URL name: can they be used, said in one sentence if not."""

import time
from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis

from portal.runtime.program import StartError, last_line

SCHEMES = ("postgres", "postgresql", "psql", "pgsql")  # as the settings read them
PATIENCE_SECONDS = 5.0  # a server that starts together with this product
OLDEST_POSTGRES = 160_000  # PostgreSQL 16, as libpq counts versions


def check_database(url: str) -> None:
    """Raise StartError unless it is a reachable PostgreSQL that is new enough."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise StartError("DATABASE_URL has to name a PostgreSQL server: postgres://user:password@host:port/name.")
    address = urlunsplit(parts._replace(scheme="postgresql"))

    def connect() -> int:
        with psycopg.connect(address, connect_timeout=int(PATIENCE_SECONDS)) as connection:
            return connection.info.server_version

    try:
        version = _patiently(connect, psycopg.Error)
    except psycopg.Error as error:
        raise StartError(f"The database at {_place(url)} is not reachable: {_sentence(error)}.") from None
    if version < OLDEST_POSTGRES:
        raise StartError(f"The database at {_place(url)} is PostgreSQL {version // 10_000}; 16 or newer is needed.")


def check_broker(url: str) -> None:
    """Raise StartError unless it is a reachable Redis."""

    def ping() -> int:
        with redis.Redis.from_url(
            url, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS
        ) as client:
            return int(bool(client.ping()))

    try:
        _patiently(ping, redis.RedisError)
    except (redis.RedisError, ValueError) as error:
        raise StartError(f"Redis at {_place(url)} is not reachable: {_sentence(error)}.") from None


def _patiently(ask: Callable[[], int], transient: type[Exception]) -> int:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return ask()
        except transient:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def _place(url: str) -> str:
    """The address without its user and password."""
    parts = urlsplit(url)
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}"


def _sentence(error: Exception) -> str:
    """The last line of a library's words, without its tab and its question mark."""
    return last_line(str(error)).strip().rstrip("?.")
