from __future__ import annotations

from typing import Any

import pytest
from drf_spectacular.drainage import GENERATOR_STATS, reset_generator_stats
from rest_framework.test import APIClient

from tests.rest.test_isolation import routes


@pytest.fixture
def document(db: None) -> dict[str, Any]:
    reset_generator_stats()
    answer = APIClient().get("/api/schema/")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_the_document_is_made_without_a_complaint(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert not GENERATOR_STATS._warn_cache
    assert not GENERATOR_STATS._error_cache


def test_it_has_every_address_and_method(document: dict[str, Any]) -> None:
    described = {(path, method) for path, methods in document["paths"].items() for method in methods}
    for _, path, actions in routes():
        name = "type" if path.startswith("/api/v1/event-types/") else "id"
        for method in set(actions) - {"head"}:
            assert (path.replace("{}", f"{{{name}}}"), method) in described


def test_the_intakes_plain_views_are_described_too(document: dict[str, Any]) -> None:
    for path in ("/api/v1/readings/", "/api/v1/events/", "/api/v1/heartbeats/"):
        call = document["paths"][path]["post"]
        assert set(call["requestBody"]["content"]) == {"application/json", "application/x-ndjson"}
        assert {"202", "422", "default"} <= set(call["responses"])
    assert "get" in document["paths"]["/api/v1/events/"]


def test_lists_are_described_as_pages(document: dict[str, Any]) -> None:
    components = document["components"]["schemas"]
    for _, path, actions in routes():
        if actions.get("get") in {"list", "attempts"}:
            name = path.replace("{}", "{id}")
            content = document["paths"][name]["get"]["responses"]["200"]["content"]["application/json"]
            page = components[content["schema"]["$ref"].rpartition("/")[2]]
            assert set(page["properties"]) == {"next", "previous", "results"}, path


def test_every_post_takes_an_idempotency_key_and_fails_as_a_problem(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert "application/problem+json" in operation["responses"]["default"]["content"], path
            names = {parameter["name"] for parameter in operation.get("parameters", [])}
            assert ("Idempotency-Key" in names) == (method == "post"), path


def test_the_page_holds_no_script_or_style_of_its_own(db: None) -> None:
    page = APIClient().get("/api/docs/")
    assert page.status_code == 200
    text = page.content.decode()
    assert "<style" not in text
    assert text.count("<script src=") == text.count("<script") == 3
    script = APIClient().get("/api/docs/?script=")
    assert script["Content-Type"].startswith("application/javascript")
    assert b"/api/schema/" in script.content
