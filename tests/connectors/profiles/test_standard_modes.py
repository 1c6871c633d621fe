"""The binary and the batch mode of the standard profile, read with the CloudEvents project's own library."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from jsonschema_rs import Draft202012Validator

from connectors.message import Rendered
from connectors.profiles import PLAIN, PROFILES, Item, resolve
from portal.events.catalogue import CATALOGUE, sample_document

ORGANIZATION = "7b1c1b7e-6a52-4b1f-9a35-0c9a5f2d9b11"
COMPANY = "0f5f4d6a-5b40-4c5f-8a35-3a7d6c1e2b90"
STANDARD = PROFILES["standard.2026-11"]
BINARY = PROFILES["standard-binary.2026-11"]
BATCH = PROFILES["standard-batch.2026-11"]


def full(name: str) -> dict[str, Any]:
    return sample_document(name, ORGANIZATION) | {"company": COMPANY, "consent": {"personal_data": True}}


def parsed(rendered: Rendered) -> Any:
    headers = {"content-type": rendered.content_type} | dict(rendered.headers)
    return from_http_event(HTTPMessage(headers, rendered.body))


def structured(document: dict[str, Any]) -> Any:
    return parsed(STANDARD.render([Item(document)], PLAIN))


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_mode_says_the_same(name: str) -> None:
    document = full(name)
    expected = structured(document)
    items = json.loads(BATCH.render([Item(document), Item(full("ping"))], PLAIN).body)
    batched = [
        from_http_event(HTTPMessage({"content-type": "application/cloudevents+json"}, json.dumps(item).encode()))
        for item in items
    ]
    for event in (parsed(BINARY.render([Item(document)], PLAIN)), batched[0]):
        assert event.get_attributes() == expected.get_attributes()
        assert event.get_data() == expected.get_data()
    assert [event.get_type() for event in batched] == [name, "ping"]


def test_the_exact_request_in_binary_mode() -> None:
    """Connectors are pinned to this version: its headers and bytes do not change."""
    document = sample_document("ping", ORGANIZATION)
    rendered = BINARY.render([Item(document)], PLAIN)
    assert rendered.content_type == "application/json"
    assert rendered.headers == (
        ("ce-specversion", "1.0"),
        ("ce-id", document["id"]),
        ("ce-source", f"/organizations/{ORGANIZATION}"),
        ("ce-type", "ping"),
        ("ce-time", "2026-01-15T10:30:00.000Z"),
        ("ce-dataschema", "urn:feeder:event-type:ping:1"),
    )
    assert rendered.body == b'{"message":"Hello from Feeder"}'


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("Euro € 😀", "Euro%20%E2%82%AC%20%F0%9F%98%80"),
        ('100 % "sure"', "100%20%25%20%22sure%22"),
        ("a\r\nx-evil: 1\x7f", "a%0D%0Ax-evil:%201%7F"),
        ("!#$&'()*+,/:;=?@[]~", "!#$&'()*+,/:;=?@[]~"),
    ],
)
def test_header_values_are_percent_encoded_as_the_binding_says(text: str, header: str) -> None:
    document = sample_document("ping", ORGANIZATION) | {"correlation_id": text}
    rendered = BINARY.render([Item(document)], PLAIN)
    assert dict(rendered.headers)["ce-correlationid"] == header
    assert parsed(rendered).get_extension("correlationid") == text


def test_a_batch_is_an_array_in_the_order_given() -> None:
    documents = [sample_document(name, ORGANIZATION) for name in CATALOGUE]
    rendered = BATCH.render([Item(document) for document in documents], PLAIN)
    assert rendered.content_type == "application/cloudevents-batch+json; charset=utf-8"
    events = [STANDARD.render([Item(document)], PLAIN).body for document in documents]
    assert rendered.body == b"[" + b",".join(events) + b"]"


def test_a_batch_of_one_is_an_array_too() -> None:
    assert len(json.loads(BATCH.sample("ping", ORGANIZATION).body)) == 1


def test_the_schema_of_a_batch_limits_it() -> None:
    (event,) = json.loads(BATCH.sample("gateway/online", ORGANIZATION).body)
    validator = Draft202012Validator(dict(BATCH.schema("gateway/online")))
    assert BATCH.most_events == 1000
    assert validator.is_valid([event] * BATCH.most_events)
    assert not validator.is_valid([event] * (BATCH.most_events + 1))


@pytest.mark.parametrize("profile", [BINARY, BATCH], ids=lambda profile: profile.id)
def test_the_owner_is_named_only_with_consent(profile: Any) -> None:
    document = sample_document("gateway/online", ORGANIZATION)
    assert b"erika" not in profile.render([Item(document)], PLAIN).body
    assert b"erika" in profile.render([Item(full("gateway/online"))], PLAIN).body


def test_each_mode_has_its_own_name() -> None:
    assert resolve("standard") is STANDARD
    assert (resolve("standard-binary"), resolve("standard-batch")) == (BINARY, BATCH)
    assert len({profile.title for profile in PROFILES.values()}) == len(PROFILES)
