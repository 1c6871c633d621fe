"""The product's own format: CloudEvents 1.0 in structured JSON. Carries every type of event.

`data` is the event's own data, and beside it the system, gateway and appliance that it is about. Units are in
the names of the fields. The other two content modes of the CloudEvents HTTP binding are formats of their own
(standard_binary, standard_batch), made of the same parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import orjson

from connectors.message import Rendered
from connectors.profiles.profile import Context, Document, Item, Profile, data_of
from portal.events.catalogue import CATALOGUE, EventType, schemas

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
DATA_CONTENT_TYPE = "application/json"

DIALECT = "https://json-schema.org/draft/2020-12/schema"

REFERENCES = ("system", "gateway", "appliance")


def render(items: Sequence[Item], context: Context) -> Rendered:  # noqa: ARG001
    return Rendered(body=orjson.dumps(event_of(items[0].document)), content_type=CONTENT_TYPE)


def event_of(document: Document) -> dict[str, Any]:
    """The event as the JSON format of CloudEvents has it."""
    return {**attributes_of(document), "data": body_data(document)}


def attributes_of(document: Document) -> dict[str, str]:
    """What CloudEvents calls the context attributes; extensions among them."""
    attributes: dict[str, str] = {
        "specversion": "1.0",
        "id": document["id"],
        "source": f"/organizations/{document['organization']}",
        "type": document["type"],
    }
    if subject := _subject(document):
        attributes["subject"] = subject
    attributes["time"] = document["time"]
    attributes["datacontenttype"] = DATA_CONTENT_TYPE
    attributes["dataschema"] = schema_uri(document["type"], document["version"])
    if "correlation_id" in document:
        attributes["correlationid"] = document["correlation_id"]
    if "company" in document:
        attributes["companyid"] = document["company"]
    return attributes


def body_data(document: Document) -> dict[str, Any]:
    """The event's data, and what it is about; personal data only with consent."""
    references = {name: document[name] for name in REFERENCES if name in document}
    return {**references, **data_of(document)}


@cache
def schema_uri(event_type: str, version: int) -> str:
    """Names the schema of `data`, which `data_schema` makes; what is added without harm leaves the name as it is."""
    return f"urn:feeder:event-type:{event_type}:{version}"


def data_schema(event_type: EventType) -> dict[str, Any]:
    """JSON Schema of this format's `data`: the type's own, and the references beside it."""
    reference = {
        "type": "object",
        "required": ["id"],
        "properties": {"id": {"type": "string", "format": "uuid"}},
    }
    own = dict(event_type.schema)
    return own | {
        "$schema": DIALECT,
        "$id": schema_uri(event_type.name, event_type.version),
        "title": event_type.title,
        "description": event_type.description,
        "properties": dict.fromkeys(REFERENCES, reference) | own["properties"],
    }


def schema(event_type: str) -> dict[str, Any]:
    """JSON Schema of one event in structured mode."""
    described = CATALOGUE[event_type]
    envelope = schemas.closed(
        {
            "specversion": {"const": "1.0"},
            "id": schemas.identifier("The event: a repeated delivery of it has the same."),
            "source": schemas.text("The organization that it comes from."),
            "type": {"const": event_type},
            "subject": schemas.text("What it is about, below the source; absent: the whole organization."),
            "time": schemas.moment("When it happened."),
            "datacontenttype": {"const": DATA_CONTENT_TYPE},
            "dataschema": {"const": schema_uri(described.name, described.version)},
            "correlationid": schemas.identifier("Ties events of one cause together."),
            "companyid": schemas.identifier("The company that the gateway is paired with."),
            "data": data_schema(described),
        },
        required=("specversion", "id", "source", "type", "time", "datacontenttype", "dataschema", "data"),
    )
    return {
        "$schema": DIALECT,
        "$id": f"urn:feeder:profile:{PROFILE.id}:{event_type}",
        "title": described.title,
        **envelope,
    }


def _subject(document: Document) -> str | None:
    """The narrowest thing that the event is about, as a path below the source."""
    for name in reversed(REFERENCES):
        if name in document:
            return f"{name}s/{document[name]['id']}"
    return None


PROFILE = Profile(
    name="standard",
    version="2026-11",
    title="Standard (CloudEvents 1.0)",
    description="CloudEvents 1.0 in JSON, signed as Standard Webhooks. Carries every type of event.",
    content_type=CONTENT_TYPE,
    default_signing="standard_webhooks",
    default_retry_policy="standard",
    refusal=lambda _: None,
    schema=schema,
    render=render,
)
