"""A secret in a header of the admin's choice, such as Authorization (S1 line 48)."""

from __future__ import annotations

from connectors.auth.fields import Config, Problems, check_fields, secret_text, text
from connectors.auth.prepared import Prepared, constant
from connectors.headers import name_problem

NAME = "header"
PUBLIC = ("name",)
SECRET = ("value",)


def check(config: Config) -> Problems:
    return check_fields(config, {"name": name_problem, "value": secret_text})


def prepare(config: Config) -> Prepared:
    return constant((text(config, "name"), text(config, "value")))
