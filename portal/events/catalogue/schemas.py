"""Small words to write JSON Schemas (2020-12) with. Properties carry a description, quantities a unit too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]


def closed(properties: Mapping[str, Schema], required: Sequence[str] = ()) -> Schema:
    """An object with these properties and no others, so that a misspelt name is refused instead of lost."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def text(description: str, *, longest: int = 1000) -> Schema:
    return {"type": "string", "maxLength": longest, "description": description}


def identifier(description: str) -> Schema:
    return {"type": "string", "format": "uuid", "description": description}


def name(description: str) -> Schema:
    """An id or a code that another party gives: any text but an empty one, and without NUL, which is no database's."""
    return {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[^\\u0000]*$", "description": description}


def moment(description: str) -> Schema:
    """RFC 3339 with an offset."""
    return {"type": "string", "format": "date-time", "description": description}


def instant(description: str) -> Schema:
    """A moment that formats count with: as everybody writes it, without leap seconds and years of three digits."""
    written = "^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9]([.][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$"
    return moment(description) | {"pattern": written}


def day(description: str) -> Schema:
    """A calendar date, as in 2026-01-15."""
    return {"type": "string", "format": "date", "description": description}


def flag(description: str) -> Schema:
    return {"type": "boolean", "description": description}


def one_of(values: Sequence[str], description: str) -> Schema:
    return {"type": "string", "enum": list(values), "description": description}


def quantity(unit: str, description: str, *, lowest: float | None = None, highest: float | None = None) -> Schema:
    bounds = {"minimum": lowest, "maximum": highest}
    present = {keyword: bound for keyword, bound in bounds.items() if bound is not None}
    return {"type": "number", **present, "x-unit": unit, "description": description}


def percentage(description: str) -> Schema:
    return quantity("%", description, lowest=0, highest=100)


def count(description: str, *, lowest: int = 0) -> Schema:
    return {"type": "integer", "minimum": lowest, "description": description}


def measured(description: str) -> Schema:
    """A value of a data point: what it means depends on the data point."""
    return {"type": ["number", "boolean", "string"], "description": description}


def translations(description: str) -> Schema:
    """A text by language: BCP 47 tags such as `de` or `pt-BR`."""
    return {
        "type": "object",
        "propertyNames": {"pattern": "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", "maxLength": 35},
        "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 2000},
        "maxProperties": 50,
        "description": description,
    }


def free_form(description: str) -> Schema:
    """An object whose content another party defines; it is passed on as it came."""
    return {"type": "object", "additionalProperties": True, "description": description}
