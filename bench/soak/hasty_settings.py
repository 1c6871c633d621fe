"""The product's settings for a scheduler in a hurry: some jobs twice a second, and each time a byte in TICKS_FILE."""

import os
from typing import Any

from celery.signals import after_task_publish

from bench.soak.poisoned_settings import *  # noqa: F403 - a settings module that changes another
from portal import settings

EVERY_SECONDS = 0.5
JOBS = ("snapshots and heartbeats", "aggregates of the day before", "take silent devices offline")
CELERY_BEAT_SCHEDULE = {
    name: job | {"schedule": EVERY_SECONDS} if name in JOBS else job
    for name, job in settings.CELERY_BEAT_SCHEDULE.items()
}

_ticks = os.open(os.environ["TICKS_FILE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


@after_task_publish.connect(sender=CELERY_BEAT_SCHEDULE[JOBS[1]]["task"], weak=False)
def count(**_: Any) -> None:
    os.write(_ticks, b".")
