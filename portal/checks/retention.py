"""How long history is kept: days that can be meant, and that fit each other."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as Caution

from portal.checks import GUARANTEES

NAMES = ("RETENTION_EVENTS_DAYS", "RETENTION_READINGS_DAYS", "RETENTION_DELIVERIES_DAYS", "RETENTION_ATTEMPTS_DAYS")
LONGEST = 3_650
LONGEST_RETRYING = 4
"""Days, rounded up: the standard policy's ten tries take about 75 hours."""


@register(GUARANTEES)
def check_retention(**_: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = [
        Error(
            f"{name} is {getattr(settings, name)}: 1 to {LONGEST} days are expected.",
            hint="Each day of history is a partition of its own.",
            id="retention.E001",
        )
        for name in NAMES
        if not 1 <= getattr(settings, name) <= LONGEST
    ]
    if settings.RETENTION_ATTEMPTS_DAYS > settings.RETENTION_DELIVERIES_DAYS:
        found.append(
            Error(
                "RETENTION_ATTEMPTS_DAYS is longer than RETENTION_DELIVERIES_DAYS.",
                hint="A try is found by its delivery: without that, nobody could see it.",
                id="retention.E002",
            )
        )
    if settings.RETENTION_EVENTS_DAYS < LONGEST_RETRYING:
        found.append(
            Caution(
                f"RETENTION_EVENTS_DAYS is less than {LONGEST_RETRYING}: a delivery that fails for good after all its "
                "tries cannot be tried again by hand.",
                hint="What still waits is kept in any case.",
                id="retention.W001",
            )
        )
    return found
