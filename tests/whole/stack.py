"""The whole product as its user starts it: `manage.py up` in a directory of its own, driven over HTTP."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
ONBOARD = """
from django.core.management import call_command
for name in {names}:
    call_command("create_organization", name, owner="owner@many.example", json=True)
"""


def eventually(check: Callable[[], Any], seconds: float = 30, what: str = "it") -> Any:
    """The first true answer of `check` within that many seconds."""
    end = time.monotonic() + seconds
    while not (answer := check()):
        assert time.monotonic() < end, f"{what} did not come about within {seconds} s"
        time.sleep(0.05)
    return answer


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Stack:
    """`with Stack(directory) as stack:` runs until the end of the block. `log` is the supervisor's output."""

    def __init__(
        self, directory: Path, *, workers: int = 1, demo: bool = False, env: Mapping[str, str] | None = None
    ) -> None:
        self.directory = directory
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_file = directory / "up.log"
        self._words = ["--port", str(self.port), "--workers", str(workers), *(["--demo"] if demo else [])]
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "DATA_DIR": str(directory / "data"),
            "EGRESS_ALLOW": "127.0.0.1/32",
            "EGRESS_ALLOW_HTTP": "1",
            "PYTHONUNBUFFERED": "1",
            **(env or {}),
        }

    def __enter__(self) -> Self:
        with self.log_file.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", *self._words],
                cwd=ROOT,
                env=self.env,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            eventually(self._is_up, 180, "the product's readiness")
        except BaseException:
            self.stop()
            print(self.log)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> int:
        """Stop as Ctrl-C would; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(120)

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def _is_up(self) -> bool:
        assert self.process.poll() is None, "the product ended: " + self.log
        return f"Feeder runs at {self.url}/" in self.log

    def command(self, *words: str) -> str:
        """Run one of the product's commands beside it, as an operator would; its output."""
        done = subprocess.run(
            [sys.executable, "manage.py", *words], cwd=ROOT, env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def organization(self, name: str) -> Api:
        """A new organization and a key of all scopes."""
        made = json.loads(
            self.command("create_organization", name, "--owner", f"owner@{name.lower()}.example", "--json")
        )
        return Api(self.url, made["api_key"])

    def organizations(self, names: Sequence[str]) -> list[Api]:
        """As `organization`, for many: one process makes them all."""
        made = self.command("shell", "--no-imports", "-c", ONBOARD.format(names=list(names)))
        return [Api(self.url, json.loads(line)["api_key"]) for line in made.splitlines()]

    @property
    def database_url(self) -> str:
        """The embedded PostgreSQL, as its superuser: what an operator would look with."""
        return self._runtime("DATABASE_URL").replace("//feeder:", "//postgres:")

    @property
    def redis_url(self) -> str:
        return self._runtime("REDIS_URL")

    def _runtime(self, name: str) -> str:
        lines = (Path(self.env["DATA_DIR"]) / "runtime.env").read_text().splitlines()
        return next(line.partition("=")[2].strip("'\"") for line in lines if line.startswith(name))

    def pid_of(self, *words: str) -> int:
        """The oldest process below the supervisor whose command line holds all these words."""
        return eventually(lambda: next(self.pids(*words), 0), 60, f"a process {words}")  # type: ignore[no-any-return]

    def pids(self, *words: str) -> Iterator[int]:
        """The processes below the supervisor whose command line holds all these words."""
        parents: dict[int, tuple[int, str]] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    stat = (entry / "stat").read_text().rpartition(")")[2].split()
                    line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                except OSError:
                    continue
                if stat[0] != "Z":
                    parents[int(entry.name)] = (int(stat[1]), line)
        for pid in sorted(parents):
            if all(word in parents[pid][1] for word in words) and self._is_below(pid, parents):
                yield pid

    def _is_below(self, pid: int, parents: dict[int, tuple[int, str]]) -> bool:
        while pid in parents and pid != self.process.pid:
            pid = parents[pid][0]
        return pid == self.process.pid


class Api:
    """A partner's program: REST with an API key."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = url, key

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and parsed body; status 0 when nothing answers."""
        request = urllib.request.Request(
            f"{self.url}/api/v1/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"null")
        except OSError:
            return 0, None

    def must(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = self.call(method, path, body)
        assert 200 <= status < 300, f"{method} {path} answered {status}: {answer}"
        return answer

    def site(self, serial_number: str = "GW-1", threshold: float = 10.0) -> None:
        """A company that opted in, a paired gateway, an inverter behind it, and one data point."""
        company = self.must("POST", "companies/", {"name": f"Owner of {serial_number}", "data_points_enabled": True})
        gateway = self.must("POST", "gateways/", {"serial_number": serial_number, "name": "Box"})
        self.must("POST", f"gateways/{gateway['id']}/pair/", {"company": company["id"], "access_granted": True})
        self.must(
            "POST",
            "appliances/",
            {"gateway": gateway["id"], "serial_number": "INV", "name": "Roof", "type": "inverter", "kind": "pv"},
        )
        self.must("POST", "data-points/", {"name": "pv.power", "unit": "W", "threshold": threshold})

    def connector(self, url: str, name: str = "Partner", **fields: Any) -> dict[str, Any]:
        """A connector that is switched on and gets the values; the answer to its creation."""
        made: dict[str, Any] = self.must(
            "POST", "connectors/", {"name": name, "url": url, "profile": "standard", **fields}
        )
        self.must("PATCH", f"connectors/{made['id']}/", {"enabled": True})
        trigger = {"name": f"Values to {name}", "kind": "values", "connector": made["id"], "enabled": True}
        self.must("POST", "triggers/", trigger)
        return made

    def send(self, *values: float, start: float | None = None) -> tuple[int, Any]:
        """Readings of pv.power, one second apart, the first at `start` seconds since 1970 (now)."""
        first = time.time() if start is None else start
        items = [
            {
                "gateway": "GW-1",
                "appliance": "INV",
                "property": "pv.power",
                "value": value,
                "time": datetime.fromtimestamp(first + n, UTC).isoformat(timespec="milliseconds"),
            }
            for n, value in enumerate(values)
        ]
        return self.call("POST", "readings/", {"readings": items})

    def waiting(self) -> int:
        """How many deliveries still wait."""
        found = self.must("GET", "deliveries/?state=waiting&state=retrying&limit=1")
        return len(found["results"])
