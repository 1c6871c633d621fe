"""Request middleware that knows no model."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django_structlog.middlewares import RequestMiddleware

from portal.lib.problem import DATABASE_FAULTS, database_away

API = "/api/"


class DatabaseAway:
    """Answers 503 with Retry-After for a view of the API that finds the database away; nothing was accepted then.

    Pages are left to handler500, and so is a fault inside another middleware: Django turns that into an answer at
    the middleware's own border, so it never comes by here.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        faulty = isinstance(exception, DATABASE_FAULTS) and request.path.startswith(API)
        return database_away() if faulty else None


class RequestLog(RequestMiddleware):
    """A line for each request, without its query: that may hold a key, such as one on its way to the inbox."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {request.path}"
