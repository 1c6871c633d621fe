"""Contracts where two want to change one at the same moment: over connections of their own, as in the product."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, transaction

from portal.events.models import Event
from portal.fleet import contracts, removal
from portal.fleet.contract_flow import Action, Impossible, Who
from portal.fleet.models import Contract, Gateway
from portal.lib import clock
from portal.tenants import scope
from portal.tenants.models import Company
from tests.conftest import Tenant
from tests.world import make_gateway

PARTS = [Who.PARTNER, Who.END_USER]


def at_once(tenant: Tenant, *calls: Callable[[], Contract]) -> list[str]:
    """What became of each: a state, or the name of the exception."""
    start = Barrier(len(calls))

    def run(call: Callable[[], Contract]) -> str:
        try:
            with scope.organization(tenant.organization.id):
                start.wait(10)
                return str(call().state)
        except (Impossible, contracts.AlreadyOpen) as error:
            return type(error).__name__
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return sorted(pool.map(run, calls))


def told() -> list[str]:
    return list(Event.objects.filter(type="contract/status").order_by("id").values_list("body", flat=True))


@pytest.mark.line(12, 14)
def test_of_two_changes_at_once_one_is_first_and_the_other_is_refused(transactional_db: Any, tenant: Tenant) -> None:
    with scope.organization(tenant.organization.id):
        gateway = make_gateway()
        contract = contracts.make(gateway, tenant.company, Who.PLATFORM, clock.now())

        def accept() -> Contract:
            return contracts.change(contract, Action.ACCEPT, PARTS, clock.now())

        assert at_once(tenant, accept, accept) == ["Impossible", "active"]
        assert len(told()) == 2
        assert Gateway.objects.get().company_id == tenant.company.id


@pytest.mark.line(12, 14)
def test_of_two_contracts_made_at_once_one_is_open(transactional_db: Any, tenant: Tenant) -> None:
    """The same company is told that it has one; another company's ends the first, in whichever order they come."""
    with scope.organization(tenant.organization.id):
        gateway, other = make_gateway(), Company.objects.create(name="Heat South")

        def make(company: Company) -> Callable[[], Contract]:
            return lambda: contracts.make(gateway, company, Who.END_USER, clock.now())

        assert at_once(tenant, make(tenant.company), make(tenant.company)) == ["AlreadyOpen", "pending"]
        assert at_once(tenant, make(other), make(other)) == ["AlreadyOpen", "pending"]
        assert sorted(Contract.objects.values_list("state", "company__name")) == [
            ("closed", tenant.company.name),
            ("pending", "Heat South"),
        ]
        assert len(told()) == 3


def test_a_contract_that_is_accepted_while_its_gateway_goes_was_active(transactional_db: Any, tenant: Tenant) -> None:
    accepted, waited_for = threading.Event(), threading.Event()
    with scope.organization(tenant.organization.id):
        gateway = make_gateway()
        contract = contracts.make(gateway, tenant.company, Who.PLATFORM, clock.now())

    def accept() -> None:
        with transaction.atomic():
            contracts.change(contract, Action.ACCEPT, PARTS, clock.now())
            accepted.set()
            assert waited_for.wait(10)

    def remove() -> None:
        assert accepted.wait(10)
        with transaction.atomic():
            removal.remove_gateway(gateway, clock.now())

    def in_thread(act: Callable[[], None]) -> None:
        try:
            with scope.organization(tenant.organization.id):
                act()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(in_thread, act) for act in (accept, remove)]
        assert poll(somebody_waits)
        waited_for.set()
        for one in both:
            one.result(10)
    with scope.organization(tenant.organization.id):
        changes = [(data["previous_status"], data["status"]) for data in (json.loads(body)["data"] for body in told())]
    assert changes == [(None, "pending"), ("pending", "active"), ("active", "closed")]


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("select exists (select from pg_locks where not granted)")
        return bool(cursor.fetchone()[0])


def poll(what: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.01)
    return False
