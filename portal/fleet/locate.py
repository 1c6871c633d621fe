"""From what a message calls a device to the device: one statement for a whole batch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

import psycopg

from portal.lib.database import Row

Reference: TypeAlias = tuple[str, str | None]
"""Gateway and appliance as a message names them: by id or by serial number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a message comes from. `parts` are the event document's `system`, `gateway` and `appliance`."""

    gateway_id: UUID
    appliance_id: UUID | None
    company_id: UUID | None
    access_granted: bool
    parts: dict[str, dict[str, str]]

    @property
    def subject_id(self) -> UUID:
        return self.appliance_id or self.gateway_id


_LOCATE = """
select r.n, g.id, g.serial_number, g.name, g.company_id, g.access_granted, s.id, s.name,
       a.id, a.serial_number, a.name, a.type, a.kind, a.manufacturer, a.model
  from unnest(%b::text[], %b::uuid[], %b::text[], %b::uuid[]) with ordinality
       r(gateway, gateway_id, appliance, appliance_id, n)
  join fleet_gateway g on g.organization_id = %b and (g.serial_number = r.gateway or g.id = r.gateway_id)
  join fleet_system s on s.id = g.system_id
  left join fleet_appliance a on a.gateway_id = g.id and (a.serial_number = r.appliance or a.id = r.appliance_id)
 where %b::uuid is null or g.company_id = %b::uuid
"""


class UnknownGateway(Exception):
    """No such gateway in this organization (or in the company that the caller's key is for)."""


class UnknownAppliance(Exception):
    """The gateway is known, the appliance behind it is not."""


Located: TypeAlias = dict[Reference, Source | UnknownGateway | UnknownAppliance]


def locate(
    cursor: psycopg.Cursor[Row], organization_id: UUID, references: Iterable[Reference], company_id: UUID | None = None
) -> Located:
    """Every reference with its source, or with the error that tells which part of it is unknown."""
    wanted = list(dict.fromkeys(references))
    located: Located = {reference: UnknownGateway() for reference in wanted}
    if not wanted:
        return located
    gateways, appliances = [gateway for gateway, _ in wanted], [appliance for _, appliance in wanted]
    cursor.execute(
        _LOCATE,
        [
            gateways,
            [_uuid(text) for text in gateways],
            appliances,
            [_uuid(text) for text in appliances],
            organization_id,
            company_id,
            company_id,
        ],
    )
    for row in cursor:
        reference = wanted[row[0] - 1]
        named = reference[1] is not None
        located[reference] = UnknownAppliance() if named and row[8] is None else _source(row, with_appliance=named)
    return located


def _source(row: Row, *, with_appliance: bool) -> Source:
    (_, gateway_id, serial_number, name, company_id, access_granted, system_id, system_name, *appliance) = row
    parts: dict[str, dict[str, str]] = {
        "system": {"id": str(system_id), "name": system_name},
        "gateway": _filled(id=str(gateway_id), serial_number=serial_number, name=name),
    }
    if with_appliance:
        keys = ("id", "serial_number", "name", "type", "kind", "manufacturer", "model")
        parts["appliance"] = _filled(**dict(zip(keys, map(str, appliance), strict=True)))
    return Source(
        gateway_id=gateway_id,
        appliance_id=appliance[0] if with_appliance else None,
        company_id=company_id,
        access_granted=access_granted,
        parts=parts,
    )


def _filled(**fields: Any) -> dict[str, str]:
    return {key: value for key, value in fields.items() if value}


def _uuid(text: str | None) -> UUID | None:
    if text is None or len(text) not in {32, 36}:
        return None
    try:
        return UUID(text)
    except ValueError:
        return None
