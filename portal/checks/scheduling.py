"""Celery as it must be set: a broker that fails, and a job that dies, cost no more than a delay.

Jobs are acknowledged when they are done, and Redis hands them out again when that takes longer than the visibility
timeout; so no job may last that long, and the delivery engine, which lasts for ever, is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from celery import Celery, Task
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as Caution

from portal.celery import app
from portal.checks import GUARANTEES

LONGEST_SOCKET_SECONDS = 10.0
VISIBILITY_BY_DEFAULT = 3600


@register(GUARANTEES)
def check_celery(**_: Any) -> list[CheckMessage]:
    for module in settings.CELERY_IMPORTS:
        import_module(module)  # the loader's own way would run all system checks, these too
    return list(judge(app))


def judge(celery: Celery) -> Iterator[CheckMessage]:
    yield from _broker(celery.conf, celery.conf.broker_transport_options)
    yield from _jobs(celery)
    yield from _results(celery.conf)


def _broker(conf: Any, transport: Mapping[str, Any]) -> Iterator[CheckMessage]:
    for name in ("socket_timeout", "socket_connect_timeout"):
        if not 0 < (transport.get(name) or 0) <= LONGEST_SOCKET_SECONDS:
            yield Error(
                f"CELERY_BROKER_TRANSPORT_OPTIONS has no {name} of at most {LONGEST_SOCKET_SECONDS:.0f} s.",
                hint="A Redis that is silent, not closed, would block its caller for minutes.",
                id="celery.E001",
            )
    if conf.task_publish_retry:
        yield Error(
            "CELERY_TASK_PUBLISH_RETRY is on: to send a job to a Redis that is away would block the sender.",
            hint="Jobs are sent again by the clock; none needs to arrive.",
            id="celery.E002",
        )
    if conf.broker_connection_max_retries is not None or not conf.broker_connection_retry_on_startup:
        yield Error(
            "A worker would give up on a Redis that is away for long, and stop delivering with it.",
            hint="CELERY_BROKER_CONNECTION_MAX_RETRIES is None, CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP is True.",
            id="celery.E003",
        )


def _jobs(celery: Celery) -> Iterator[CheckMessage]:
    visible: float = celery.conf.broker_transport_options.get("visibility_timeout", VISIBILITY_BY_DEFAULT)
    jobs = [task for name, task in sorted(celery.tasks.items()) if not name.startswith("celery.")]
    late = [task for task in jobs if task.acks_late]
    for task in late:
        limit = _limit(celery, task)
        if limit is None or limit >= visible:
            yield Error(
                f"The job {task.name} is acknowledged late and may last {limit or 'for ever'}"
                f"{' s' if limit else ''}: after {visible:.0f} s, the visibility timeout, it would run a second time.",
                hint="A time limit below the visibility timeout; what runs for long is no job.",
                id="celery.E004",
            )
    if late and not celery.conf.task_reject_on_worker_lost:
        yield Error(
            "CELERY_TASK_REJECT_ON_WORKER_LOST is off: a job whose process is killed would be lost.",
            hint="Late acknowledgement alone acknowledges it.",
            id="celery.E005",
        )
    if late and celery.conf.worker_prefetch_multiplier != 1:
        yield Error(
            "CELERY_WORKER_PREFETCH_MULTIPLIER is not 1: jobs would wait in one worker, past the visibility timeout.",
            id="celery.E006",
        )


def _limit(celery: Celery, task: Task[Any, Any]) -> float | None:
    limit: float | None = task.time_limit or celery.conf.task_time_limit
    return limit


def _results(conf: Any) -> Iterator[CheckMessage]:
    if conf.result_backend or not conf.task_ignore_result:
        yield Error(
            "Celery keeps results: each would be a write to a server that may be away, for nobody to read.",
            hint="No CELERY_RESULT_BACKEND, and CELERY_TASK_IGNORE_RESULT is True.",
            id="celery.E007",
        )
    if not conf.get("db_reuse_max"):
        yield Caution(
            "CELERY_DB_REUSE_MAX is not set: Celery closes the database connection after each job.",
            id="celery.W001",
        )
