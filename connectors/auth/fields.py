"""What a scheme's configuration consists of, said once for its check, for the forms and for REST."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from connectors.headers import value_problem

Config: TypeAlias = Mapping[str, object]
Problems: TypeAlias = dict[str, str]
Check: TypeAlias = Callable[[str], str | None]

REQUIRED = "This field is required."

LONGEST_PEM = 16 * 1024
"""Characters of a PEM text: a certificate with its chain, or a private key."""


class Kind(StrEnum):
    """How a field is entered. Secrets are stored encrypted and never shown again."""

    TEXT = "text"
    SECRET = "secret"  # noqa: S105 - a kind of field
    CHOICE = "choice"
    URL = "url"  # the product calls it: the egress rules hold for it as for the connector's own
    PEM = "pem"  # lines
    SECRET_PEM = "secret_pem"  # noqa: S105 - a kind of field

    @property
    def is_secret(self) -> bool:
        return self in (Kind.SECRET, Kind.SECRET_PEM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One text of a configuration. `choices` are (value, label); `check` sees only texts that are not empty.

    A field that is not required may be absent or empty.
    """

    name: str
    label: str
    kind: Kind = Kind.TEXT
    check: Check = value_problem
    choices: tuple[tuple[str, str], ...] = ()
    required: bool = True
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """From when on the value of a field is of no use."""

    field: str
    at: datetime


def names(fields: tuple[Field, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Of the fields that may be shown, and of the secret ones."""
    return tuple(f.name for f in fields if not f.kind.is_secret), tuple(f.name for f in fields if f.kind.is_secret)


def check_fields(config: Config, fields: tuple[Field, ...]) -> Problems:
    """Field → reason, for each field that is missing, unknown, not a text, or refused by its check."""
    known = {"type", *(field.name for field in fields)}
    problems = {name: "Unknown field." for name in config if name not in known}
    for field in fields:
        value = config.get(field.name)
        if value is None or value == "":
            reason = REQUIRED if field.required else None
        elif not isinstance(value, str):
            reason = "Must be a text."
        elif field.choices:
            values = [choice for choice, _ in field.choices]
            reason = None if value in values else f"One of: {', '.join(values)}."
        else:
            reason = field.check(value)
        if reason:
            problems[field.name] = reason
    return problems


def text(config: Config, name: str) -> str:
    """A field of a checked configuration; an optional one that was left out is empty."""
    return str(config.get(name) or "")


def any_url(_: Config, __: str) -> None:
    """For schemes that go with every URL."""


def never(_: Config) -> None:
    """For schemes whose secrets do not say when they expire."""
