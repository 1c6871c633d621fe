"""The recorder, round by round: what fails is kept, what cannot be stored stops nobody else."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from connectors import outbox
from connectors.models import Attempt, Delivery, Shard, WaitingDelivery
from connectors.outbox import Due
from connectors.recorder import Recorder
from portal.lib.database import stage_cursor
from tests.conftest import Tenant
from tests.connectors.test_outbox import OK, OWNER, result, waiting

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def forgotten(in_tenant: Tenant) -> list[Due]:
    Shard.objects.update_or_create(id=5, defaults={"owner": OWNER, "epoch": 7})
    return []


@pytest.fixture
def recorder(forgotten: list[Due]) -> Recorder:
    def forget(dues: Collection[Due]) -> None:
        forgotten.extend(dues)

    return Recorder(forget=forget)


def record(recorder: Recorder) -> bool:
    with stage_cursor() as cursor:
        return recorder.round(cursor, OWNER)


def test_after_a_database_fault_the_batch_is_recorded_in_the_next_round(
    in_tenant: Tenant, recorder: Recorder, forgotten: list[Due], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [waiting(in_tenant) for _ in range(3)]
    for row in rows:
        recorder.add(result(row))

    def away(*_: Any) -> Any:
        raise psycopg.OperationalError("the connection is lost")

    with monkeypatch.context() as patch:
        patch.setattr(outbox, "record", away)
        with pytest.raises(psycopg.OperationalError):
            record(recorder)
    assert (recorder.backlog, forgotten) == (3, [])
    assert record(recorder)
    assert (recorder.backlog, len(forgotten)) == (0, 3)
    assert Delivery.objects.count() == 3


def test_what_was_recorded_though_the_confirmation_was_lost_is_passed_over(
    in_tenant: Tenant, recorder: Recorder, forgotten: list[Due]
) -> None:
    first, second = result(waiting(in_tenant)), result(waiting(in_tenant))
    recorder.add(first)
    record(recorder)
    for each in (first, second):
        recorder.add(each)
    assert record(recorder)
    assert [due.id for due in forgotten] == [first.due.id, first.due.id, second.due.id]
    assert set(Delivery.objects.values_list("id", flat=True)) == {first.due.id, second.due.id}
    assert Attempt.objects.count() == 2


@pytest.mark.parametrize("where", ["request_head", "detail", "body"])
def test_a_result_that_cannot_be_stored_is_recorded_without_its_text(
    in_tenant: Tenant, recorder: Recorder, where: str
) -> None:
    good, odd = waiting(in_tenant), waiting(in_tenant)
    bad = result(odd)
    if where == "request_head":
        bad = replace(bad, request_head="X-Key: a\x00b")
    elif where == "detail":
        bad = replace(bad, outcome=replace(OK, detail="a\x00b"))
    else:
        bad = replace(bad, outcome=replace(OK, body=b"a\x00b"))
    recorder.add(bad)
    recorder.add(result(good))
    assert record(recorder)
    assert set(Delivery.objects.values_list("id", "state")) == {(good.id, "delivered"), (odd.id, "delivered")}
    assert Attempt.objects.count() == 2
    assert not WaitingDelivery.objects.exists()


def test_it_tells_when_something_was_left_out(in_tenant: Tenant, recorder: Recorder, forgotten: list[Due]) -> None:
    recorder.add(result(waiting(in_tenant)))
    recorder.add(result(waiting(in_tenant), epoch=6))
    assert not record(recorder)
    assert len(forgotten) == 2, "what is left out is the new owner's, and no longer held here"
    assert WaitingDelivery.objects.count() == 1
