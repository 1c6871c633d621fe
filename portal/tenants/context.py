"""What every page's frame shows: the organization, the person, the theme."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from portal.tenants.access import memberships


def shell(request: HttpRequest) -> dict[str, Any]:
    access = getattr(request, "access", None)
    theme = request.COOKIES.get("theme")
    return {
        "access": access,
        "memberships": memberships(access.user) if access and access.user else [],
        "theme": theme if theme in {"light", "dark"} else "",
    }
