"""No authentication: the signature alone tells the partner who sent a message."""

from __future__ import annotations

from connectors.auth.fields import Config, Field, Problems, any_url, check_fields, names, never
from connectors.auth.prepared import Prepared

NAME = "none"
TITLE = "None: the signature is enough"
FIELDS: tuple[Field, ...] = ()
PUBLIC, SECRET = names(FIELDS)

check_url = any_url
expires = never


def check(config: Config) -> Problems:
    return check_fields(config, FIELDS)


def prepare(_: Config) -> Prepared:
    return Prepared()
