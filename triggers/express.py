"""A way past what is there for people: a call to the intake with an API key needs no session, CSRF token or page frame.

With the look-up of the key, which is remembered for a moment, all that was most of the cost of a single event.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import structlog
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from ipware import get_client_ip

from portal.lib.logs import FAULT
from portal.lib.problem import DATABASE_FAULTS, database_away
from portal.tenants.authentication import key_in
from triggers import intake_api

VIEWS: dict[str, Callable[[HttpRequest], HttpResponseBase]] = {
    "/api/v1/events/": intake_api.events,
    "/api/v1/readings/": intake_api.readings,
    "/api/v1/heartbeats/": intake_api.heartbeats,
}

log = structlog.get_logger(__name__)


class Express:
    """Middleware that hands a POST with a key straight to its view; it does for these calls what those behind it would.

    The same views are among the addresses too, for browsers with a session and for all that is no POST.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        view = VIEWS.get(request.path_info) if request.method == "POST" else None
        if view is None or key_in(request) is None:
            return self.get_response(request)
        request.get_host()  # refuses a host that is not ours
        try:
            answer = view(request)
        except DATABASE_FAULTS:
            answer = database_away()
        except Exception:
            # Which the 500 and its log line show; the next call in this thread has one of its own.
            structlog.contextvars.clear_contextvars()
            structlog.contextvars.bind_contextvars(request_id=str(uuid4()))
            raise
        if 400 <= answer.status_code < FAULT:
            _tell(request, answer)
        if isinstance(answer, HttpResponse):
            answer["Content-Length"] = str(len(answer.content))
        return answer


def _tell(request: HttpRequest, answer: HttpResponseBase) -> None:
    """The line that any other refused request has in the log, with an id of its own; what is taken in has none."""
    ip, _ = get_client_ip(request)
    asked = f"{request.method} {request.get_full_path()}"
    log.warning("request_finished", code=answer.status_code, request=asked, ip=ip, request_id=str(uuid4()))
