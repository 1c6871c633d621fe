"""The standard format in the binary mode of CloudEvents: the body is the data alone, the attributes are headers.

A signature of the body does not cover those headers. Standard Webhooks signs the id beside the body.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import orjson

from connectors.message import Rendered
from connectors.profiles import standard
from connectors.profiles.profile import Context, Item
from portal.events.catalogue import CATALOGUE

SAFE = "".join(character for character in map(chr, range(0x21, 0x7F)) if character not in '"%')
"""What a header carries as it is; all else is percent-encoded (CloudEvents HTTP binding 1.0.2, 3.1.3.2)."""
_SAFE_TEXT = re.compile(f"[{re.escape(SAFE)}]*")


def render(items: Sequence[Item], context: Context) -> Rendered:  # noqa: ARG001
    document = items[0].document
    attributes = standard.attributes_of(document)
    del attributes["datacontenttype"]  # it is the Content-Type here, and must not be said twice
    return Rendered(
        body=orjson.dumps(standard.body_data(document)),
        content_type=standard.DATA_CONTENT_TYPE,
        headers=tuple((f"ce-{name}", _header_value(value)) for name, value in attributes.items()),
    )


def _header_value(text: str) -> str:
    """Nearly every value is safe as it is, and asking is cheaper than encoding."""
    return text if _SAFE_TEXT.fullmatch(text) else quote(text, safe=SAFE)


def schema(event_type: str) -> Mapping[str, Any]:
    return standard.data_schema(CATALOGUE[event_type])


PROFILE = replace(
    standard.PROFILE,
    name="standard-binary",
    title="Standard, binary mode (CloudEvents 1.0)",
    description="The data is the body, the attributes of the CloudEvent are headers. Carries every type of event.",
    content_type=standard.DATA_CONTENT_TYPE,
    schema=schema,
    render=render,
)
