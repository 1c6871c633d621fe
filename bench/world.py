"""Fills a database through the product's own code: an organization, gateways, connectors, triggers, and events.

A program, so that it runs under the product's settings with a database of its own: `python -m bench.world …` prints one
JSON object. Gateways are in groups: the events of a group's gateway go to its `--fan-out` connectors, each event to all
of them. Connectors are spread evenly over the shards, so that each worker has the same share.

Events are of the type system/action, which carries a text of any length: with it, the message of the `standard` profile
is 1 KB long. Its text holds "seq=00000042", which the receiver notes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import django

EVENT_TYPE = "system/action"
ACTION_ID = "3c1d5a52-6f0e-4f6e-9a3b-6f3f0c3f1b57"
BATCH = 1000
TEXT_BYTES = 355
"""So that the `standard` profile's message has message.BODY_BYTES, give or take a few."""


def event(number: int, gateway: str) -> dict[str, Any]:
    """One item of POST events/."""
    text = f"seq={number:08d} "
    return {
        "type": EVENT_TYPE,
        "gateway": gateway,
        "data": {
            "id": ACTION_ID,
            "type": "ev",
            "manufacturer": "Examplo",
            "domain": "account",
            "introduced_at": "2026-01-15T08:00:00Z",
            "resolution": {
                "title": "Accept the new terms",
                "description": text + "x" * (TEXT_BYTES - len(text)),
                "access": "remote",
                "agent": "user",
            },
        },
    }


def gateway_name(group: int) -> str:
    return f"GW-{group:03d}"


def make(name: str, url: str, groups: int, fan_out: int, fields: dict[str, Any]) -> tuple[UUID, str]:
    """The organization's id and its API key. Connector number n sends to `url`/c/<n>."""
    from portal.fleet.models import Gateway, System
    from portal.lib import clock
    from portal.tenants import scope
    from portal.tenants.onboard import onboard
    from triggers.models import Trigger

    made = onboard(name, "owner@bench.example", clock.now())
    ids = _spread_ids()
    with scope.organization(made.organization.id):
        for group in range(groups):
            system = System.objects.create(name=f"Site {group}")
            gateway = Gateway.objects.create(system=system, serial_number=gateway_name(group), name=f"Box {group}")
            for place in range(fan_out):
                number = group * fan_out + place
                connector = _connector(next(ids), number, f"{url}/c/{number:03d}", fields)
                Trigger.objects.create(
                    name=f"Trigger {number}",
                    kind="alarms",
                    event_types=[EVENT_TYPE],
                    gateways=[gateway.id],
                    connector=connector,
                    enabled=True,
                )
    return made.organization.id, made.api_key


def _connector(connector_id: UUID, number: int, url: str, fields: dict[str, Any]) -> Any:
    from connectors import signing
    from connectors.models import Connector, SigningSecret

    connector = Connector(id=connector_id, name=f"Partner {number}", url=url, enabled=True, **fields)
    connector.save()
    scheme = signing.SCHEMES[connector.signing]
    if scheme.NEEDS_SECRET:
        secret = SigningSecret(connector=connector)
        secret.set_secret(scheme.generate())
        secret.save()
    return connector


def _spread_ids() -> Iterator[UUID]:
    """One id of each shard in turn: which shard an id belongs to is chance."""
    from connectors.models import SHARDS, shard_of
    from portal.lib.uuid7 import uuid7

    wanted = 0
    while True:
        candidate = uuid7()
        if shard_of(candidate) == wanted:
            yield candidate
            wanted = (wanted + 1) % SHARDS


def take_in(organization_id: UUID, count: int, groups: int) -> float:
    """Events through the real intake, in batches, each batch over all gateways; events per second."""
    from msgspec import convert

    from portal.lib import clock
    from triggers.intake import accept_events
    from triggers.items import EventItem

    began = time.perf_counter()
    for first in range(0, count, BATCH):
        numbers = range(first, min(count, first + BATCH))
        items = [convert(event(number, gateway_name(number % groups)), EventItem) for number in numbers]
        result = accept_events(organization_id, items, clock.now())
        if result.rejected:
            raise RuntimeError(f"the intake refused: {result.rejected[0]}")
    return count / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description="Fill a database for a measurement.")
    parser.add_argument("--name", default="Bench")
    parser.add_argument("--url", required=True)
    parser.add_argument("--groups", type=int, required=True)
    parser.add_argument("--fan-out", type=int, default=1)
    parser.add_argument("--events", type=int, default=0)
    parser.add_argument("--profile", default="standard.2026-11")
    parser.add_argument("--signing", default="standard_webhooks")
    parser.add_argument("--concurrency", type=int)
    options = parser.parse_args()
    django.setup()
    fields = {"profile": options.profile, "signing": options.signing}
    if options.concurrency:
        fields["concurrency"] = options.concurrency
    organization_id, key = make(options.name, options.url, options.groups, options.fan_out, fields)
    eps = take_in(organization_id, options.events, options.groups) if options.events else 0.0
    print(json.dumps({"organization": str(organization_id), "api_key": key, "accepted_per_second": eps}))


if __name__ == "__main__":
    sys.exit(main())
