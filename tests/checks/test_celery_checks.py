"""Celery set in a way that contradicts the guarantees is refused; as the product sets it, it is not."""

from __future__ import annotations

from typing import Any

import pytest
from celery import Celery
from django.core.checks import run_checks

from portal.celery import app
from portal.checks import GUARANTEES, scheduling

TRANSPORT = {"socket_timeout": 2, "socket_connect_timeout": 2, "visibility_timeout": 3600}


def nothing() -> None: ...


def found(**changed: Any) -> set[str]:
    """What is said of the product's own settings with these changed, and one job."""
    transport = TRANSPORT | changed.pop("transport", {})
    job = changed.pop("job", {})
    celery = Celery("probe", set_as_current=False)
    celery.config_from_object("django.conf:settings", namespace="CELERY")
    celery.conf.update({**changed, "broker_transport_options": transport})
    celery.task(nothing, name="jobs.one", shared=False, **job)
    return {message.id or "" for message in scheduling.judge(celery)}


def test_the_products_own_settings_are_good() -> None:
    assert [message for message in run_checks(tags=[GUARANTEES]) if message.id.startswith("celery")] == []
    assert TRANSPORT.items() <= app.conf.broker_transport_options.items()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, set()),
        ({"transport": {"socket_timeout": None}}, {"celery.E001"}),
        ({"transport": {"socket_connect_timeout": 120}}, {"celery.E001"}),
        ({"task_publish_retry": True}, {"celery.E002"}),
        ({"broker_connection_max_retries": 100}, {"celery.E003"}),
        ({"broker_connection_retry_on_startup": False}, {"celery.E003"}),
        ({"transport": {"visibility_timeout": 300}}, {"celery.E004"}),
        ({"task_time_limit": None}, {"celery.E004"}),
        ({"job": {"time_limit": 7200}}, {"celery.E004"}),
        ({"job": {"time_limit": 7200, "acks_late": False}}, set()),
        ({"task_reject_on_worker_lost": False}, {"celery.E005"}),
        ({"worker_prefetch_multiplier": 4}, {"celery.E006"}),
        ({"result_backend": "redis://127.0.0.1/1"}, {"celery.E007"}),
        ({"task_ignore_result": False}, {"celery.E007"}),
        ({"db_reuse_max": None}, {"celery.W001"}),
    ],
)
def test_each_contradiction_has_its_sentence(changed: dict[str, Any], said: set[str]) -> None:
    assert found(**changed) == said
