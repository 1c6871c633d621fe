"""A Redis that would drop jobs is refused; one that is away is only said to be."""

from __future__ import annotations

import time
from typing import Any

import pytest
import redis as redis_client
from django.conf import settings as django_settings

from portal.checks import redis
from tests.health.test_health import silent_server


@pytest.mark.parametrize(
    ("memory", "said"),
    [
        ({"maxmemory": 0, "maxmemory_policy": "allkeys-lru"}, []),
        ({"maxmemory": 1, "maxmemory_policy": "noeviction"}, []),
        ({"maxmemory": 1, "maxmemory_policy": "allkeys-lru"}, ["redis.E001"]),
        ({"maxmemory": 1, "maxmemory_policy": "volatile-ttl"}, ["redis.E001"]),
        ({"maxmemory": 1}, []),
        ({}, []),
        (None, ["redis.W001"]),
    ],
)
def test_what_is_said_of_its_memory(memory: Any, said: list[str]) -> None:
    assert [message.id for message in redis.judge(memory)] == said


def test_a_real_one_that_evicts_is_refused() -> None:
    with redis_client.Redis.from_url(django_settings.REDIS_URL) as client:
        assert redis.check_redis(databases=["default"]) == []
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            (error,) = redis.check_redis(databases=["default"])
        finally:
            client.config_set("maxmemory-policy", "noeviction")
    assert error.is_serious()


def test_a_silent_one_holds_nothing_up(settings: Any) -> None:
    with silent_server() as port:
        settings.REDIS_URL = f"redis://127.0.0.1:{port}/0"
        began = time.monotonic()
        (caution,) = redis.check_redis(databases=["default"])
    assert not caution.is_serious()
    assert time.monotonic() - began < 5
