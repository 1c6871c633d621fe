"""What every page's frame shows: the organization, the person, the theme, and where one is."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.http import HttpRequest
from django.urls import Resolver404, resolve
from django.utils.functional import SimpleLazyObject

from portal.tenants.access import memberships

DOCS = "/api/docs/"


def shell(request: HttpRequest) -> dict[str, Any]:
    """Queries wait until the frame asks: fragments have no frame."""
    access = getattr(request, "access", None)
    theme = request.COOKIES.get("theme")
    person = access.user if access else None
    return {
        "access": access,
        "may": access.permissions if access else frozenset(),
        "memberships": SimpleLazyObject(lambda: memberships(person) if person else []),
        "theme": theme if theme in {"light", "dark"} else "",
        "section": request.path.split("/")[1],
        "docs": DOCS if _has_docs() else "",
    }


@cache
def _has_docs() -> bool:
    try:
        resolve(DOCS)
    except Resolver404:
        return False
    return True
