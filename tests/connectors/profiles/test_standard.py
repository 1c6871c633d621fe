"""The standard profile, read with the CloudEvents project's own library."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from jsonschema_rs import Draft202012Validator

from connectors.profiles import PLAIN, PROFILES, Item, resolve
from connectors.profiles.standard import data_schema
from portal.events.catalogue import CATALOGUE, sample_document

ORGANIZATION = "7b1c1b7e-6a52-4b1f-9a35-0c9a5f2d9b11"
COMPANY = "0f5f4d6a-5b40-4c5f-8a35-3a7d6c1e2b90"
STANDARD = PROFILES["standard.2026-11"]


def parsed(document: dict[str, Any]) -> Any:
    rendered = STANDARD.render([Item(document)], PLAIN)
    return from_http_event(HTTPMessage({"content-type": rendered.content_type}, rendered.body))


@pytest.mark.parametrize("name", CATALOGUE)
class TestEveryType:
    def test_the_cloudevents_library_reads_it(self, name: str) -> None:
        document = sample_document(name, ORGANIZATION)
        event = parsed(document)
        assert event.get_id() == document["id"]
        assert event.get_type() == name
        assert event.get_source() == f"/organizations/{ORGANIZATION}"
        assert event.get_time() == datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
        assert event.get_datacontenttype() == "application/json"

    def test_its_data_is_what_its_schema_says(self, name: str) -> None:
        document = sample_document(name, ORGANIZATION) | {"consent": {"personal_data": True}}
        event = parsed(document)
        schema = data_schema(CATALOGUE[name])
        assert event.get_dataschema() == schema["$id"]
        validator = Draft202012Validator(schema, validate_formats=True)
        assert [error.message for error in validator.iter_errors(event.get_data())] == []

    def test_no_field_of_the_type_hides_a_reference(self, name: str) -> None:
        assert not {"system", "gateway", "appliance"} & set(CATALOGUE[name].schema["properties"])

    def test_the_same_event_gives_the_same_bytes(self, name: str) -> None:
        document = sample_document(name, ORGANIZATION)
        assert STANDARD.render([Item(document)], PLAIN) == STANDARD.render([Item(document)], PLAIN)

    def test_it_is_carried(self, name: str) -> None:
        assert STANDARD.carries(name)


def test_the_exact_bytes_of_a_value() -> None:
    """Connectors are pinned to this version: its bytes do not change."""
    document = sample_document("datapoint/value", ORGANIZATION) | {"company": COMPANY}
    rendered = STANDARD.render([Item(document)], PLAIN)
    assert rendered.content_type == "application/cloudevents+json; charset=utf-8"
    assert rendered.body.decode() == (
        '{"specversion":"1.0","id":"' + document["id"] + '","source":"/organizations/' + ORGANIZATION + '",'
        '"type":"datapoint/value","subject":"appliances/' + document["appliance"]["id"] + '",'
        '"time":"2026-01-15T10:30:00.000Z","datacontenttype":"application/json",'
        '"dataschema":"urn:feeder:event-type:datapoint/value:1",'
        '"correlationid":"' + document["correlation_id"] + '","companyid":"' + COMPANY + '",'
        '"data":{"system":{"id":"' + document["system"]["id"] + '","name":"Example house"},'
        '"gateway":{"id":"' + document["gateway"]["id"] + '","serial_number":"GW-000-001","name":"Cellar"},'
        '"appliance":{"id":"' + document["appliance"]["id"] + '","serial_number":"9312355",'
        '"name":"Inverter on the south roof","type":"inverter","kind":"hybrid","manufacturer":"Examplo",'
        '"model":"HY-10"},"property":"battery.state_of_charge","value":63.5,"unit":"%","quality":"good",'
        '"reason":"changed","previous":{"value":62,"time":"2026-01-15T10:25:00.000Z"}}}'
    )


@pytest.mark.parametrize("value", [7, 7.5, 1e-7, -0.0, True, "größer", ""])
def test_values_arrive_as_they_were_measured(value: object) -> None:
    document = sample_document("datapoint/value", ORGANIZATION)
    document["data"]["value"] = value
    arrived = json.loads(STANDARD.render([Item(document)], PLAIN).body)["data"]["value"]
    assert (arrived, type(arrived)) == (value, type(value))


def test_an_event_of_the_whole_organization_has_no_subject() -> None:
    assert parsed(sample_document("ping", ORGANIZATION)).get_subject() is None


def test_the_owner_is_named_only_with_consent() -> None:
    document = sample_document("gateway/online", ORGANIZATION)
    assert "user" not in parsed(document).get_data()
    document["consent"] = {"personal_data": True}
    assert parsed(document).get_data()["user"]["name"] == "Erika Beispiel"


def test_a_bare_name_is_the_newest_version() -> None:
    assert resolve("standard") is STANDARD
