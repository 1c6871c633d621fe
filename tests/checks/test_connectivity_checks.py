"""A debounce that cannot be meant is refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks

from portal.checks import GUARANTEES


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, []), (60, []), (86_400, []), (-1, ["connectivity.E001"]), (86_401, ["connectivity.E001"])]
)
def test_seconds_that_can_be_meant(settings: Any, seconds: int, said: list[str]) -> None:
    settings.CONNECTIVITY_DEBOUNCE_SECONDS = seconds
    messages = run_checks(tags=[GUARANTEES])
    assert [message.id for message in messages if (message.id or "").startswith("connectivity")] == said
