"""A start that would break a promise does not happen, for each of the ways to start."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

ROOT = Path(__file__).parents[2]
KEY = "0hBUuJ5pFf3Uu1mCkQ4aB5qQ2n4W3vHk0pJrWm2YcVs="
OFF = "The database has fsync, full_page_writes off: what was accepted with a 202 can be lost with the power."
WAYS = {
    "web": ("-m", "gunicorn", "portal.wsgi", "--bind", "127.0.0.1:0", "--no-control-socket"),
    "worker": ("-m", "celery", "--skip-checks", "-A", "portal", "worker", "--pool", "threads"),
    "migrate": ("manage.py", "migrate", "--noinput"),
    "check": ("manage.py", "check", "--tag", "guarantees", "--database", "default"),
}


@pytest.fixture
def environment(tmp_path: Path, db: None) -> dict[str, str]:
    """That of another process beside the tests, on their own database: a cluster with `fsync` off."""
    database = connection.settings_dict
    url = f"postgres://{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT']}"
    return {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(tmp_path),
        "SECRET_KEY": "x1-" + "abcdefghij" * 6,
        "FIELD_ENCRYPTION_KEYS": KEY,
        "DATABASE_URL": f"{url}/{database['NAME']}",
        "REDIS_URL": settings.REDIS_URL,
        "PLAIN_STATIC": "1",
    }


def run(environment: dict[str, str], way: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *WAYS[way]], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize("way", WAYS)
def test_a_database_that_may_lose_what_it_accepted_is_refused(environment: dict[str, str], way: str) -> None:
    done = run(environment, way)
    said = done.stdout + done.stderr
    assert done.returncode != 0, said
    assert OFF in said
    assert "ready" not in said


def test_with_leave_that_is_only_said_and_the_rest_still_refused(environment: dict[str, str]) -> None:
    done = run(environment | {"ALLOW_DATA_LOSS": "1", "WORKERS": "64"}, "check")
    assert done.returncode != 0
    assert re.search(rf"WARNINGS:\n.*{OFF}", done.stderr)
    assert re.search(r"ERRORS:\n.*7 in each of 64 workers", done.stderr)
