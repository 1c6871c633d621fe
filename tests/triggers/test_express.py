"""Calls with a key pass by what is there for people, and their senders see no difference but the speed."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from typing import Any, NoReturn, cast
from uuid import UUID

import orjson
import pytest
from django.contrib.sessions.middleware import SessionMiddleware
from django.test import Client

from portal.events.models import Event
from portal.tenants.models import ApiKey
from tests.conftest import Tenant
from tests.world import make_gateway
from triggers import intake_api

EVENTS = "/api/v1/events/"


@pytest.fixture
def site(in_tenant: Tenant) -> Tenant:
    make_gateway(company=in_tenant.company)
    return in_tenant


def post(key: str, **headers: str) -> Any:
    body = orjson.dumps({"events": [{"type": "gateway/online", "gateway": "GW-1"}]})
    client = Client(raise_request_exception=False)
    return client.post(EVENTS, body, content_type="application/json", headers={"X-API-Key": key, **headers})


def fail(*_: object) -> NoReturn:
    raise RuntimeError("never to be seen by a caller")


def test_a_call_with_a_key_never_comes_by_the_session(site: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SessionMiddleware, "process_request", fail)
    answer = post(site.keys["ingest"])
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    assert answer["Content-Length"] == str(len(answer.content))
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_a_host_that_is_not_ours_is_refused(site: Tenant) -> None:
    assert post(site.keys["ingest"], Host="elsewhere.example").status_code == 400
    assert not Event.objects.exists()


def test_a_fault_is_a_problem_document_that_names_the_request(site: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_api, "recent_key_access", fail)
    answer = post(site.keys["ingest"])
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")
    assert "never to be seen" not in answer.json()["detail"]
    assert len(answer.json()["detail"].rsplit(" ", 1)[1]) == len("9f3ad3c2-5c1e-4d0b-8f43-0d6f6a1f4a55.")


def test_a_refused_call_is_one_line_in_the_log_with_an_id_of_its_own(
    site: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert post(site.keys["ingest"]).status_code == 202
        assert not caplog.records
        assert post("fk_nobody_knows_it").status_code == 401
        assert post(site.keys["read"]).status_code == 403
    lines = [cast("dict[str, Any]", record.msg) for record in caplog.records]
    assert [(line["level"], line["code"], line["request"], line["ip"]) for line in lines] == [
        ("warning", 401, f"POST {EVENTS}", "127.0.0.1"),
        ("warning", 403, f"POST {EVENTS}", "127.0.0.1"),
    ]
    assert len({UUID(line["request_id"]) for line in lines}) == 2
    assert "nobody_knows" not in caplog.text


def test_a_revoked_key_takes_nothing_in_after_a_second(site: Tenant) -> None:
    assert post(site.keys["ingest"]).status_code == 202
    ApiKey.objects.filter(name="ingest").update(revoked_at=datetime.now(UTC))
    deadline = time.monotonic() + 1
    while (answer := post(site.keys["ingest"])).status_code == 202 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert answer.status_code == 401
    taken = Event.objects.count()
    assert post(site.keys["ingest"]).status_code == 401
    assert Event.objects.count() == taken
