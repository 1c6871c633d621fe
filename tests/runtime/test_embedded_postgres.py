"""The embedded PostgreSQL, with the real binaries."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from portal.runtime.postgres import EmbeddedPostgres
from portal.runtime.program import StartError
from portal.runtime.programs import BASE_DIR


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DATA_DIR with an initialized, stopped cluster; tests take copies, for initdb takes a second."""
    data_dir = tmp_path_factory.mktemp("cluster") / "data"
    server = EmbeddedPostgres(data_dir)
    server.start()
    server.stop()
    return data_dir


@pytest.fixture
def server(cluster: Path, tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    data_dir = tmp_path / "data"
    shutil.copytree(cluster, data_dir)
    server = EmbeddedPostgres(data_dir)
    yield server
    server.stop()


def _ask(server: EmbeddedPostgres, statement: str) -> object:
    with psycopg.connect(server.url) as connection:
        row = connection.execute(statement).fetchone()
    return row[0] if row else None


def _eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_the_database_is_utf8_checksummed_durable_and_not_a_superusers(server: EmbeddedPostgres) -> None:
    server.start()
    assert _ask(server, "SHOW server_encoding") == "UTF8"
    assert _ask(server, "SHOW data_checksums") == "on"
    assert [_ask(server, f"SHOW {name}") for name in ("fsync", "full_page_writes", "synchronous_commit")] == [
        "on",
        "on",
        "on",
    ]
    assert _ask(server, "SELECT current_database()") == "feeder"
    assert _ask(server, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False


def test_it_answers_on_loopback_only_and_asks_for_the_password(server: EmbeddedPostgres) -> None:
    server.start()
    assert _ask(server, "SHOW listen_addresses") == "127.0.0.1"
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.url.replace(server.password, "guess"))
    assert stat.S_IMODE((server.data_dir / "runtime.env").stat().st_mode) == 0o600


def test_a_second_start_keeps_data_port_and_password(server: EmbeddedPostgres) -> None:
    server.start()
    url = server.url
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()
    server.start()
    assert server.url == url
    assert _ask(server, "SELECT answer FROM kept") == 42


def test_another_port_is_chosen_when_the_remembered_one_is_taken(server: EmbeddedPostgres) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", server.port))
        taken.listen()
        before = server.port
        server.start()
        assert server.port != before
        assert _ask(server, "SELECT 1") == 1


def test_it_recovers_after_a_sigkill_with_what_was_committed(server: EmbeddedPostgres) -> None:
    server.start()
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    server.kill()
    server.start()
    assert _ask(server, "SELECT answer FROM kept") == 42


def test_a_stale_pid_file_with_the_number_of_another_process_is_no_obstacle(
    server: EmbeddedPostgres,
) -> None:
    server.start()
    server.kill()
    pid_file = server.cluster / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    server.start()
    assert _ask(server, "SELECT 1") == 1


def test_a_server_left_by_an_earlier_run_is_stopped_first(server: EmbeddedPostgres) -> None:
    server.start()
    left = server.pid
    successor = EmbeddedPostgres(server.data_dir)
    successor.start()
    try:
        assert successor.pid != left
        assert _ask(successor, "SELECT 1") == 1
    finally:
        successor.stop()


def test_a_cluster_of_another_major_version_is_named_in_one_sentence(server: EmbeddedPostgres) -> None:
    (server.cluster / "PG_VERSION").write_text("15\n")
    with pytest.raises(StartError, match=r"was made by PostgreSQL 15, and this is PostgreSQL \d+"):
        server.start()


def test_a_directory_that_is_no_cluster_is_named_in_one_sentence(server: EmbeddedPostgres) -> None:
    (server.cluster / "PG_VERSION").unlink()
    with pytest.raises(StartError, match="not a usable PostgreSQL data directory"):
        server.start()


def test_a_broken_off_initialization_leaves_nothing_half_done(tmp_path: Path) -> None:
    (tmp_path / "postgres.new" / "base").mkdir(parents=True)
    with EmbeddedPostgres(tmp_path) as server:
        assert _ask(server, "SELECT 1") == 1
    assert not (tmp_path / "postgres.new").exists()


def test_it_works_below_a_closed_directory_and_leaves_its_permissions(cluster: Path, tmp_path: Path) -> None:
    """As root the server has another account; as an ordinary user this holds anyway."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    shutil.copytree(cluster, closed / "data")
    with EmbeddedPostgres(closed / "data") as server:
        assert _ask(server, "SELECT 1") == 1
        assert Path(f"/proc/{server.pid}").stat().st_uid != 0
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_it_ends_with_the_process_that_started_it(server: EmbeddedPostgres) -> None:
    script = (
        "import pathlib, sys, time\n"
        "from portal.runtime.postgres import EmbeddedPostgres\n"
        "server = EmbeddedPostgres(pathlib.Path(sys.argv[1]))\n"
        "server.start()\n"
        "print(server.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(server.data_dir)], cwd=BASE_DIR, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        owner.send_signal(signal.SIGKILL)
    assert _eventually(lambda: not (server.cluster / "postmaster.pid").exists())
    assert _eventually(lambda: not _runs(pid))


def _runs(pid: int) -> bool:
    try:
        return b"postgres" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return False
