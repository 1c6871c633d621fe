"""Building blocks of the tests' world: a site with devices, connectors with triggers, readings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from connectors.models import Connector, SigningSecret
from portal.fleet.models import Appliance, DataPoint, Gateway, System
from triggers.items import ReadingItem
from triggers.models import Trigger

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def make_gateway(serial_number: str = "GW-1", company: Any = None, **fields: Any) -> Gateway:
    """A gateway on a site of its own, with one inverter; paired and granted when a company is given."""
    system = System.objects.create(name=f"Site of {serial_number}")
    gateway = Gateway.objects.create(
        system=system,
        serial_number=serial_number,
        name=f"Box {serial_number}",
        company=company,
        access_granted=company is not None,
        **fields,
    )
    Appliance.objects.create(
        gateway=gateway, serial_number=f"{serial_number}-INV", name="Inverter", type="inverter", kind="pv"
    )
    return gateway


def make_data_point(name: str = "pv.power", **fields: Any) -> DataPoint:
    return DataPoint.objects.create(name=name, **{"unit": "W", "threshold": 10.0, **fields})


def make_connector(url: str, name: str = "Partner", secret: str = SECRET, **fields: Any) -> Connector:
    connector = Connector.objects.create(
        name=name,
        url=url,
        **{"profile": "standard.2026-11", "signing": "standard_webhooks", "enabled": True, **fields},
    )
    signing = SigningSecret(connector=connector)
    signing.set_secret(secret)
    signing.save()
    return connector


def make_trigger(connector: Connector, *event_types: str, **fields: Any) -> Trigger:
    kind = "values" if event_types == ("datapoint/value",) else "events"
    return Trigger.objects.create(
        name=f"{connector.name} {'+'.join(event_types)}",
        connector=connector,
        event_types=list(event_types),
        **{"kind": kind, "enabled": True, **fields},
    )


def reading(value: Any, time: datetime | None = None, **fields: Any) -> ReadingItem:
    return ReadingItem(
        **{
            "gateway": "GW-1",
            "appliance": "GW-1-INV",
            "property": "pv.power",
            "value": value,
            "time": time or datetime.now(UTC),
            **fields,
        }
    )
