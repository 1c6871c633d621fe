"""Logs: one line per record for people, or one JSON object per record for machines (LOG_JSON)."""

from __future__ import annotations

import logging
from typing import Any

import structlog

FAULT = 500
"""Status from which on an answer is our fault, and its traceback is wanted."""


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.stdlib.PositionalArgumentsFormatter(),
]


def _no_refusal(record: logging.LogRecord) -> bool:
    """Filter of django.request: of each 4xx, django_structlog's line says more, and is one without a traceback."""
    return not 400 <= getattr(record, "status_code", FAULT) < FAULT


def formatter(json: bool = False, **_: Any) -> logging.Formatter:
    """The one formatter of settings.LOGGING; also tells structlog to hand its records to the standard library.

    And has one line written of each refused request, not two.
    """
    logging.getLogger("django.request").addFilter(_no_refusal)
    hand_over = structlog.stdlib.ProcessorFormatter.wrap_for_formatter
    structlog.configure(
        processors=[*_SHARED, structlog.processors.format_exc_info, hand_over],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    last = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if json
        else [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )
