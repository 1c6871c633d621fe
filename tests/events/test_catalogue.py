"""The catalogue is a contract: samples are valid, fields described, and bad data is named where it is."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from portal.events.catalogue import CATALOGUE, get, sample_document, validate
from portal.fleet.appliance_types import APPLIANCE_KINDS, why_not_kind

ORGANIZATION = "7b1c1b7e-6a52-4b1f-9a35-0c9a5f2d9b11"


def properties_of(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, part in schema.get("properties", {}).items():
        yield name, part
        yield from properties_of(part)


def data_of(name: str, /, **changes: Any) -> dict[str, Any]:
    return copy.deepcopy(dict(CATALOGUE[name].sample)) | changes


@pytest.mark.parametrize("name", CATALOGUE)
class TestEveryType:
    def test_it_is_listed_under_its_name(self, name: str) -> None:
        event_type = get(name)
        assert event_type is not None
        assert event_type.name == name

    def test_its_sample_is_valid(self, name: str) -> None:
        assert validate(CATALOGUE[name], data_of(name)) == []

    def test_an_unknown_field_is_refused(self, name: str) -> None:
        (error,) = validate(CATALOGUE[name], data_of(name, misspelt=1))
        assert "misspelt" in error[1]

    def test_data_must_be_an_object(self, name: str) -> None:
        assert validate(CATALOGUE[name], []) == [("", 'is not of type "object"')]

    def test_every_field_is_described_and_every_quantity_has_its_unit(self, name: str) -> None:
        for field, part in properties_of(CATALOGUE[name].schema):
            assert part["description"], field
            assert ("x-unit" in part) == (part.get("type") == "number"), field

    def test_the_sample_shows_every_field(self, name: str) -> None:
        assert set(CATALOGUE[name].sample) == set(CATALOGUE[name].schema["properties"])

    def test_its_sample_document_is_complete_and_always_the_same(self, name: str) -> None:
        document = sample_document(name, ORGANIZATION)
        assert document == sample_document(name, ORGANIZATION)
        assert document["type"] == name
        assert document["organization"] == ORGANIZATION
        assert CATALOGUE[name].subject == "organization" or CATALOGUE[name].subject in document


def test_types_of_each_flow() -> None:
    flows = {flow: {t.name for t in CATALOGUE.values() if t.flow == flow} for flow in ("values", "alarms")}
    assert flows == {
        "values": {"datapoint/report", "datapoint/value", "telemetry/snapshot"},
        "alarms": {
            "alarm/acknowledged",
            "alarm/closed",
            "alarm/raised",
            "appliance/error",
            "appliance/warning",
            "ev/charge-failed",
            "inverter/status",
            "system/action",
        },
    }


def test_a_ping_cannot_be_subscribed_to() -> None:
    assert [t.name for t in CATALOGUE.values() if not t.subscribable] == ["ping"]


def test_the_vendors_deprecated_types_are_marked() -> None:
    deprecated = {t.name for t in CATALOGUE.values() if t.deprecated}
    assert deprecated == {"ev/control", "ev/create", "ev/update", "ev/delete"}


def test_an_unknown_type_is_none() -> None:
    assert get("gateway/delete") is None


@pytest.mark.parametrize(
    ("name", "changes", "pointer"),
    [
        ("ev/measurement", {"charge_power_w": "7360"}, "/charge_power_w"),
        ("ev/measurement", {"charge_power_w": 7_360_000_000}, "/charge_power_w"),
        ("ev/measurement", {"charge_power_w": float("nan")}, "/charge_power_w"),
        ("ev/measurement", {"state_of_charge_percent": 100.1}, "/state_of_charge_percent"),
        ("ev/measurement", {"range_m": -1}, "/range_m"),
        ("ev/measurement", {"issued_at": "2026-01-15T10:29:41"}, "/issued_at"),
        ("ev/measurement", {"issued_at": 1768472981}, "/issued_at"),
        ("ev/measurement", {"at_home": None}, "/at_home"),
        ("ev/plugged", {"state": "unplugged"}, "/state"),
        ("ev/charge-failed", {"state": "charging"}, "/state"),
        ("ev/charge-failed", {"failure_reason": {"type": "no_response"}}, "/failure_reason/detail"),
        ("gateway/online", {"user": {"id": "42"}}, "/user/id"),
        ("inverter/status", {"status": "OK"}, "/status"),
        ("inverter/status", {"error_code": "x" * 201}, "/error_code"),
        ("system/action", {"id": "1"}, "/id"),
        ("datapoint/value", {"value": None}, "/value"),
        ("datapoint/value", {"value": {"a/b": 1}}, "/value"),
        ("datapoint/value", {"value": float("inf")}, "/value"),
        ("datapoint/value", {"reason": "because"}, "/reason"),
        ("datapoint/report", {"observations": []}, "/observations"),
        ("datapoint/report", {"observations": [{"property": "p"}]}, "/observations/0/value"),
        (
            "datapoint/report",
            {"observations": [{"property": "p", "value": 1, "channel": -1}]},
            "/observations/0/channel",
        ),
        ("telemetry/snapshot", {"level": "site"}, "/level"),
        ("telemetry/snapshot", {"period_s": 0}, "/period_s"),
        ("telemetry/snapshot", {"expires_at": "2026-12-31T23:59:60Z"}, "/expires_at"),
        ("telemetry/snapshot", {"heat_pump": {"operation_modes": ["auto"]}}, "/heat_pump/operation_modes/0"),
        ("telemetry/snapshot", {"devices": [{"node_id": "n", "type": "ev"}]}, "/devices/0/type"),
        ("device/add", {"identifier": 7}, "/identifier"),
        ("quantity/add", {"name": {"nl": "Vermogen"}}, "/name/en"),
        ("ev/control", {"payload": "text"}, "/payload"),
    ],
)
def test_bad_data_is_named_where_it_is(name: str, changes: dict[str, Any], pointer: str) -> None:
    errors = validate(CATALOGUE[name], data_of(name, **changes))
    assert [place for place, _ in errors] == [pointer]


@pytest.mark.parametrize("value", [7.5, 0, -3, True, "open", ""])
def test_a_value_may_be_a_number_a_boolean_or_a_string(value: object) -> None:
    assert validate(CATALOGUE["datapoint/value"], data_of("datapoint/value", value=value)) == []


def test_a_missing_field_is_reported_at_its_place() -> None:
    assert validate(CATALOGUE["inverter/status"], {"status": "ok"}) == [("/last_status", "is required")]


def test_the_state_of_a_vehicle_may_be_left_to_the_type() -> None:
    observed = {"issued_at": "2026-01-15T10:29:41+01:00", "at_home": False}
    for name in ("ev/plugged", "ev/unplugged", "ev/charge-started", "ev/charge-stopped", "ev/charge-failed"):
        assert validate(CATALOGUE[name], observed) == []


def test_error_texts_do_not_repeat_the_value() -> None:
    errors = validate(CATALOGUE["gateway/online"], {"user": {"id": "secret person", "name": 7}})
    assert len(errors) == 2
    assert not any("secret" in detail or "7" in detail for _, detail in errors)


def test_errors_are_few_however_bad_the_data() -> None:
    schema_breaking = {f"field{n}": n for n in range(10_000)}
    assert len(validate(CATALOGUE["ev/measurement"], schema_breaking)) <= 10


def test_what_is_not_json_is_refused_not_raised() -> None:
    ((pointer, detail),) = validate(CATALOGUE["ping"], {1: 2})
    assert pointer == ""
    assert detail


@pytest.mark.parametrize(
    ("appliance_type", "kind", "fits"),
    [
        ("inverter", "battery", True),
        ("inverter", "grid", False),
        ("inverter", "", True),
        ("evstation", "evstation", False),
        ("evstation", "", True),
        *[("meter", kind, True) for kind in APPLIANCE_KINDS],
        ("meter", "toaster", False),
    ],
)
def test_only_inverters_and_meters_have_a_kind(appliance_type: str, kind: str, fits: bool) -> None:
    assert (why_not_kind(appliance_type, kind) is None) == fits
