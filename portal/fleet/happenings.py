"""Devices that came, changed or went, and contracts, told to the world as events of the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string

from portal.fleet.models import Appliance, Contract, ContractState, DataPoint, Gateway
from portal.lib import clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """An event item as settings.EVENT_INTAKE reads it: the intake is a package above this one."""

    type: str
    gateway: str | None = None
    appliance: str | None = None
    time: datetime | None = None
    id: str | None = None
    correlation_id: UUID | None = None
    data: dict[str, Any] = field(default_factory=dict)


class RefusedError(RuntimeError):
    """The intake refused an event about the fleet: a fault of this product, never of the caller."""


def gateway_came(gateway: Gateway, now: datetime) -> None:
    _tell(gateway.organization_id, [Happening(type="gateway/create", gateway=str(gateway.id), time=now)], now)


def appliance_came(appliance: Appliance, now: datetime) -> None:
    _tell(appliance.organization_id, [_about("appliance/create", appliance, now)], now)


def appliance_changed(appliance: Appliance, now: datetime) -> None:
    _tell(appliance.organization_id, [_about("appliance/update", appliance, now)], now)


def appliances_go(organization_id: UUID, appliances: Iterable[Appliance], now: datetime) -> None:
    """To be told before the rows go: the event says what the device was."""
    _tell(organization_id, [_about("appliance/delete", appliance, now) for appliance in appliances], now)


def quantity_came(point: DataPoint, now: datetime) -> None:
    _tell(point.organization_id, [_of_quantity("quantity/add", point, now)], now)


def quantity_changed(point: DataPoint, now: datetime) -> None:
    _tell(point.organization_id, [_of_quantity("quantity/update", point, now)], now)


def quantity_goes(point: DataPoint, now: datetime) -> None:
    _tell(point.organization_id, [_of_quantity("quantity/delete", point, now)], now)


def _of_quantity(event_type: str, point: DataPoint, now: datetime) -> Happening:
    return Happening(
        type=event_type, time=now, data={"property": point.name, "name": {"en": point.title or point.name}}
    )


def contract_changed(contract: Contract, previous: ContractState | None, now: datetime) -> None:
    """Told to the contract's own company, whichever one the gateway is paired with before or after."""
    data = {
        "contract_id": str(contract.id),
        "previous_status": None if previous is None else previous.value,
        "status": str(contract.state),
        "initiator": str(contract.initiator),
        "occurred_at": clock.rfc3339(now),
    }
    happening = Happening(type="contract/status", gateway=str(contract.gateway_id), time=now, data=data)
    _tell(contract.organization_id, [happening], now, concerning=contract.company_id)


def _about(event_type: str, appliance: Appliance, now: datetime) -> Happening:
    return Happening(type=event_type, gateway=str(appliance.gateway_id), appliance=str(appliance.id), time=now)


def _tell(
    organization_id: UUID, happenings: Sequence[Happening], now: datetime, concerning: UUID | None = None
) -> None:
    if not happenings:
        return
    result = import_string(settings.EVENT_INTAKE)(organization_id, happenings, now, concerning=concerning)
    if result.rejected:
        raise RefusedError(str(result.rejected[0]))
