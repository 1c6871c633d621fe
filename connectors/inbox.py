"""The built-in receiver: one per organization, inside the product, so that the first minutes need no other.

Its URL is a connector's target like any other, but it points at this very process, where no connector may
reach. So the sender lets exactly one address through for it, and only for the organization's own, exact URL:
that is what `exemption` decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.conf import settings

from connectors import auth, signing
from connectors.auth.prepared import BLOTTED
from connectors.models import Connector, InboxMessage, SigningSecret
from portal.lib.database import batch_cursor
from portal.lib.uuid7 import uuid7
from portal.tenants.models import Organization

BODY_CAP: Final = 256 * 1024
"""Bytes of one message that the receiver takes."""

KEPT: Final = 1000
"""Newest messages that are kept per organization."""

PRUNE_EVERY: Final = 32
"""One message in so many pays for the pruning of as many, so its cost does not grow with the traffic."""

_ANSWER = r"(?:\?answer=[2-5][0-9]{2})?"
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_PRUNE = """
delete from connectors_inboxmessage
 where organization_id = %b
   and id <= (select id from connectors_inboxmessage
               where organization_id = %b order by id desc offset %b limit 1)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One request as it came in. Header names are in lower case."""

    connector_id: UUID
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def inbox_url(organization: Organization, connector_id: UUID) -> str:
    """Where a connector reaches its organization's inbox; with `?answer=500` behind it, the inbox fails."""
    return f"{_base(organization)}{connector_id}/"


def is_inbox_url(url: str, organization: Organization) -> bool:
    """Whether this is, letter by letter, a URL of this organization's inbox; no other writing will do."""
    return re.fullmatch(re.escape(_base(organization)) + _UUID + "/" + _ANSWER, url) is not None


def exemption(url: str, organization: Organization) -> tuple[str, int] | None:
    """The one (address, port) that the egress guard lets through for this URL, or None."""
    return settings.INBOX_ADDRESS if is_inbox_url(url, organization) else None


def keep(organization: Organization, arrival: Arrival, hidden: frozenset[str], now: datetime) -> InboxMessage:
    """Verify and store what arrived, inside the organization's scope.

    Values of `hidden` headers are blotted out, and so is the header or the parameter that carries the connector's
    credentials: no secret is kept in the clear.
    """
    connector = Connector.objects.filter(id=arrival.connector_id).first()
    concealed = hidden | _credential_headers(connector)
    message = InboxMessage.objects.create(
        id=uuid7(now),
        organization_id=organization.id,
        connector_id=connector.id if connector else None,
        received_at=now,
        method=arrival.method,
        path=_shown_path(connector, arrival.path),
        headers={name: BLOTTED if name in concealed else value for name, value in arrival.headers.items()},
        body=arrival.body.decode("utf-8", "backslashreplace").replace("\x00", "�"),
        verified=_verified(connector, arrival, now),
        signing=connector.signing if connector else "none",
    )
    if message.id.int % PRUNE_EVERY == 0:
        prune(organization.id)
    return message


def prune(organization_id: UUID) -> None:
    """Forget all but the KEPT newest messages."""
    with batch_cursor() as cursor:
        cursor.execute(_PRUNE, [organization_id, organization_id, KEPT])


def _base(organization: Organization) -> str:
    host, port = settings.INBOX_ADDRESS
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/inbox/{organization.inbox_token}/"


def _credential_headers(connector: Connector | None) -> frozenset[str]:
    """The one whose name somebody chose; the others have names that are always hidden."""
    if connector is None or connector.auth_type not in (auth.header.NAME, auth.api_key.NAME):
        return frozenset()
    return frozenset({str(connector.auth_public.get("name", "")).lower()})


def _shown_path(connector: Connector | None, path: str) -> str:
    """Without the key of a connector that sends it in the query."""
    if connector is None or connector.auth_public.get("in") != "query":
        return path
    name = re.escape(str(connector.auth_public.get("name", "")))
    return re.sub(f"([?&]{name}=)[^&]*", rf"\g<1>{BLOTTED}", path)


def _verified(connector: Connector | None, arrival: Arrival, now: datetime) -> bool | None:
    """None where the connector does not sign, or is not known any more: nothing was promised then."""
    scheme = signing.bound(connector.signing, connector.signing_options) if connector else None
    if connector is None or scheme is None or not scheme.NEEDS_SECRET:
        return None
    rows = SigningSecret.objects.filter(connector_id=connector.id)
    live = [row.get_secret() for row in rows if row.expires_at is None or row.expires_at > now]
    received = signing.Incoming(method=arrival.method, path=arrival.path, headers=arrival.headers, body=arrival.body)
    return scheme.verify(live, received, int(now.timestamp()))
