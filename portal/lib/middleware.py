"""Request middleware that knows no model."""

from __future__ import annotations

from collections.abc import Callable

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponseBase

from portal.lib.problem import problem

RETRY_AFTER_DATABASE = 5
"""Seconds a caller is asked to wait while the database is away."""


class DatabaseAway:
    """Answers 503 with Retry-After while the database is away; nothing was accepted then."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            return self.get_response(request)
        except (OperationalError, InterfaceError):
            return database_away()

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        return database_away() if isinstance(exception, (OperationalError, InterfaceError)) else None


def database_away() -> HttpResponseBase:
    response = problem(503, "The database is not available. Nothing was accepted; try again.")
    response["Retry-After"] = str(RETRY_AFTER_DATABASE)
    return response
