"""Days of retention that cannot be meant are refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks

from portal.checks import GUARANTEES


@pytest.mark.parametrize(
    ("days", "said"),
    [
        ({}, []),
        ({"EVENTS": 1, "READINGS": 1, "DELIVERIES": 1, "ATTEMPTS": 1}, ["retention.W001"]),
        ({"READINGS": 0}, ["retention.E001"]),
        ({"EVENTS": -30}, ["retention.E001", "retention.W001"]),
        ({"DELIVERIES": 1_000_000_000}, ["retention.E001"]),
        ({"ATTEMPTS": 91}, ["retention.E002"]),
        ({"ATTEMPTS": 7}, []),
        ({"EVENTS": 3650}, []),
    ],
)
def test_days_that_fit_each_other(settings: Any, days: dict[str, int], said: list[str]) -> None:
    for name, value in days.items():
        setattr(settings, f"RETENTION_{name}_DAYS", value)
    messages = run_checks(tags=[GUARANTEES])
    assert [message.id for message in messages if (message.id or "").startswith("retention")] == said
