"""What holds for every call: who is let in, what is refused, and in which words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import OperationalError
from rest_framework.test import APIClient

from portal.fleet.models import Gateway
from portal.lib import clock
from portal.tenants import scope
from portal.tenants.authentication import CallerThrottle
from tests.rest.world import World, client_of, errors, make_key, post

GATEWAYS = "/api/v1/gateways/"


def gateways(world: World) -> int:
    with scope.organization(world.ours.organization.id):
        return Gateway.objects.count()


def test_both_ways_to_present_a_key(world: World) -> None:
    key = make_key(world.ours, ["read"])
    client = APIClient()
    assert client.get(GATEWAYS, HTTP_AUTHORIZATION=f"Bearer {key}").status_code == 200
    assert client.get(GATEWAYS, HTTP_X_API_KEY=key).status_code == 200


@pytest.mark.parametrize("key", ["", "fk_", "fk_00000000_x", "Bearer", "fk_\x7f_"])
def test_no_key_or_a_wrong_one(world: World, key: str) -> None:
    answer = client_of(key).get(GATEWAYS)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer["Content-Type"] == "application/problem+json"
    assert world.anonymous.get(GATEWAYS).status_code == 401


@pytest.mark.parametrize("ended", ["expires_at", "revoked_at"])
def test_an_ended_key(world: World, ended: str) -> None:
    key = make_key(world.ours, ["read"], **{ended: clock.now() - timedelta(seconds=1)})
    assert client_of(key).get(GATEWAYS).status_code == 401


def test_who_may_change_something(world: World) -> None:
    body = {"serial_number": "GW-1"}
    for caller in (world.teammate, world.reader, world.ingester):
        answer = caller.post(GATEWAYS, body, format="json")
        assert answer.status_code == 403
        assert "the role admin or a key with the scope manage" in answer.json()["detail"]
    assert world.ingester.get(GATEWAYS).status_code == 403
    assert world.teammate.get(GATEWAYS).status_code == 200
    assert gateways(world) == 0
    post(world.owner, GATEWAYS, body)


def test_a_browser_needs_its_csrf_token(world: World) -> None:
    strict = APIClient(enforce_csrf_checks=True)
    strict.cookies = world.owner.cookies
    assert strict.post(GATEWAYS, {"serial_number": "GW-1"}, format="json").status_code == 403
    assert gateways(world) == 0


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("{", "application/json", 400),
        ('{"serial_number": NaN}', "application/json", 400),
        ("[" * 2000 + "]" * 2000, "application/json", 400),
        ('{"serial_number": "\\ud800"}', "application/json", 400),
        ("\xff", "application/json", 400),
        ("[]", "application/json", 400),
        ('"text"', "application/json", 400),
        ("", "application/json", 400),
        ("serial_number=GW-1", "application/x-www-form-urlencoded", 415),
        ("{}", "text/plain", 415),
        ('{"serial_number": "a\\u0000b"}', "application/json", 400),
        ('{"serial_number": "%s"}' % ("x" * 5_000_000), "application/json", 413),
    ],
)
def test_bodies_that_cannot_be_read(world: World, body: str, content_type: str, status: int) -> None:
    answer = world.manager.post(GATEWAYS, body.encode("latin-1"), content_type=content_type)
    assert answer.status_code == status, answer.content[:200]
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert gateways(world) == 0


def test_unknown_fields_and_parameters_are_named(world: World) -> None:
    body = {"serial_number": "GW-1", "serialnumber": "GW-1"}
    refused = world.manager.post(GATEWAYS, body, format="json")
    assert errors(refused) == {"/serialnumber": "There is no such field."}
    refused = world.reader.get(GATEWAYS, {"serial": "GW-1"})
    assert errors(refused) == {"/serial": "There is no such query parameter."}
    assert refused.status_code == 400
    assert gateways(world) == 0


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=x", "cursor=%00", "company=x"])
def test_bad_parameters(world: World, query: str) -> None:
    answer = world.reader.get(f"{GATEWAYS}?{query}")
    assert answer.status_code == 400
    assert list(errors(answer)) == ["/" + query.partition("=")[0]]


@pytest.mark.parametrize(
    "path", ["gateways/x/", "gateways/%00/", "gateways", "nothing/", "gateways/x/y/z/", "event-types/gate/way/"]
)
def test_nothing_there(world: World, path: str) -> None:
    answer = world.reader.get(f"/api/v1/{path}")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path"), [("put", GATEWAYS), ("delete", "/api/v1/organization/"), ("options", GATEWAYS)]
)
def test_a_method_that_is_not_there(world: World, method: str, path: str) -> None:
    answer = getattr(world.admin, method)(path)
    assert answer.status_code == 405
    assert answer["Content-Type"] == "application/problem+json"
    assert "GET" in answer["Allow"]


def test_too_many_calls(world: World) -> None:
    with patch.object(CallerThrottle, "THROTTLE_RATES", {"caller": "2/min"}):
        codes = [world.reader.get(GATEWAYS).status_code for _ in range(2)]
        answer = world.reader.get(GATEWAYS)
    assert (codes, answer.status_code) == ([200, 200], 429)
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert answer["Content-Type"] == "application/problem+json"


def test_the_database_away(world: World) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("the connection is closed")

    with patch("portal.fleet.api.GatewaySerializer.create", away):
        answer = world.manager.post(GATEWAYS, {"serial_number": "GW-1"}, format="json")
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert answer["Content-Type"] == "application/problem+json"


def test_a_change_whose_event_fails_leaves_nothing(world: World) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("the intake is broken")

    with patch("triggers.intake.take_events", broken):
        answer = world.manager.post(GATEWAYS, {"serial_number": "GW-1"}, format="json")
    assert answer.status_code == 500
    assert gateways(world) == 0


def test_the_organization(world: World) -> None:
    post(world.manager, GATEWAYS, {"serial_number": "GW-1", "company": str(world.ours.company.id)})
    post(world.manager, GATEWAYS, {"serial_number": "GW-2"})
    shown = world.reader.get("/api/v1/organization/").json()
    assert (shown["name"], shown["plan"]) == ("Ours", "datastreams")
    assert (shown["counts"]["gateways"], shown["counts"]["companies"]) == (2, 2)
    assert shown["limits"]["api_keys_per_owner"] == 10
    assert world.partner.get("/api/v1/organization/").json()["counts"]["gateways"] == 1


def test_companies(world: World) -> None:
    path = "/api/v1/companies/"
    made = post(world.manager, path, {"name": "Wind East", "external_id": "east"})
    refused = world.manager.post(path, {"name": "Wind East"}, format="json")
    assert errors(refused) == {"/name": "This is taken already."}
    refused = world.manager.post(path, {"name": "Other", "external_id": "east"}, format="json")
    assert errors(refused) == {"/external_id": "This is taken already."}
    found = world.reader.get(path, {"external_id": "east"}).json()["results"]
    assert [row["id"] for row in found] == [made["id"]]
    assert world.manager.delete(f"{path}{made['id']}/").status_code == 405


def test_a_partner_changes_its_own_opt_ins_only(world: World) -> None:
    path = f"/api/v1/companies/{world.ours.company.id}/"
    opted = world.partner.patch(path, {"daily_aggregates_enabled": True}, format="json")
    assert opted.json()["daily_aggregates_enabled"] is True
    assert world.partner.patch(path, {"name": "Mine"}, format="json").status_code == 403
    assert world.partner.post("/api/v1/companies/", {"name": "Mine"}, format="json").status_code == 403
    other = f"/api/v1/companies/{world.ours.other_company.id}/"
    assert world.partner.patch(other, {"data_points_enabled": True}, format="json").status_code == 404
    names = {row["name"] for row in world.reader.get("/api/v1/companies/").json()["results"]}
    assert names == {"Solar North", "Heat South"}


def test_the_catalogue(world: World) -> None:
    path = "/api/v1/event-types/"
    everything = world.reader.get(path, {"limit": 200}).json()["results"]
    names = [row["type"] for row in everything]
    assert names == sorted(names)
    assert "grid-signal-processor/limitation-of-power-consumption/set" in names
    one = world.reader.get(f"{path}grid-signal-processor/limitation-of-power-consumption/set/").json()
    assert one in everything
    assert one["sample"]["limit_w"] == 4200
    assert one["schema"]["required"] == ["limit_w"]
    seen, url, back = [], f"{path}?limit=7", None
    while url:
        page = world.reader.get(url).json()
        seen += [row["type"] for row in page["results"]]
        url, back = page["next"], page["previous"]
    assert seen == names
    last = len(names) % 7 or 7
    assert [row["type"] for row in world.reader.get(back).json()["results"]] == names[-last - 7 : -last]
    flows = {row["flow"] for row in world.reader.get(path, {"flow": "alarms"}).json()["results"]}
    assert flows == {"alarms"}
