"""Errors of the REST API: application/problem+json (RFC 9457), in one shape everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import orjson
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

Errors = list[dict[str, str]]
MEDIA_TYPE = "application/problem+json"

DATABASE_FAULTS = (OperationalError, InterfaceError)
DATABASE_AWAY = "The database is not available. Nothing was accepted; try again."
RETRY_AFTER_DATABASE = "5"
"""Seconds a caller is asked to wait while the database is away."""


def document(status: int, detail: str, errors: Errors | None = None) -> dict[str, Any]:
    """The body of a problem answer; `errors` lists bad fields as JSON pointers with a reason each."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if errors:
        body["errors"] = errors
    return body


def problem(status: int, detail: str, errors: Errors | None = None) -> HttpResponse:
    """A problem answer for plain Django views."""
    return HttpResponse(orjson.dumps(document(status, detail, errors)), status=status, content_type=MEDIA_TYPE)


def database_away() -> HttpResponse:
    """503 with Retry-After, for plain Django views."""
    response = problem(503, DATABASE_AWAY)
    response["Retry-After"] = RETRY_AFTER_DATABASE
    return response


@csrf_exempt
def no_such_address(request: HttpRequest, **_: str) -> HttpResponse:
    """For what is under the API's prefix and is nobody's: a problem document too, not a page."""
    return problem(404, f"There is no {request.path}: addresses end in a slash, and api/docs/ lists them.")


class Conflict(exceptions.APIException):
    """409: the request is understood, but what it asks contradicts the present state."""

    status_code = 409
    default_detail = "The request contradicts the present state."


def as_problem(exception: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's exception handler: every error leaves as a problem document."""
    if isinstance(exception, DATABASE_FAULTS):
        return _answer(503, DATABASE_AWAY, headers={"Retry-After": RETRY_AFTER_DATABASE})
    if isinstance(exception, Http404):
        exception = exceptions.NotFound()
    elif isinstance(exception, PermissionDenied):  # its text names the role or the scope that is missing
        exception = exceptions.PermissionDenied(str(exception) or None)
    answer = exception_handler(exception, context)
    if answer is None or not isinstance(exception, exceptions.APIException):
        return answer
    headers = {name: answer[name] for name in ("Retry-After", "WWW-Authenticate", "Allow") if name in answer}
    if isinstance(exception, exceptions.ValidationError):
        errors = list(_flatten(exception.detail, ""))
        return _answer(answer.status_code, "Some fields are not valid.", errors, headers)
    return _answer(answer.status_code, str(exception.detail), None, headers)


def _answer(status: int, detail: str, errors: Errors | None = None, headers: dict[str, str] | None = None) -> Response:
    return Response(document(status, detail, errors), status=status, headers=headers, content_type=MEDIA_TYPE)


def _flatten(detail: Any, pointer: str) -> Iterator[dict[str, str]]:
    """A key may be a path of its own, such as `auth/type`."""
    if isinstance(detail, dict):
        for key, value in detail.items():
            yield from _flatten(value, pointer if key == "non_field_errors" else f"{pointer}/{key}")
    elif isinstance(detail, list):
        for index, value in enumerate(detail):
            nested = isinstance(value, (dict, list))
            yield from _flatten(value, f"{pointer}/{index}" if nested else pointer)
    else:
        yield {"pointer": pointer, "detail": str(detail)}
