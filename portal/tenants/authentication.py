"""How a REST caller proves who it is, and what follows from it: scope, permission, rate limit."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from time import monotonic
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from portal.lib import clock
from portal.tenants import scope
from portal.tenants.access import MANAGE, READ, Access, access_of, of_key
from portal.tenants.models import KEY_PREFIX, ApiKey

if TYPE_CHECKING:  # REST framework's views import this module by settings: importing them here would be a circle
    from rest_framework.views import APIView

LAST_USED_EVERY = timedelta(minutes=1)
"""A key's `last_used_at` is written at most this often, so that using a key is not a write."""

ASKED_EVERY = 0.5
"""Seconds: revoking a key, or changing it, takes effect within a second everywhere."""
MOST_RECENT = 1000
"""Keys kept per web process."""
_recent: dict[bytes, tuple[float, Access]] = {}


class BadKey(Exception):
    """The request carries an API key, but not one that works; the text says why without telling whether it exists."""


def key_in(request: HttpRequest) -> str | None:
    """The API key a request carries, in `Authorization: Bearer` or in `X-API-Key`."""
    header = request.headers.get("Authorization", "")
    if header[:7].lower() == "bearer ":
        return header[7:].strip()
    return request.headers.get("X-API-Key")


def key_access(presented: str, now: datetime) -> Access:
    """The Access behind an API key. Raises BadKey: unknown, expired and revoked ones get the same answer."""
    kind, _, rest = presented.partition("_")
    prefix, _, secret = rest.partition("_")
    with scope.every_organization():
        named = secret and prefix.isalnum()
        found = ApiKey.objects.select_related("organization").filter(prefix=prefix).first() if named else None
        if kind != KEY_PREFIX or found is None or not found.matches(secret) or not found.is_live(now):
            raise BadKey("The API key is unknown, revoked or expired.")
        if found.last_used_at is None or now - found.last_used_at > LAST_USED_EVERY:
            ApiKey.objects.filter(pk=found.pk).update(last_used_at=now)
    return of_key(found)


def recent_key_access(presented: str, now: datetime) -> Access:
    """`key_access` for a caller that comes many times a second: asks the database at most once in ASKED_EVERY seconds.

    A key that is revoked works that much longer; one that expires does not. Only keys that work are kept, by a digest.
    """
    digest, moment = sha256(presented.encode()).digest(), monotonic()
    asked, access = _recent.get(digest, (0.0, None))
    if access is None or access.key is None or moment - asked > ASKED_EVERY or not access.key.is_live(now):
        _recent.pop(digest, None)
        access = key_access(presented, now)
        if len(_recent) >= MOST_RECENT:
            _recent.clear()
        _recent[digest] = (moment, access)
    return access


class KeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <api key>` or `X-API-Key: <api key>`."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        presented = key_in(request._request)
        if presented is None:
            return None
        try:
            access = key_access(presented, clock.now())
        except BadKey as error:
            raise exceptions.AuthenticationFailed(str(error)) from None
        request._request.access = access  # type: ignore[attr-defined]
        return access.user, access

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Feeder"'


class BrowserSession(SessionAuthentication):
    """A signed-in browser, with CSRF. The Access is the middleware's."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        found = super().authenticate(request)
        return None if found is None else (found[0], getattr(request._request, "access", None))


class HasAccess(BasePermission):
    """Reading needs `read`, everything else `manage`; a view's `needs` names others, by HTTP method or by action."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if getattr(request._request, "access", None) is None:
            return False
        needs: dict[str, str] = getattr(view, "needs", {})
        default = READ if request.method in {"GET", "HEAD", "OPTIONS"} else MANAGE
        try:
            action: str = getattr(view, "action", None) or ""
            access_of(request._request).require(needs.get(action) or needs.get(request.method or "", default))
        except PermissionDenied as error:
            raise exceptions.PermissionDenied(str(error)) from None
        return True


class CallerThrottle(SimpleRateThrottle):
    """A limit per caller and web process: 429 with Retry-After. It keeps a runaway script from starving the others."""

    scope = "caller"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        access: Access | None = getattr(request._request, "access", None)
        return None if access is None else f"throttle:{access.who}"
