"""A bearer token that does not change (RFC 6750)."""

from __future__ import annotations

from connectors.auth.fields import Config, Field, Kind, Problems, any_url, check_fields, names, never, text
from connectors.auth.prepared import Prepared, constant
from connectors.headers import value_problem


def _token(value: str) -> str | None:
    if " " in value or "\t" in value:
        return 'Only the token itself, without blanks and without "Bearer".'
    return value_problem(value)


NAME = "bearer"
TITLE = "Bearer token"
FIELDS = (Field(name="token", label="Token", kind=Kind.SECRET, check=_token),)
PUBLIC, SECRET = names(FIELDS)

check_url = any_url
expires = never


def check(config: Config) -> Problems:
    return check_fields(config, FIELDS)


def prepare(config: Config) -> Prepared:
    return constant(("Authorization", "Bearer " + text(config, "token")))
