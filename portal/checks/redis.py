"""Redis as the scheduled jobs need it. Deliveries need none: a Redis that is away is said, and refuses nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as Caution

from portal.checks import GUARANTEES
from portal.lib.broker import FAULTS, brief_client

ANSWER_SECONDS = 1.0


@register(GUARANTEES, Tags.database)
def check_redis(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """With the database's, although it is none: both ask a server, which most commands have no need of."""
    return list(judge(ask())) if databases else []


def ask() -> Mapping[str, Any] | None:
    """INFO memory, which servers allow that allow no CONFIG; None when there is no answer."""
    try:
        with brief_client(ANSWER_SECONDS) as client:
            found: Mapping[str, Any] = client.info("memory")
            return found
    except FAULTS:
        return None


def judge(memory: Mapping[str, Any] | None) -> Iterator[CheckMessage]:
    if memory is None:
        yield Caution(
            "Redis does not answer: scheduled jobs wait for it, deliveries do not.",
            hint="REDIS_URL names it.",
            id="redis.W001",
        )
    elif memory.get("maxmemory") and memory.get("maxmemory_policy", "noeviction") != "noeviction":
        yield Error(
            f"Redis has maxmemory-policy {memory['maxmemory_policy']}: when it is full it drops jobs without a word.",
            hint="maxmemory-policy noeviction: a full Redis is then an error that is seen.",
            id="redis.E001",
        )
