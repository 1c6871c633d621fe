"""The demo organization: two companies, the simulated fleet, and two connectors to its own inbox."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction

from connectors.inbox import inbox_url, is_inbox_url
from connectors.models import Connector, SigningSecret
from connectors.profiles import PROFILES, Profile
from connectors.signing import SCHEMES
from portal.events.catalogue import CATALOGUE
from portal.fleet.models import Appliance, DataPoint, Gateway, System
from portal.lib.uuid7 import uuid7
from portal.tenants import scope
from portal.tenants.models import Company, Organization
from portal.tenants.onboard import Onboarded, onboard
from triggers import choice
from triggers.models import Aggregate, Level, Trigger, TriggerKind
from triggers.simulation import fleet

OWNER = "owner@demo.example"
EXPECTED_INTERVAL = 60.0
SNAPSHOT_SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """`password` and `api_key` are None unless they were made just now."""

    organization: Organization
    email: str
    password: str | None
    api_key: str | None


def seed(now: datetime) -> Demo:
    """Make the demo, or find it. What was changed or deleted since the first time stays so."""
    present = Organization.objects.filter(name=fleet.ORGANIZATION).first()
    if present is not None:
        with scope.organization(present.id):
            _follow_the_inbox(present)
        return Demo(organization=present, email=OWNER, password=None, api_key=None)
    with transaction.atomic():
        made = onboard(fleet.ORGANIZATION, OWNER, now)
        with scope.organization(made.organization.id):
            _fill(made)
    return Demo(organization=made.organization, email=made.owner.email, password=made.password, api_key=made.api_key)


def _fill(made: Onboarded) -> None:
    companies = [
        Company.objects.create(name=name, data_points_enabled=True, daily_aggregates_enabled=True)
        for name in fleet.COMPANIES
    ]
    _add_fleet(made.organization, companies)
    standard = _add_connector(made.organization, "Energy data hub", _newest("standard"))
    gridx = _add_connector(made.organization, "Service desk", _newest("gridx"))
    _add_trigger("Measured values to the data hub", TriggerKind.VALUES, standard)
    _add_trigger("Events to the data hub", TriggerKind.EVENTS, standard)
    _add_trigger("Events to the service desk", TriggerKind.EVENTS, gridx)
    _add_trigger("Alarms to the service desk", TriggerKind.ALARMS, gridx)
    _add_snapshots("How each site fares, every five minutes", standard)


def _add_fleet(organization: Organization, companies: list[Company]) -> None:
    """In bulk, and without an event for each device: nobody listened when they were installed."""
    owner = {"organization": organization}
    specs = fleet.gateways(fleet.DEMO_GATEWAYS)
    systems = System.objects.bulk_create(System(name=spec.name, **owner) for spec in specs)
    gateways = Gateway.objects.bulk_create(
        Gateway(
            system=system,
            company=companies[spec.company],
            access_granted=True,
            serial_number=spec.serial_number,
            name=spec.name,
            model=spec.model,
            firmware=spec.firmware,
            **owner,
        )
        for spec, system in zip(specs, systems, strict=True)
    )
    Appliance.objects.bulk_create(
        Appliance(gateway=gateway, **item.fields, **owner)
        for spec, gateway in zip(specs, gateways, strict=True)
        for item in spec.appliances
    )
    points = DataPoint.objects.bulk_create(
        DataPoint(expected_interval=EXPECTED_INTERVAL, **asdict(point), **owner) for point in fleet.POINTS
    )
    by_name = {point.name: point for point in points}
    Aggregate.objects.bulk_create(
        Aggregate(
            name=spec.name,
            function=spec.function,
            data_point=by_name[spec.point],
            running_above=spec.running_above,
            stuck_after=spec.stuck_after,
            **owner,
        )
        for spec in fleet.AGGREGATES
    )


def _newest(name: str) -> Profile:
    versions = [profile for profile in PROFILES.values() if profile.name == name]
    return max(versions, key=lambda profile: profile.version)


def _add_connector(organization: Organization, name: str, profile: Profile) -> Connector:
    connector_id = uuid7()
    connector = Connector.objects.create(
        id=connector_id,
        name=name,
        url=inbox_url(organization, connector_id),
        profile=profile.id,
        signing=profile.default_signing,
        retry_policy=profile.default_retry_policy,
        enabled=True,
    )
    secret = SigningSecret(connector=connector)
    secret.set_secret(SCHEMES[profile.default_signing].generate())
    secret.save()
    return connector


def _add_trigger(name: str, kind: TriggerKind, connector: Connector) -> None:
    profile = PROFILES[connector.profile]
    types = [
        item.name
        for item in CATALOGUE.values()
        if item.flow == kind.value and not choice.refusals([item.name], profile.id)
    ]
    Trigger.objects.create(name=name, kind=kind, event_types=types, connector=connector, enabled=True)


def _add_snapshots(name: str, connector: Connector) -> None:
    Trigger.objects.create(
        name=name,
        kind=TriggerKind.SNAPSHOT,
        event_types=choice.defaults(TriggerKind.SNAPSHOT, connector.profile),
        connector=connector,
        interval_seconds=SNAPSHOT_SECONDS,
        level=Level.DEVICE,
        enabled=True,
    )


def _follow_the_inbox(organization: Organization) -> None:
    """The inbox's URL holds the address of the web process; after a start on another port it is another one."""
    for connector in Connector.objects.all():
        here = inbox_url(organization, connector.id)
        is_inbox = f"/inbox/{organization.inbox_token}/" in connector.url
        if is_inbox and not is_inbox_url(connector.url, organization):
            connector.url = here
            connector.save(update_fields=["url", "updated_at"])
