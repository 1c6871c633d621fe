"""Faults, contracts, daily figures, alarms and heartbeats: what their data may say, and that they can be sent in."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.models import WaitingDelivery
from portal.events.catalogue import CATALOGUE, sample_document, validate
from portal.events.models import Event
from tests.conftest import Tenant
from tests.world import make_connector, make_gateway, make_trigger
from triggers.intake import accept_events
from triggers.items import EventItem

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)

FAULTS = ("appliance/error", "appliance/warning")
ALARMS = {"alarm/raised": "open", "alarm/acknowledged": "acknowledged", "alarm/closed": "closed"}
"""Each with the status that it says."""
TYPES = (*FAULTS, "contract/status", "aggregate/daily", *ALARMS, "system/heartbeat")


def data_of(name: str, **changes: Any) -> dict[str, Any]:
    return copy.deepcopy(dict(CATALOGUE[name].sample)) | changes


def without(name: str, *keys: str) -> dict[str, Any]:
    return {key: value for key, value in CATALOGUE[name].sample.items() if key not in keys}


@pytest.mark.line(5)
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_raised_and_cleared_by_a_pair(name: str) -> None:
    raised = data_of(name)
    cleared = raised | {"active": False}
    assert validate(CATALOGUE[name], raised) == validate(CATALOGUE[name], cleared) == []
    assert validate(CATALOGUE[name], {"active": True, "code": "7"}) == []


@pytest.mark.parametrize("previous", [None, "pending", "active", "rejected", "revoked", "closed"])
@pytest.mark.line(11, 13)
def test_a_contracts_event_tells_the_whole_transition(previous: str | None) -> None:
    name = "contract/status"
    assert validate(CATALOGUE[name], data_of(name, previous_status=previous)) == []
    for key in ("previous_status", "status", "initiator", "contract_id", "occurred_at"):
        assert validate(CATALOGUE[name], without(name, key)) == [(f"/{key}", "is required")]


@pytest.mark.parametrize(("name", "status"), ALARMS.items())
def test_an_alarms_type_says_its_status(name: str, status: str) -> None:
    for other in ALARMS.values():
        found = [pointer for pointer, _ in validate(CATALOGUE[name], data_of(name, status=other))]
        assert found == ([] if other == status else ["/status"])


def test_an_alarms_events_share_its_id() -> None:
    assert len({CATALOGUE[name].sample["alarm_id"] for name in ALARMS}) == 1


@pytest.mark.parametrize(
    ("name", "changes", "pointer"),
    [
        ("appliance/error", {"active": None}, "/active"),
        ("appliance/error", {"code": ""}, "/code"),
        ("appliance/error", {"fault_id": ""}, "/fault_id"),
        ("appliance/warning", {"occurrences": 0}, "/occurrences"),
        ("appliance/warning", {"occurrences": 1.5}, "/occurrences"),
        ("appliance/warning", {"texts": {"en": ""}}, "/texts/en"),
        ("appliance/warning", {"texts": {"de": None}}, "/texts/de"),
        ("appliance/warning", {"texts": {"not a language": "text"}}, "/texts"),
        ("appliance/warning", {"texts": "too hot"}, "/texts"),
        ("contract/status", {"status": "ACTIVE"}, "/status"),
        ("contract/status", {"status": ""}, "/status"),
        ("contract/status", {"previous_status": "unknown"}, "/previous_status"),
        ("contract/status", {"initiator": "somebody"}, "/initiator"),
        ("contract/status", {"occurred_at": "2026-01-15"}, "/occurred_at"),
        ("aggregate/daily", {"day": "2026-02-29"}, "/day"),
        ("aggregate/daily", {"day": "2026-01-14T00:00:00Z"}, "/day"),
        ("aggregate/daily", {"value": None}, "/value"),
        ("aggregate/daily", {"period_end": 1768435200}, "/period_end"),
        ("aggregate/daily", {"coverage_percent": 101}, "/coverage_percent"),
        ("alarm/raised", {"severity": "high"}, "/severity"),
        ("alarm/raised", {"alarm_id": 7}, "/alarm_id"),
        ("system/heartbeat", {"waiting": -1}, "/waiting"),
        ("system/heartbeat", {"oldest_waiting_age_s": -0.1}, "/oldest_waiting_age_s"),
    ],
)
def test_bad_data_is_named_where_it_is(name: str, changes: dict[str, Any], pointer: str) -> None:
    assert [place for place, _ in validate(CATALOGUE[name], data_of(name, **changes))] == [pointer]


@pytest.mark.parametrize("tag", ["en", "de", "pt-BR", "zh-Hant-TW", "gsw"])
def test_texts_are_by_language(tag: str) -> None:
    assert validate(CATALOGUE["appliance/error"], data_of("appliance/error", texts={tag: "…"})) == []


def test_an_alarm_may_be_about_a_gateway_an_appliance_or_a_property() -> None:
    document = sample_document("alarm/raised", "7b1c1b7e-6a52-4b1f-9a35-0c9a5f2d9b11")
    assert {"gateway", "appliance"} <= set(document)
    assert CATALOGUE["alarm/raised"].subject == "gateway"
    assert validate(CATALOGUE["alarm/raised"], without("alarm/raised", "property", "value", "unit", "texts")) == []


@pytest.fixture
def site(in_tenant: Tenant) -> Tenant:
    """A paired gateway with an inverter, and a connector that wants all of these types."""
    make_gateway(company=in_tenant.company)
    make_trigger(make_connector("https://partner.example/hook"), *TYPES)
    return in_tenant


def test_every_type_comes_in_and_is_put_on_its_way(site: Tenant) -> None:
    items = [_item(name) for name in TYPES]
    answer = accept_events(site.organization.id, items, NOW).as_json()
    assert answer == {"accepted": len(TYPES), "duplicates": 0, "rejected": []}
    assert WaitingDelivery.objects.count() == len(TYPES)
    documents = {event.type: json.loads(event.body) for event in Event.objects.all()}
    for name in TYPES:
        assert documents[name]["data"] == data_of(name)
        about = [part for part in ("system", "gateway", "appliance") if part in documents[name]]
        subject = CATALOGUE[name].subject
        assert about == ["system", "gateway", "appliance"][: {"organization": 0, "gateway": 2, "appliance": 3}[subject]]


@pytest.mark.parametrize("name", [name for name in TYPES if name != "system/heartbeat"])
def test_one_that_names_no_device_is_refused_and_nothing_is_kept(site: Tenant, name: str) -> None:
    item = EventItem(type=name, data=data_of(name))
    (refused,) = accept_events(site.organization.id, [item], NOW).as_json()["rejected"]
    assert "/gateway" in [error["pointer"] for error in refused["errors"]]
    assert Event.objects.count() == WaitingDelivery.objects.count() == 0


def _item(name: str) -> EventItem:
    """With as much of a device as the type asks for."""
    subject = CATALOGUE[name].subject
    return EventItem(
        type=name,
        gateway=None if subject == "organization" else "GW-1",
        appliance="GW-1-INV" if subject == "appliance" else None,
        data=data_of(name),
    )
