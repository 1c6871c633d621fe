"""The servers that all measurements of a run share: the product's own PostgreSQL and Redis, as `manage.py up` has them.

PostgreSQL keeps its settings of production (every commit is on disk before it is answered). Each measurement works on a
database of its own, copied from one that was migrated, or filled, once.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from bench.process import ROOT, python, run
from portal.runtime import datadir
from portal.runtime.postgres import ROLE, SUPERUSER, EmbeddedPostgres
from portal.runtime.redis import EmbeddedRedis


class Bed:
    """`with Bed() as bed:` in a directory that is removed afterwards; one that is given is kept, and used again."""

    def __init__(self, directory: Path | None = None) -> None:
        self._given = directory is not None
        self.directory = directory.resolve() if directory else Path(tempfile.mkdtemp(prefix="feeder-bench-"))
        self.postgres, self.redis = EmbeddedPostgres(self.directory), EmbeddedRedis(self.directory)

    def __enter__(self) -> Self:
        try:
            self.postgres.start()
            self.redis.start()
            self._secrets = datadir.own_secrets(self.directory, {})
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.redis.stop()
        self.postgres.stop()
        if not self._given:
            shutil.rmtree(self.directory, ignore_errors=True)

    def log(self, name: str) -> Path:
        return self.directory / "log" / f"{name}.log"

    def last_words(self, name: str) -> str:
        """Of that program's log, for a message about a failure: the log goes with the directory."""
        return self.log(name).read_text(errors="replace")[-1500:]

    def url(self, database: str) -> str:
        return urlsplit(self.postgres.url)._replace(path=f"/{database}").geturl()

    def env(self, database: str) -> dict[str, str]:
        """Settings of the product's processes: loopback partners are allowed, nothing else is special."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.directory),
            "PYTHONPATH": str(ROOT / "bench" / "naming"),
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "DATA_DIR": str(self.directory / "data"),
            "DATABASE_URL": self.url(database),
            "REDIS_URL": self.redis.url,
            "EGRESS_ALLOW": "127.0.0.0/24",
            "EGRESS_ALLOW_HTTP": "1",
            "PLAIN_STATIC": "1",
            "LOG_LEVEL": "WARNING",
            **self._secrets,
        }

    def rival_env(self, database: str, *, tuned: bool = False) -> dict[str, str]:
        """Of the rivals' processes (bench/rivals): another database, and another one inside Redis."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.directory),
            "DJANGO_SETTINGS_MODULE": "bench.rivals.settings",
            "DATABASE_URL": self.url(database),
            "REDIS_URL": self.redis.url.removesuffix("/0") + "/1",
            "TUNED": "1" if tuned else "0",
        }

    @contextmanager
    def session(self, database: str = "postgres") -> Iterator[psycopg.Connection[Any]]:
        """As PostgreSQL's superuser, every statement for itself."""
        address = urlsplit(self.postgres.url)
        with psycopg.connect(
            host=address.hostname,
            port=address.port,
            user=SUPERUSER,
            password=address.password,
            dbname=database,
            autocommit=True,
        ) as connection:
            yield connection

    def template(self, name: str, fill: Callable[[str], None], of: str = "template1") -> str:
        """A database that is copied and never used itself: made by `fill(its name)` unless it is there already.

        Its name says which migrations it was made with, so that a kept one is made anew after they change. `of` is
        the template that it begins as.
        """
        full = f"{name}_{_schema_version()}"
        with self.session() as server:
            if server.execute("select 1 from pg_database where datname = %s", [full]).fetchone():
                return full
        draft = f"{full}_draft"
        self.drop(draft)
        self._create(draft, of)
        fill(draft)
        with self.session(draft) as connection:
            connection.execute("vacuum (analyze)")
        with self.session() as server:
            server.execute(sql.SQL("alter database {} rename to {}").format(_name(draft), _name(full)))
        return full

    def migrated(self) -> str:
        """The product's own, with nothing in it."""
        return self.template(
            "bench_migrated", lambda name: _quietly(python("manage.py", "migrate", "--verbosity", "0"), self.env(name))
        )

    def rival(self) -> str:
        """The rivals' own, with nothing in it."""
        words = ("-m", "django", "migrate", "--run-syncdb", "--verbosity", "0")
        return self.template("bench_rival", lambda name: _quietly(python(*words), self.rival_env(name)))

    @contextmanager
    def copy(self, template: str, name: str) -> Iterator[str]:
        """A fresh copy for one measurement; what it wrote is on disk before the next one begins."""
        self.drop(name)
        self._create(name, template)
        with self.session() as server:
            server.execute("checkpoint")
        try:
            yield name
        finally:
            self.drop(name)

    def drop(self, name: str) -> None:
        with self.session() as server:
            server.execute(sql.SQL("drop database if exists {} with (force)").format(_name(name)))

    def _create(self, name: str, template: str = "template1") -> None:
        with self.session() as server:
            server.execute(
                sql.SQL("create database {} owner {} template {} strategy file_copy").format(
                    _name(name), sql.Identifier(ROLE), _name(template)
                )
            )


def _name(name: str) -> sql.Identifier:
    return sql.Identifier(name)


def _quietly(command: Sequence[str], env: Mapping[str, str]) -> None:
    run(command, env)


def _schema_version() -> str:
    """Of the migrations, and of what fills databases here."""
    own = [ROOT / "bench" / "world.py", *sorted((ROOT / "bench" / "rivals").glob("*.py"))]
    migrations = [*ROOT.glob("*/migrations/*.py"), *ROOT.glob("portal/*/migrations/*.py")]
    digest = hashlib.sha256()
    for path in (*own, *sorted(migrations)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:10]
