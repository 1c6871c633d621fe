"""Asking Redis one brief question: whoever looks after it must not wait for one that is silent."""

from __future__ import annotations

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

FAULTS = (redis.RedisError, OSError, ValueError)
"""What a question may raise when there is no answer; ValueError for an address that is none."""


def brief_client(seconds: float) -> redis.Redis:
    """A client that asks once, and waits that long for the connection and for the answer."""
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=seconds, socket_connect_timeout=seconds, retry=Retry(NoBackoff(), 0)
    )
