"""The processes of the product: what is run, and when it counts as ready."""

import http.client
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from portal.runtime.program import Program, Stop

BASE_DIR = Path(__file__).resolve().parents[2]
GRACE_SECONDS = 30  # requests in flight
WARM_SECONDS = 50.0  # longer than a worker takes to finish what is in flight (connectors.worker.FINISH_SECONDS)
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - turned into what to connect to


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where the web process listens, and how this machine reaches it."""

    host: str
    port: int

    @property
    def near(self) -> str:
        return WILDCARDS.get(self.host, self.host)

    @property
    def bind(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"http://[{self.near}]:{self.port}" if ":" in self.near else f"http://{self.near}:{self.port}"


def manage(name: str, *words: str, env: Mapping[str, str], answers: bool = False) -> Program:
    """One of Django's commands."""
    return Program(name=name, command=[sys.executable, "manage.py", *words], env=env, cwd=BASE_DIR, answers=answers)


def web(address: Address, env: Mapping[str, str]) -> Program:
    return Program(
        name="web",
        command=[
            *(sys.executable, "-m", "gunicorn", "portal.wsgi", "--bind", address.bind),
            *("--worker-class", "gthread", "--workers", env.get("WEB_WORKERS") or "2"),
            *("--threads", env.get("WEB_THREADS") or "8", "--keep-alive", "30"),
            *("--timeout", "60", "--graceful-timeout", str(GRACE_SECONDS), "--no-control-socket"),
            *(("--access-logfile", env["WEB_ACCESS_LOG"]) if env.get("WEB_ACCESS_LOG") else ()),
        ],
        env=env,
        cwd=BASE_DIR,
        ready=lambda: answer(address, "/healthz", env).status < http.client.INTERNAL_SERVER_ERROR,
        stops=(Stop(signal=signal.SIGTERM, seconds=GRACE_SECONDS + 5.0),),
    )


def worker(number: int, env: Mapping[str, str]) -> Program:
    return Program(
        name=f"worker{number}",
        command=[
            *_celery("worker", "--pool", "threads", "--concurrency", "4"),
            *("--loglevel", "info", "--hostname", f"worker{number}@%h"),
            *("--without-gossip", "--without-mingle"),
        ],
        env=env,
        cwd=BASE_DIR,
        announces=f"worker{number}@{socket.gethostname()} ready.",
        stops=(Stop(signal=signal.SIGTERM, seconds=WARM_SECONDS),),
    )


def beat(data_dir: Path, env: Mapping[str, str]) -> Program:
    return Program(
        name="beat",
        command=[
            *_celery("beat", "--loglevel", "warning", "--pidfile="),
            *("--schedule", str(data_dir / "beat-schedule")),
        ],
        env=env,
        cwd=BASE_DIR,
    )


def _celery(*words: str) -> list[str]:
    """Without the banner. Its warning about root is about pickled tasks, which this product does not take."""
    calm = "ignore:You're running the worker with superuser privileges"
    return [sys.executable, "-W", calm, "-m", "celery", "--quiet", "--skip-checks", "-A", "portal", *words]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """`status` 599 stands for no answer at all."""

    status: int
    body: str = ""


def answer(address: Address, path: str, env: Mapping[str, str]) -> Answer:
    """What the web process says to a GET, asked under a host name that it accepts."""
    names = [name.strip() for name in env.get("ALLOWED_HOSTS", "").split(",")]
    host = next((name.lstrip(".") for name in names if name and name != "*"), "localhost")
    connection = http.client.HTTPConnection(address.near, address.port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": host, "X-Forwarded-Proto": "https"})
        response = connection.getresponse()
        return Answer(status=response.status, body=response.read(10_000).decode(errors="replace"))
    except (OSError, http.client.HTTPException):
        return Answer(status=599)
    finally:
        connection.close()


def wait_until_serving(
    address: Address, env: Mapping[str, str], seconds: float, pause: Callable[[float], None]
) -> str | None:
    """None when /readyz says 200; after that many seconds, what it says instead."""
    deadline = time.monotonic() + seconds
    while (said := answer(address, "/readyz", env)).status != http.client.OK:
        if time.monotonic() > deadline:
            return f"/readyz answers {said.status} {' '.join(said.body.split())[:500]}".strip()
        pause(0.5)  # each answer but 200 is a line in the log
    return None


def fleet(env: Mapping[str, str]) -> Program:
    """The demo's devices: 30 gateways whose day passes in 48 minutes; about half a gigabyte of readings a day."""
    return manage("fleet", "simulate", "--gateways", "30", "--speed", "30", env=env)
