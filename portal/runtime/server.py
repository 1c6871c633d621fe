"""What the two embedded servers have in common; tests use the same objects as the product."""

import importlib.util
import random
import secrets
import socket
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from portal.runtime import datadir
from portal.runtime.program import Program, StartError, spawn, stop, wait_until_ready

# Below Linux's range for outgoing connections (32768 and up), which could take the port between two starts.
PORTS = range(20_000, 32_000)
LOG_BYTES = 10_000_000  # a larger log is set aside at the next start; one older log is kept


def package_file(package: str, *path: str) -> Path:
    """A file inside an installed package, without importing that package."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise StartError(f"The package {package}, which brings the embedded server, is not installed.")
    return Path(spec.submodule_search_locations[0], *path)


def port_is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def choose_port(remembered: int | None) -> int:
    """The same port as last time, so that open tools and bookmarks stay valid; another one if it is taken."""
    candidates = random.sample(PORTS, 100)
    for port in [remembered, *candidates]:
        if port is not None and port_is_free("127.0.0.1", port):
            return port
    raise StartError("No free loopback port was found for an embedded server.")


class EmbeddedServer(ABC):
    """A server in DATA_DIR: `start()`, then `url` and `pid`. After `stop()` or `kill()` `start()` again."""

    name: str
    url_variable: str  # its name in DATA_DIR/runtime.env, where the settings look too

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.resolve()
        self._addresses = self.data_dir / datadir.RUNTIME
        self.log = self.data_dir / "log" / f"{self.name}.log"
        self._running: tuple[Program, subprocess.Popen[str]] | None = None

    @abstractmethod
    def prepare(self) -> Program:
        """Make the directory, choose the port, and say how to run the server. Raises StartError."""

    @abstractmethod
    def make_url(self, password: str, port: int) -> str: ...

    @property
    def url(self) -> str:
        return datadir.read_env(self._addresses)[self.url_variable]

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    @property
    def password(self) -> str:
        return urlsplit(self.url).password or ""

    @property
    def pid(self) -> int:
        if self._running is None:
            raise RuntimeError(f"{self.name} is not running")
        return self._running[1].pid

    def start(self) -> None:
        """Return when it answers. Raises StartError, with nothing left running."""
        if self._running is not None:
            raise RuntimeError(f"{self.name} is already running")
        program = self.prepare()
        process = spawn(program)
        try:
            wait_until_ready(program, process)
        except BaseException:
            stop(program, process)
            raise
        self._running = (program, process)

    def stop(self) -> None:
        """Orderly; does nothing when it is not running."""
        if self._running is not None:
            stop(*self._running)
            self._running = None

    def kill(self) -> None:
        """SIGKILL, as a crash would: nothing is flushed, nothing is tidied."""
        if self._running is not None:
            self._running[1].kill()
            self._running[1].wait()
            self._running = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _remember_url(self) -> None:
        kept = datadir.read_env(self._addresses)
        known = self.url_variable in kept
        port = choose_port(self.port if known else None)
        password = self.password if known else secrets.token_urlsafe(24)
        datadir.write_env(self._addresses, kept | {self.url_variable: self.make_url(password, port)})

    def _set_large_log_aside(self) -> None:
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
