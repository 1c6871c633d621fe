"""Who wants an event: the organization's configuration, compiled once per version and held in memory.

Every change of configuration raises the organization's version inside the same transaction (a database trigger), and
the intake reads the version inside its own. So a change takes effect with the next call in every process, and the
compiled form is never older than the data it is used on.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, product
from typing import TypeAlias
from uuid import UUID

import psycopg
from django.db import transaction

from connectors.models import Connector, WhilePaused
from portal.fleet.models import DataPoint
from portal.lib.database import Row
from portal.tenants import scope
from portal.tenants.models import Company, Organization, Plan
from triggers import rules
from triggers.filters import Rule
from triggers.models import BY_THE_CLOCK, OccurrenceRule, Subscription, Trigger

HELD_ORGANIZATIONS = 2000
"""Configurations kept in memory per process; the one compiled longest ago goes first."""


Routes: TypeAlias = Mapping[UUID | None, Mapping[UUID | None, tuple[UUID, ...]]]
"""The connectors that want one type of event: by gateway, then by company; None is for those that want any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A data point with its change filter."""

    id: UUID
    unit: str
    rule: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """All that the intake needs to know of one organization, as of one version of its configuration.

    What comes for the connectors in `dropping` is listed as dropped: they are paused, and hold nothing meanwhile.
    """

    version: int
    sends: bool
    points: Mapping[str, Point]
    opted_in: frozenset[UUID]
    routes: Mapping[str, Routes] = field(default_factory=dict)
    dropping: frozenset[UUID] = frozenset()
    occurrence_rules: tuple[rules.Rule, ...] = ()

    def connectors_for(self, event_type: str, gateway_id: UUID | None, company_id: UUID | None) -> Sequence[UUID]:
        """The connectors that get this event, each once however many triggers and subscriptions name it."""
        routes = self.routes.get(event_type)
        if routes is None:
            return ()
        gateways = (None,) if gateway_id is None else (None, gateway_id)
        companies = (None,) if company_id is None else (None, company_id)
        by_company = [routes[gateway] for gateway in gateways if gateway in routes]
        found = [routes[company] for routes in by_company for company in companies if company in routes]
        return found[0] if len(found) == 1 else list(dict.fromkeys(chain.from_iterable(found)))


_held: OrderedDict[UUID, Configuration] = OrderedDict()


def configuration(cursor: psycopg.Cursor[Row], organization_id: UUID) -> Configuration:
    """The organization's configuration as of this transaction: one short SELECT when nothing has changed."""
    cursor.execute("select version from tenants_configversion where organization_id = %b", [organization_id])
    row = cursor.fetchone()
    version: int = row[0] if row else 0
    held = _held.get(organization_id)
    if held is None or held.version != version:
        held = _compile(organization_id, version)
        # Not before: a change that is rolled back gives its version's number free, for another change to have.
        transaction.on_commit(partial(_hold, organization_id, held))
    return held


def _hold(organization_id: UUID, compiled: Configuration) -> None:
    _held[organization_id] = compiled
    _held.move_to_end(organization_id)
    while len(_held) > HELD_ORGANIZATIONS:
        _held.popitem(last=False)


def _compile(organization_id: UUID, version: int) -> Configuration:
    with scope.organization(organization_id):
        routes, dropping = _routes()
        plan = Organization.objects.filter(id=organization_id).values_list("plan", flat=True).first()
        return Configuration(
            version=version,
            sends=plan == Plan.DATASTREAMS,
            points={point.name: _point(point) for point in DataPoint.objects.all()},
            opted_in=frozenset(Company.objects.filter(data_points_enabled=True).values_list("id", flat=True)),
            routes=routes,
            dropping=dropping,
            occurrence_rules=rules.in_order(map(_rule, OccurrenceRule.objects.all())),
        )


def _point(point: DataPoint) -> Point:
    rule = Rule(
        kind=point.kind,  # type: ignore[arg-type]
        threshold=point.threshold,
        threshold_kind=point.threshold_kind,  # type: ignore[arg-type]
        hysteresis=point.hysteresis,
        resolution=point.resolution or 0.0,
        min_interval=point.min_interval,
        max_interval=point.max_interval,
    )
    return Point(id=point.id, unit=point.unit, rule=rule)


def _rule(row: OccurrenceRule) -> rules.Rule:
    return rules.Rule(
        code=row.code,
        appliance_type=row.appliance_type,
        severity=row.severity,
        conditions=tuple(rules.read(row.conditions).values()),
    )


def _routes() -> tuple[dict[str, Routes], frozenset[UUID]]:
    """The routes by event type, and those of their connectors that are paused and drop."""
    routes: dict[str, dict[UUID | None, dict[UUID | None, dict[UUID, None]]]] = {}
    connectors: set[Connector] = set()

    def add(event_types: Iterable[str], gateways: Iterable[UUID | None], company: UUID | None, to: Connector) -> None:
        connectors.add(to)
        for event_type, gateway in product(event_types, gateways):
            by_company = routes.setdefault(event_type, {}).setdefault(gateway, {})
            by_company.setdefault(company, {})[to.id] = None

    matching = Trigger.objects.filter(enabled=True, connector__enabled=True).exclude(kind__in=BY_THE_CLOCK)
    for trigger in matching.select_related("connector"):
        to = trigger.connector
        add(trigger.event_types, trigger.gateways or [None], to.company_id, to)
    for wish in Subscription.objects.filter(active=True, connector__enabled=True).select_related("connector"):
        add(wish.event_types, [None], wish.company_id, wish.connector)
    dropping = frozenset(one.id for one in connectors if one.paused_at and one.while_paused == WhilePaused.DROP)
    return {event_type: _settled(by_gateway) for event_type, by_gateway in routes.items()}, dropping


def _settled(by_gateway: Mapping[UUID | None, Mapping[UUID | None, Iterable[UUID]]]) -> Routes:
    return {
        gateway: {company: tuple(connectors) for company, connectors in by_company.items()}
        for gateway, by_company in by_gateway.items()
    }
