"""When an ownership check is asked for, and whether it was passed: by who wants to be sent to, for one host."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

from connectors import inbox, signing
from connectors.models import Connector, Ownership
from connectors.target import origin_of
from portal.tenants.models import Organization

State: TypeAlias = Literal["unverified", "pending", "verified"]

LINK_LIFE: Final = timedelta(days=3)
"""For how long the link works, as in the confirmations of AWS's notices (C, point 9)."""

NOT_VERIFIED: Final = "The receiver has to show first that it wants to be sent to: verify it, then switch this on."
REQUIRED: Final = "This organization requires an ownership check: choose challenge, link or cloudevents."
NO_SHARED_KEY: Final = (
    "A challenge is answered with the signing secret: choose a signing scheme whose secret the receiver has, or link."
)


def state_of(connector: Connector, now: datetime) -> State:
    if connector.ownership_verified_host == origin_of(connector.url):
        return "verified"
    return "pending" if is_asked(connector, now) else "unverified"


def is_asked(connector: Connector, now: datetime) -> bool:
    """Whether a link is on its way that still works."""
    asked_at = connector.ownership_asked_at
    return bool(connector.ownership_digest) and asked_at is not None and now < asked_at + LINK_LIFE


def obstacle(method: str, verified_host: str, url: str, organization: Organization) -> str | None:
    """Why a connector may not be switched on, or None. The built-in inbox needs no check: it is the product's own."""
    if verified_host == origin_of(url) or inbox.is_inbox_url(url, organization):
        return None
    if method == Ownership.NONE:
        return REQUIRED if organization.requires_ownership_check else None
    return NOT_VERIFIED


def refusal(method: object, scheme: str, url: str, organization: Organization) -> str | None:
    """Why a connector cannot have this way of checking, or None."""
    if method not in Ownership.values:
        return f"One of: {', '.join(Ownership.values)}."
    if method == Ownership.NONE and organization.requires_ownership_check and not inbox.is_inbox_url(url, organization):
        return REQUIRED
    return NO_SHARED_KEY if method == Ownership.CHALLENGE and not shares_secret(scheme) else None


def default_method(scheme: str, url: str, organization: Organization) -> str:
    """What a connector gets for which none is chosen."""
    if not organization.requires_ownership_check or inbox.is_inbox_url(url, organization):
        return Ownership.NONE
    return Ownership.CHALLENGE if shares_secret(scheme) else Ownership.LINK


def shares_secret(scheme: str) -> bool:
    """Whether the receiver has the very secret that signs: with public keys it does not."""
    found = signing.SCHEMES.get(scheme)
    return found is not None and found.NEEDS_SECRET and scheme != signing.standard_webhooks_v1a.NAME
