"""What is written, by a process of its own: the logging of this one is pytest's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

SCRIPT = """
import logging, structlog, django
django.setup()
structlog.contextvars.bind_contextvars(request_id="r-1")
logging.getLogger("django.request").warning("Not Found: %s", "/nowhere")
structlog.get_logger("feeder").info("sent", connector="c-1", count=2)
logging.getLogger("feeder").info("two\\nlines")
for logger in (logging.getLogger("plain"), structlog.get_logger("rich")):
    try:
        1 / 0
    except ZeroDivisionError:
        logger.exception("failed")
"""


def written(script: str = SCRIPT, **environment: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return run.stdout + run.stderr


def test_one_json_object_per_record_with_the_context_and_the_traceback() -> None:
    records: list[dict[str, Any]] = [json.loads(line) for line in written(LOG_JSON="1").splitlines()]
    plain, rich, lines, *failed = records
    assert (plain["event"], plain["level"], plain["logger"]) == ("Not Found: /nowhere", "warning", "django.request")
    assert (rich["event"], rich["connector"], rich["count"]) == ("sent", "c-1", 2)
    assert lines["event"] == "two\nlines"
    assert all(record["request_id"] == "r-1" and record["timestamp"].endswith("Z") for record in records)
    assert [record["logger"] for record in failed] == ["plain", "rich"]
    for record in failed:
        assert "ZeroDivisionError: division by zero" in record["exception"]
        assert "1 / 0" in record["exception"] or 'File "<string>"' in record["exception"]


def test_lines_for_people_with_the_traceback_below() -> None:
    text = written(LOG_JSON="0")
    assert text.splitlines()[0].endswith("[warning  ] Not Found: /nowhere            [django.request] request_id=r-1")
    assert text.count("ZeroDivisionError: division by zero") == 2
    assert "\x1b[" not in text


REFUSED = """
import django
django.setup()
from django.core.exceptions import PermissionDenied
from django.http import Http404, JsonResponse
from django.test import Client, override_settings
from django.urls import path

def view(request, kind):
    if kind == "answer":
        return JsonResponse({}, status=422)
    raise {"denied": PermissionDenied, "missing": Http404, "fault": RuntimeError}[kind](kind)

urlpatterns = [path("<str:kind>/", view)]
MIDDLEWARE = ["portal.lib.middleware.RequestLog"]
with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=MIDDLEWARE, ALLOWED_HOSTS=["testserver"]):
    for kind in ("answer", "denied", "missing", "fault"):
        Client(raise_request_exception=False, headers={"X-Request-Id": kind}).get(f"/{kind}/?key=hush")
"""


def test_a_refused_request_is_one_line_and_only_a_fault_has_a_traceback() -> None:
    records: list[dict[str, Any]] = [json.loads(line) for line in written(REFUSED, LOG_JSON="1").splitlines()]
    refused = [record for record in records if record["level"] == "warning"]
    assert [(one["code"], one["request"]) for one in refused] == [
        (422, "GET /answer/"),
        (403, "GET /denied/"),
        (404, "GET /missing/"),
    ]
    assert not any("exception" in one for one in refused)
    assert "hush" not in str(records), "a query may hold a key"
    assert any("RuntimeError: fault" in one.get("exception", "") for one in records)


def test_the_level_is_the_operators() -> None:
    text = written(LOG_LEVEL="warning")
    assert "Not Found" in text
    assert "sent" not in text
