"""The door of every page: signed in, a member of an organization, and with the permission that the page needs."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeAlias, TypeVar

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import resolve_url
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect

from portal.lib.fragments import is_fragment
from portal.tenants.access import READ, access_of

P = ParamSpec("P")
R = TypeVar("R", bound=HttpResponseBase)
View: TypeAlias = Callable[Concatenate[HttpRequest, P], R]


def member_page(needs: str = READ) -> Callable[[View[P, R]], View[P, HttpResponseBase]]:
    """Decorator of a view that works for the signed-in person's organization.

    Who is not signed in goes to the sign-in page and comes back; who lacks `needs` gets a 403 that names the role.
    """

    def decorate(view: View[P, R]) -> View[P, HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _to_sign_in(request)
            access_of(request).require(needs)
            response = view(request, *args, **kwargs)
            # One address answers with a page or a part of it, and nothing of a tenant stays in a shared browser.
            patch_vary_headers(response, ["HX-Request"])
            add_never_cache_headers(response)
            return response

        return guarded

    return decorate


def _to_sign_in(request: HttpRequest) -> HttpResponseBase:
    """A fragment must not become the sign-in page: the whole page goes there."""
    if is_fragment(request):
        return HttpResponseClientRedirect(resolve_url(settings.LOGIN_URL))
    return redirect_to_login(request.get_full_path())
