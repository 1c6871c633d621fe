"""Request middleware that knows no model."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from portal.lib.problem import DATABASE_FAULTS, database_away


class DatabaseAway:
    """Answers 503 with Retry-After for a view that finds the database away; nothing was accepted then.

    A fault inside another middleware never comes by here, because Django turns it into an answer at that
    middleware's own border: that answer is handler500's.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        return database_away() if isinstance(exception, DATABASE_FAULTS) else None
