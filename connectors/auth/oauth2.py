"""OAuth2 client credentials (RFC 6749 section 4.4): a token of the partner's own server, as a bearer token.

The secret goes to that server in the body (S1 line 52) or in the header (line 53), as the partner's server wants it.
This module says what to ask and reads the answer; the engine asks, keeps the token and asks again in time.
"""

from __future__ import annotations

import math
from base64 import b64encode
from urllib.parse import quote, urlencode

import orjson

from connectors.auth.fields import Config, Field, Kind, Problems, any_url, check_fields, names, never, text
from connectors.auth.prepared import Prepared, Token, TokenSource
from connectors.egress import EgressPolicy
from connectors.message import Headers, Outcome, Request
from connectors.target import check_url as check_any_url

TOKEN_TIMEOUT = 10.0
"""Seconds for one exchange with a token server."""

LONGEST_TOKEN = 8192
"""Characters; tokens that list a client's roles grow to several thousand."""

_LONGEST_LIFE = 86_400.0 * 30
"""Seconds after which a token is asked for anew, whatever its server says."""

_CAP = 512
_ANYWHERE = EgressPolicy.of(["0.0.0.0/0", "::/0"], allow_http=True)
"""Only how the URL is written is judged here; where it leads is judged with the operator's policy, at save and send."""

_ERROR_CODES = frozenset(
    {"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client"}
    | {"unsupported_grant_type", "invalid_scope"}
)
"""The codes of section 5.2. Nothing else of a refusal is repeated: it may hold what was sent."""


def _credential(value: str) -> str | None:
    """Section 2.3.1 has both encoded like a form, so that any printable text can be sent."""
    if len(value) > _CAP:
        return f"At most {_CAP} characters."
    return None if value.isprintable() else "Line breaks and control characters are not allowed."


def _scope(value: str) -> str | None:
    """Appendix A.4: names with single blanks between them."""
    allowed = all(" " <= character <= "~" and character not in '"\\' for character in value)
    good = allowed and len(value) <= 2 * _CAP and " ".join(value.split()) == value
    return None if good else "Names with single blanks between them, without quotes and backslashes."


def _token_url(value: str) -> str | None:
    return " ".join(check_any_url(value, _ANYWHERE)) or None


NAME = "oauth2"
TITLE = "OAuth2 client credentials"
PLACES = (("body", "In the body"), ("header", "In a Basic header"))
FIELDS = (
    Field(name="token_url", label="Token URL", kind=Kind.URL, check=_token_url, help="Where tokens are asked for."),
    Field(name="client_id", label="Client ID", check=_credential),
    Field(name="client_secret", label="Client secret", kind=Kind.SECRET, check=_credential),
    Field(name="credentials_in", label="Client ID and secret go", kind=Kind.CHOICE, choices=PLACES),
    Field(name="scope", label="Scope", check=_scope, required=False, help="If the partner names one."),
)
PUBLIC, SECRET = names(FIELDS)

check_url = any_url
expires = never


def check(config: Config) -> Problems:
    return check_fields(config, FIELDS)


def prepare(config: Config) -> Prepared:
    source = TokenSource(request=_request(config), read=read_token, bearer=bearer)
    return Prepared(token=source, secret_names=frozenset({"Authorization"}))


def bearer(token: Token) -> Headers:
    return (("Authorization", "Bearer " + token.text),)


def read_token(outcome: Outcome) -> Token | str:
    """The token of an answer (sections 5.1 and 5.2), or why there is none."""
    if outcome.status is None:
        return f"The token server did not answer: {outcome.detail.removesuffix('.')}."
    answer = _json_object(outcome)
    if outcome.status != 200:
        code = answer.get("error") if answer else None
        known = f": {code}" if isinstance(code, str) and code in _ERROR_CODES else ""
        return f"The token server answered {outcome.status}{known}."
    if answer is None:
        return "The token server's answer is not a JSON object."
    kind, token = answer.get("token_type"), answer.get("access_token")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        return "The token server's answer has no token_type of bearer."
    if not isinstance(token, str) or not _can_be_sent(token):
        return "The token server's answer has no access_token that can be sent."
    seconds = _seconds(answer.get("expires_in"))
    if seconds is not None and not seconds > 0:
        return "The token server's answer has an expires_in that is not a number of seconds."
    return Token(text=token, seconds=seconds and min(seconds, _LONGEST_LIFE))


def _request(config: Config) -> Request:
    client_id, client_secret = text(config, "client_id"), text(config, "client_secret")
    form = {"grant_type": "client_credentials"}
    headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")]
    if config["credentials_in"] == "body":
        form |= {"client_id": client_id, "client_secret": client_secret}
    else:
        pair = f"{quote(client_id, safe='')}:{quote(client_secret, safe='')}"
        headers.append(("Authorization", "Basic " + b64encode(pair.encode()).decode("ascii")))
    if scope := text(config, "scope"):
        form["scope"] = scope
    return Request(
        method="POST",
        url=text(config, "token_url"),
        headers=tuple(headers),
        body=urlencode(form).encode("ascii"),
        timeout=TOKEN_TIMEOUT,
    )


def _json_object(outcome: Outcome) -> dict[str, object] | None:
    try:
        answer = None if outcome.truncated else orjson.loads(outcome.body)
    except orjson.JSONDecodeError:
        return None
    return answer if isinstance(answer, dict) else None


def _can_be_sent(token: str) -> bool:
    return 0 < len(token) <= LONGEST_TOKEN and all("!" <= character <= "~" for character in token)


def _seconds(value: object) -> float | None:
    """Of `expires_in`: None when it is absent, NaN when it is no number. Some servers write it as a text."""
    if value is None:
        return None
    if isinstance(value, str):
        return float(value) if value.isascii() and value.isdigit() else math.nan
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
