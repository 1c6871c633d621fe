"""Taking devices out: the world is told first, then the rows go, and the series and presence that only they had."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from portal.fleet import contracts, happenings
from portal.fleet.models import OPEN_STATES, Appliance, DataPoint, Gateway, Presence, Series, System


def remove_system(system: System, now: datetime) -> None:
    """The site goes with everything on it."""
    _forget_gateways(system.organization_id, Gateway.objects.filter(system=system), now)
    system.delete()


def remove_gateway(gateway: Gateway, now: datetime) -> None:
    """The box goes with the devices behind it. The catalogue has no event for that; each device has one."""
    _forget_gateways(gateway.organization_id, Gateway.objects.filter(id=gateway.id), now)
    gateway.delete()


def remove_appliance(appliance: Appliance, now: datetime) -> None:
    happenings.appliances_go(appliance.organization_id, [appliance], now)
    Series.objects.filter(subject_id=appliance.id).delete()
    Presence.objects.filter(subject_id=appliance.id).delete()
    appliance.delete()


def remove_data_point(data_point: DataPoint, now: datetime) -> None:
    """Readings of it are refused from now on; those stored stay until their day is dropped."""
    happenings.quantity_goes(data_point, now)
    Series.objects.filter(data_point_id=data_point.id).delete()
    data_point.delete()


def _forget_gateways(organization_id: UUID, gateways: QuerySet[Gateway], now: datetime) -> None:
    """In the caller's transaction. A change of a contract that is under way comes first, and is what ends here."""
    list(gateways.order_by("id").select_for_update(no_key=True).values_list("id"))
    for gateway in gateways.filter(contracts__state__in=OPEN_STATES):
        contracts.close_open(gateway, now)
    happenings.appliances_go(organization_id, Appliance.objects.filter(gateway__in=gateways), now)
    Series.objects.filter(gateway_id__in=gateways.values("id")).delete()
    Presence.objects.filter(gateway_id__in=gateways.values("id")).delete()
