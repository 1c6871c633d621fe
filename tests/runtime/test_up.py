"""`manage.py up` as an operator meets it: one clear sentence when it cannot start."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.runtime import datadir
from portal.runtime.programs import BASE_DIR


def _up(data_dir: Path, *words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    given = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    return subprocess.run(
        [sys.executable, "manage.py", "up", *words],
        cwd=BASE_DIR,
        env={**given, "DATA_DIR": str(data_dir), "PORT": str(_free_port()), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _refused_with(result: "subprocess.CompletedProcess[str]", sentence: str) -> None:
    assert result.returncode == 1
    assert re.fullmatch(sentence, result.stderr.strip()), result.stderr
    assert "Traceback" not in result.stdout


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_in_use(tmp_path: Path, taken_port: int) -> None:
    result = _up(tmp_path, "--port", str(taken_port))
    _refused_with(result, rf"Port {taken_port} on 127\.0\.0\.1 is in use.*choose another port with --port\.")
    assert not (tmp_path / "postgres").exists()


@pytest.mark.parametrize("words", [("--port", "99999"), ("--port", "web"), ("--workers", "0")])
def test_a_number_that_cannot_be(tmp_path: Path, words: tuple[str, str]) -> None:
    result = _up(tmp_path, *words)
    assert result.returncode != 0
    assert re.search(rf"a whole number from 1 to \d+ is expected, not '{words[1]}'", result.stderr), result.stderr
    assert "Traceback" not in result.stderr


def test_an_unreachable_database_is_named_without_its_password(tmp_path: Path) -> None:
    port = _free_port()
    result = _up(tmp_path, DATABASE_URL=f"postgres://someone:hush@127.0.0.1:{port}/feeder")
    _refused_with(result, rf"The database at 127\.0\.0\.1:{port}/feeder is not reachable: .*\.")
    assert "hush" not in result.stdout + result.stderr


def test_a_database_that_is_not_postgresql(tmp_path: Path) -> None:
    _refused_with(_up(tmp_path, DATABASE_URL="mysql://127.0.0.1/feeder"), "DATABASE_URL has to name a PostgreSQL.*")


def test_a_cluster_of_another_version(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("12\n")
    _refused_with(_up(tmp_path), r".*postgres was made by PostgreSQL 12, and this is PostgreSQL .*\.")


def test_two_on_one_directory(tmp_path: Path) -> None:
    with datadir.lock(tmp_path):
        _refused_with(_up(tmp_path), r"Another `up` already runs with DATA_DIR .*\.")


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    _refused_with(_up(tmp_path / "file" / "data"), r"DATA_DIR .*data cannot be written: Not a directory\.")


def _running_with(data_dir: Path) -> list[str]:
    """Command lines of the processes that were given this DATA_DIR."""
    mark, found = os.fsencode(data_dir), []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes() + (process / "cmdline").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


@pytest.mark.whole
def test_it_serves_until_it_is_asked_to_stop_and_leaves_nothing_running(tmp_path: Path) -> None:
    port = _free_port()
    given = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    with subprocess.Popen(
        [sys.executable, "manage.py", "up", "--port", str(port)],
        cwd=BASE_DIR,
        env={**given, "DATA_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as run:
        assert run.stdout is not None
        lines = []
        for line in run.stdout:
            lines.append(line)
            if "Stop with Ctrl-C" in line:
                break
        output = "".join(lines)
        assert f"Feeder runs at http://127.0.0.1:{port}/" in output, output
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as ready:
            assert ready.status == 200
        run.send_signal(signal.SIGTERM)
        rest = run.stdout.read()
    assert run.returncode == 0, rest
    stopped = re.findall(r"^(\w+) *\| stopping", rest, re.MULTILINE)
    assert stopped == ["beat", "worker1", "web", "redis", "postgres"]
    assert _running_with(tmp_path) == []
