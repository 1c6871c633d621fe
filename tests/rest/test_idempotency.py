from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import OperationalError, connections, transaction

from portal.fleet.models import Gateway
from portal.lib import clock
from portal.lib.problem import Conflict
from portal.tenants import idempotency, scope
from portal.tenants.access import Access, of_key
from portal.tenants.models import ApiKey, IdempotentAnswer
from tests.receiver import Receiver
from tests.rest.world import World, make_key, make_tenant

GATEWAYS = "/api/v1/gateways/"
CONNECTORS = "/api/v1/connectors/"
ONCE = {"HTTP_IDEMPOTENCY_KEY": "once"}


def gateways(world: World) -> int:
    with scope.organization(world.ours.organization.id):
        return Gateway.objects.count()


def test_the_same_call_does_nothing_twice_and_answers_the_same(world: World) -> None:
    body = {"serial_number": "GW-1"}
    first, second = (world.manager.post(GATEWAYS, body, format="json", **ONCE) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert gateways(world) == 1
    assert world.manager.post(GATEWAYS, body, format="json").status_code == 400  # without the key: taken


def test_a_secret_is_repeated_to_the_caller_and_sealed_at_rest(world: World) -> None:
    body = {"name": "Partner", "url": "https://partner.example/", "profile": "standard"}
    first, second = (world.manager.post(CONNECTORS, body, format="json", **ONCE) for _ in range(2))
    assert first.json()["secret"] == second.json()["secret"]
    assert first.json()["secret"] not in (IdempotentAnswer.objects.get().answer or "")


def test_another_body_or_address_is_a_conflict(world: World) -> None:
    world.manager.post(GATEWAYS, {"serial_number": "GW-1"}, format="json", **ONCE)
    for path, body in ((GATEWAYS, {"serial_number": "GW-2"}), ("/api/v1/systems/", {"serial_number": "GW-1"})):
        answer = world.manager.post(path, body, format="json", **ONCE)
        assert answer.status_code == 409
        assert answer["Content-Type"] == "application/problem+json"
    assert gateways(world) == 1


def test_keys_are_the_callers_own(world: World) -> None:
    for caller in (world.manager, world.admin, world.owner, world.stranger):
        body = {"serial_number": f"GW-{id(caller)}"}
        assert caller.post(GATEWAYS, body, format="json", **ONCE).status_code == 201


def test_a_refusal_is_kept_too(world: World) -> None:
    first, second = (world.manager.post(GATEWAYS, {}, format="json", **ONCE) for _ in range(2))
    assert (first.status_code, second.status_code) == (400, 400)
    assert first.content == second.content
    assert second["Content-Type"] == "application/problem+json"
    assert IdempotentAnswer.objects.get().status == 400


@pytest.mark.parametrize("error", [OperationalError("away"), RuntimeError("broken")])
def test_a_failure_on_our_side_is_not_kept(world: World, error: Exception) -> None:
    def fail(*_: Any) -> None:
        raise error

    body = {"serial_number": "GW-1"}
    with patch("portal.fleet.happenings.gateway_came", fail):
        assert world.manager.post(GATEWAYS, body, format="json", **ONCE).status_code >= 500
    assert gateways(world) == 0
    assert world.manager.post(GATEWAYS, body, format="json", **ONCE).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "snow \u2603"])
def test_a_key_that_cannot_be_one(world: World, key: str) -> None:
    answer = world.manager.post(GATEWAYS, {"serial_number": "GW-1"}, format="json", HTTP_IDEMPOTENCY_KEY=key)
    assert answer.status_code == 400
    assert gateways(world) == 0


def test_a_ping_is_sent_once(world: World) -> None:
    with Receiver() as receiver:
        body = {"name": "Partner", "url": receiver.url, "profile": "standard"}
        made = world.manager.post(CONNECTORS, body, format="json").json()
        path = f"{CONNECTORS}{made['id']}/test/"
        answers = [world.manager.post(path, {}, format="json", **ONCE) for _ in range(2)]
        assert len(receiver.wait_for(1)) == 1
    assert answers[0].content == answers[1].content
    assert answers[1].json()["delivered"] is True


def access() -> Access:
    tenant = make_tenant("Alone")
    prefix = make_key(tenant, ["manage"]).split("_")[1]
    with scope.every_organization():
        return of_key(ApiKey.objects.select_related("organization").get(prefix=prefix))


def test_a_day_later_the_key_is_free_again(db: None) -> None:
    caller, now = access(), clock.now()
    assert idempotency.begin(caller, "k", b"a" * 32, now) is None
    idempotency.finish(caller, "k", 201, "{}")
    stored = idempotency.begin(caller, "k", b"a" * 32, now + timedelta(hours=23, minutes=59))
    assert stored == idempotency.StoredAnswer(status=201, body="{}")
    assert idempotency.begin(caller, "k", b"b" * 32, now + timedelta(hours=24, minutes=1)) is None


def test_a_call_that_died_frees_its_key(db: None) -> None:
    caller, now = access(), clock.now()
    assert idempotency.begin(caller, "k", b"a" * 32, now) is None
    with pytest.raises(Conflict, match="under way"):
        idempotency.begin(caller, "k", b"a" * 32, now + timedelta(seconds=30))
    assert idempotency.begin(caller, "k", b"a" * 32, now + timedelta(minutes=3)) is None


@pytest.mark.django_db(transaction=True)
def test_two_at_once() -> None:
    """The first holds its transaction open; the second does not wait for it."""
    caller = access()
    elsewhere = connections["default"].copy()
    try:
        with transaction.atomic():
            assert idempotency.begin(caller, "k", b"a" * 32) is None
            with patch.object(idempotency, "connection", elsewhere), pytest.raises(Conflict, match="under way"):
                idempotency.begin(caller, "k", b"a" * 32)
            idempotency.finish(caller, "k", 202, "{}")
        stored = idempotency.begin(caller, "k", b"a" * 32)
        assert stored == idempotency.StoredAnswer(status=202, body="{}")
    finally:
        elsewhere.close()
