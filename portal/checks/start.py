"""A web process or a worker that does not start: where servers or settings contradict the guarantees."""

from __future__ import annotations

from typing import Any

import structlog
from celery import bootsteps
from django.core.checks import ERROR, run_checks
from django.db import connection

from portal.checks import GUARANTEES

REFUSED = 3
"""The exit code by which gunicorn's workers say that starting them again is no use."""

log = structlog.get_logger(__name__)


def refuse_unless_safe() -> None:
    """Raises SystemExit after a line for each thing that is wrong. What is only doubtful gets its line, and passes."""
    try:
        found = run_checks(tags=[GUARANTEES], databases=["default"])
    finally:
        connection.close()  # this thread has no further use for it
    found = [message for message in found if not message.is_silenced()]
    for message in found:
        tell = log.error if message.level >= ERROR else log.warning
        tell(message.msg, hint=message.hint, check=message.id)
    if any(message.is_serious() for message in found):
        raise SystemExit(REFUSED)


class SafeToStart(bootsteps.Step):
    """First of a Celery worker's steps: made before any of them starts."""

    def include_if(self, parent: Any) -> bool:
        refuse_unless_safe()
        return False
