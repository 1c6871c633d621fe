"""Withthegrid's messages: every field of the vendor's references, ids that tell nothing, batches, attempts."""

from __future__ import annotations

import copy
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
from jsonschema_rs import Draft202012Validator

from connectors.profiles import PLAIN, PROFILES, Context, Item, RenderError, hash_ids, resolve
from connectors.profiles.withthegrid import MESSAGE_TYPE
from portal.events.catalogue import CATALOGUE, sample_document
from portal.lib.uuid7 import uuid7

SEED = Path(__file__).resolve().parents[4] / "shared" / "seeds" / "001_68d8bebedcd62605.txt"

ORGANIZATION = "7b1c1b7e-6a52-4b1f-9a35-0c9a5f2d9b11"
SALT = "a salt of one organization"
OURS = Context(hash_salt=SALT)
WITHTHEGRID = PROFILES["withthegrid.2026-11"]
CARRIED = [name for name in CATALOGUE if WITHTHEGRID.carries(name)]

A_UUID = re.compile(rb"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE)


def document(name: str, **data: Any) -> dict[str, Any]:
    made = copy.deepcopy(sample_document(name, ORGANIZATION))
    made["data"].update(data)
    return made


def value(value: Any, *, time: str = "2026-01-15T10:30:00.000Z", **data: Any) -> dict[str, Any]:
    made = document("datapoint/value", value=value, **data)
    return made | {"id": str(uuid4()), "time": time}


def messages(*documents: dict[str, Any], context: Context = OURS) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(WITHTHEGRID.render([Item(one) for one in documents], context).body)
    assert isinstance(found, list)
    return found


def message(one: dict[str, Any]) -> dict[str, Any]:
    (found,) = messages(one)
    return found


def read(kind: str, hash_id: str) -> UUID:
    return hash_ids.decode(SALT, kind, hash_id)


# which events


@pytest.mark.line(59, 89)
def test_it_carries_measurements_and_changes_and_nothing_else() -> None:
    changes = {f"{thing}/{action}" for thing in ("device", "quantity") for action in ("add", "update", "delete")}
    ours = {"appliance/create", "appliance/delete", "appliance/update", "gateway/create"}
    assert set(CARRIED) == {"datapoint/report", "datapoint/value"} | changes | ours


@pytest.mark.parametrize("name", sorted(set(CATALOGUE) - set(CARRIED)))
def test_what_it_cannot_carry_is_refused_with_the_reason(name: str) -> None:
    assert name in str(WITHTHEGRID.refusal(name))
    with pytest.raises(RenderError, match=f"none for {name}"):
        messages(value(1), sample_document(name, ORGANIZATION))


# bodies


def vendors_fields() -> list[dict[str, str]]:
    """Name and type of each field, from the vendor's four tables: measurement, its observation, and the same again."""
    if not SEED.is_file():
        pytest.fail(f"The vendor's page is missing: shared/seeds/{SEED.name} must stand beside the checkout.")
    tables = SEED.read_text().split("| Field | Type | Description |")[1:]
    row = re.compile(r"^(\w+) \| (.+?) \| [A-Z0-9]", re.MULTILINE)
    return [dict(row.findall(table)) for table in tables]


JSON_TYPES = {"string": str, "integer": int, "number": int, "object": dict, "null": type(None)}


def assert_fields(found: dict[str, Any], described: dict[str, str]) -> None:
    """All of the vendor's fields and no others, each of a type that the vendor gives."""
    optional = {name for name, kinds in described.items() if "undefined" in kinds}
    assert set(described) - optional <= set(found) <= set(described)
    for name, content in found.items():
        kinds = [kind for kind in described[name].split(" | ") if kind != "undefined"]
        allowed = tuple(list if kind.endswith("[]") else JSON_TYPES[kind] for kind in kinds)
        assert isinstance(content, allowed), name


@pytest.mark.line(47, 59, 60, *range(63, 89), *range(91, 104))
@pytest.mark.parametrize("name", CARRIED)
def test_every_field_of_the_vendors_reference_is_there(name: str) -> None:
    measurement, measured, notification, changed = vendors_fields()
    assert (len(measurement), len(measured), len(notification), len(changed)) == (15, 10, 5, 8)
    found = message(sample_document(name, ORGANIZATION))
    outer, inner = (measurement, measured) if name.startswith("datapoint/") else (notification, changed)
    assert_fields(found, outer)
    assert found["observations"]
    for observation in found["observations"]:
        assert_fields(observation, inner)


@pytest.mark.line(60, 65, 66, 71, 74, 80, 81)
def test_a_single_value_is_a_report_with_one_observation() -> None:
    found = message(document("datapoint/value"))
    (observation,) = found["observations"]
    assert (observation["significand"], observation["orderOfMagnitude"], observation["unit"]) == (635, -1, "%")
    assert (observation["portHashId"], observation["channelIndex"]) == (None, None)
    assert (found["fields"], found["userHashId"]) == ({}, None)
    assert found["connectivityEnvironmentReportTypeHashId"] is None
    assert found["monitoringEnvironmentReportTypeHashId"] is None


@pytest.mark.line(68, 69, 70)
def test_without_an_appliance_the_gateway_is_the_device() -> None:
    one = document("datapoint/value")
    del one["appliance"]
    found = message(one)
    assert read("device", found["deviceHashId"]) == UUID(one["gateway"]["id"])
    assert found["deviceIdentifier"] == "GW-000-001"
    assert found["deviceFields"] == {"name": "Cellar"}


@pytest.mark.line(69, 70, 72, 73, 85)
def test_what_is_not_known_is_null_or_empty() -> None:
    one = value(1)
    one["appliance"] = {"id": one["appliance"]["id"]}
    one["system"] = {"id": one["system"]["id"]}
    del one["data"]["unit"]
    found = message(one)
    assert found["deviceIdentifier"] is None
    assert (found["deviceFields"], found["locationFields"]) == ({}, {})
    assert found["observations"][0]["unit"] is None
    del one["system"]
    assert message(one)["locationHashId"] is None


@pytest.mark.line(74)
def test_the_person_who_wrote_a_report_is_named_only_with_consent() -> None:
    one = document("datapoint/report")
    assert message(one)["userHashId"] is None
    user = message(one | {"consent": {"personal_data": True}})["userHashId"]
    assert read("user", user) == UUID(one["data"]["user_id"])


@pytest.mark.line(75, 76, 86, 88)
def test_times_have_milliseconds_and_are_utc() -> None:
    stored = datetime(2026, 1, 15, 10, 30, 7, 123456, tzinfo=UTC)
    one = document("datapoint/report") | {"id": str(uuid7(stored))}
    one["data"]["observations"][0]["time"] = "2026-01-15T11:29:58+01:00"
    found = message(one)
    assert found["generatedAt"] == "2026-01-15T10:30:00.000Z"
    assert found["createdAt"] == "2026-01-15T10:30:07.123Z"
    assert [one["generatedAt"] for one in found["observations"]] == [
        "2026-01-15T10:29:58.000Z",
        "2026-01-15T10:30:00.000Z",
    ]


@pytest.mark.parametrize("time", ["2016-12-31T23:59:60Z", "0001-01-01T00:00:00+14:00"])
def test_a_time_that_utc_does_not_have_is_refused(time: str) -> None:
    one = document("datapoint/report")
    one["data"]["observations"][0]["time"] = time
    with pytest.raises(RenderError, match="cannot be written in UTC"):
        message(one)


@pytest.mark.line(62, 82, 83, 84, 87)
@pytest.mark.parametrize(
    ("measured", "significand", "order", "shown", "performance"),
    [
        (7827000, 7827000, 0, "7,827,000", 1),
        (230.41, 23041, -2, "230.41", 1),
        (-0.5, -5, -1, "-0.5", 1),
        (0, 0, 0, "0", 1),
        (True, 1, 0, "true", 1),
        (False, 0, 0, "false", 1),
        ("open", 0, 0, "open", 0),
        (None, 0, 0, "", 0),
        (1e300, 0, 0, f"{10**300:,}"[:1] + ",000" * 100, 0),
    ],
)
def test_a_value(measured: Any, significand: int, order: int, shown: str, performance: int) -> None:
    one = document("datapoint/report", observations=[{"property": "p", "value": measured}])
    (observation,) = message(one)["observations"]
    assert observation["significand"] == significand
    assert observation["orderOfMagnitude"] == order
    assert observation["formattedValue"] == shown
    assert observation["performance"] == performance


@pytest.mark.line(87)
@pytest.mark.parametrize(("quality", "performance"), [("good", 1), ("uncertain", 1), ("bad", 0)])
def test_a_bad_measurement_counts_as_none(quality: str, performance: int) -> None:
    one = document("datapoint/report", observations=[{"property": "p", "value": 1, "quality": quality}])
    assert message(one)["observations"][0]["performance"] == performance


@pytest.mark.line(99)
@pytest.mark.parametrize(
    ("data", "expected"), [({}, "9312355"), ({"identifier": None}, None), ({"identifier": "X"}, "X")]
)
def test_the_suppliers_identifier_of_a_device(data: dict[str, Any], expected: str | None) -> None:
    one = document("device/update") | {"data": data}
    (change,) = message(one)["observations"]
    assert change["device"] == {"identifier": expected}
    assert "quantity" not in change


@pytest.mark.line(97, 98, 99, 100, 103)
@pytest.mark.parametrize("name", [name for name in CARRIED if not name.startswith("datapoint/")])
def test_a_change(name: str) -> None:
    one = sample_document(name, ORGANIZATION)
    (change,) = message(one)["observations"]
    about, _, done = name.partition("/")
    assert change["object"] == ("quantity" if about == "quantity" else "device")
    assert change["action"] == {"create": "add"}.get(done, done)
    assert {"device", "quantity"} & set(change) == {change["object"]}
    assert change["deletedAt"] == (one["time"] if done == "delete" else None)


@pytest.mark.line(99)
def test_an_appliance_is_a_device_and_so_is_a_gateway() -> None:
    for name, identifier in (("appliance/create", "9312355"), ("gateway/create", "GW-000-001")):
        assert message(sample_document(name, ORGANIZATION))["observations"][0]["device"] == {"identifier": identifier}


# ids


@pytest.mark.line(61)
@pytest.mark.parametrize("name", CARRIED)
def test_no_id_of_ours_leaves(name: str) -> None:
    one = sample_document(name, ORGANIZATION) | {"consent": {"personal_data": True}}
    assert A_UUID.search(json.dumps(one).encode())
    assert not A_UUID.search(WITHTHEGRID.render([Item(one)], OURS).body)


@pytest.mark.line(61, 63, 64, 68, 72, 78, 79, 80)
def test_we_can_read_the_ids_back() -> None:
    one = document("datapoint/report")
    found = message(one)
    device = UUID(one["appliance"]["id"])
    assert read("report", found["hashId"]) == UUID(one["id"])
    assert read("environment", found["environmentHashId"]) == UUID(ORGANIZATION)
    assert read("device", found["deviceHashId"]) == device
    assert read("location", found["locationHashId"]) == UUID(one["system"]["id"])
    observation = found["observations"][0]
    quantity = read("quantity", observation["monitoringEnvironmentQuantityHashId"])
    assert quantity == uuid5(UUID(ORGANIZATION), "active_power")
    assert observation["connectivityEnvironmentQuantityHashId"] is None
    assert read("port", observation["portHashId"]) == uuid5(device, "L1")


@pytest.mark.line(61)
def test_each_organization_has_ids_of_its_own() -> None:
    one = document("datapoint/report")
    (ours,), (theirs,) = messages(one), messages(one, context=Context(hash_salt="another"))
    same = {name for name in ours if name.endswith("HashId") and ours[name] is not None and ours[name] == theirs[name]}
    assert same == set()


@pytest.mark.line(61)
@pytest.mark.parametrize("name", CARRIED)
def test_nothing_is_made_without_the_organizations_salt(name: str) -> None:
    with pytest.raises(RenderError, match="salt"):
        WITHTHEGRID.render([Item(sample_document(name, ORGANIZATION))], PLAIN)


@pytest.mark.line(91, 96)
def test_ids_of_a_batch_and_of_its_notifications_differ() -> None:
    """The vendor's own example gives two notifications the same id, against its own definition."""
    first, second = document("device/add") | {"id": str(uuid4())}, document("quantity/add") | {"id": str(uuid4())}
    (found,) = messages(first, second)
    ids = [change["hashId"] for change in found["observations"]]
    assert [read("notification", one) for one in ids] == [UUID(first["id"]), UUID(second["id"])]
    assert len({found["hashId"], *ids}) == 3


# batches


@pytest.mark.line(47, 60)
def test_values_of_one_device_and_time_are_one_report() -> None:
    early, late = "2026-01-15T10:29:00.000Z", "2026-01-15T10:30:00.000Z"
    other = value(9, time=late, property="p")
    other["appliance"] = {"id": str(uuid4())}
    batch = [
        value(1, time=early, property="p"),
        value(2, time=late, property="p"),
        other,
        value(3, time=early, property="q"),
    ]
    found = messages(*batch)
    shown = [[one["significand"] for one in message["observations"]] for message in found]
    assert shown == [[1, 3], [2], [9]]
    assert [message["generatedAt"] for message in found] == [early, late, late]
    assert len({message["hashId"] for message in found}) == 3


def test_a_report_is_never_mixed_with_another() -> None:
    first, second = document("datapoint/report") | {"id": str(uuid4())}, document("datapoint/report")
    found = messages(first, second, value(1))
    assert [len(message["observations"]) for message in found] == [2, 2, 1]


@pytest.mark.line(63)
def test_a_report_of_other_values_has_another_id() -> None:
    """So a partner that takes each id once loses nothing when a retry groups the values otherwise."""
    one, two, three = (value(number, property=f"p{number}") for number in range(3))
    groups = [(one,), (one, two), (one, two, three), (two, three)]
    ids = [messages(*group)[0]["hashId"] for group in groups]
    assert len(set(ids)) == 4
    assert ids == [messages(*group)[0]["hashId"] for group in groups]


@pytest.mark.line(93, 94)
def test_changes_of_one_batch_are_one_message() -> None:
    early, late = (datetime(2026, 1, 15, 10, minute, tzinfo=UTC) for minute in (1, 2))
    found = messages(
        document("device/add") | {"id": str(uuid7(early))}, document("quantity/update") | {"id": str(uuid7(late))}
    )
    assert [[one["object"] for one in message["observations"]] for message in found] == [["device", "quantity"]]
    assert found[0]["generatedAt"] == "2026-01-15T10:02:00.000Z"
    assert found[0]["observations"][0]["createdAt"] == "2026-01-15T10:01:00.000Z"


@pytest.mark.line(47, 104)
def test_the_kind_of_message_is_told_by_a_header_alone() -> None:
    change, measured = Item(document("device/add")), Item(document("datapoint/report"))
    kinds = {
        "measurement": [measured],
        "notification": [change],
        "measurement, notification": [change, measured],
    }
    for kind, items in kinds.items():
        assert WITHTHEGRID.render(items, OURS).headers == ((MESSAGE_TYPE, kind),)
    both = json.loads(WITHTHEGRID.render([change, measured], OURS).body)
    assert ["attempt" in message and "type" not in message for message in both] == [True, True]
    schema = Draft202012Validator(dict(WITHTHEGRID.schema("device/add")), validate_formats=True)
    assert schema.is_valid(both)


@pytest.mark.line(77, 95)
def test_the_attempt_is_that_of_the_event_tried_most_often() -> None:
    items = [
        Item(value(1, property="p"), 0),
        Item(value(2, property="q"), 3),
        Item(document("device/add"), 7),
        Item(document("datapoint/report"), 1),
    ]
    found = json.loads(WITHTHEGRID.render(items, OURS).body)
    assert [message["attempt"] for message in found] == [3, 7, 1]


@pytest.mark.line(77)
def test_only_the_attempt_changes_with_the_attempt() -> None:
    assert WITHTHEGRID.varies
    one = document("datapoint/report")
    first, second = (WITHTHEGRID.render([Item(one, attempt)], OURS).body for attempt in (0, 1))
    assert first.replace(b'"attempt":0', b'"attempt":1') == second != first
    assert WITHTHEGRID.render([Item(one, 1)], OURS).body == second


def test_a_full_batch_is_rendered() -> None:
    batch = [value(number, property=f"p{number % 50}") for number in range(WITHTHEGRID.most_events)]
    (found,) = messages(*batch)
    assert [one["significand"] for one in found["observations"]] == list(range(WITHTHEGRID.most_events))


def test_its_name() -> None:
    assert resolve("withthegrid") is WITHTHEGRID
    assert (WITHTHEGRID.default_signing, WITHTHEGRID.default_retry_policy) == ("none", "withthegrid")
