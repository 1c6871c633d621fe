"""A whole day of many gateways, driven step by step: every event that the plan calls for is made once, none besides.

Time is an argument everywhere, so the day takes seconds. Scheduled jobs run twice whenever they run, as with two
schedulers. SIMULATED_GATEWAYS=1000 makes it as many gateways, SIMULATED_SEED another day.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from connectors.models import WaitingDelivery
from portal.events.models import Event
from portal.fleet import contracts
from portal.fleet.contract_flow import Action, Impossible, Who
from portal.fleet.models import Appliance, Contract, DataPoint, Gateway, System
from portal.tenants.models import Company
from tests.conftest import Tenant
from tests.triggers import day_simulator as simulator
from tests.triggers.day_expectation import AGGREGATED_AT, AGGREGATES, THRESHOLDS, Expectation, Told, expect
from tests.triggers.day_simulator import GatewayPlan, moment, plan_day
from tests.world import make_connector, make_data_point, make_trigger
from triggers import presence
from triggers.intake import accept_readings, take_events
from triggers.items import EventItem, ReadingItem, Result
from triggers.models import Aggregate, DailyAggregate, OccurrenceRule
from triggers.scheduled import aggregates, connectivity, faults

GATEWAYS = int(os.environ.get("SIMULATED_GATEWAYS", "60"))
SEED = int(os.environ.get("SIMULATED_SEED", "20"))
FAULTS = frozenset(simulator.TYPES.values())
TYPES = (
    *("gateway/online", "gateway/offline", "appliance/online", "appliance/offline", "appliance/error"),
    *("appliance/warning", "contract/status", "aggregate/daily", "datapoint/value"),
)
HELD = (
    *(simulator.FEW, simulator.WAS_HELD, simulator.LASTS, simulator.SOON),
    *(simulator.OPEN_ALREADY, simulator.NOT_OPEN),
)
BATCH = 1000


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    yield
    presence._noted.clear()


@pytest.fixture
def day() -> list[GatewayPlan]:
    return plan_day(GATEWAYS, SEED)


@pytest.fixture
def companies(in_tenant: Tenant, day: list[GatewayPlan]) -> dict[str, Company]:
    """The organization as the plan has it: companies, what is measured, rules, gateways, and one connector for all."""
    switches = {simulator.OPTED_IN: True, simulator.OTHER: True, simulator.NOT_OPTED_IN: False}
    made = {
        name: Company.objects.create(name=name, data_points_enabled=on, daily_aggregates_enabled=on)
        for name, on in switches.items()
    }
    points: dict[str, DataPoint] = {
        name: make_data_point(name, kind="counter" if name == "pv.energy" else "gauge", threshold=threshold)
        for name, threshold in THRESHOLDS.items()
    }
    for name, (function, point) in AGGREGATES.items():
        Aggregate.objects.create(name=name, function=function, data_point=points[point])
    for code, conditions in simulator.OCCURRENCE_RULES.items():
        OccurrenceRule.objects.create(code=code, conditions=conditions)
    make_trigger(make_connector("https://partner.example/hook"), *TYPES)
    with all_at(simulator.START - timedelta(days=1)):
        _install(day, made)
    return made


def _install(day: Sequence[GatewayPlan], companies: Mapping[str, Company]) -> None:
    systems = System.objects.bulk_create([System(name=f"Site of {plan.serial}") for plan in day])
    gateways = Gateway.objects.bulk_create(
        Gateway(
            system=system,
            serial_number=plan.serial,
            protocol=plan.protocol,
            offline_after=plan.offline_after,
            company=None if plan.company is None else companies[plan.company],
            access_granted=plan.company is not None,
        )
        for plan, system in zip(day, systems, strict=True)
    )
    Appliance.objects.bulk_create(
        Appliance(
            gateway=gateway,
            serial_number=plan.inverter,
            type="inverter",
            kind="pv",
            offline_after=plan.inverter_offline_after,
        )
        for plan, gateway in zip(day, gateways, strict=True)
    )


@contextmanager
def all_at(now: datetime) -> Iterator[None]:
    """What the audit trail notes of gateways meanwhile it notes by the database's clock: make it this time."""
    with connection.cursor() as cursor:
        cursor.execute("select coalesce(max(pgh_id), 0) from fleet_gatewaychange")
        before = cursor.fetchone()[0]
        yield
        cursor.execute("update fleet_gatewaychange set pgh_created_at = %s where pgh_id > %s", [now, before])


# The day goes by


class Driver:
    """Does to the product what the plan says, and adds up what the intake answers."""

    def __init__(self, tenant: Tenant, day: Sequence[GatewayPlan], companies: Mapping[str, Company]) -> None:
        self.organization_id = tenant.organization.id
        self.companies = companies
        self.gateways = {gateway.serial_number: gateway for gateway in Gateway.objects.all()}
        self.reports = _by_step(day, lambda plan: plan.reports)
        self.faults = _by_step(day, lambda plan: [one for one in plan.faults if one.let_go_since is None])
        self.acts = _by_step(day, lambda plan: plan.contract_acts)
        self.answers: Counter[str] = Counter()

    def run(self) -> None:
        for step in simulator.STEPS:
            self._jobs(step)
            if step in self.acts:
                with all_at(moment(step)):
                    self._act(step)
            for _ in range(2 if step in simulator.REPEATED_CALLS else 1):
                self._send_readings(step)
                self._send_faults(step)
        for minutes in (0, 0, 10):
            aggregates.aggregate_due(AGGREGATED_AT + timedelta(minutes=minutes))

    def _jobs(self, step: int) -> None:
        for _ in range(2):
            if step not in simulator.MISSED_SWEEPS:
                connectivity.tick(moment(step))
            faults.let_go(moment(step))

    def _act(self, step: int) -> None:
        for plan, act in self.acts[step]:
            gateway, company = self.gateways[plan.serial], self.companies[act.company]
            if act.action == "create":
                contracts.make(gateway, company, Who(act.by), moment(step))
                continue
            contract = Contract.objects.filter(gateway=gateway, company=company).latest("id")
            if act.told:
                contracts.change(contract, Action(act.action), [Who(act.by)], moment(step))
            else:
                with pytest.raises(Impossible):
                    contracts.change(contract, Action(act.action), [Who(act.by)], moment(step))

    def _send_readings(self, step: int) -> None:
        items = [
            ReadingItem(
                gateway=plan.serial,
                appliance=plan.inverter if one.of_inverter else None,
                property=one.property,
                value=one.value,
                time=one.time,
                quality=one.quality,  # type: ignore[arg-type]
            )
            for plan, one in self.reports.get(step, [])
        ]
        for first in range(0, len(items), BATCH):
            now = moment(step) + simulator.READINGS_AFTER
            self._count("readings", accept_readings(self.organization_id, items[first : first + BATCH], now))

    def _send_faults(self, step: int) -> None:
        now = moment(step) + simulator.FAULTS_AFTER
        items = [
            EventItem(
                type=simulator.TYPES[one.code],
                gateway=plan.serial,
                appliance=plan.inverter,
                time=now,
                id=f"{plan.serial} {one.code} {step}",
                data={"active": one.active, "code": one.code},
            )
            for plan, one in self.faults.get(step, [])
        ]
        for first in range(0, len(items), BATCH):
            batch = list(enumerate(items[first : first + BATCH]))
            self._count("faults", take_events(self.organization_id, batch, now, Result()))

    def _count(self, what: str, result: Result) -> None:
        self.answers[f"{what} accepted"] += result.accepted
        self.answers[f"{what} duplicates"] += result.duplicates
        for rejected in result.rejected:
            self.answers[f"{what} refused for {rejected['errors'][0]['pointer']}"] += 1


def _by_step(
    day: Sequence[GatewayPlan], of: Callable[[GatewayPlan], Sequence[Any]]
) -> dict[int, list[tuple[GatewayPlan, Any]]]:
    found: dict[int, list[tuple[GatewayPlan, Any]]] = {}
    for plan in day:
        for one in of(plan):
            found.setdefault(one.step, []).append((plan, one))
    return found


def _answers(day: Sequence[GatewayPlan]) -> Counter[str]:
    """What the intake must answer in all."""
    reports = [one for plan in day for one in plan.reports]
    faults_sent = [one for plan in day for one in plan.faults if one.let_go_since is None]
    again = simulator.REPEATED_CALLS
    return +Counter(
        {
            "readings accepted": sum(not one.refused for one in reports),
            "readings duplicates": sum(one.step in again and not one.refused for one in reports),
            "readings refused for /time": sum(one.refused * (1 + (one.step in again)) for one in reports),
            "faults accepted": len(faults_sent),
            "faults duplicates": sum(one.step in again for one in faults_sent),
        }
    )


# What came of it


def _told(event: Event, document: Mapping[str, Any], companies: Mapping[str, str]) -> Told:
    """The event as the expectation writes it."""
    data = document["data"]
    device = document.get("appliance", document["gateway"])
    says: tuple[Any, ...] = ()
    if event.type in FAULTS:
        held = event.held_because
        says = data["code"], data["active"], held and next((one for one in HELD if one in held), held)
    elif event.type == "contract/status":
        says = data["previous_status"], data["status"], data["initiator"]
    elif event.type == "aggregate/daily":
        says = data["property"], data["function"], data["day"]
    elif event.type == "datapoint/value":
        says = data["property"], data["value"], data["reason"]
    return event.type, device["serial_number"], event.time, companies.get(document.get("company", "")), *says


@pytest.mark.django_db(transaction=True)
@pytest.mark.line(2, 5, 6, 7, 8, 10, 12, 13, 19, 20, 21, 24, 25, 26, 27, 31, 33, 35, 36, 37)
def test_each_expected_event_is_made_once_and_none_besides(
    in_tenant: Tenant, day: list[GatewayPlan], companies: dict[str, Company]
) -> None:
    expected = expect(day)
    driver = Driver(in_tenant, day, companies)
    driver.run()

    names = {str(company.id): name for name, company in companies.items()}
    events = [(event, json.loads(event.body)) for event in Event.objects.order_by("id").iterator()]
    made = Counter(_told(event, document, names) for event, document in events)
    assert {one[0] for one in expected.events} == set(TYPES), "the plan has something of everything"
    assert _shown(expected.events - made) == [], "missing"
    assert _shown(made - expected.events) == [], "besides"
    assert driver.answers == _answers(day)

    leaving = Counter(event.id for event, _ in events if event.held_because is None)
    assert Counter(WaitingDelivery.objects.values_list("event_id", flat=True)) == leaving
    _assert_pairs([document for event, document in events if event.type in FAULTS and event.id in leaving])
    _assert_figures([document for event, document in events if event.type == "aggregate/daily"], expected)


def _shown(events: Counter[Told]) -> list[str]:
    """A few of them, to be read in a failed test."""
    return [f"{count} times {told}" for told, count in sorted(events.items(), key=str)[:12]]


def _assert_pairs(documents: Sequence[dict[str, Any]]) -> None:
    """Each raise that was sent has an id of its own, and each clear that of the raise before it."""
    open_faults: dict[tuple[str, str], str] = {}
    ids = []
    for document in documents:
        data = document["data"]
        key = document["appliance"]["serial_number"], data["code"]
        if data["active"]:
            ids.append(data["fault_id"])
            open_faults[key] = data["fault_id"]
        else:
            assert open_faults.pop(key) == data["fault_id"]
    assert len(set(ids)) == len(ids)


def _assert_figures(documents: Sequence[dict[str, Any]], expected: Expectation) -> None:
    values = {(one["appliance"]["serial_number"], one["data"]["property"]): one["data"] for one in documents}
    assert values.keys() == expected.values.keys()
    for key, (value, coverage) in expected.values.items():
        about = f"{key}: {values[key]}"
        assert values[key]["value"] == pytest.approx(value, rel=1e-6, abs=1e-3), about
        assert values[key]["coverage_percent"] == pytest.approx(coverage, abs=1e-3), about
    serials = dict(Appliance.objects.values_list("id", "serial_number"))
    held = DailyAggregate.objects.filter(state="held").values_list("subject_id", "property", "reason")
    assert {(serials[subject], name): reason for subject, name, reason in held} == expected.held
    assert set(expected.held.values()) == {"moved", "stuck", "flagged", "coverage"}
