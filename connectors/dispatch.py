"""From a connector and an event to a request: render by the pinned profile, authenticate, sign.

A Target is a connector made ready once: secrets unsealed, keys parsed, constant headers built. The lanes keep one per
connector, the test button makes one for a single message.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from uuid import UUID

import orjson
from django.conf import settings
from msgspec import Struct
from msgspec.structs import replace

from connectors import auth, inbox, policies, profiles, retry, signing
from connectors.auth.prepared import BLOTTED, Prepared
from connectors.egress import EgressPolicy
from connectors.message import Headers, Rendered, Request
from connectors.models import Connector, SigningSecret
from connectors.profiles import Context, Document, Item, Profile, RenderError
from connectors.signing.scheme import Key, Outgoing, Scheme
from connectors.target import join_route


class NotSendable(Exception):
    """The connector cannot send as it is configured; the text says why, for the admin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """When a batch goes: at so many events, at so many bytes, or after so many seconds, whichever comes first."""

    events: int
    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Target:
    """A connector, ready to send. `keys` are the newest first, each with the time at which it stops signing.

    `routes` are whole URLs. `rate_limit` is in messages per minute. `format` names profile and context: what renders
    alike has the same.
    """

    connector_id: UUID
    organization_id: UUID
    shard: int
    enabled: bool
    url: str
    routes: Mapping[str, str]
    exempt: tuple[str, int] | None
    profile: Profile
    context: Context
    format: str
    scheme: Scheme
    keys: tuple[tuple[Key, datetime | None], ...]
    credentials: Mapping[str, object]
    auth: Prepared
    policy: retry.Policy
    batch: BatchLimits | None
    concurrency: int
    rate_limit: int | None
    ordered: bool


class Rendering(Struct, frozen=True, kw_only=True, gc=False):
    """An event in one profile, and the SHA-256 of the body that tells in the log what was sent."""

    rendered: Rendered
    digest: bytes


class EventText:
    """An event's document as it is stored, and what was rendered from it: once per profile, for all its deliveries."""

    __slots__ = ("_renderings", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._renderings: dict[str, Rendering] = {}

    def rendering(self, target: Target, attempt: int) -> Rendering:
        """Raises RenderError, also for a document that cannot be read."""
        known = self._renderings.get(target.format)
        if known is None:
            rendered = target.profile.render([Item(self.document(), attempt)], target.context)
            known = Rendering(rendered=rendered, digest=hashlib.sha256(rendered.body).digest())
            if not target.profile.varies:
                self._renderings[target.format] = known
        return known

    def document(self) -> Document:
        """Raises RenderError."""
        try:
            document: Document = orjson.loads(self.text)
        except orjson.JSONDecodeError as error:
            raise RenderError(f"The event's document cannot be read: {error}.") from error
        return document


def egress_policy() -> EgressPolicy:
    """What the operator lets connectors reach beyond public https."""
    return EgressPolicy(allow=tuple(settings.EGRESS_ALLOW), allow_http=settings.EGRESS_ALLOW_HTTP)


def target_of(connector: Connector, secrets: Iterable[SigningSecret]) -> Target:
    """Make a connector ready. Raises NotSendable, and SecretUnreadable when a sealed value cannot be opened."""
    profile = profiles.PROFILES.get(connector.profile)
    scheme = signing.bound(connector.signing, connector.signing_options)
    policy = policies.resolve(connector)
    authentication = auth.SCHEMES.get(connector.auth_type)
    if profile is None or scheme is None or policy is None or authentication is None:
        raise NotSendable("The connector names a profile, signing, retry policy or authentication that is not there.")
    credentials = {"type": connector.auth_type, **connector.auth_public, **connector.get_credentials()}
    if auth.check_form(credentials):  # a row written by other means
        raise NotSendable("The authentication of the connector cannot be sent: set it anew.")
    context = context_of(connector)
    return Target(
        connector_id=connector.id,
        organization_id=connector.organization_id,
        shard=connector.shard,
        enabled=connector.enabled and connector.paused_at is None,
        url=connector.url,
        routes={route: join_route(connector.url, connector.routes.get(route, "")) for route in profile.routes},
        exempt=inbox.exemption(connector.url, connector.organization),
        profile=profile,
        context=context,
        format=f"{profile.id} {' '.join(context.languages)}",
        scheme=scheme,
        keys=tuple((scheme.prepare(secret.get_secret()), secret.expires_at) for secret in secrets),
        credentials=credentials,
        auth=authentication.prepare(credentials),
        policy=policy,
        batch=_batch_limits(connector, profile),
        concurrency=connector.concurrency,
        rate_limit=connector.rate_limit,
        ordered=connector.ordered,
    )


def context_of(connector: Connector) -> Context:
    organization = connector.organization
    return Context(hash_salt=organization.hash_salt, languages=organization.languages_for(connector.company))


def _batch_limits(connector: Connector, profile: Profile) -> BatchLimits | None:
    events = min(connector.batch_max_events, profile.most_events)
    if events == 1:
        return None
    return BatchLimits(events=events, bytes=connector.batch_max_bytes, seconds=connector.batch_wait_ms / 1000)


def make_request(target: Target, rendered: Rendered, message_id: str, now: datetime, token: Headers = ()) -> Request:
    """The request for one message, signed as of `now`. `token` are the headers of an access token.

    What the authentication does to method and URL comes before the signature: some sign what the receiver gets.
    """
    request = Request(
        method="POST",
        url=target.routes[rendered.route] if rendered.route else target.url,
        headers=(("Content-Type", rendered.content_type), *rendered.headers, *target.auth.headers, *token),
        body=rendered.body,
        timeout=target.policy.timeout,
        exempt=target.exempt,
        certificate=target.auth.certificate,
    )
    if target.auth.finish:
        request = target.auth.finish(request, now)
    keys = [key for key, expires_at in target.keys if expires_at is None or expires_at > now]
    at = now.timestamp()
    outgoing = Outgoing(message_id=message_id, at=at, method=request.method, url=request.url, body=request.body)
    signature = target.scheme.sign(keys, outgoing)
    return replace(request, headers=(*request.headers, *signature)) if signature else request


def shown_head(target: Target, request: Request) -> str:
    """First line and headers of a request as they may be kept and shown: what authenticates is blotted out."""
    names, values = zip(*request.headers, strict=True)
    template = _head_template(names, target.auth.secret_names)
    return f"{request.method} {request.shown_url or request.url}\n" + template % values


@lru_cache(maxsize=1024)
def _head_template(names: tuple[str, ...], secret: frozenset[str]) -> str:
    """Header lines with a place for each value that may be seen."""
    # "%.0s" takes a value and shows nothing of it.
    lines = [f"{name.replace('%', '%%')}: {f'{BLOTTED}%.0s' if name in secret else '%s'}" for name in names]
    return "\n".join(lines)
