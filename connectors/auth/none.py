"""No authentication: the signature alone tells the partner who sent a message."""

from __future__ import annotations

from connectors.auth.fields import Config, Problems, check_fields
from connectors.auth.prepared import Prepared

NAME = "none"
PUBLIC: tuple[str, ...] = ()
SECRET: tuple[str, ...] = ()


def check(config: Config) -> Problems:
    return check_fields(config, {})


def prepare(_: Config) -> Prepared:
    return Prepared()
