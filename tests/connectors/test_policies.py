"""Retry policies of an organization's own: what they may hold, whose they are, and that the engine takes them on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from connectors import pausing, policies
from connectors.claimer import Claimer
from connectors.dispatch import Target
from connectors.models import SHARDS, Connector, ConnectorHealth, RetryPolicy
from portal.lib import clock
from portal.lib.database import stage_cursor
from portal.tenants import scope
from tests.conftest import Tenant
from tests.world import make_connector

URL = "https://partner.example/hook"
GOOD: dict[str, Any] = {
    "name": "Night shift", "schedule": [60, 3600], "timeout": 15, "success": [200], "gone": [410], "transient": None,
    "pause_after": 86_400, "expires": False,
}  # fmt: skip


def make_policy(**fields: Any) -> RetryPolicy:
    return RetryPolicy.objects.create(**{**GOOD, **fields})


def make_with(policy: RetryPolicy, **fields: Any) -> Connector:
    return make_connector(URL, retry_policy="", own_retry_policy=policy, **fields)


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({}, []),
        ({"schedule": [1]}, []),
        ({"schedule": [7 * 86_400] * 4}, []),
        ({"schedule": [60] * 100}, []),
        ({"schedule": []}, ["schedule"]),
        ({"schedule": [60] * 101}, ["schedule"]),
        ({"schedule": [7 * 86_400] * 5}, ["schedule"]),
        ({"schedule": [60, 0, 7 * 86_400 + 1]}, ["schedule/1", "schedule/2"]),
        ({"timeout": 0}, ["timeout"]),
        ({"timeout": 61}, ["timeout"]),
        ({"success": []}, ["success"]),
        ({"success": [200, 410]}, ["gone"]),
        ({"transient": [200, 500], "gone": [500]}, ["gone", "transient"]),
        ({"transient": []}, []),
        ({"gone": []}, []),
        ({"pause_after": 86_399}, ["pause_after"]),
        ({"pause_after": 30 * 86_400 + 1}, ["pause_after"]),
        ({"name": "gridX"}, ["name"]),
        ({"name": " Night"}, ["name"]),
        ({"name": "a\nb"}, ["name"]),
    ],
)
def test_what_a_policy_may_hold(fields: dict[str, Any], refused: list[str]) -> None:
    assert sorted(policies.check({**GOOD, **fields})) == refused


def test_statuses_are_written_as_classes() -> None:
    assert policies.expanded(["2XX", 404, "503"]) == [*range(200, 300), 404, 503]
    assert policies.collapsed([*range(200, 300), 404, 503]) == ["2xx", 404, 503]
    for bad in ("1xx", "6xx", "199", "600", "-200", "२००", "20", "abc", True):
        with pytest.raises(ValueError, match="neither"):
            policies.expanded([bad])


def test_a_connector_has_one_policy(tenant: Tenant) -> None:
    with scope.organization(tenant.organization.id):
        policy = make_policy()
        connector = make_connector(URL)
        with transaction.atomic():
            policies.assign(connector, "Night shift")
            connector.save()
        connector.refresh_from_db()
        assert (connector.retry_policy, policies.name_of(connector)) == ("", "Night shift")
        resolved = policies.resolve(connector)
        assert resolved is not None
        assert (resolved.schedule, resolved.tries, resolved.timeout) == ((60.0, 3600.0), 3, 15.0)
        with transaction.atomic():
            policies.assign(connector, "gridx")
            connector.save()
        connector.refresh_from_db()
        assert (connector.retry_policy, connector.own_retry_policy) == ("gridx", None)
        for both in ({"retry_policy": "gridx", "own_retry_policy": policy}, {"retry_policy": ""}):
            with pytest.raises(IntegrityError), transaction.atomic():
                make_connector(URL, name="Another", **both)


def test_another_organizations_policy_is_not_known(tenant: Tenant, stranger: Tenant) -> None:
    with scope.organization(tenant.organization.id):
        make_policy()
        connector = make_connector(URL)
        assert policies.known("Night shift")
        assert [policy.name for policy in policies.every()][-1] == "Night shift"
    with scope.organization(stranger.organization.id):
        assert not policies.known("Night shift")
        assert "Night shift" not in [policy.name for policy in policies.every()]
        with transaction.atomic(), pytest.raises(RetryPolicy.DoesNotExist):
            policies.assign(connector, "Night shift")
    with scope.organization(tenant.organization.id, tenant.company.id):
        assert not policies.known("Night shift")  # a company's key has the built-in ones


def test_a_policy_in_use_stays(tenant: Tenant) -> None:
    with scope.organization(tenant.organization.id):
        policy = make_policy()
        connector = make_with(policy, name="Alarm desk")
        with transaction.atomic(), pytest.raises(policies.InUse, match="Alarm desk"):
            policies.remove(policy)
        assert RetryPolicy.objects.count() == 1
        connector.delete()
        with transaction.atomic():
            policies.remove(policy)
        assert RetryPolicy.objects.count() == 0


def test_an_organization_goes_with_its_policies(tenant: Tenant) -> None:
    with scope.organization(tenant.organization.id):
        make_with(make_policy())
    with scope.every_organization():
        tenant.organization.delete()
        assert RetryPolicy.objects.count() == 0


@pytest.mark.parametrize(("days", "paused"), [(1.9, False), (2.1, True)])
def test_it_is_paused_after_the_policys_time_of_only_failures(tenant: Tenant, days: float, paused: bool) -> None:
    now = clock.now()
    with scope.organization(tenant.organization.id):
        connector = make_with(make_policy(pause_after=2 * 86_400))
        ConnectorHealth.objects.create(
            connector_id=connector.id,
            organization_id=tenant.organization.id,
            last_attempt_at=now,
            failures_in_a_row=50,
            failing_since=now - timedelta(days=days),
        )
    assert pausing.pause_if_failing({connector.id}, now) == ([connector.id] if paused else [])


class Lanes:
    """What the claimer makes ready."""

    def __init__(self) -> None:
        self.targets: dict[UUID, Target] = {}

    def retarget(self, targets: Mapping[UUID, Target], gone: Collection[UUID]) -> None:
        self.targets.update(targets)


def look(claimer: Claimer) -> int:
    """How many statements a round takes that reads the configuration anew."""
    claimer._next_config = claimer._next_rescan = 0.0
    with CaptureQueriesContext(connection) as captured, stage_cursor() as cursor:
        claimer.round(cursor)
    return len(captured)


@pytest.mark.django_db(transaction=True)
def test_the_worker_takes_a_changed_policy_on_and_reads_it_with_the_connector(tenant: Tenant) -> None:
    lanes = Lanes()
    claimer = Claimer(lanes)  # type: ignore[arg-type]
    claimer.own(dict.fromkeys(range(SHARDS), 1))
    with scope.organization(tenant.organization.id):
        policy = make_policy()
        connector = make_with(policy, enabled=False)
    one = look(claimer)
    assert lanes.targets[connector.id].policy.schedule == (60.0, 3600.0)
    with scope.organization(tenant.organization.id):
        RetryPolicy.objects.update(schedule=[5], expires=True)
        for number in range(3):
            make_with(make_policy(name=f"More {number}"), name=f"More {number}", enabled=False)
    assert look(claimer) == one
    assert lanes.targets[connector.id].policy.schedule == (5.0,)
    assert lanes.targets[connector.id].policy.expires
    assert len(lanes.targets) == 4
