"""The standard format in batches: a JSON array of CloudEvents in one request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from connectors.message import Rendered
from connectors.profiles import standard
from connectors.profiles.profile import Context, Item

CONTENT_TYPE = "application/cloudevents-batch+json; charset=utf-8"


def render(items: Sequence[Item], context: Context) -> Rendered:  # noqa: ARG001
    return Rendered(body=orjson.dumps([standard.event_of(item.document) for item in items]), content_type=CONTENT_TYPE)


def schema(event_type: str) -> Mapping[str, Any]:
    """Of a batch that holds only this type; a batch may hold several."""
    one = standard.schema(event_type)
    return {
        "$schema": standard.DIALECT,
        "$id": f"urn:feeder:profile:{PROFILE.id}:{event_type}",
        "title": one["title"],
        "type": "array",
        "minItems": 1,
        "maxItems": PROFILE.most_events,
        "items": one,
    }


PROFILE = replace(
    standard.PROFILE,
    name="standard-batch",
    title="Standard, in batches (CloudEvents 1.0)",
    description="Several CloudEvents in one request, as a JSON array. Carries every type of event.",
    content_type=CONTENT_TYPE,
    schema=schema,
    render=render,
    most_events=1000,
)
