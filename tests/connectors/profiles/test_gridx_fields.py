"""The gridX profile attribute by attribute: which of our values stands under which of the vendor's names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.profiles import PLAIN, PROFILES, Item
from portal.events.catalogue import sample_document

ORGANIZATION = "7b1c1b7e-6a52-4b1f-9a35-0c9a5f2d9b11"
GRIDX = PROFILES["gridx.2026-03"]

SYSTEM = {"systemID": "c9db369e-7cf8-4ad1-ade5-46f61a5125c2", "systemName": "House of S"}
GATEWAY = {"gatewayID": "25ccab17-cd40-4db1-a320-a986d1c15fb1"}
APPLIANCE = {
    "applianceID": "3848e02a-d622-54a7-9140-584459adf05c",
    **GATEWAY,
    "model": "M-1",
    "manufacturer": "Maker",
    "type": "METER",
    "kind": "BATTERY",
    "name": "Meter of A",
    "serialNumber": "9312355",
    **SYSTEM,
}
VEHICLE = {"systemID": SYSTEM["systemID"], "assetID": APPLIANCE["applianceID"], **GATEWAY}
SEEN = {"issuedAt": "2026-01-15T09:12:00Z", "atHome": False}
OURS_SEEN = {"issued_at": "2026-01-15T09:12:00Z", "at_home": False}
STEPS = {"title": "Sign in", "description": "In the app", "access": "remote", "agent": "user"}

EXAMPLES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("appliance/update", {}, APPLIANCE),
    (
        "inverter/status",
        {"status": "warning", "last_status": "error", "error_code": "N1", "last_error_code": "B4"},
        APPLIANCE | {"status": "WARNING", "lastStatus": "ERROR", "errCode": "N1", "lastErrCode": "B4"},
    ),
    (
        "gateway/create",
        {"user": {"id": "a115d9e3-6e78-4ddf-8676-a98c28ad8249", "name": "Erika", "email": "e@example.com"}},
        GATEWAY
        | SYSTEM
        | {"gatewayName": "Gateway of G", "gatewaySerialnumber": "D403-007"}
        | {"userID": "a115d9e3-6e78-4ddf-8676-a98c28ad8249", "userName": "Erika", "userMail": "e@example.com"},
    ),
    (
        "ev/measurement",
        OURS_SEEN
        | {"charge_power_w": -3700.25, "state_of_charge_percent": 41.5, "range_m": 241000.4}
        | {"charge_limit_percent": 80.5, "capacity_wh": 77400.5},
        VEHICLE
        | SEEN
        | {"chargePower": -3700250, "stateOfCharge": 41.5, "range": 241000, "chargeLimit": 80.5, "capacity": 77401},
    ),
    ("ev/plugged", OURS_SEEN, VEHICLE | SEEN | {"state": "PLUGGED"}),
    ("ev/charge-started", OURS_SEEN, VEHICLE | SEEN | {"state": "CHARGING"}),
    (
        "ev/charge-failed",
        OURS_SEEN | {"failure_reason": {"type": "not_found", "detail": "Gone"}},
        VEHICLE | SEEN | {"state": "FAILED", "failureReason": {"type": "NOT_FOUND", "detail": "Gone"}},
    ),
    ("ev/control", {"payload": {"a": [1, None]}}, VEHICLE | {"eventPayload": {"a": [1, None]}}),
    ("ev/update", {"payload": {"a": [1, None]}}, VEHICLE | {"enodeEventPayload": {"a": [1, None]}}),
    (
        "grid-signal-processor/limitation-of-power-consumption/set",
        {"limit_w": 4200, "received_at": "2026-01-15T10:29:58Z", "valid_until": "2026-01-15T12:30:00+01:00"},
        {"newLPC": 4200000, "receivedAt": "2026-01-15T10:29:58Z", "validUntil": "2026-01-15T12:30:00+01:00"},
    ),
    (
        "grid-signal-processor/limitation-of-power-consumption/unset",
        {"received_at": "2026-01-15T10:29:58Z"},
        {"receivedAt": "2026-01-15T10:29:58Z"},
    ),
    ("ping", {"message": "Hello"}, {"message": "Hello"}),
    (
        "system/action",
        {"id": "3c1d5a52-6f0e-4f6e-9a3b-6f3f0c3f1b57", "type": "ev", "manufacturer": "Maker", "domain": "account"}
        | {"introduced_at": "2026-01-15T08:00:00Z", "resolution": STEPS},
        {"id": "3c1d5a52-6f0e-4f6e-9a3b-6f3f0c3f1b57", "type": "EV", "manufacturer": "Maker", "domain": "Account"}
        | {"introducedAt": "2026-01-15T08:00:00Z", "resolution": STEPS | {"access": "Remote", "agent": "User"}},
    ),
]
"""Type, our data, the vendor's: each value is another one, so that none can stand under another's name."""


@pytest.mark.line(*range(210, 228), *range(231, 242), *range(244, 247), *range(248, 267))
@pytest.mark.parametrize(("name", "ours", "theirs"), EXAMPLES)
def test_each_value_stands_under_the_vendors_name_for_it(
    name: str, ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    document = sample_document(name, ORGANIZATION) | {"data": ours, "consent": {"personal_data": True}}
    document["system"] = {"id": SYSTEM["systemID"], "name": SYSTEM["systemName"]}
    document["gateway"] = {"id": GATEWAY["gatewayID"], "serial_number": "D403-007", "name": "Gateway of G"}
    document["appliance"] = {
        "id": APPLIANCE["applianceID"],
        "serial_number": "9312355",
        "name": "Meter of A",
        "type": "meter",
        "kind": "battery",
        "manufacturer": "Maker",
        "model": "M-1",
    }
    assert json.loads(GRIDX.render([Item(document)], PLAIN).body)["data"] == theirs
