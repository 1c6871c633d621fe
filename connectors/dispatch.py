"""From a connector and an event to a request: render by the pinned profile, authenticate, sign.

A Target is a connector made ready once: secrets unsealed, keys parsed, constant headers built. The lanes keep one per
connector, the test button makes one for a single message.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from connectors import auth, inbox, profiles, retry, signing
from connectors.egress import EgressPolicy
from connectors.message import Headers, Request
from connectors.models import Connector, SigningSecret
from connectors.profiles import Profile
from connectors.signing.scheme import Key, Scheme

BLOTTED = "•••"
"""Stands for a secret wherever a request is shown or kept."""


class NotSendable(Exception):
    """The connector cannot send as it is configured; the text says why, for the admin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A connector, ready to send. `keys` are the newest first, each with the time at which it stops signing."""

    connector_id: UUID
    organization_id: UUID
    shard: int
    enabled: bool
    url: str
    exempt: tuple[str, int] | None
    profile: Profile
    scheme: Scheme
    keys: tuple[tuple[Key, datetime | None], ...]
    auth_headers: Headers
    policy: retry.Policy
    concurrency: int


def egress_policy() -> EgressPolicy:
    """What the operator lets connectors reach beyond public https."""
    return EgressPolicy(allow=tuple(settings.EGRESS_ALLOW), allow_http=settings.EGRESS_ALLOW_HTTP)


def target_of(connector: Connector, secrets: Iterable[SigningSecret]) -> Target:
    """Make a connector ready. Raises NotSendable, and SecretUnreadable when a sealed value cannot be opened."""
    profile = profiles.PROFILES.get(connector.profile)
    scheme = signing.SCHEMES.get(connector.signing)
    policy = retry.POLICIES.get(connector.retry_policy)
    authentication = auth.SCHEMES.get(connector.auth_type)
    if profile is None or scheme is None or policy is None or authentication is None:
        raise NotSendable("The connector names a profile, signing, retry policy or authentication that is not there.")
    return Target(
        connector_id=connector.id,
        organization_id=connector.organization_id,
        shard=connector.shard,
        enabled=connector.enabled,
        url=connector.url,
        exempt=inbox.exemption(connector.url, connector.organization),
        profile=profile,
        scheme=scheme,
        keys=tuple((scheme.prepare(secret.get_secret()), secret.expires_at) for secret in secrets),
        auth_headers=authentication.headers({**connector.auth_public, **connector.get_credentials()}),
        policy=policy,
        concurrency=connector.concurrency,
    )


def make_request(target: Target, document: Mapping[str, Any], message_id: str, now: datetime) -> Request:
    """The request for one message, signed as of `now`. Raises RenderError when the profile cannot say it."""
    rendered = target.profile.render(document, message_id=message_id)
    keys = [key for key, expires_at in target.keys if expires_at is None or expires_at > now]
    signature = target.scheme.sign(keys, message_id=message_id, timestamp=int(now.timestamp()), body=rendered.body)
    return Request(
        method="POST",
        url=target.url,
        headers=(("Content-Type", rendered.content_type), *rendered.headers, *signature, *target.auth_headers),
        body=rendered.body,
        timeout=target.policy.timeout,
        exempt=target.exempt,
    )


def shown_head(target: Target, request: Request) -> str:
    """First line and headers of a request as they may be kept and shown: what authenticates is blotted out."""
    secret = {name for name, _ in target.auth_headers}
    lines = [f"{name}: {BLOTTED if name in secret else value}" for name, value in request.headers]
    return "\n".join([f"{request.method} {request.url}", *lines])
