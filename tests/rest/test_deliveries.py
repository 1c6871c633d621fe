from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from connectors import profiles
from connectors.models import Attempt, Connector, Delivery, WaitingDelivery
from portal.events.models import Event
from portal.lib import clock
from portal.lib.uuid7 import uuid7
from portal.tenants import scope
from tests.rest.world import Tenant, World, errors, post

DELIVERIES = "/api/v1/deliveries/"


def make_connector(tenant: Tenant, name: str = "Partner", **fields: Any) -> Connector:
    with scope.organization(tenant.organization.id):
        return Connector.objects.create(name=name, url="https://partner.example/", profile="standard.2026-11", **fields)


def make_event(tenant: Tenant, **fields: Any) -> Event:
    key = uuid7()
    document = {
        "id": str(key),
        "type": "gateway/online",
        "version": 1,
        "time": "2026-11-21T10:00:00.000Z",
        "organization": str(tenant.organization.id),
        "data": {},
    }
    with scope.organization(tenant.organization.id):
        return Event.objects.create(
            organization_id=tenant.organization.id,
            id=key,
            type="gateway/online",
            time=clock.now(),
            body=orjson.dumps(document).decode(),
            **fields,
        )


def make_waiting(connector: Connector, event_id: UUID | None = None, **fields: Any) -> UUID:
    row = {"attempts": 0, "next_at": clock.now(), "event_type": "gateway/online"} | fields
    key = uuid7()
    with scope.organization(connector.organization_id):
        WaitingDelivery.objects.create(
            organization_id=connector.organization_id,
            id=key,
            connector_id=connector.id,
            event_id=event_id or uuid7(),
            **row,
        )
    return key


def make_ended(connector: Connector, event_id: UUID | None = None, at: datetime | None = None, **fields: Any) -> UUID:
    row = {
        "state": "delivered",
        "attempts": 1,
        "last_status": 200,
        "finished_at": clock.now(),
        "event_type": "gateway/online",
    } | fields
    key = uuid7(at) if at else uuid7()
    with scope.organization(connector.organization_id):
        Delivery.objects.create(
            organization_id=connector.organization_id,
            id=key,
            connector_id=connector.id,
            event_id=event_id or uuid7(),
            **row,
        )
    return key


def make_attempt(connector: Connector, delivery_id: UUID, digest: bytes, **fields: Any) -> None:
    row = {"number": 1, "status": 500, "error": None, "detail": "answered 500"} | fields
    Attempt._base_manager.create(
        delivery_id=delivery_id,
        organization_id=connector.organization_id,
        connector_id=connector.id,
        request_id=uuid7(),
        started_at=clock.now(),
        duration_ms=12.5,
        request_head="POST https://partner.example/\nContent-Type: application/json\nX-Token: •••",
        request_digest=digest,
        response_head="Server: teapot\nVia: a: b",
        response_body="oh no",
        truncated=False,
        **row,
    )


def listed(world: World, **query: Any) -> list[str]:
    answer = world.reader.get(DELIVERIES, query)
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def test_waiting_and_ended_as_one_list_by_pages(world: World) -> None:
    connector = make_connector(world.ours)
    made = [(make_waiting if number % 2 else make_ended)(connector) for number in range(7)]
    newest_first = [str(key) for key in reversed(made)]
    assert listed(world) == newest_first
    seen, url, back = [], f"{DELIVERIES}?limit=3", None
    while url:
        page = world.reader.get(url).json()
        seen += [row["id"] for row in page["results"]]
        url, back = page["next"], page["previous"]
    assert seen == newest_first
    assert [row["id"] for row in world.reader.get(back).json()["results"]] == newest_first[3:6]


def test_what_a_delivery_shows(world: World) -> None:
    connector = make_connector(world.ours)
    key = make_waiting(connector, attempts=3, last_status=503, last_error="answered 503")
    row = world.reader.get(f"{DELIVERIES}{key}/").json()
    assert row["state"] == "retrying"
    assert (row["attempts"], row["last_status"], row["finished_at"]) == (3, 503, None)
    assert row["next_attempt_at"].endswith("Z")
    assert (row["connector"], row["connector_name"]) == (str(connector.id), "Partner")
    ended = world.reader.get(f"{DELIVERIES}{make_ended(connector)}/").json()
    assert (ended["state"], ended["next_attempt_at"]) == ("delivered", None)
    assert ended["finished_at"] >= ended["created_at"]


def test_filters(world: World) -> None:
    one, other = make_connector(world.ours, "One"), make_connector(world.ours, "Other")
    gateway = uuid7()
    long_ago = clock.now() - timedelta(days=3)
    rows = {
        "waiting": make_waiting(one),
        "retrying": make_waiting(one, attempts=2, last_status=429),
        "delivered": make_ended(other, gateway_id=gateway),
        "failed": make_ended(one, state="failed", last_status=404, event_type="appliance/create"),
        "silent": make_ended(one, state="failed", last_status=None, last_error="timeout"),
        "old": make_ended(one, at=long_ago),
    }

    def found(**query: Any) -> set[str]:
        names = {str(key): name for name, key in rows.items()}
        return {names[key] for key in listed(world, **query)}

    assert found(state="waiting") == {"waiting"}
    assert found(state=["retrying", "failed"]) == {"retrying", "failed", "silent"}
    assert found(connector=str(other.id)) == {"delivered"}
    assert found(event_type="appliance/create") == {"failed"}
    assert found(status_class="4xx") == {"retrying", "failed"}
    assert found(status_class="none") == {"waiting", "silent"}
    assert found(gateway=str(gateway)) == {"delivered"}
    moment = clock.rfc3339(clock.now() - timedelta(hours=1))
    assert found(created_before=moment) == {"old"}
    assert found(created_after=moment) == set(rows) - {"old"}
    assert found(created_after=moment, state="delivered") == {"delivered"}


@pytest.mark.parametrize(
    "query", [{"state": "lost"}, {"status_class": "6xx"}, {"created_after": "noon"}, {"stat": "x"}]
)
def test_bad_filters(world: World, query: dict[str, str]) -> None:
    answer = world.reader.get(DELIVERIES, query)
    assert answer.status_code == 400
    assert next(iter(errors(answer))).split("/")[1] == next(iter(query))


def test_a_list_costs_the_same_whatever_its_length(world: World) -> None:
    connector = make_connector(world.ours)
    counts = []
    for _ in range(2):
        make_waiting(connector)
        make_ended(make_connector(world.ours, name=str(uuid7())))
        with CaptureQueriesContext(
            connection,
        ) as captured:
            world.reader.get(DELIVERIES)
        counts.append(len([query for query in captured if "connectors_" in query["sql"]]))
    assert counts == [2, 2]


def test_attempts_show_the_body_when_it_renders_to_the_bytes_that_were_sent(world: World) -> None:
    event, connector = make_event(world.ours), make_connector(world.ours)
    key = make_ended(connector, event.id, state="failed", last_status=500)
    body = profiles.PROFILES["standard.2026-11"].render([profiles.Item(orjson.loads(event.body))], profiles.PLAIN).body
    make_attempt(connector, key, hashlib.sha256(body).digest())
    make_attempt(connector, key, b"\x01" * 32, number=2, status=None, error="timeout", detail="no answer")
    first, second = world.reader.get(f"{DELIVERIES}{key}/attempts/").json()["results"]
    assert first["request"]["body"] == body.decode()
    assert first["request"]["headers"] == {"Content-Type": "application/json", "X-Token": "•••"}
    assert (first["request"]["method"], first["request"]["url"]) == ("POST", "https://partner.example/")
    assert first["response"] == {
        "headers": {"Server": "teapot", "Via": "a: b"}, "body": "oh no", "truncated": False,
    }  # fmt: skip
    assert second["request"]["digest"] == "sha256:" + "01" * 32
    assert "body" not in second["request"]
    assert (second["response"], second["error"]) == (None, "timeout")


def test_trying_again_goes_on_counting(world: World) -> None:
    event, connector = make_event(world.ours), make_connector(world.ours)
    key = make_ended(connector, event.id, state="failed", attempts=5, last_status=400)
    assert world.reader.post(f"{DELIVERIES}{key}/retry/").status_code == 403
    assert world.teammate.post(f"{DELIVERIES}{key}/retry/").status_code == 403
    assert world.reader.get(f"{DELIVERIES}{key}/").json()["state"] == "failed"
    again = post(world.manager, f"{DELIVERIES}{key}/retry/", {}, 202)
    assert (again["id"], again["state"], again["attempts"]) == (str(key), "retrying", 5)


def test_what_cannot_be_tried_again(world: World) -> None:
    connector = make_connector(world.ours)
    forgotten = make_ended(connector, state="failed")
    post(world.manager, f"{DELIVERIES}{forgotten}/retry/", {}, 409)
    gone = make_connector(world.ours, "Gone")
    orphan = make_ended(gone, make_event(world.ours).id, state="failed")
    with scope.organization(world.ours.organization.id):
        gone.delete()
    post(world.manager, f"{DELIVERIES}{orphan}/retry/", {}, 409)
    post(world.manager, f"{DELIVERIES}{uuid7()}/retry/", {}, 404)
    assert listed(world, state="failed") == [str(orphan), str(forgotten)]


def test_a_partner_sees_what_its_own_connectors_send(world: World) -> None:
    company = world.ours.company
    mine = make_connector(world.ours, "Mine", company=company)
    seen = make_ended(mine, company_id=company.id)
    internal = make_connector(world.ours, "Internal")
    hidden = make_ended(internal, make_event(world.ours).id, company_id=company.id, state="failed")
    make_attempt(internal, hidden, b"\x01" * 32)
    answer = world.partner.get(DELIVERIES).json()["results"]
    assert [row["id"] for row in answer] == [str(seen)]
    for path in (f"{DELIVERIES}{hidden}/", f"{DELIVERIES}{hidden}/attempts/"):
        assert world.partner.get(path).status_code == 404
    assert world.partner.post(f"{DELIVERIES}{hidden}/retry/").status_code == 404
    assert world.reader.get(f"{DELIVERIES}{hidden}/").json()["state"] == "failed"


def test_events_by_type_gateway_company_and_time(world: World) -> None:
    gateway = uuid7()
    one = make_event(world.ours, gateway_id=gateway, company_id=world.ours.company.id)
    other = make_event(world.ours)
    path = "/api/v1/events/"

    def found(**query: Any) -> list[str]:
        return [row["id"] for row in world.reader.get(path, query).json()["results"]]

    assert found() == [str(other.id), str(one.id)]
    assert found(gateway=str(gateway)) == found(company=str(world.ours.company.id)) == [str(one.id)]
    assert found(type=["gateway/online", "gateway/offline"]) == [str(other.id), str(one.id)]
    assert found(type="gateway/offline") == []
    assert found(time_before=clock.rfc3339(one.time - timedelta(minutes=1))) == []
    assert len(found(time_after=clock.rfc3339(one.time - timedelta(minutes=1)))) == 2
    assert world.reader.get(path, {"type": "gateway/explode"}).status_code == 400
    shown = world.reader.get(f"{path}{one.id}/").json()
    assert (shown["type"], shown["data"]) == ("gateway/online", {})
    assert shown["accepted_at"].endswith("Z")
    assert [row["id"] for row in world.partner.get(path).json()["results"]] == [str(one.id)]
    assert world.partner.get(f"{path}{other.id}/").status_code == 404


def test_personal_data_does_not_reach_a_partner_without_consent(world: World) -> None:
    body = {"serial_number": "GW-1", "company": str(world.ours.company.id)}
    gateway = post(world.manager, "/api/v1/gateways/", body)
    data = {"user": {"id": str(uuid7()), "name": "Erika Beispiel"}}
    event = {"type": "gateway/online", "gateway": gateway["id"], "data": data}
    post(world.ingester, "/api/v1/events/", {"events": [event]}, 202)
    path = "/api/v1/events/?type=gateway/online"
    assert world.reader.get(path).json()["results"][0]["data"] == data
    assert world.partner.get(path).json()["results"][0]["data"] == {}
