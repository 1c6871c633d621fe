"""SmartgridOne's snapshots: the vendor's names, Unix seconds, empty groups, both levels, the signs."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from connectors.profiles import PLAIN, PROFILES, Item, RenderError, resolve
from portal.events.catalogue import CATALOGUE, sample_document, validate
from portal.events.catalogue.snapshots import FIELDS

ORGANIZATION = "7b1c1b7e-6a52-4b1f-9a35-0c9a5f2d9b11"
SNAPSHOT = "telemetry/snapshot"
SMARTGRIDONE = PROFILES["smartgridone.2026-11"]
GROUPS = ["grid", "solar", "storage", "heat_pump", "switched_load", "variable_power_load"]
NAMES = {
    "grid": {
        "active_power_W",
        "today_imported_energy_Wh",
        "today_exported_energy_Wh",
        "import_limit_W",
        "export_limit_W",
    },
    "solar": {"active_power_W", "today_energy_Wh"},
    "storage": {
        "active_power_W",
        "mean_soc_perc",
        "energy_stored_Wh",
        "energy_capacity_Wh",
        "today_charged_Wh",
        "today_discharged_Wh",
    },
    "heat_pump": {"active_power_W", "operation_modes"},
    "switched_load": {"active_power_W"},
    "variable_power_load": {"active_power_W"},
}
"""As B3 has put them together; the vendor's own page of them is not public."""


def snapshot(**data: Any) -> dict[str, Any]:
    """With nothing in it but `data`, at the level of device types."""
    made = sample_document(SNAPSHOT, ORGANIZATION)
    made["data"] = {"level": "device_type", "period_s": 60, "expires_at": "2026-01-15T10:32:00.000Z"} | data
    assert validate(CATALOGUE[SNAPSHOT], made["data"]) == []
    return made


def body_of(document: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(SMARTGRIDONE.render([Item(document)], PLAIN).body)
    validator = Draft202012Validator(dict(SMARTGRIDONE.schema(SNAPSHOT)), validate_formats=True)
    assert [error.message for error in validator.iter_errors(body)] == []
    return body


@pytest.mark.line(119, 120, 121, 122, 123, 124, 125, 126, 128)
def test_without_data_every_group_is_an_empty_object() -> None:
    document = snapshot()
    assert body_of(document) == {
        "time": 1768473000,
        "siteNodeId": document["system"]["id"],
        "grid": {},
        "solar": {},
        "storage": {},
        "heat_pump": {},
        "switched_load": {},
        "variable_power_load": {},
    }


@pytest.mark.line(128)
def test_the_body_is_one_object_in_the_vendors_order() -> None:
    rendered = SMARTGRIDONE.sample(SNAPSHOT, ORGANIZATION)
    assert rendered.content_type == "application/json"
    assert list(json.loads(rendered.body)) == ["time", "siteNodeId", *GROUPS, "devices"]
    assert SMARTGRIDONE.most_events == 1


@pytest.mark.line(119)
@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        ("2024-05-02T13:14:06.000Z", 1714655646),
        ("2024-05-02T13:14:06.999Z", 1714655646),
        ("1970-01-01T00:00:00.000Z", 0),
    ],
)
def test_the_time_is_in_whole_seconds(time: str, seconds: int) -> None:
    shown = body_of(snapshot() | {"time": time})["time"]
    assert (shown, type(shown)) == (seconds, int)


@pytest.mark.line(116, 121, 122, 123, 124, 125, 126, 127)
@pytest.mark.parametrize("group", GROUPS)
def test_every_field_of_a_group_has_its_unit_at_the_end(group: str) -> None:
    full = {field: ["off", "on"] if field == "operation_modes" else 1.5 for field in FIELDS[group]}
    body = body_of(snapshot(**{group: full}))
    assert set(body[group]) == NAMES[group]
    assert all(body[other] == {} for other in GROUPS if other != group)


@pytest.mark.line(127)
def test_what_is_not_known_is_left_out() -> None:
    body = body_of(snapshot(storage={"mean_soc_percent": 0}))
    assert body["storage"] == {"mean_soc_perc": 0}


@pytest.mark.line(115, 116, 117)
def test_the_level_decides_whether_the_devices_are_shown() -> None:
    devices = [
        {"node_id": "meter-1", "type": "grid", "active_power_w": -1250.5, "export_limit_w": 10000},
        {"node_id": "boiler-1", "type": "fixed", "active_power_w": -2000},
        {"node_id": "pump-1", "type": "heat_pump", "operation_modes": ["off"]},
    ]
    grid = {"active_power_w": -1250.5}
    by_type = body_of(snapshot(grid=grid, devices=devices))
    by_device = body_of(snapshot(grid=grid, devices=devices, level="device"))
    assert "devices" not in by_type
    assert by_device.pop("devices") == [
        {"nodeId": "meter-1", "type": "grid", "active_power_W": -1250.5, "export_limit_W": 10000},
        {"nodeId": "boiler-1", "type": "fixed", "active_power_W": -2000},
        {"nodeId": "pump-1", "type": "heat_pump", "operation_modes": ["off"]},
    ]
    assert by_device == by_type
    assert body_of(snapshot(level="device"))["devices"] == []


@pytest.mark.line(116)
def test_a_fixed_load_has_no_group() -> None:
    assert "fixed" not in body_of(snapshot())
    assert validate(CATALOGUE[SNAPSHOT], dict(snapshot()["data"]) | {"fixed": {}})


def test_the_signs_are_said_and_add_up() -> None:
    """Our definition (B3): power into the site's wiring is positive, so that the known powers add up to zero."""
    described = {group: str(FIELDS[group]["active_power_w"]["description"]) for group in GROUPS}
    assert "positive from the grid" in described["grid"]
    assert "positive while it is produced" in described["solar"]
    assert "negative while charging" in described["storage"]
    assert all("negative while it is consumed" in described[group] for group in GROUPS[3:])
    powers = {"grid": 200, "solar": 4300, "storage": -1500, "heat_pump": -950, "variable_power_load": -2050}
    body = body_of(snapshot(**{group: {"active_power_w": power} for group, power in powers.items()}))
    assert {group: fields["active_power_W"] for group, fields in body.items() if group in powers} == powers
    assert sum(powers.values()) == 0


@pytest.mark.parametrize("name", sorted(set(CATALOGUE) - {SNAPSHOT}))
def test_nothing_else_is_carried(name: str) -> None:
    assert name in str(SMARTGRIDONE.refusal(name))
    with pytest.raises(RenderError, match="snapshots of a site"):
        SMARTGRIDONE.render([Item(sample_document(name, ORGANIZATION))], PLAIN)


def test_a_snapshot_of_no_site_is_refused() -> None:
    document = copy.deepcopy(snapshot())
    del document["system"]
    with pytest.raises(RenderError, match="about none"):
        body_of(document)


def test_its_name() -> None:
    assert resolve("smartgridone") is SMARTGRIDONE
    assert (SMARTGRIDONE.default_signing, SMARTGRIDONE.default_retry_policy) == ("none", "smartgridone")
