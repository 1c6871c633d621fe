"""Who wants an event: the organization's configuration, compiled once per version and held in memory.

Every change of configuration raises the organization's version inside the same transaction (a database trigger), and
the intake reads the version inside its own. So a change takes effect with the next call in every process, and the
compiled form is never older than the data it is used on.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

import psycopg
from django.db import transaction

from connectors.models import Connector, WhilePaused
from portal.fleet.models import DataPoint
from portal.lib.database import Row
from portal.tenants import scope
from portal.tenants.models import Company, Organization, Plan
from triggers.filters import Rule
from triggers.models import Subscription, Trigger

HELD_ORGANIZATIONS = 2000
"""Configurations kept in memory per process; the one compiled longest ago goes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One wish to be told: to which connector, only for these gateways or this company when given."""

    connector_id: UUID
    gateways: frozenset[UUID] | None
    company_id: UUID | None


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
    routes: Mapping[str, tuple[Route, ...]] = field(default_factory=dict)
    dropping: frozenset[UUID] = frozenset()

    def connectors_for(self, event_type: str, gateway_id: UUID | None, company_id: UUID | None) -> list[UUID]:
        """The connectors that get this event, each once however many triggers and subscriptions name it."""
        found: dict[UUID, None] = {}
        for route in self.routes.get(event_type, ()):
            if route.gateways is not None and gateway_id not in route.gateways:
                continue
            if route.company_id is not None and company_id != route.company_id:
                continue
            found[route.connector_id] = None
        return list(found)


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
        )


def _point(point: DataPoint) -> Point:
    rule = Rule(
        kind=point.kind,  # type: ignore[arg-type]
        threshold=point.threshold,
        threshold_kind=point.threshold_kind,  # type: ignore[arg-type]
        min_interval=point.min_interval,
        max_interval=point.max_interval,
    )
    return Point(id=point.id, unit=point.unit, rule=rule)


def _routes() -> tuple[dict[str, tuple[Route, ...]], frozenset[UUID]]:
    """The routes by event type, and those of their connectors that are paused and drop."""
    routes: dict[str, list[Route]] = {}
    connectors: set[Connector] = set()
    triggers = Trigger.objects.filter(enabled=True, connector__enabled=True).select_related("connector")
    for trigger in triggers:
        gateways = frozenset(trigger.gateways) if trigger.gateways else None
        route = Route(connector_id=trigger.connector_id, gateways=gateways, company_id=trigger.connector.company_id)
        _add(routes, trigger.event_types, route)
        connectors.add(trigger.connector)
    subscriptions = Subscription.objects.filter(active=True, connector__enabled=True).select_related("connector")
    for subscription in subscriptions:
        route = Route(connector_id=subscription.connector_id, gateways=None, company_id=subscription.company_id)
        _add(routes, subscription.event_types, route)
        connectors.add(subscription.connector)
    dropping = frozenset(one.id for one in connectors if one.paused_at and one.while_paused == WhilePaused.DROP)
    return {event_type: tuple(wanted) for event_type, wanted in routes.items()}, dropping


def _add(routes: dict[str, list[Route]], event_types: Iterable[str], route: Route) -> None:
    for event_type in event_types:
        routes.setdefault(event_type, []).append(route)
