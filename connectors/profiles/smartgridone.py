"""SmartgridOne's monitoring body (S2 lines 105-128, B3): one JSON object that tells how a site fares.

At the level `device_type` it holds the groups, at the level `device` each device too. The vendor publishes neither the
body of that level nor the meaning of signs; both are our definition. Power into the site's own wiring is positive
(from the grid, produced, discharged), power out of it negative (to the grid, charged, consumed), so that all of it
adds up to zero, as a public consumer of the vendor's feed expects (B3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import orjson

from connectors.message import Rendered
from connectors.profiles.profile import Context, Item, Profile, RenderError, data_of
from portal.events.catalogue.schemas import Schema, closed, name, one_of
from portal.events.catalogue.snapshots import DEVICE_TYPES, FIELDS, MOST_DEVICES, TITLES

CONTENT_TYPE = "application/json"

SNAPSHOT: Final = "telemetry/snapshot"

_SUFFIXES: Final = {"_w": "_W", "_wh": "_Wh", "_percent": "_perc"}
"""Units as the vendor's names have them at their end (B3), by how ours have them."""


def _vendors_name(field: str) -> str:
    for suffix, theirs in _SUFFIXES.items():
        if field.endswith(suffix):
            return field.removesuffix(suffix) + theirs
    return field


_NAMES: Final = {field: _vendors_name(field) for fields in FIELDS.values() for field in fields}


def refusal(event_type: str) -> str | None:
    if event_type == SNAPSHOT:
        return None
    return f"SmartgridOne's format holds snapshots of a site ({SNAPSHOT}) and nothing else, so not {event_type}."


def render(items: Sequence[Item], context: Context) -> Rendered:  # noqa: ARG001
    """What is not known is left out; a group of which there is nothing is an empty object."""
    document = items[0].document
    if reason := refusal(document["type"]):
        raise RenderError(reason)
    if "system" not in document:
        raise RenderError("SmartgridOne's format demands the site, and this event is about none.")
    data = data_of(document)
    body: dict[str, Any] = {
        "time": int(datetime.fromisoformat(document["time"]).timestamp()),
        "siteNodeId": document["system"]["id"],
    }
    body.update((group, _fields(data.get(group, {}))) for group in FIELDS)
    if data["level"] == "device":
        body["devices"] = [_device(device) for device in data.get("devices", [])]
    return Rendered(body=orjson.dumps(body), content_type=CONTENT_TYPE)


def _fields(known: Mapping[str, Any]) -> dict[str, Any]:
    return {theirs: known[ours] for ours, theirs in _NAMES.items() if ours in known}


def _device(device: Mapping[str, Any]) -> dict[str, Any]:
    return {"nodeId": device["node_id"], "type": device["type"], **_fields(device)}


def _group_schema(group: str) -> Schema:
    return closed({_NAMES[field]: schema for field, schema in FIELDS[group].items()}) | {"description": TITLES[group]}


def schema(event_type: str) -> dict[str, Any]:  # noqa: ARG001
    groups = {group: _group_schema(group) for group in FIELDS}
    fields = {field: part for group in groups.values() for field, part in group["properties"].items()}
    device = closed(
        {"nodeId": name("The device."), "type": one_of(DEVICE_TYPES, "What it is."), **fields},
        required=("nodeId", "type"),
    )
    body = closed(
        {
            "time": {"type": "integer", "description": "When it was so, in seconds since 1970."},
            "siteNodeId": name("The site."),
            **groups,
            "devices": {
                "type": "array",
                "items": device,
                "maxItems": MOST_DEVICES,
                "description": "Each device by itself; only at the level `device`.",
            },
        },
        required=("time", "siteNodeId", *groups),
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:feeder:profile:smartgridone.2026-11:{SNAPSHOT}",
        **body,
    }


PROFILE = Profile(
    name="smartgridone",
    version="2026-11",
    title="SmartgridOne",
    description="SmartgridOne's monitoring format: snapshots of a site by type of device or by device, in W, Wh and %. "
    "Power into the site's wiring is positive.",
    content_type=CONTENT_TYPE,
    default_signing="none",
    default_retry_policy="smartgridone",
    refusal=refusal,
    schema=schema,
    render=render,
)
