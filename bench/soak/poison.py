"""A profile for F9 whose messages fail by their number; poisoned_settings.py registers it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson

from connectors.message import Rendered
from connectors.profiles import standard
from connectors.profiles.profile import Context, Item

RAISES = range(100, 102)
EXITS = range(200, 202)
UNSERIALISABLE = range(300, 302)


def render(items: Sequence[Item], context: Context) -> Rendered:
    number: Any = items[0].document["data"].get("limit_w")
    if number in RAISES:
        raise ZeroDivisionError("poison")
    if number in EXITS:
        os._exit(70)
    if number in UNSERIALISABLE:
        return Rendered(body=orjson.dumps({"value": object()}), content_type="application/json")
    return standard.render(items, context)


PROFILE = replace(standard.PROFILE, name="poison", version="1", render=render)
