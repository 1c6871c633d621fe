"""Every address of the REST API against every caller who must not get through.

A new address without an object to try it on fails here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from connectors.models import Attempt, Connector, Delivery, RetryPolicy, SigningSecret, WaitingDelivery
from connectors.notice_models import Notice, NoticeChannel
from connectors.notices import notify
from portal.events.models import Event
from portal.fleet.models import Appliance, Contract, DataPoint, Gateway, PairingCode, System
from portal.lib import clock
from portal.lib.uuid7 import uuid7
from portal.tenants import scope
from portal.tenants.models import ApiKey, Company
from tests.rest.test_deliveries import make_ended, make_event, make_waiting
from tests.rest.world import World, make_key, post
from triggers.models import Aggregate, Alarm, Fault, OccurrenceRule, Subscription, Trigger

API = "api/v1/"
KEPT = (
    Company, ApiKey, System, Gateway, Appliance, DataPoint, Event, Connector, SigningSecret, WaitingDelivery,
    Delivery, Attempt, Notice, NoticeChannel, Trigger, Subscription, RetryPolicy, Contract, PairingCode,
    OccurrenceRule, Fault, Alarm, Aggregate,
)  # fmt: skip
OPEN_TO_ALL = {"event-type", "profile-detail"}
"""Details that are no tenant's."""

Route = tuple[str, str, dict[str, str]]
"""Name, path with a placeholder for the id, and actions by method."""


def routes() -> Iterator[Route]:
    yield from _walk(get_resolver().url_patterns, "")


def _walk(patterns: list[Any], prefix: str) -> Iterator[Route]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern).removeprefix("^").removesuffix("$").removesuffix("\\Z")
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern) and path.startswith(API) and hasattr(pattern.callback, "actions"):
            shown = path.replace("(?P<pk>[^/]+)", "{}").replace("<str:pk>", "{}").replace("<path:type>", "{}")
            offered = pattern.callback.cls.http_method_names
            actions = {method: name for method, name in pattern.callback.actions.items() if method in offered}
            yield str(pattern.name), "/" + shown, actions


@pytest.fixture
def ids(world: World) -> dict[str, str]:
    """One of each in Ida's organization, none of it the partner's company's. By the part of a route's name."""
    other = {"company": str(world.ours.other_company.id)}
    gateway = post(world.manager, "/api/v1/gateways/", {"serial_number": "GW-1", **other})
    appliance = {"gateway": gateway["id"], "serial_number": "INV-1"}
    connector = {"name": "Partner", "url": "https://partner.example/", "profile": "standard"}
    made = post(world.manager, "/api/v1/connectors/", connector)["id"]
    trigger = {"name": "Values", "kind": "values", "connector": made}
    subscription = {"event_types": ["gateway/online"], "target_url": "https://partner.example/", **other}
    policy = {"name": "Night shift", "schedule": [60]}
    post(world.manager, "/api/v1/contracts/", {"gateway": gateway["id"], **other})
    make_key(world.ours, ["read"], name="theirs")
    with scope.organization(world.ours.organization.id):
        row = Connector.objects.get(id=made)
        key = str(ApiKey.objects.get(name="theirs").id)
        notify(world.ours.organization.id, "failing", f"connector:{made}", "Partner fails.", clock.now())
        notice = str(Notice.objects.get().id)
    channel = {"kind": "slack", "address": "https://hooks.slack.com/services/T0/B0/secret"}
    event = make_event(world.ours)
    make_waiting(row, event.id)
    raised = {"alarm_id": "A-1", "status": "open", "severity": "critical"}
    post(world.admin, "/api/v1/events/", {"events": [{"type": "alarm/raised", "gateway": "GW-1", "data": raised}]}, 202)
    point = post(world.manager, "/api/v1/data-points/", {"name": "ac.power"})["id"]
    aggregate = {"name": "ac.power.mean", "function": "mean", "data_point": point}
    return {
        "company": str(world.ours.other_company.id),
        "api-key": key,
        "system": gateway["system"],
        "gateway": gateway["id"],
        "appliance": post(world.manager, "/api/v1/appliances/", appliance)["id"],
        "contract": gateway["id"],
        "data-point": point,
        "aggregate": post(world.manager, "/api/v1/aggregates/", aggregate)["id"],
        "event": str(event.id),
        "connector": made,
        "delivery": str(make_ended(row, event.id)),
        "occurrence-rule": post(world.manager, "/api/v1/occurrence-rules/", {"conditions": {}})["id"],
        "alarm": world.manager.get("/api/v1/alarms/").json()["results"][0]["id"],
        "notice": notice,
        "notice-channel": post(world.manager, "/api/v1/notice-channels/", channel)["id"],
        "trigger": post(world.manager, "/api/v1/triggers/", trigger)["id"],
        "subscription": post(world.manager, "/api/v1/subscriptions/", subscription)["id"],
        "retry-policy": post(world.manager, "/api/v1/retry-policies/", policy)["id"],
    }


def kept(world: World) -> dict[str, list[Any]]:
    """Every row of Ida's organization; what using a key writes is left out."""
    rows: dict[str, list[Any]] = {}
    for model in KEPT:
        fields = [field.attname for field in model._meta.concrete_fields if field.name != "last_used_at"]
        found = model._base_manager.filter(organization_id=world.ours.organization.id)
        rows[model.__name__] = sorted(map(repr, found.values_list(*fields)))
    return rows


def calls(ids: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """(kind, method, path) of every call on one object."""
    for name, path, actions in routes():
        if "{}" not in path or name in OPEN_TO_ALL:
            continue
        kind = next((kind for kind in sorted(ids, key=len, reverse=True) if name.startswith(kind)), None)
        assert kind is not None, f"the address {path} ({name}) has no object to try it on"
        for method in actions:
            yield kind, method, path.format(ids[kind])


def call(client: APIClient, method: str, path: str) -> int:
    status: int = getattr(client, method)(path, {}, format="json").status_code
    return status


def test_there_is_a_call_for_each_resource(ids: dict[str, str]) -> None:
    assert {kind for kind, _, _ in calls(ids)} == set(ids)
    assert len(list(calls(ids))) >= 35


def test_a_strangers_calls_find_nothing_and_change_nothing(world: World, ids: dict[str, str]) -> None:
    before = kept(world)
    for _, method, path in calls(ids):
        assert call(world.stranger, method, path) == 404, f"{method} {path}"
    assert kept(world) == before


def test_a_partners_calls_change_nothing_of_others(world: World, ids: dict[str, str]) -> None:
    before = kept(world)
    for kind, method, path in calls(ids):
        shared = kind in {"data-point", "aggregate"} and method in {"get", "head"}
        status = call(world.partner, method, path)
        assert status == 200 if shared else status in {403, 404}, f"{method} {path}: {status}"
    assert kept(world) == before


@pytest.mark.parametrize("who", ["teammate", "reader", "ingester"])
def test_who_only_reads_changes_nothing(world: World, ids: dict[str, str], who: str) -> None:
    before = kept(world)
    for _, method, path in calls(ids):
        if method not in {"get", "head"}:
            assert call(getattr(world, who), method, path) == 403, f"{method} {path}"
    for _, path, actions in routes():
        if "post" in actions and "{}" not in path and not (who != "teammate" and "api-keys" in path):
            assert call(getattr(world, who), "post", path) == 403, path
    assert kept(world) == before


def test_nobody_without_credentials(world: World, ids: dict[str, str]) -> None:
    before = kept(world)
    for _, path, actions in routes():
        for method in actions:
            assert call(world.anonymous, method, path.format(uuid7())) == 401, f"{method} {path}"
    assert kept(world) == before


def test_lists_hold_nothing_of_another_organization(world: World, ids: dict[str, str]) -> None:
    for name, path, actions in routes():
        if "{}" in path or "get" not in actions or name == "organization":
            continue
        text = world.stranger.get(path).content.decode()
        assert not [key for key in ids.values() if key in text], path


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("gateways", "company={company}"),
        ("appliances", "gateway={gateway}"),
        ("appliances", "system={system}"),
        ("triggers", "connector={connector}"),
        ("deliveries", "connector={connector}"),
        ("events", "gateway={gateway}"),
        ("systems", "serial_number=GW-1"),
        ("contracts", "gateway={gateway}"),
        ("alarms", "gateway={gateway}"),
        ("aggregates", "data_point={data-point}"),
    ],
)
def test_filters_by_anothers_ids_find_nothing(world: World, ids: dict[str, str], path: str, query: str) -> None:
    answer = world.stranger.get(f"/api/v1/{path}/?{query.format(**ids)}")
    assert answer.json()["results"] == []


@pytest.mark.parametrize(
    "resource", ["companies", "systems", "gateways", "appliances", "data-points", "connectors", "triggers",
                 "subscriptions", "api-keys", "events", "occurrence-rules", "retry-policies", "notices",
                 "notice-channels", "contracts", "aggregates"]
)  # fmt: skip
def test_a_list_costs_the_same_whatever_its_length(world: World, ids: dict[str, str], resource: str) -> None:
    path = f"/api/v1/{resource}/"

    def cost() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as captured:
            answer = world.admin.get(path)
        return len(answer.json()["results"]), len(captured)

    cost()  # the key's first use is written down
    short, statements = cost()
    for number in range(3):
        _more(world, ids, resource, number)
    assert cost() == (short + 3, statements)


def _more(world: World, ids: dict[str, str], resource: str, number: int) -> None:
    connector = {"name": f"More {number}", "url": "https://partner.example/", "profile": "standard"}
    bodies: dict[str, Any] = {
        "companies": {"name": f"More {number}"},
        "systems": {"name": "More"},
        "gateways": {"serial_number": f"MORE-{number}", "company": ids["company"]},
        "appliances": {"serial_number": f"MORE-{number}", "gateway": ids["gateway"]},
        "data-points": {"name": f"more.{number}"},
        "connectors": connector | {"signing": {"scheme": "standard_webhooks_v1a"}},
        "triggers": {"name": f"More {number}", "kind": "values", "connector": ids["connector"]},
        "subscriptions": {"event_types": ["gateway/online"], "target_url": "https://partner.example/"},
        "api-keys": {"name": "More", "scopes": ["read"], "company": ids["company"]},
        "notice-channels": {"kind": "slack", "address": "https://hooks.slack.com/services/T0/B0/more"},
        "retry-policies": {"name": f"More {number}", "schedule": [60]},
        "occurrence-rules": {"code": f"F{number}", "conditions": {"delay": {"seconds": 60}}},
        "aggregates": {"name": f"more.{number}", "function": "last", "data_point": ids["data-point"]},
    }
    if resource == "events":
        make_event(world.ours)
    elif resource == "contracts":
        gateway = post(world.owner, "/api/v1/gateways/", bodies["gateways"])["id"]
        post(world.owner, "/api/v1/contracts/", {"gateway": gateway, "company": ids["company"]})
    elif resource == "notices":
        notify(world.ours.organization.id, "failing", f"more:{number}", "More fails.", clock.now())
    else:
        post(world.owner, f"/api/v1/{resource}/", bodies[resource])
