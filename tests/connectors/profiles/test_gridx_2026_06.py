"""The gridX version of June 2026: what changed upstream (B5), and what did not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from connectors.profiles import PLAIN, PROFILES, Item, RenderError
from portal.events.catalogue import CATALOGUE, sample_document

ORGANIZATION = "7b1c1b7e-6a52-4b1f-9a35-0c9a5f2d9b11"
GRIDX = PROFILES["gridx.2026-06"]
BEFORE = PROFILES["gridx.2026-03"]
TYPES = [name for name in CATALOGUE if GRIDX.carries(name)]
REMOVED = {"ev/control", "ev/create", "ev/update", "ev/delete"}
SAME = [name for name in TYPES if name.startswith("grid-signal-processor/") or name == "ping"]


OBSERVED = {"systemID", "assetID", "gatewayID", "issuedAt", "atHome", "type"}
DEMANDED = {
    "appliance/online": {"applianceID", "gatewayID"},
    "ev/charge-started": OBSERVED | {"state", "chargePower"},
    "ev/charge-stopped": OBSERVED | {"state", "chargePower"},
    "ev/charge-failed": OBSERVED | {"createdAt", "completedAt", "kind", "failureReason"},
    "ev/measurement": OBSERVED | {"chargePower", "chargeState", "plugState", "isControllable"},
    "ev/plugged": OBSERVED | {"state"},
    "ev/unplugged": OBSERVED | {"state"},
    "ev/infeasible-charging-goals": {"systemID", "assetID", "minRequestedSoC", "currentSoC", "departureAt"}
    | {"energyNeededWh", "deliverableEnergyWh", "chargingPowerW"},
    "gateway/online": {"gatewayID", "systemID"},
    "inverter/status": {"applianceID", "gatewayID", "lastStatus", "status"},
    "system/action": {"id", "capabilities", "type", "manufacturer", "domain", "introducedAt", "resolution"}
    | {"gatewayID", "assetID", "systemID", "status"},
}
"""What the vendor's document of 2026-06-24 demands of `data`."""


def body_of(document: dict[str, Any], profile: str = GRIDX.id) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(PROFILES[profile].render([Item(document)], PLAIN).body)
    return body


def full(name: str) -> dict[str, Any]:
    return sample_document(name, ORGANIZATION) | {"consent": {"personal_data": True}}


def minimal(name: str) -> dict[str, Any]:
    """Required data only, and of each reference only what the store always has."""
    document = sample_document(name, ORGANIZATION)
    document.pop("correlation_id", None)
    document["data"] = {key: document["data"][key] for key in CATALOGUE[name].schema["required"]}
    for reference in {"system", "gateway", "appliance"} & set(document):
        document[reference] = {"id": document[reference]["id"]}
    return document


def test_types_came_and_went() -> None:
    before = {name for name in CATALOGUE if BEFORE.carries(name)}
    assert set(TYPES) == before - REMOVED | {"ev/infeasible-charging-goals"}
    assert "gridx.2026-03" in str(GRIDX.refusal("ev/create"))
    assert "measured values" in str(GRIDX.refusal("datapoint/value"))


@pytest.mark.parametrize("name", TYPES)
def test_a_full_event_shows_every_field_of_its_schema(name: str) -> None:
    document = full(name)
    document.get("appliance", {}).update(type="meter", kind="battery", model="M-1")
    described = GRIDX.schema(name)["properties"]["data"]["properties"]
    missing = set(described) - set(body_of(document)["data"])
    assert missing == ({"newLPC", "validUntil"} if name.endswith("/unset") else set())


@pytest.mark.parametrize("name", [name for name in TYPES if name not in ("ev/charge-failed", "ev/charge-started")])
def test_an_event_with_what_it_must_have_is_enough(name: str) -> None:
    body = body_of(minimal(name))
    validator = Draft202012Validator(dict(GRIDX.schema(name)), validate_formats=True)
    assert [error.message for error in validator.iter_errors(body)] == []
    assert None not in body["data"].values()


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("ev/charge-started", "charge_power_w"),
        ("ev/charge-failed", "command"),
        ("ev/charge-failed", "command_sent_at"),
        ("ev/charge-failed", "failure_reason"),
    ],
)
def test_what_is_demanded_and_cannot_be_known_is_refused(name: str, field: str) -> None:
    document = full(name)
    del document["data"][field]
    with pytest.raises(RenderError, match=field):
        GRIDX.render([Item(document)], PLAIN)


@pytest.mark.parametrize("name", DEMANDED)
def test_what_the_vendor_demands_is_always_there(name: str) -> None:
    """The schema may demand more: we always send it."""
    assert set(GRIDX.schema(name)["properties"]["data"]["required"]) >= DEMANDED[name]


def test_an_action_of_no_vehicle_is_refused() -> None:
    document = full("system/action")
    del document["appliance"]
    with pytest.raises(RenderError, match="appliance"):
        GRIDX.render([Item(document)], PLAIN)


def test_the_envelope_names_the_cause_anew_and_keeps_the_account() -> None:
    document = full("gateway/online")
    body, before = body_of(document), body_of(document, BEFORE.id)
    assert body.pop("correlationId") == before.pop("correlationID")
    assert body["accountID"] == ORGANIZATION
    del body["data"], before["data"]
    assert body == before


def test_the_exact_bytes() -> None:
    """Connectors are pinned to this version: its bytes do not change."""
    document = full("ev/charge-failed")
    ids = {part: document[part]["id"] for part in ("system", "gateway", "appliance")}
    assert GRIDX.render([Item(document)], PLAIN).body.decode() == (
        '{"id":"' + document["id"] + '","accountID":"' + ORGANIZATION + '","source":"/systems/' + ids["system"] + '",'
        '"specVersion":"1.0","dataContentType":"application/json","time":"2026-01-15T10:30:00.000Z",'
        '"type":"ev/charge-failed","correlationId":"' + document["correlation_id"] + '",'
        '"data":{"systemID":"' + ids["system"] + '","assetID":"' + ids["appliance"] + '",'
        '"gatewayID":"' + ids["gateway"] + '","issuedAt":"2026-01-15T10:29:41Z","atHome":true,"type":"EV",'
        '"createdAt":"2026-01-15T10:24:41Z","completedAt":"2026-01-15T10:29:41Z","kind":"START",'
        '"failureReason":{"type":"NO_RESPONSE","detail":"The vehicle did not answer within 5 minutes."}}}'
    )


@pytest.mark.parametrize("name", SAME)
def test_what_did_not_change(name: str) -> None:
    """Limits above all: milliwatts, whatever was written for three days in May."""
    assert body_of(full(name))["data"] == body_of(full(name), BEFORE.id)["data"]


@pytest.mark.parametrize(
    ("data", "charge_state"),
    [
        ({"charge_power_w": 0.4}, "CHARGING"),
        ({"charge_power_w": -900}, "DISCHARGING"),
        ({"charge_power_w": 0}, ""),
        ({"charge_power_w": 0, "charge_state": "no_power"}, "NO_POWER"),
        ({"charge_power_w": 3700, "charge_state": "fault"}, "FAULT"),
    ],
)
def test_what_the_charging_does(data: dict[str, Any], charge_state: str) -> None:
    document = minimal("ev/measurement")
    document["data"] |= data
    measured = body_of(document)["data"]
    assert (measured["chargeState"], measured["plugState"], measured["isControllable"]) == (
        charge_state,
        "UNKNOWN",
        False,
    )


def test_a_failure_was_reported_when_it_happened_unless_it_says_otherwise() -> None:
    document = full("ev/charge-failed")
    assert body_of(document)["data"]["completedAt"] == "2026-01-15T10:29:41Z"
    del document["data"]["command_failed_at"]
    assert body_of(document)["data"]["completedAt"] == document["time"]


def test_what_has_stopped_draws_nothing() -> None:
    stopped = body_of(minimal("ev/charge-stopped"))["data"]
    assert (stopped["chargePower"], stopped["state"]) == (0, "STOPPED")
    document = full("ev/charge-stopped")
    document["data"] |= {"charge_power_w": 12.5, "state": "failed"}
    stopped = body_of(document)["data"]
    assert (stopped["chargePower"], stopped["state"]) == (12500, "STOPPED")


def test_the_words_of_an_action() -> None:
    document = full("system/action")
    document["data"] |= {"status": "solved", "capabilities": ["start_charging", "information"]}
    document["data"]["resolution"] = document["data"]["resolution"] | {"action": "link_additional_asset"}
    action = body_of(document)["data"]
    assert (action["status"], action["capabilities"]) == ("SOLVED", ["startCharging", "information"])
    assert action["resolution"]["action"] == "LinkAdditionalAsset"
    assert action["assetID"] == document["appliance"]["id"]


def test_goals_are_in_watts_and_watt_hours() -> None:
    document = full("ev/infeasible-charging-goals")
    document["data"] |= {"at_home": False, "highest_percent": 0}
    goals = body_of(document)["data"]
    assert (goals["chargingPowerW"], goals["energyNeededWh"], goals["deliverableEnergyWh"]) == (3700, 29025, 5550)
    assert (goals["atHome"], goals["maxStateOfCharge"]) == (False, 0)


def test_the_owner_is_named_only_with_consent() -> None:
    document = full("gateway/online")
    assert {"userID", "userName", "userMail", "gatewayDeviceID"} <= set(body_of(document)["data"])
    del document["consent"]
    rendered = GRIDX.render([Item(document)], PLAIN).body
    assert b"user" not in rendered
    assert b"erika" not in rendered
