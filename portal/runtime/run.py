"""The one-command run, from an empty directory to a product that answers; read `up` from the top."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.runtime import datadir, named, programs, static
from portal.runtime.postgres import EmbeddedPostgres
from portal.runtime.program import StartError
from portal.runtime.programs import BASE_DIR, Address, manage
from portal.runtime.redis import EmbeddedRedis
from portal.runtime.server import EmbeddedServer, port_is_free
from portal.runtime.supervisor import Console, Supervisor
from portal.runtime.welcome import Demo, welcome

SERVING_SECONDS = 60.0  # from the last process started to a product that calls itself ready
Environment = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Options:
    data_dir: Path
    address: Address
    demo: bool
    workers: int


def up(options: Options, environ: Mapping[str, str], console: Console) -> None:
    """Run until a signal ends it. Raises StartError, with nothing left running."""
    datadir.create(options.data_dir)
    with datadir.lock(options.data_dir):
        _check_port(options.address)
        supervisor = Supervisor(console)
        with supervisor.signals():
            env = _environment(options, environ)
            env["DATABASE_URL"] = _database(options, environ, supervisor)
            env["REDIS_URL"] = _broker(options, environ, supervisor)
            supervisor.run(manage("migrate", "migrate", "--noinput", env=env))
            _collect_static(options, env, supervisor)
            demo = _seed(options, env, supervisor) if options.demo else None
            _serve(options, env, supervisor)
            if demo and demo.api_key:
                supervisor.start(programs.fleet({**env, "FEEDER_API_KEY": demo.api_key}))
            console.block(welcome(options.address.url, demo))
            supervisor.watch()


def _check_port(address: Address) -> None:
    if not port_is_free(address.host, address.port):
        raise StartError(
            f"Port {address.port} on {address.host} is in use or not allowed: "
            f"end the other program, or choose another port with --port."
        )


def _environment(options: Options, environ: Mapping[str, str]) -> Environment:
    """What all processes are given, on top of the operator's own variables."""
    env = {
        **environ,
        **datadir.own_secrets(options.data_dir, environ),
        "DATA_DIR": str(options.data_dir),
        "HOST": options.address.host,
        "PORT": str(options.address.port),
        "WORKERS": str(options.workers),
        "PYTHONUNBUFFERED": "1",
    }
    env.setdefault("INBOX_HOST", options.address.near)
    return env


def _database(options: Options, environ: Mapping[str, str], supervisor: Supervisor) -> str:
    url = _named(options, environ, "DATABASE_URL")
    if url:
        named.check_database(url)
        return url
    return _embedded(EmbeddedPostgres(options.data_dir), supervisor)


def _broker(options: Options, environ: Mapping[str, str], supervisor: Supervisor) -> str:
    url = _named(options, environ, "REDIS_URL")
    if url:
        named.check_broker(url)
        return url
    return _embedded(EmbeddedRedis(options.data_dir), supervisor)


def _named(options: Options, environ: Mapping[str, str], variable: str) -> str | None:
    """The operator's own URL. The settings also put the embedded server's last one into the environment."""
    last = datadir.read_env(options.data_dir / datadir.RUNTIME).get(variable)
    return environ.get(variable) if environ.get(variable) != last else None


def _embedded(server: EmbeddedServer, supervisor: Supervisor) -> str:
    supervisor.start(server.prepare())
    return server.url


def _collect_static(options: Options, env: Environment, supervisor: Supervisor) -> None:
    stamp, present = options.data_dir / static.STAMP, static.fingerprint(BASE_DIR)
    if stamp.exists() and stamp.read_text() == present:
        return
    supervisor.run(manage("static", "gather_static", env=env))
    stamp.write_text(present)


def _seed(options: Options, env: Environment, supervisor: Supervisor) -> Demo:
    text = supervisor.run(manage("seed", "seed_demo", "--json", env=env, answers=True))
    try:
        answer: dict[str, Any] = json.loads(text)
    except ValueError:
        raise StartError("`seed_demo --json` did not answer with JSON.") from None
    path = options.data_dir / datadir.DEMO
    kept = datadir.read_env(path)
    api_key = answer.get("api_key") or kept.get("FEEDER_API_KEY")
    if api_key:
        datadir.write_env(path, {"FEEDER_API_KEY": api_key})
    return Demo(email=answer["email"], password=answer.get("password"), api_key=api_key)


def _serve(options: Options, env: Environment, supervisor: Supervisor) -> None:
    """Web, workers and beat; then wait for the product's own word that it is ready."""
    metrics = options.data_dir / "metrics"  # shared by the processes of this run, stale after it
    shutil.rmtree(metrics, ignore_errors=True)
    env = {"PROMETHEUS_MULTIPROC_DIR": str(datadir.private_dir(metrics)), **env}
    supervisor.start(programs.web(options.address, env))
    for number in range(1, options.workers + 1):
        supervisor.start(programs.worker(number, env))
    supervisor.start(programs.beat(options.data_dir, env))
    problem = programs.wait_until_serving(options.address, env, SERVING_SECONDS, supervisor.wait)
    if problem:
        supervisor.console.line("up", f"not ready after {SERVING_SECONDS:.0f} s, going on: {problem}")
