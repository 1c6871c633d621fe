"""Bosch's five event families: which events they are made of, and the bodies that we define for them."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from connectors.profiles import PLAIN, PROFILES, Context, Item, RenderError
from portal.events.catalogue import CATALOGUE, sample_document

ORGANIZATION = "7b1c1b7e-6a52-4b1f-9a35-0c9a5f2d9b11"
COMPANY = "0f5f4d6a-5b40-4c5f-8a35-3a7d6c1e2b90"
BOSCH = PROFILES["bosch.2026-11"]

FAMILIES = {
    "appliance/online": "CONNECTIVITY_STATUS",
    "appliance/offline": "CONNECTIVITY_STATUS",
    "gateway/online": "CONNECTIVITY_STATUS",
    "gateway/offline": "CONNECTIVITY_STATUS",
    "appliance/error": "APPLIANCE_STATUS",
    "appliance/warning": "APPLIANCE_STATUS",
    "contract/status": "CONTRACT_STATUS",
    "datapoint/value": "DATA_POINT",
    "aggregate/daily": "DAILY_AGGREGATE",
}


def event(name: str, **data: Any) -> dict[str, Any]:
    document = sample_document(name, ORGANIZATION)
    document["data"] = copy.deepcopy(document["data"]) | data
    return document


def body_of(document: dict[str, Any], context: Context = PLAIN) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(BOSCH.render([Item(document)], context).body)
    return body


def own_part(name: str, **data: Any) -> dict[str, Any]:
    """Without what all families begin with."""
    common = {
        "eventId",
        "eventType",
        "occurredAt",
        "gatewayId",
        "gatewaySerialNumber",
        "applianceId",
        "applianceSerialNumber",
    }
    return {key: value for key, value in body_of(event(name, **data)).items() if key not in common}


@pytest.mark.line(1)
def test_there_are_five_families_and_nothing_else() -> None:
    carried = {name: body_of(event(name))["eventType"] for name in CATALOGUE if BOSCH.carries(name)}
    assert carried == FAMILIES
    assert len(set(carried.values())) == 5


@pytest.mark.line(1)
@pytest.mark.parametrize("name", [name for name in CATALOGUE if name not in FAMILIES])
def test_what_is_in_no_family_is_refused_with_the_reason(name: str) -> None:
    reason = BOSCH.refusal(name)
    assert reason is not None
    assert "Bosch" in reason
    with pytest.raises(RenderError) as refused:
        BOSCH.render([Item(event(name))], PLAIN)
    assert str(refused.value) == reason


@pytest.mark.line(2)
@pytest.mark.parametrize("status", ["ONLINE", "OFFLINE"])
def test_an_appliance_comes_and_goes(status: str) -> None:
    document = event(f"appliance/{status.lower()}") | {"company": COMPANY}
    assert body_of(document) == {
        "eventId": document["id"],
        "eventType": "CONNECTIVITY_STATUS",
        "occurredAt": "2026-01-15T10:30:00.000Z",
        "companyId": COMPANY,
        "gatewayId": document["gateway"]["id"],
        "gatewaySerialNumber": "GW-000-001",
        "applianceId": document["appliance"]["id"],
        "applianceSerialNumber": "9312355",
        "status": status,
    }
    gateway = body_of(event(f"gateway/{status.lower()}"))
    assert gateway["status"] == status
    assert "applianceId" not in gateway


@pytest.mark.line(5)
@pytest.mark.parametrize("severity", ["ERROR", "WARNING"])
@pytest.mark.parametrize("active", [True, False])
def test_errors_and_warnings_are_raised_and_cleared(severity: str, active: bool) -> None:
    texts = {"en": "Too hot.", "de": "Zu heiß."}
    own = own_part(f"appliance/{severity.lower()}", active=active, code="F71A", fault_id="f-1", texts=texts)
    assert own == {
        "severity": severity,
        "active": active,
        "errorCode": "F71A",
        "errorDescription": "Too hot.",
        "occurrences": 3,
        "since": "2026-01-15T10:12:00.000Z",
        "faultId": "f-1",
    }


@pytest.mark.parametrize(
    ("languages", "text"), [(("de", "en"), "Zu heiß."), (("nl",), "Too hot."), (("fr", "de"), "Zu heiß.")]
)
def test_the_error_text_is_in_the_partners_language(languages: tuple[str, ...], text: str) -> None:
    document = event("appliance/error", texts={"en": "Too hot.", "de": "Zu heiß."})
    assert body_of(document, Context(languages=languages))["errorDescription"] == text


def test_a_code_without_a_text_has_no_description() -> None:
    document = event("appliance/error")
    document["data"] = {"active": True, "code": "7"}
    body = body_of(document)
    assert body["errorCode"] == "7"
    assert not {"errorDescription", "occurrences", "since", "faultId"} & set(body)


@pytest.mark.line(11, 13)
@pytest.mark.parametrize(
    ("before", "after", "initiator"),
    [
        (None, "pending", "end_user"),
        ("pending", "active", "partner"),
        ("pending", "rejected", "partner"),
        ("active", "revoked", "partner"),
        ("active", "closed", "end_user"),
        ("closed", "acknowledged", "partner"),
        ("pending", "active", "platform"),
    ],
)
def test_a_contracts_transition_can_be_identified(before: str | None, after: str, initiator: str) -> None:
    document = event(
        "contract/status",
        previous_status=before,
        status=after,
        initiator=initiator,
        contract_id="c-1",
        occurred_at="2026-01-15T10:29:00Z",
    )
    assert body_of(document) == {
        "eventId": document["id"],
        "eventType": "CONTRACT_STATUS",
        "occurredAt": "2026-01-15T10:29:00Z",
        "gatewayId": document["gateway"]["id"],
        "gatewaySerialNumber": "GW-000-001",
        "contractId": "c-1",
        "previousStatus": before.upper() if before else None,
        "newStatus": after.upper(),
        "initiator": initiator.upper(),
    }


@pytest.mark.line(15)
def test_a_data_point_comes_with_the_value_sent_before() -> None:
    assert own_part("datapoint/value") == {
        "dataPoint": "battery.state_of_charge",
        "value": 63.5,
        "unit": "%",
        "reason": "CHANGED",
        "previousValue": 62,
    }


@pytest.mark.line(25)
@pytest.mark.parametrize("value", [0, False, ""])
def test_a_value_of_nothing_is_a_value(value: object) -> None:
    own = own_part(
        "datapoint/value", value=value, reason="reset", previous={"value": value, "time": "2026-01-15T10:25Z"}
    )
    assert own["value"] == own["previousValue"] == value
    assert type(own["value"]) is type(value)
    assert own["reason"] == "RESET"


@pytest.mark.line(30, 31, 33)
def test_a_daily_aggregate_is_one_property_of_one_day() -> None:
    assert own_part("aggregate/daily") == {
        "property": "hvac.compressor.runTime",
        "day": "2026-01-14",
        "value": 5.25,
        "unit": "h",
        "periodStart": "2026-01-14T00:00:00.000Z",
        "periodEnd": "2026-01-15T00:00:00.000Z",
    }


@pytest.mark.parametrize("name", FAMILIES)
def test_required_data_alone_make_a_message_that_its_schema_accepts(name: str) -> None:
    document = event(name)
    document["data"] = {key: document["data"][key] for key in CATALOGUE[name].schema["required"]}
    for reference in ("system", "gateway", "appliance"):
        if reference in document:
            document[reference] = {"id": document[reference]["id"]}
    body = body_of(document)
    validator = Draft202012Validator(dict(BOSCH.schema(name)), validate_formats=True)
    assert [error.message for error in validator.iter_errors(body)] == []
    assert [key for key, value in body.items() if value is None] == []


def test_an_event_without_a_gateway_is_refused() -> None:
    document = event("datapoint/value")
    del document["gateway"]
    with pytest.raises(RenderError, match="gateway"):
        BOSCH.render([Item(document)], PLAIN)


def test_what_is_ours_is_said_to_be_ours() -> None:
    assert "our definition" in BOSCH.description
