"""A claim costs the same whatever lies in the history: it reads the waiting table, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from connectors import outbox
from connectors.models import DAILY_TABLES, WaitingDelivery
from connectors.outbox import Probe
from portal.lib import partitions
from portal.lib.database import stage_cursor
from portal.lib.uuid7 import uuid7

DAYS = 30
PER_DAY = 500
_FINISHED = """
insert into connectors_delivery (organization_id, id, connector_id, event_id, event_type, state, attempts, finished_at)
select %b, u.id, %b, u.id, 'gateway/online', 'delivered', 1, now() from unnest(%b::uuid[]) u(id)
"""


class Explained:
    """A cursor that asks for the plan of each statement, as it really runs, before it runs it."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self.plans: list[dict[str, Any]] = []

    def execute(self, statement: str, parameters: Any, **options: Any) -> Any:
        self._cursor.execute("explain (analyze, buffers, format json) " + statement, parameters)
        self.plans.append(self._cursor.fetchone()[0][0]["Plan"])
        return self._cursor.execute(statement, parameters, **options)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cursor)

    def relations(self) -> set[str]:
        return {node["Relation Name"] for plan in self.plans for node in nodes(plan) if "Relation Name" in node}

    def buffers(self) -> int:
        kinds = ("Shared Hit Blocks", "Shared Read Blocks")
        return sum(plan[kind] for plan in self.plans for kind in kinds)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


@pytest.fixture
def worker_plans(db: None) -> Iterator[Any]:
    with stage_cursor() as cursor:
        yield cursor
        for name in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin"):
            cursor.execute(f"reset {name}")
    connection.planned_for = None


def claimed(cursor: Any, organization: UUID, connector: UUID) -> Explained:
    explained = Explained(cursor)
    for ordered in (False, True):
        probe = Probe(connector_id=connector, organization_id=organization, limit=200, ordered=ordered)
        assert outbox.claim(explained, [probe])  # type: ignore[arg-type]
    return explained


def fill_history(cursor: Any, organization: UUID, connector: UUID, now: datetime) -> None:
    for age in range(DAYS):
        moment = now - timedelta(days=age)
        cursor.execute(_FINISHED, [organization, connector, [uuid7(moment) for _ in range(PER_DAY)]])
    cursor.execute("analyze connectors_delivery")


def test_thirty_days_of_history_add_nothing_to_a_claim(worker_plans: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    organization, connector, now = uuid7(), uuid7(), datetime.now(UTC)
    WaitingDelivery._base_manager.bulk_create(
        WaitingDelivery(
            organization_id=organization, id=uuid7(), connector_id=connector, event_id=uuid7(), event_type="x",
            attempts=0, next_at=now - timedelta(seconds=number),
        )
        for number in range(1, 1001)
    )  # fmt: skip
    worker_plans.execute("analyze connectors_waiting")
    before = claimed(worker_plans, organization, connector)
    monkeypatch.setattr(partitions, "DAYS_BEHIND", DAYS)
    for table in DAILY_TABLES:
        partitions.ensure(table, now.date())
    fill_history(worker_plans, organization, connector, now)
    after = claimed(worker_plans, organization, connector)
    assert before.relations() == after.relations() == {"connectors_waiting"}
    assert 0 < after.buffers() <= before.buffers()
