"""A secret in a header of the admin's choice, such as Authorization (S1 line 48)."""

from __future__ import annotations

from connectors.auth.fields import Config, Field, Kind, Problems, any_url, check_fields, names, never, text
from connectors.auth.prepared import Prepared, constant
from connectors.headers import name_problem

NAME = "header"
TITLE = "A header of your choice"
FIELDS = (
    Field(name="name", label="Header", check=name_problem, help="Such as Authorization or X-Token."),
    Field(name="value", label="Value", kind=Kind.SECRET),
)
PUBLIC, SECRET = names(FIELDS)

check_url = any_url
expires = never


def check(config: Config) -> Problems:
    return check_fields(config, FIELDS)


def prepare(config: Config) -> Prepared:
    return constant((text(config, "name"), text(config, "value")))
