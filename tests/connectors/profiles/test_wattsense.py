"""The Wattsense format: the vendor's value to the letter, and our events and alarms."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator

from connectors.profiles import PLAIN, PROFILES, Context, Item, RenderError
from portal.events.catalogue import CATALOGUE, sample_document
from portal.lib.uuid7 import uuid7

ORGANIZATION = "7b1c1b7e-6a52-4b1f-9a35-0c9a5f2d9b11"
WATTSENSE = PROFILES["wattsense.2026-11"]
RECEIVED = datetime(2026, 1, 15, 10, 30, 2, 250_000, tzinfo=UTC)

VALUE_FIELDS = {
    # S3 lines 145-159: the JSON types that each may have
    "deviceId": (str,),
    "property": (str,),
    "timestamp": (int,),
    "payload": (str, int, float, bool),
    "receivedAt": (int, type(None)),
    "scaledPayload": (int, float, type(None)),
    "name": (str, type(None)),
    "unit": (str, type(None)),
    "externalId": (str, type(None)),
    "propertyId": (str, type(None)),
    "equipmentId": (str, type(None)),
    "gatewayInterfaceId": (str, type(None)),
    "slug": (str, type(None)),
    "isOutOfService": (bool, type(None)),
    "tags": (dict,),
}


def body_of(document: dict[str, Any], context: Context = PLAIN) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(WATTSENSE.render([Item(document)], context).body)
    return body


def event(name: str, **data: Any) -> dict[str, Any]:
    document = sample_document(name, ORGANIZATION)
    document["data"] = copy.deepcopy(document["data"]) | data
    return document


def value(**data: Any) -> dict[str, Any]:
    """As the intake writes it: its id tells when it came in."""
    return event("datapoint/value", **data) | {"id": str(uuid7(RECEIVED))}


@pytest.mark.line(*range(145, 160))
def test_the_exact_bytes_of_a_value() -> None:
    """Connectors are pinned to this version: its bytes do not change."""
    document = value()
    assert WATTSENSE.render([Item(document)], PLAIN).body.decode() == (
        '{"deviceId":"' + document["gateway"]["id"] + '","property":"battery.state_of_charge",'
        '"timestamp":1768473000000,"payload":63.5,"receivedAt":1768473002250,"scaledPayload":63.5,'
        '"name":"battery.state_of_charge","unit":"%","externalId":"9312355","propertyId":null,'
        '"equipmentId":"' + document["appliance"]["id"] + '","gatewayInterfaceId":null,'
        '"slug":"battery.state_of_charge","isOutOfService":null,"tags":{}}'
    )


@pytest.mark.line(*range(145, 160))
@given(
    payload=st.one_of(
        st.booleans(), st.text(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False)
    ),
    unit=st.sampled_from(["W", "°C", None]),
    appliance=st.booleans(),
    accepted=st.booleans(),
    moment=st.datetimes(datetime(1960, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_every_field_of_a_value_is_there_and_only_nullable_ones_are_null(
    payload: Any, unit: str | None, appliance: bool, accepted: bool, moment: datetime
) -> None:
    document = value(value=payload) if accepted else event("datapoint/value", value=payload)
    document["time"] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if unit is None:
        del document["data"]["unit"]
    if not appliance:
        del document["appliance"]
    body = body_of(document)
    assert list(body) == list(VALUE_FIELDS)
    for field, types in VALUE_FIELDS.items():
        assert type(body[field]) in types, field
    assert body["tags"] == {}
    assert datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=body["timestamp"]) == datetime.fromisoformat(
        document["time"]
    )


@pytest.mark.line(148, 150)
@pytest.mark.parametrize(
    ("payload", "scaled"),
    [
        (7, 7),
        (-7.25, -7.25),
        (0, 0),
        (1e-7, 1e-7),
        (True, None),
        (False, None),
        ("open", None),
        ("7", None),
        ("", None),
    ],
)
def test_the_payload_is_as_measured_and_scaled_only_if_it_is_a_number(payload: object, scaled: object) -> None:
    body = body_of(value(value=payload))
    assert (body["payload"], type(body["payload"])) == (payload, type(payload))
    assert (body["scaledPayload"], type(body["scaledPayload"])) == (scaled, type(scaled))


@pytest.mark.line(149, 153, 155)
def test_what_is_not_known_of_a_value_is_null() -> None:
    document = event("datapoint/value")
    del document["appliance"]
    document["gateway"] = {"id": document["gateway"]["id"]}
    body = body_of(document)
    assert (body["receivedAt"], body["externalId"], body["equipmentId"]) == (None, None, None)


@pytest.mark.line(131, 133)
@pytest.mark.parametrize(
    ("name", "route"),
    [
        ("datapoint/value", "values"),
        ("gateway/online", "events"),
        ("contract/status", "events"),
        ("aggregate/daily", "events"),
        ("ping", "events"),
        ("alarm/raised", "alarms"),
        ("appliance/error", "alarms"),
        ("inverter/status", "alarms"),
    ],
)
def test_values_events_and_alarms_each_have_their_route(name: str, route: str) -> None:
    assert WATTSENSE.routes == ("values", "events", "alarms")
    assert WATTSENSE.render([Item(event(name))], PLAIN).route == route


def test_an_event_is_the_catalogues_data_with_the_device_beside_it() -> None:
    document = event("appliance/offline")
    assert body_of(document) == {
        "deviceId": document["gateway"]["id"],
        "event": "appliance/offline",
        "eventId": document["id"],
        "timestamp": 1768473000000,
        "receivedAt": None,
        "externalId": "9312355",
        "equipmentId": document["appliance"]["id"],
        "data": document["data"],
        "tags": {},
    }


def test_what_concerns_no_device_has_none() -> None:
    body = body_of(event("ping"))
    assert (body["deviceId"], body["equipmentId"], body["externalId"]) == (None, None, None)


def test_an_alarm_in_the_partners_language() -> None:
    document = event("alarm/raised")
    assert body_of(document, Context(languages=("de", "en"))) == {
        "alarmId": document["data"]["alarm_id"],
        "status": "open",
        "severity": "critical",
        "message": "Der Wechselrichter ist zu heiß.",
        "raisedAt": 1768471920000,
        "property": "inverter.temperature",
        "deviceId": document["gateway"]["id"],
        "event": "alarm/raised",
        "eventId": document["id"],
        "timestamp": 1768473000000,
        "receivedAt": None,
        "externalId": "9312355",
        "equipmentId": document["appliance"]["id"],
        "data": document["data"],
        "tags": {},
    }


@pytest.mark.parametrize(
    ("name", "data", "status", "severity"),
    [
        ("alarm/raised", {}, "open", "critical"),
        ("alarm/acknowledged", {"severity": "standard"}, "acknowledged", "standard"),
        ("alarm/closed", {}, "closed", "critical"),
        ("appliance/error", {"active": True}, "open", "critical"),
        ("appliance/error", {"active": False}, "closed", "critical"),
        ("appliance/warning", {"active": True}, "open", "standard"),
        ("appliance/warning", {"active": False}, "closed", "standard"),
        ("inverter/status", {"status": "error", "last_status": "ok"}, "open", "critical"),
        ("inverter/status", {"status": "warning", "last_status": "error"}, "open", "standard"),
        ("inverter/status", {"status": "ok", "last_status": "error"}, "closed", "critical"),
        ("inverter/status", {"status": "ok", "last_status": "warning"}, "closed", "standard"),
        ("system/action", {"status": "open"}, "open", "standard"),
        ("system/action", {"status": "solved"}, "closed", "standard"),
        ("ev/charge-failed", {}, "open", "standard"),
    ],
)
def test_the_status_and_severity_of_what_is_on_the_alarms_route(
    name: str, data: dict[str, Any], status: str, severity: str
) -> None:
    body = body_of(event(name, **data))
    assert (body["status"], body["severity"]) == (status, severity)


@pytest.mark.parametrize("name", ["appliance/error", "appliance/warning", "inverter/status"])
def test_what_raises_an_alarm_and_what_closes_it_share_an_id(name: str) -> None:
    changes: tuple[dict[str, Any], ...] = ({"active": True}, {"active": False})
    if name == "inverter/status":
        changes = ({"status": "error", "last_status": "ok"}, {"status": "ok", "last_status": "error"})
    documents = [event(name, **change) | {"id": str(uuid7())} for change in changes]
    for document in documents:
        document["data"].pop("fault_id", None)
    raised, closed = [body_of(document) for document in documents]
    assert raised["alarmId"] == closed["alarmId"]
    assert raised["eventId"] != closed["eventId"]


def test_a_leap_second_has_no_number_but_stays_in_the_data() -> None:
    body = body_of(event("alarm/raised", raised_at="2016-12-31T23:59:60Z"))
    assert (body["raisedAt"], body["data"]["raised_at"]) == (None, "2016-12-31T23:59:60Z")
    assert body_of(event("alarm/raised", raised_at="2026-01-15t11:12:00.000+01:00"))["raisedAt"] == 1768471920000


@pytest.mark.parametrize("name", [name for name, known in CATALOGUE.items() if known.flow != "values"])
def test_required_data_alone_make_a_message_that_its_schema_accepts(name: str) -> None:
    document = event(name)
    document["data"] = {key: document["data"][key] for key in CATALOGUE[name].schema["required"]}
    for reference in ("system", "gateway", "appliance"):
        if reference in document:
            document[reference] = {"id": document[reference]["id"]}
    validator = Draft202012Validator(dict(WATTSENSE.schema(name)), validate_formats=True)
    assert [error.message for error in validator.iter_errors(body_of(document))] == []


def test_the_owner_is_named_only_with_consent() -> None:
    document = event("gateway/online")
    assert b"erika" not in WATTSENSE.render([Item(document)], PLAIN).body
    document["consent"] = {"personal_data": True}
    assert body_of(document)["data"]["user"]["email"] == "erika@example.com"


@pytest.mark.parametrize("name", ["datapoint/report", "telemetry/snapshot"])
def test_what_holds_several_values_is_refused_with_the_reason(name: str) -> None:
    assert name in CATALOGUE
    with pytest.raises(RenderError, match="one value in each message"):
        WATTSENSE.render([Item(event(name))], PLAIN)


def test_everything_else_is_carried() -> None:
    refused = {name for name in CATALOGUE if not WATTSENSE.carries(name)}
    assert refused == {"datapoint/report", "telemetry/snapshot"}
    assert "no event type" in str(WATTSENSE.refusal("gateway/explode"))


def test_an_alarm_without_its_device_is_refused() -> None:
    document = event("inverter/status")
    del document["appliance"]
    with pytest.raises(RenderError, match="appliance"):
        WATTSENSE.render([Item(document)], PLAIN)


def test_what_is_ours_is_said_to_be_ours() -> None:
    assert "our definition" in WATTSENSE.description
