"""A bearer token that does not change (RFC 6750)."""

from __future__ import annotations

from connectors.auth.fields import Config, Problems, check_fields, secret_text, text
from connectors.auth.prepared import Prepared, constant

NAME = "bearer"
PUBLIC: tuple[str, ...] = ()
SECRET = ("token",)


def check(config: Config) -> Problems:
    return check_fields(config, {"token": _token})


def prepare(config: Config) -> Prepared:
    return constant(("Authorization", "Bearer " + text(config, "token")))


def _token(value: str) -> str | None:
    if " " in value or "\t" in value:
        return 'Only the token itself, without blanks and without "Bearer".'
    return secret_text(value)
