"""The embedded Redis, with the real binary."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from portal.runtime.redis import EmbeddedRedis


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    directory = tmp_path / 'with space and "quote"'
    directory.mkdir()
    with EmbeddedRedis(directory) as server:
        yield server


def test_it_asks_for_the_password_and_never_evicts(server: EmbeddedRedis) -> None:
    with redis.Redis.from_url(server.url, decode_responses=True) as client:
        assert client.ping() is True
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("bind") == {"bind": "127.0.0.1"}
    once = Retry(NoBackoff(), 0)
    with redis.Redis(port=server.port, retry=once) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()


def test_it_starts_again_after_a_kill_at_the_same_address_and_empty(server: EmbeddedRedis) -> None:
    url = server.url
    with redis.Redis.from_url(url) as client:
        client.set("hint", "1")
    server.kill()
    server.start()
    assert server.url == url
    with redis.Redis.from_url(url) as client:
        assert client.get("hint") is None


def test_the_password_is_not_in_the_process_list(server: EmbeddedRedis) -> None:
    assert server.password.encode() not in Path(f"/proc/{server.pid}/cmdline").read_bytes()
