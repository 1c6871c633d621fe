"""JSON as RFC 8259 means it to be exchanged: no NaN, no lone surrogates, no endless nesting, each name once.

orjson sees to the first two. It takes the last of two equal names without a word, so what it made is written again and
the quotation marks are counted: a name that got lost took its own with it. That costs less than half of the reading.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

DEEPEST = 254
"""Levels that orjson writes."""

_HIDDEN_QUOTE = b"\\u0022"


class BadJSON(ValueError):
    """The text of the error completes a sentence that begins with what was read: "The body …"."""


def read(text: bytes) -> Any:
    """The value of a JSON text. Raises BadJSON."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadJSON(f"is not valid JSON: {error}.") from None
    try:
        written = orjson.dumps(value)
    except TypeError:
        raise BadJSON(f"is nested more than {DEEPEST} levels deep.") from None
    if text.count(b'"') != written.count(b'"') or _HIDDEN_QUOTE in text:
        json.loads(text, object_pairs_hook=_once)
    return value


def _once(pairs: list[tuple[str, Any]]) -> None:
    names = set()
    for name, _ in pairs:
        if name in names:
            raise BadJSON(f"has the name {name[:100]!r} twice in one object.")
        names.add(name)
