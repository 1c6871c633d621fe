"""The gridX profile against the vendor's own schema, read as published from the seeds beside the checkout."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from jsonschema_rs import Draft202012Validator

from connectors.profiles import PLAIN, PROFILES, Item, RenderError, resolve
from portal.events.catalogue import CATALOGUE, sample_document
from portal.events.catalogue.devices import INVERTER_STATUSES
from portal.events.catalogue.vehicles import CHARGE_STATES, FAILURES
from portal.fleet.appliance_types import APPLIANCE_KINDS, APPLIANCE_TYPES, KINDS_BY_TYPE

SEED = Path(__file__).resolve().parents[4] / "shared" / "seeds" / "webhook-events.yaml"

ORGANIZATION = "7b1c1b7e-6a52-4b1f-9a35-0c9a5f2d9b11"
GRIDX = PROFILES["gridx.2026-03"]
TYPES = [name for name in CATALOGUE if GRIDX.carries(name)]


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    """The vendor's schemas; its one copy error, the type of SystemActionEvent, set right (S4 line 267)."""
    if not SEED.is_file():
        pytest.fail("The vendor's schema is missing: shared/seeds/webhook-events.yaml must stand beside the checkout.")
    found: dict[str, Any] = yaml.safe_load(SEED.read_text())["components"]["schemas"]
    action_type = found["SystemActionEvent"]["allOf"][1]["properties"]["type"]
    assert action_type["enum"] == ["ping"]
    action_type["enum"] = ["system/action"]
    return found


def full(name: str) -> dict[str, Any]:
    return sample_document(name, ORGANIZATION) | {"consent": {"personal_data": True}}


def minimal(name: str) -> dict[str, Any]:
    """Required data only, and of each reference only what the store always has."""
    document = sample_document(name, ORGANIZATION)
    document.pop("correlation_id", None)
    schema = CATALOGUE[name].schema
    document["data"] = {key: document["data"][key] for key in schema["required"]}
    for reference in ("system", "gateway", "appliance"):
        if reference in document:
            document[reference] = {"id": document[reference]["id"]}
    return document


def body_of(document: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(GRIDX.render([Item(document)], PLAIN).body)
    return body


def names_in(schemas: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    """Property names of an object schema, through its references and its allOf."""
    if "$ref" in schema:
        yield from names_in(schemas, schemas[schema["$ref"].rsplit("/", 1)[1]])
    yield from schema.get("properties", {})
    for part in schema.get("allOf", ()):
        yield from names_in(schemas, part)


def schema_name(schemas: dict[str, Any], event_type: str) -> str:
    reference: str = schemas["WebhookEventRequest"]["discriminator"]["mapping"][event_type]
    return reference.rsplit("/", 1)[1]


@pytest.mark.line(*range(185, 210))
def test_it_carries_the_vendors_types_and_no_others(schemas: dict[str, Any]) -> None:
    assert sorted(TYPES) == sorted(schemas["WebhookEventRequest"]["discriminator"]["mapping"])


@pytest.mark.parametrize("build", [full, minimal])
@pytest.mark.parametrize("name", TYPES)
class TestEveryType:
    @pytest.mark.line(*range(174, 183), *range(185, 209), *range(210, 217), *range(220, 267))
    def test_the_vendors_schema_accepts_the_body(self, schemas: dict[str, Any], name: str, build: Any) -> None:
        body = body_of(build(name))
        for target in (schema_name(schemas, name), "WebhookEventRequest"):
            vendor = {"$ref": f"#/components/schemas/{target}", "components": {"schemas": schemas}}
            validator = Draft202012Validator(vendor, validate_formats=True)
            assert [error.message for error in validator.iter_errors(body)] == []

    @pytest.mark.line(184)
    def test_no_name_is_invented_and_none_is_null(self, schemas: dict[str, Any], name: str, build: Any) -> None:
        body = body_of(build(name))
        envelope, described = schemas["WebhookEventBase"], schemas[schema_name(schemas, name)]["allOf"][1]
        assert set(body) <= {*envelope["properties"], "accountID"}
        assert set(body["data"]) <= set(names_in(schemas, described["properties"]["data"]))
        assert None not in body["data"].values()

    def test_the_same_event_gives_the_same_bytes(self, name: str, build: Any) -> None:
        assert GRIDX.render([Item(build(name))], PLAIN) == GRIDX.render([Item(build(name))], PLAIN)


@pytest.mark.line(213, 214, 220, 221, 223, 230, 231, 237, 239, 240, 241, 244, 245, 249, 250, 255, 256, 257)
@pytest.mark.parametrize("name", TYPES)
def test_a_full_event_shows_every_field_of_the_vendor(schemas: dict[str, Any], name: str) -> None:
    """But for what the type does not have: a limit that is lifted has no value and no end."""
    described = schemas[schema_name(schemas, name)]["allOf"][1]["properties"]["data"]
    document = full(name)
    document.get("appliance", {}).update(type="meter", kind="battery", model="M-1")
    missing = set(names_in(schemas, described)) - set(body_of(document)["data"])
    assert missing == ({"newLPC", "validUntil"} if name.endswith("/unset") else set())


WORDS: list[tuple[str, int, dict[str, Any]]] = [
    *(("appliance/online", 215, {"appliance": {"type": word}}) for word in APPLIANCE_TYPES),
    *(("appliance/online", 216, {"appliance": {"type": "meter", "kind": word}}) for word in APPLIANCE_KINDS),
    *(
        ("appliance/online", 218, {"appliance": {"type": "inverter", "kind": word}})
        for word in KINDS_BY_TYPE["inverter"]
    ),
    *(("ev/charge-started", 228, {"data": {"state": word}}) for word in CHARGE_STATES),
    *(("ev/charge-failed", 232, {"data": {"failure_reason": {"type": word, "detail": ""}}}) for word in FAILURES),
    *(("inverter/status", 253, {"data": {"status": word}}) for word in INVERTER_STATUSES),
    *(("inverter/status", 254, {"data": {"last_status": word}}) for word in INVERTER_STATUSES),
    *(("system/action", 260, {"data": {"domain": word}}) for word in ("account", "device")),
]
"""Every word that an attribute may have, by the line that lists them."""


@pytest.mark.line(215, 216, 218, 228, 232, 253, 254, 260)
@pytest.mark.parametrize("version", ["gridx.2026-03", "gridx.2026-06"])
def test_every_word_of_ours_is_one_of_the_vendors(schemas: dict[str, Any], version: str) -> None:
    for name, line, changes in WORDS:
        document = full(name)
        for part, fields in changes.items():
            document[part] = document[part] | fields
        body = json.loads(PROFILES[version].render([Item(document)], PLAIN).body)
        assert Draft202012Validator(dict(PROFILES[version].schema(name))).is_valid(body), (line, changes)
        if PROFILES[version] is GRIDX:
            vendor = {"$ref": f"#/components/schemas/{schema_name(schemas, name)}", "components": {"schemas": schemas}}
            assert Draft202012Validator(vendor).is_valid(body), (line, changes)


def test_the_exact_bytes() -> None:
    """Connectors are pinned to this version: its bytes do not change."""
    document = full("ev/charge-failed")
    ids = {part: document[part]["id"] for part in ("system", "gateway", "appliance")}
    assert GRIDX.render([Item(document)], PLAIN).body.decode() == (
        '{"id":"' + document["id"] + '","accountID":"' + ORGANIZATION + '","source":"/systems/' + ids["system"] + '",'
        '"specVersion":"1.0","dataContentType":"application/json","time":"2026-01-15T10:30:00.000Z",'
        '"type":"ev/charge-failed","correlationID":"' + document["correlation_id"] + '",'
        '"data":{"systemID":"' + ids["system"] + '","assetID":"' + ids["appliance"] + '",'
        '"gatewayID":"' + ids["gateway"] + '","issuedAt":"2026-01-15T10:29:41Z","atHome":true,"state":"FAILED",'
        '"failureReason":{"type":"NO_RESPONSE","detail":"The vehicle did not answer within 5 minutes."}}}'
    )


@pytest.mark.line(165, *range(174, 185))
def test_the_envelope() -> None:
    document = full("gateway/offline")
    body = body_of(document)
    del body["data"]
    assert body == {
        "id": document["id"],
        "accountID": ORGANIZATION,
        "source": f"/systems/{document['system']['id']}",
        "specVersion": "1.0",
        "dataContentType": "application/json",
        "time": document["time"],
        "type": "gateway/offline",
        "correlationID": document["correlation_id"],
    }
    assert GRIDX.render([Item(document)], PLAIN).content_type == "application/json"


@pytest.mark.line(173)
@pytest.mark.parametrize("name", TYPES)
def test_the_envelope_is_a_cloudevent_but_for_its_capitals(name: str) -> None:
    document = full(name)
    lowered = {attribute.lower(): value for attribute, value in body_of(document).items()}
    headers = {"content-type": "application/cloudevents+json"}
    event = from_http_event(HTTPMessage(headers, json.dumps(lowered).encode()))
    assert (event.get_id(), event.get_type(), event.get_specversion()) == (document["id"], name, "1.0")
    assert event.get_data() == body_of(document)["data"]


@pytest.mark.line(179)
def test_what_concerns_no_site_comes_from_the_account() -> None:
    assert body_of(full("ping"))["source"] == f"/accounts/{ORGANIZATION}"


@pytest.mark.line(238)
@pytest.mark.parametrize(
    ("watts", "milliwatts"),
    [
        (7360, 7_360_000),
        (7360.5, 7_360_500),
        (-3700.25, -3_700_250),
        (0, 0),
        (0.1 + 0.2, 300),
        (4.35, 4350),
        (1.0005, 1001),
        (-1.0005, -1001),
        (1e9, 1_000_000_000_000),
        (0.0001, 0),
    ],
)
def test_charge_power_is_in_whole_milliwatts(watts: float, milliwatts: int) -> None:
    document = full("ev/measurement")
    document["data"]["charge_power_w"] = watts
    power = body_of(document)["data"]["chargePower"]
    assert power == milliwatts
    assert isinstance(power, int)


@pytest.mark.line(248)
@pytest.mark.parametrize(("watts", "text"), [(4200, b"4200000"), (0, b"0"), (4200.0, b"4200000"), (0.0005, b"0.5")])
def test_the_limit_is_in_milliwatts(watts: float, text: bytes) -> None:
    document = full("grid-signal-processor/limitation-of-power-consumption/set")
    document["data"]["limit_w"] = watts
    assert b'"newLPC":' + text + b"," in GRIDX.render([Item(document)], PLAIN).body


@pytest.mark.line(247, 248)
def test_a_lifted_limit_has_no_value() -> None:
    unset = body_of(full("grid-signal-processor/limitation-of-power-consumption/unset"))
    assert "newLPC" not in unset["data"]


@pytest.mark.line(217, 219)
@pytest.mark.parametrize(
    ("appliance_type", "kind", "shown"),
    [
        ("inverter", "pv", "PV"),
        ("meter", "heat_pump_external", "HEAT_PUMP_EXTERNAL"),
        ("evstation", "evstation", None),
    ],
)
def test_only_inverters_and_meters_show_a_kind(appliance_type: str, kind: str, shown: str | None) -> None:
    document = full("appliance/online")
    document["appliance"] |= {"type": appliance_type, "kind": kind}
    data = body_of(document)["data"]
    assert data["type"] == appliance_type.upper()
    assert data.get("kind") == shown


@pytest.mark.line(226)
def test_the_vehicles_time_is_not_the_events() -> None:
    document = full("ev/plugged")
    document["data"]["issued_at"] = "2026-01-15T09:12:00Z"
    body = body_of(document)
    assert (body["data"]["issuedAt"], body["time"]) == ("2026-01-15T09:12:00Z", document["time"])


@pytest.mark.line(228, 229, 242)
@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("ev/plugged", "PLUGGED"),
        ("ev/unplugged", "UNPLUGGED"),
        ("ev/charge-started", "CHARGING"),
        ("ev/charge-stopped", "STOPPED"),
        ("ev/charge-failed", "FAILED"),
    ],
)
def test_a_state_that_the_event_leaves_out_is_the_types(name: str, state: str) -> None:
    assert body_of(minimal(name))["data"]["state"] == state


def test_a_state_that_the_event_names_is_kept() -> None:
    document = full("ev/charge-stopped")
    document["data"]["state"] = "failed"
    assert body_of(document)["data"]["state"] == "FAILED"


@pytest.mark.line(246)
@pytest.mark.parametrize("consent", [None, {}, {"personal_data": False}, {"personal_data": "true"}])
def test_the_owner_is_named_only_with_consent(consent: dict[str, Any] | None) -> None:
    document = full("gateway/online")
    allowed = body_of(document)["data"]
    assert {"userID", "userName", "userMail"} <= set(allowed)
    document["consent"] = consent
    rendered = GRIDX.render([Item(document)], PLAIN).body
    assert b"user" not in rendered
    assert b"erika" not in rendered


@pytest.mark.line(265, 266)
def test_words_of_two_parts() -> None:
    document = full("system/action")
    document["data"]["resolution"] |= {"agent": "third_party", "access": "physical"}
    resolution = body_of(document)["data"]["resolution"]
    assert (resolution["agent"], resolution["access"]) == ("ThirdParty", "Physical")


@pytest.mark.line(263, 264)
def test_a_text_for_people_passes_as_it_is_written() -> None:
    document = full("system/action")
    steps = "Um Zugriff zu erhalten:<br><br>1. **App** öffnen\n2. zustimmen"
    document["data"]["resolution"] |= {"description": steps, "title": "AGB zustimmen"}
    resolution = body_of(document)["data"]["resolution"]
    assert (resolution["description"], resolution["title"]) == (steps, "AGB zustimmen")


@pytest.mark.line(267)
def test_an_action_has_its_own_type_not_that_of_a_ping() -> None:
    assert body_of(full("system/action"))["type"] == "system/action"


@pytest.mark.line(217, 218)
@pytest.mark.parametrize(
    ("appliance_type", "kind"), [("INVERTER", "GRID"), ("EVSTATION", "EVSTATION"), ("METER", "BOAT")]
)
def test_our_schema_refuses_a_kind_that_the_type_does_not_have(appliance_type: str, kind: str) -> None:
    body = body_of(full("appliance/online"))
    validator = Draft202012Validator(dict(GRIDX.schema("appliance/online")))
    assert validator.is_valid(body)
    body["data"] |= {"type": appliance_type, "kind": kind}
    assert not validator.is_valid(body)


@pytest.mark.parametrize("build", [full, minimal])
@pytest.mark.parametrize("name", TYPES)
def test_our_schema_names_what_the_vendors_names(schemas: dict[str, Any], name: str, build: Any) -> None:
    ours = GRIDX.schema(name)
    described = schemas[schema_name(schemas, name)]["allOf"][1]["properties"]["data"]
    assert set(ours["properties"]["data"]["properties"]) == set(names_in(schemas, described))
    assert set(ours["required"]) == set(schemas["WebhookEventBase"]["required"])
    assert Draft202012Validator(dict(ours), validate_formats=True).is_valid(body_of(build(name)))


def test_measured_values_are_refused_with_the_reason() -> None:
    document = sample_document("datapoint/value", ORGANIZATION)
    with pytest.raises(RenderError, match="standard profile"):
        GRIDX.render([Item(document)], PLAIN)
    assert "gateway/delete" in str(GRIDX.refusal("gateway/delete"))


def test_an_event_without_what_the_format_demands_is_refused() -> None:
    document = full("appliance/online")
    del document["system"]
    with pytest.raises(RenderError, match="system"):
        GRIDX.render([Item(document)], PLAIN)


def test_names_and_versions_resolve() -> None:
    assert resolve("gridx") is PROFILES["gridx.2026-06"]
    assert resolve("gridx.2026-03") is GRIDX
    assert resolve("gridx.1999-01") is None
    assert resolve("") is None
    assert resolve("", "gridx.2026-03") is None
    assert all(profile.id == key for key, profile in PROFILES.items())


@pytest.mark.parametrize(
    ("named", "pinned", "version"),
    [
        ("gridx", "gridx.2026-03", "gridx.2026-03"),
        ("gridx", "standard.2026-11", "gridx.2026-06"),
        ("gridx", "gridx.1999-01", "gridx.2026-06"),
        ("gridx.2026-06", "gridx.2026-03", "gridx.2026-06"),
    ],
)
def test_a_bare_name_keeps_the_pinned_version(named: str, pinned: str, version: str) -> None:
    assert resolve(named, pinned) is PROFILES[version]
