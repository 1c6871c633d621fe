"""User name and password (RFC 7617), sent as UTF-8: the only charset that the RFC names."""

from __future__ import annotations

from base64 import b64encode

from connectors.auth.fields import Config, Field, Kind, Problems, any_url, check_fields, names, never, text
from connectors.auth.prepared import Prepared, constant
from connectors.headers import is_latin_1

_CAP = 512
"""Characters of each part, so that the encoded header stays below the cap of a header's value."""


def _username(value: str) -> str | None:
    return "A colon would end the user name." if ":" in value else _part(value)


def _part(value: str) -> str | None:
    """Blanks at the ends and an empty password may be meant; control characters never are."""
    if len(value) > _CAP:
        return f"At most {_CAP} characters."
    if any(character < " " or character == "\x7f" for character in value):
        return "Line breaks and control characters are not allowed."
    return None if is_latin_1(value) else "Only characters of ISO 8859-1."


NAME = "basic"
TITLE = "User name and password (Basic)"
FIELDS = (
    Field(name="username", label="User name", check=_username),
    Field(name="password", label="Password", kind=Kind.SECRET, check=_part, required=False),
)
PUBLIC, SECRET = names(FIELDS)

check_url = any_url
expires = never


def check(config: Config) -> Problems:
    return check_fields(config, FIELDS)


def prepare(config: Config) -> Prepared:
    pair = f"{text(config, 'username')}:{text(config, 'password')}"
    return constant(("Authorization", "Basic " + b64encode(pair.encode()).decode("ascii")))
