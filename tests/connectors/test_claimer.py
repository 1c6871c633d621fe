"""The claimer against real PostgreSQL, round by round, with lanes that only keep what they are given."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from connectors import claimer, outbox
from connectors.claimer import Claimer
from connectors.dispatch import Target
from connectors.making import Work
from connectors.models import SHARDS, Connector, WaitingDelivery
from portal.events.models import Event
from portal.lib.database import stage_cursor
from portal.lib.uuid7 import uuid7
from tests.conftest import Tenant
from tests.world import make_connector

pytestmark = pytest.mark.django_db(transaction=True)

URL = "https://partner.example/hook"
ALL = dict.fromkeys(range(SHARDS), 1)


class Lanes:
    """What the claimer hands over."""

    def __init__(self) -> None:
        self.works: list[Work] = []
        self.targets: dict[UUID, Target] = {}
        self.gone: list[UUID] = []

    def deliver(self, works: list[Work]) -> None:
        self.works += works

    def retarget(self, targets: Mapping[UUID, Target], gone: Collection[UUID]) -> None:
        self.gone += gone
        for connector_id in gone:
            self.targets.pop(connector_id, None)
        self.targets.update(targets)


@pytest.fixture
def lanes() -> Lanes:
    return Lanes()


@pytest.fixture
def claimer_of_all(lanes: Lanes) -> Claimer:
    made = Claimer(lanes)  # type: ignore[arg-type]
    made.own(ALL)
    return made


def look(claimer: Claimer) -> None:
    """One round that looks at everything."""
    claimer._next_config = claimer._next_rescan = 0.0
    with stage_cursor() as cursor:
        claimer.round(cursor)


def enqueue(tenant: Tenant, connector: Connector, body: str = "{}", **fields: Any) -> WaitingDelivery:
    base = {"organization_id": tenant.organization.id, "event_type": "gateway/online"}
    event = Event.objects.create(
        organization_id=tenant.organization.id, id=uuid7(), type="gateway/online", time=datetime.now(UTC), body=body
    )
    rest = {"connector_id": connector.id, "event_id": event.id, "attempts": 0, "next_at": datetime.now(UTC)}
    return WaitingDelivery.objects.create(**base, **{"id": uuid7(), **rest, **fields})


@contextmanager
def database_away(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> Iterator[None]:
    """While inside, this call loses the connection, and with it the round that makes it."""

    def away(*_: Any, **__: Any) -> Any:
        raise psycopg.OperationalError("the connection is lost")

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, away)
        with pytest.raises(psycopg.OperationalError):
            yield


def handed(lanes: Lanes) -> list[UUID]:
    return [work.due.id for work in lanes.works]


def test_what_is_due_is_handed_over_once_until_it_is_recorded(
    in_tenant: Tenant, lanes: Lanes, claimer_of_all: Claimer
) -> None:
    row = enqueue(in_tenant, make_connector(URL), '{"id": "1"}')
    look(claimer_of_all)
    look(claimer_of_all)
    assert handed(lanes) == [row.id]
    (work,) = lanes.works
    assert (work.event and work.event.text, work.epoch, work.refusal) == ('{"id": "1"}', 1, "")
    claimer_of_all.forget([lanes.works[0].due])
    look(claimer_of_all)
    assert handed(lanes) == [row.id, row.id], "given back, and read again"


@pytest.mark.parametrize("failing", ["claim", "bodies"])
def test_a_database_fault_in_mid_claim_loses_nothing(
    in_tenant: Tenant, lanes: Lanes, claimer_of_all: Claimer, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    row = enqueue(in_tenant, make_connector(URL))
    with database_away(monkeypatch, outbox, failing):
        look(claimer_of_all)
    look(claimer_of_all)
    assert handed(lanes) == [row.id]


def test_a_database_fault_while_shards_change_hands_is_made_good(
    in_tenant: Tenant, lanes: Lanes, claimer_of_all: Claimer, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector = make_connector(URL)
    look(claimer_of_all)

    claimer_of_all.own({})
    with database_away(monkeypatch, Connector.objects, "filter"):
        look(claimer_of_all)
    look(claimer_of_all)
    assert lanes.targets == {}, "given up"

    claimer_of_all.own(ALL)
    with database_away(monkeypatch, Connector.objects, "filter"):
        look(claimer_of_all)
    look(claimer_of_all)
    assert lanes.targets.keys() == {connector.id}, "taken over"


def test_what_was_claimed_under_an_epoch_that_is_over_is_given_back(
    in_tenant: Tenant, lanes: Lanes, claimer_of_all: Claimer
) -> None:
    """Lost and taken again between two looks: sent under the old epoch, nothing could be recorded."""
    connector = make_connector(URL)
    look(claimer_of_all)
    claimer_of_all.own(dict.fromkeys(range(SHARDS), 3))
    look(claimer_of_all)
    assert lanes.gone == [connector.id]
    assert lanes.targets.keys() == {connector.id}
    enqueue(in_tenant, connector)
    look(claimer_of_all)
    assert lanes.works[0].epoch == 3


def test_what_is_no_longer_kept_is_handed_over_without_its_event(
    in_tenant: Tenant, lanes: Lanes, claimer_of_all: Claimer
) -> None:
    connector = make_connector(URL)
    gone, kept = enqueue(in_tenant, connector), enqueue(in_tenant, connector, '{"id": "2"}')
    Event.objects.filter(id=gone.event_id).delete()
    look(claimer_of_all)
    events = {work.due.id: work.event for work in lanes.works}
    assert events[gone.id] is None
    assert events[kept.id].text == '{"id": "2"}'  # type: ignore[union-attr]


def test_one_event_for_several_connectors_is_read_and_rendered_once(
    in_tenant: Tenant, lanes: Lanes, claimer_of_all: Claimer
) -> None:
    first = enqueue(in_tenant, make_connector(URL, name="First"))
    enqueue(in_tenant, make_connector(URL, name="Second"), event_id=first.event_id)
    look(claimer_of_all)
    one, other = (work.event for work in lanes.works)
    assert one is other


def in_line(tenant: Tenant, connector: Connector, gateway: UUID | None, **fields: Any) -> UUID:
    return enqueue(tenant, connector, gateway_id=gateway, **fields).id


def finish(claimer: Claimer, lanes: Lanes) -> None:
    """What the lanes were given is delivered and recorded."""
    WaitingDelivery.objects.filter(id__in=handed(lanes)).delete()
    claimer.forget([work.due for work in lanes.works])
    lanes.works.clear()


def test_of_an_ordered_connector_each_gateway_has_one_message_under_way(
    in_tenant: Tenant, lanes: Lanes, claimer_of_all: Claimer
) -> None:
    connector = make_connector(URL, ordered=True)
    north, south = uuid7(), uuid7()
    lines = [[in_line(in_tenant, connector, gateway) for _ in range(3)] for gateway in (north, south, None)]
    for turn in zip(*lines, strict=True):
        look(claimer_of_all)
        look(claimer_of_all)
        assert sorted(handed(lanes)) == sorted(turn)
        finish(claimer_of_all, lanes)
    look(claimer_of_all)
    assert not lanes.works


def test_a_retry_of_an_ordered_connector_holds_its_gateways_line_and_no_other(
    in_tenant: Tenant, lanes: Lanes, claimer_of_all: Claimer
) -> None:
    connector = make_connector(URL, ordered=True)
    north, south = uuid7(), uuid7()
    held = in_line(in_tenant, connector, north, hold_until=datetime.now(UTC) + timedelta(hours=1), attempts=1)
    behind = in_line(in_tenant, connector, north)
    free = in_line(in_tenant, connector, south)
    look(claimer_of_all)
    assert handed(lanes) == [free]
    WaitingDelivery.objects.filter(id=held).update(hold_until=datetime.now(UTC) - timedelta(seconds=1))
    finish(claimer_of_all, lanes)
    look(claimer_of_all)
    assert handed(lanes) == [held]
    finish(claimer_of_all, lanes)
    look(claimer_of_all)
    assert handed(lanes) == [behind]


def test_a_connector_that_cannot_be_made_ready_holds_nothing_up(
    in_tenant: Tenant, lanes: Lanes, claimer_of_all: Claimer
) -> None:
    good = make_connector(URL, name="Good")
    make_connector(URL, name="Bad", auth_type="bearer", auth_public=[1])
    make_connector(URL, name="Worse", auth_type="header", auth_public={"name": None})
    look(claimer_of_all)
    assert lanes.targets.keys() == {good.id}


def test_of_large_documents_few_are_held(
    in_tenant: Tenant, lanes: Lanes, claimer_of_all: Claimer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claimer, "CONNECTOR_BYTES", 50 * claimer.UNKNOWN_SIZE)
    large, small = make_connector(URL, name="Large"), make_connector(URL, name="Small")
    text = json.dumps({"data": "x" * 100_000})
    for _ in range(80):
        enqueue(in_tenant, large, text)
        enqueue(in_tenant, small)

    def held(connector: Connector) -> int:
        return sum(work.due.connector_id == connector.id for work in lanes.works)

    look(claimer_of_all)
    assert (held(large), held(small)) == (50, 50), "their size is not known yet"
    claimer_of_all.forget([work.due for work in lanes.works])
    WaitingDelivery.objects.filter(id__in=handed(lanes)).delete()
    lanes.works.clear()
    look(claimer_of_all)
    assert (held(large), held(small)) == (9, 30)
