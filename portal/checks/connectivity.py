"""How much longer than its deadline a device may be silent: seconds that can be meant."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from portal.checks import GUARANTEES

LONGEST_SECONDS = 86_400


@register(GUARANTEES)
def check_connectivity(**_: Any) -> list[CheckMessage]:
    seconds = settings.CONNECTIVITY_DEBOUNCE_SECONDS
    if 0 <= seconds <= LONGEST_SECONDS:
        return []
    return [
        Error(
            f"CONNECTIVITY_DEBOUNCE_SECONDS is {seconds}: 0 to {LONGEST_SECONDS} seconds are expected.",
            hint="Less than nothing would take devices offline before their deadline.",
            id="connectivity.E001",
        )
    ]
