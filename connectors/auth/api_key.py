"""An API key in a header, or in the URL's query for partners that take it nowhere else."""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import parse_qsl, quote, urlsplit

from msgspec.structs import replace

from connectors.auth.fields import Config, Field, Kind, Problems, check_fields, names, never, text
from connectors.auth.prepared import BLOTTED, Prepared, constant
from connectors.headers import name_problem
from connectors.message import Request
from connectors.target import URL_CAP

_PARAMETER = re.compile(r"[A-Za-z0-9_\-.~]{1,64}")
_LONGEST_IN_QUERY = 512

NAME = "api_key"
TITLE = "API key"
PLACES = (("header", "In a header"), ("query", "In the URL's query"))
FIELDS = (
    Field(name="in", label="Where it goes", kind=Kind.CHOICE, choices=PLACES),
    Field(name="name", label="Name of the header or parameter", help="Such as X-API-Key or api_key."),
    Field(name="value", label="Key", kind=Kind.SECRET),
)
PUBLIC, SECRET = names(FIELDS)

expires = never


def check(config: Config) -> Problems:
    problems = check_fields(config, FIELDS)
    if problems:
        return problems
    if config["in"] == "header":
        reason = name_problem(text(config, "name"))
        return {"name": reason} if reason else {}
    if not _PARAMETER.fullmatch(text(config, "name")):
        problems["name"] = "At most 64 letters, digits and - . _ ~ only."
    if len(text(config, "value")) > _LONGEST_IN_QUERY:
        problems["value"] = f"At most {_LONGEST_IN_QUERY} characters in a query."
    return problems


def check_url(config: Config, url: str) -> str | None:
    if config["in"] == "header":
        return None
    query = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    if any(name == config["name"] for name, _ in query):
        return f"The URL already has a parameter {config['name']}: leave it to the authentication."
    return f"With the key the URL is longer than {URL_CAP} characters." if len(_with(config, url)) > URL_CAP else None


def prepare(config: Config) -> Prepared:
    if config["in"] == "header":
        return constant((text(config, "name"), text(config, "value")))

    def finish(request: Request, _: datetime) -> Request:
        shown = _appended(request.shown_url or request.url, text(config, "name"), BLOTTED)
        return replace(request, url=_with(config, request.url), shown_url=shown)

    return Prepared(finish=finish)


def _with(config: Config, url: str) -> str:
    return _appended(url, text(config, "name"), quote(text(config, "value"), safe=""))


def _appended(url: str, name: str, value: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{name}={value}"
