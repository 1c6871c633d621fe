"""Azure Shared Access Signatures, for Blob Storage and for Event Hubs (S1 lines 56 to 58).

A blob's token comes from the partner and travels in the query, so the URL is never shown whole. An Event Hub's token
travels in a header: the partner's own, or one made here of a policy's name and key. Each request has a new one then,
which is cheaper than to keep one and to mind when it ends.
"""

from __future__ import annotations

import binascii
import hmac
import re
from base64 import b64decode, b64encode
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import parse_qs, quote_plus, urlsplit

from msgspec.structs import replace

from connectors.auth.fields import REQUIRED, Config, Expiry, Field, Kind, Problems, check_fields, names, text
from connectors.auth.objects import LONGEST_NAME, TOO_LONG, object_url
from connectors.auth.prepared import BLOTTED, Prepared, constant
from connectors.message import Request
from connectors.target import URL_CAP

BLOB, EVENT_HUBS = "blob", "event_hubs"

HUB_TOKEN_LIFE = timedelta(hours=1)
"""Of a token made here: enough for a request on its way, and for clocks that differ."""

_SCHEME = "SharedAccessSignature "
_QUERY = re.compile(r"(?:[A-Za-z0-9\-._~!$'()*+,;=:@/?&]|%[0-9A-Fa-f]{2})+")
_LONGEST_TOKEN = 1500
_HUB_PATH = re.compile(r"/[^/]+(?:/[^/]+)*/messages")


def _token(value: str) -> str | None:
    if len(value) > _LONGEST_TOKEN:
        return f"At most {_LONGEST_TOKEN} characters."
    good = _QUERY.fullmatch(_query(value))
    return None if good else "Only the token: parameters with = and & between them, anything special as %XX."


def _ascii(value: str) -> str | None:
    good = len(value) <= 256 and all("!" <= character <= "~" for character in value)
    return None if good else "At most 256 ASCII characters without blanks."


NAME = "azure_sas"
TITLE = "Azure Shared Access Signature"
SERVICES = ((BLOB, "Blob Storage"), (EVENT_HUBS, "Event Hubs"))
FIELDS = (
    Field(name="service", label="Service", kind=Kind.CHOICE, choices=SERVICES),
    Field(
        name="token",
        label="SAS token",
        kind=Kind.SECRET,
        check=_token,
        required=False,
        help="For Blob Storage, of a container and with the right to create. For Event Hubs, or else a policy's key.",
    ),
    Field(name="key_name", label="Policy name", check=_ascii, required=False, help="For Event Hubs without a token."),
    Field(name="key", label="Policy key", kind=Kind.SECRET, check=_ascii, required=False),
)
PUBLIC, SECRET = names(FIELDS)


def check(config: Config) -> Problems:
    problems = check_fields(config, FIELDS)
    if problems:
        return problems
    given = {name for name in ("token", "key_name", "key") if text(config, name)}
    if config["service"] == BLOB:
        problems = dict.fromkeys(sorted(given - {"token"}), "Only for Event Hubs.")
        reason = _blob_token(_parameters(config)) if "token" in given else REQUIRED
    elif "token" in given:
        problems = dict.fromkeys(sorted(given - {"token"}), "Either a token, or a policy with its key.")
        reason = _hub_token(_parameters(config))
    elif given:
        return dict.fromkeys(sorted({"key_name", "key"} - given), REQUIRED)
    else:
        return {"token": "A token is required, or a policy with its key."}
    return problems | ({"token": reason} if reason else {})


def check_url(config: Config, url: str) -> str | None:
    parts = urlsplit(url)
    if "sig" in parse_qs(parts.query) or _SCHEME.strip() in url:
        return "Leave the token out of the URL, where it could be seen: it has a field of its own."
    if config["service"] == EVENT_HUBS:
        good = _HUB_PATH.fullmatch(parts.path)
        return None if good else "Write the whole address, as in https://NAMESPACE.servicebus.windows.net/HUB/messages."
    if parts.query:
        return "Leave the query out: the token is put there."
    if not parts.path.strip("/"):
        return "The container is missing: write it as the first part of the path."
    whole = len(url) + LONGEST_NAME + 1 + len(text(config, "token"))
    return TOO_LONG if whole > URL_CAP else None


def expires(config: Config) -> Expiry | None:
    """When a ready-made token ends; a blob's token may leave that to a stored policy."""
    end = _parameters(config).get("se") if text(config, "token") else None
    at = _moment(end, config["service"]) if end else None
    return Expiry(field="token", at=at) if at else None


def prepare(config: Config) -> Prepared:
    if config["service"] == BLOB:
        return _for_blobs(_query(text(config, "token")))
    if text(config, "token"):
        return constant(("Authorization", _SCHEME + _query(text(config, "token"))))
    key_name, key = text(config, "key_name"), text(config, "key")

    def finish(request: Request, now: datetime) -> Request:
        end = int((now + HUB_TOKEN_LIFE).timestamp())
        token = hub_token(_hub_of(request.url), key_name, key, end)
        return replace(request, headers=(*request.headers, ("Authorization", token)))

    return Prepared(finish=finish, secret_names=frozenset({"Authorization"}))


def hub_token(resource: str, key_name: str, key: str, end: int) -> str:
    """A token for Event Hubs. `end` is in Unix seconds.

    The key is used as the text that it is: another of Azure's services, IoT Hub, decodes its keys from Base64.
    """
    encoded = quote_plus(resource)
    digest = hmac.digest(key.encode(), f"{encoded}\n{end}".encode(), sha256)
    signature = quote_plus(b64encode(digest))
    return f"{_SCHEME}sr={encoded}&sig={signature}&se={end}&skn={quote_plus(key_name)}"


def _for_blobs(token: str) -> Prepared:
    def finish(request: Request, now: datetime) -> Request:
        url = object_url(request.url, now, suffix=".json")
        headers = (*request.headers, ("x-ms-blob-type", "BlockBlob"))
        return replace(request, method="PUT", url=f"{url}?{token}", shown_url=f"{url}?{BLOTTED}", headers=headers)

    return Prepared(finish=finish)


def _hub_of(url: str) -> str:
    """The hub itself: what policies belong to, whether a request goes to it, to a partition or to a publisher."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/{parts.path.split('/')[1]}"


def _query(token: str) -> str:
    """The parameters alone, of a token as the portals show it."""
    return token.removeprefix(_SCHEME).removeprefix("?")


def _parameters(config: Config) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(_query(text(config, "token"))).items()}


def _blob_token(parameters: dict[str, str]) -> str | None:
    """Names of https://learn.microsoft.com/rest/api/storageservices/create-service-sas, and of account and user SAS."""
    if reason := _signature(parameters):
        return reason
    if "sv" not in parameters:
        return "The token lacks its version (sv)."
    if parameters.get("sr") == "b":
        return (
            "The token is for a single blob (sr=b): one for the container is needed, as each request makes a new blob."
        )
    if "sr" not in parameters and "b" not in parameters.get("ss", ""):
        return "The token is not for blobs (neither sr nor ss=b)."
    if "sp" in parameters and not set("cw") & set(parameters["sp"]):
        return "The token does not permit to create or write (sp)."
    return _end(parameters, BLOB)


def _hub_token(parameters: dict[str, str]) -> str | None:
    if reason := _signature(parameters):
        return reason
    missing = [name for name in ("sr", "se", "skn") if name not in parameters]
    if missing:
        return f"The token lacks {', '.join(missing)}."
    return _end(parameters, EVENT_HUBS)


def _signature(parameters: dict[str, str]) -> str | None:
    """A SHA-256 HMAC in Base64. A plus sign that is not %2B has become a blank."""
    digest = b""
    with suppress(binascii.Error, ValueError):
        digest = b64decode(parameters.get("sig", ""), validate=True)
    return None if len(digest) == 32 else "The token's signature (sig) is missing or not whole."


def _end(parameters: dict[str, str], service: str) -> str | None:
    end = parameters.get("se")
    return "The token's end (se) is not a time." if end and _moment(end, service) is None else None


def _moment(end: str, service: object) -> datetime | None:
    try:
        if service == EVENT_HUBS:
            return datetime.fromtimestamp(int(end), UTC)
        moment = datetime.fromisoformat(end)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None
