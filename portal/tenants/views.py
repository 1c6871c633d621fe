"""Pages of a person's account beside allauth's, and what is shown when something goes wrong."""

from __future__ import annotations

import sys

import structlog
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.csrf import requires_csrf_token
from django.views.decorators.http import require_http_methods

from portal.lib.fragments import is_fragment
from portal.lib.problem import DATABASE_FAULTS, RETRY_AFTER_DATABASE, database_away, problem
from portal.tenants.access import SESSION_ORGANIZATION, memberships

API = "/api/"
NOT_FOUND = "There is nothing at this address, or it belongs to another organization."


@require_http_methods(["GET", "POST"])
@login_required
def switch_organization(request: HttpRequest) -> HttpResponse:
    """Work in another organization of one's own from now on. A GET is where a sign-in in between leads to."""
    if request.method == "GET":
        return redirect("overview")
    mine = {str(one.organization_id) for one in memberships(request.user)}  # type: ignore[arg-type]
    if (chosen := request.POST.get("organization", "")) not in mine:
        raise Http404
    request.session[SESSION_ORGANIZATION] = chosen
    return redirect("overview")


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403 in the words of who raised it: they name the role that is missing."""
    return _error(request, 403, str(exception or "You may not do this."))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    return _error(request, 404, NOT_FOUND)


@requires_csrf_token
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    """Django's reason speaks of tokens; the person's remedy is always the same."""
    return _error(request, 403, "This page was open for too long, or cookies are off. Reload it and try again.")


def server_error(request: HttpRequest) -> HttpResponse:
    """500 with the request's id, made without the frame: its queries may be what failed.

    503 when a middleware found the database away, before any view.
    """
    away = isinstance(sys.exception(), DATABASE_FAULTS)
    request_id = str(structlog.contextvars.get_contextvars().get("request_id", ""))
    if request.path.startswith(API) or not request.accepts("text/html"):
        return database_away() if away else problem(500, f"Something went wrong on our side. Request {request_id}.")
    theme = request.COOKIES.get("theme")
    context = {"request_id": request_id, "theme": theme if theme in {"light", "dark"} else "", "path": request.path}
    status = 503 if away else 500
    response = HttpResponse(render_to_string(f"{status}.html", context), status=status)
    if away:
        response["Retry-After"] = RETRY_AFTER_DATABASE
    return response


def _error(request: HttpRequest, status: int, words: str) -> HttpResponse:
    """Problem JSON for programs, a sentence for a fragment (the page shows it in passing), else a page."""
    if request.path.startswith(API):
        return problem(status, words)
    if is_fragment(request):
        return HttpResponse(words, status=status, content_type="text/plain; charset=utf-8")
    return render(request, f"{status}.html", {"words": words}, status=status)
