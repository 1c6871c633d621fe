"""What travels between the lanes and the sender: frozen values, no behaviour worth a test.

Structs and not dataclasses: making one costs a tenth, and the hot path makes several for each message. None can be
part of a cycle, so the collector need not follow them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

Headers: TypeAlias = tuple[tuple[str, str], ...]

RESPONSE_BODY_CAP = 16 * 1024
"""Bytes of a partner's answer that are read and kept; the rest is never taken from the socket."""


class ErrorClass(StrEnum):
    """Why an exchange has no status to judge. Stored with the attempt and shown to the admin."""

    BLOCKED = "blocked"  # the egress guard refused the address or the URL
    DNS = "dns"  # the name did not resolve
    CONNECTION = "connection"  # refused, reset, or closed before an answer
    TLS = "tls"  # certificate or handshake
    TIMEOUT = "timeout"  # the total deadline passed
    PROTOCOL = "protocol"  # what came back is not HTTP, or its headers are too large
    TOKEN = "token"  # noqa: S105 - the authorization server gave no access token
    RENDER = "render"  # our side could not make the message
    EXPIRED = "expired"  # it was of use until a moment that has passed


class Certificate(Struct, frozen=True, kw_only=True, gc=False):
    """A client certificate for mutual TLS with its private key: PEM, the certificate's own chain included."""

    certificate: str
    private_key: str

    def __repr__(self) -> str:
        return "Certificate(…)"


class Request(Struct, frozen=True, kw_only=True, gc=False):
    """One HTTP request, ready to send. `timeout` is the total deadline in seconds, name resolution included.

    `exempt` is an (address, port) that the egress guard lets through for this request, also over plain http:
    the product's own inbox, which no operator should have to allow. `shown_url` stands for a URL that holds a secret
    wherever the request is kept or shown; empty when the URL itself may be seen.
    """

    method: str
    url: str
    headers: Headers
    body: bytes
    timeout: float
    exempt: tuple[str, int] | None = None
    shown_url: str = ""
    certificate: Certificate | None = None

    def __repr__(self) -> str:
        """Without what may be secret: headers, body, and a URL that stands only to be sent to."""
        return f"Request({self.method} {self.shown_url or self.url})"


class Outcome(Struct, frozen=True, kw_only=True, gc=False):
    """What came of one request: either `status` is set, or `error` and `detail` say why not.

    `body` holds at most RESPONSE_BODY_CAP bytes; `truncated` says that there was more.
    `duration` is in seconds, from handing the request over to its end.
    """

    status: int | None
    error: ErrorClass | None
    detail: str
    headers: Headers
    body: bytes
    truncated: bool
    duration: float


class Rendered(Struct, frozen=True, kw_only=True, gc=False):
    """A profile's work: the body's exact bytes, its media type, and headers that belong to the format.

    `route` names the one of the connector's routes that the message takes, empty for its URL itself.
    """

    body: bytes
    content_type: str
    headers: Headers = ()
    route: str = ""
