"""Errors of a view, seen from outside: every one is a problem document, whatever raised it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from portal.lib.problem import Conflict, no_such_address, problem


class Item(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=5)
    tags = serializers.ListField(child=serializers.IntegerField(), required=False)


class Order(serializers.Serializer[Any]):
    items = Item(many=True)
    note = serializers.CharField()

    def validate(self, attrs: Any) -> Any:
        if attrs["note"] == "none":
            raise serializers.ValidationError("An order needs a note.")
        return attrs


class Busy(BaseThrottle):
    def allow_request(self, request: Request, view: APIView) -> bool:
        return False

    def wait(self) -> float:
        return 7.2


class View(APIView):
    authentication_classes: ClassVar[list[Any]] = []
    permission_classes: ClassVar[list[Any]] = []
    throttle_classes: ClassVar[list[Any]] = []
    act: Callable[[Request], None] = lambda *_: None

    def post(self, request: Request) -> Response:
        self.act(request)
        order = Order(data=request.data)
        order.is_valid(raise_exception=True)
        return Response({})


def send(data: Any = None, method: str = "post", **view: Any) -> Response:
    request = getattr(APIRequestFactory(), method)("/api/v1/orders/", data, format="json")
    answer = View.as_view(**view)(request)
    answer.render()
    if answer.status_code >= 400:
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.data["type"] == "about:blank"
        assert answer.data["status"] == answer.status_code
        assert answer.data["title"]
        assert answer.data["detail"]
    return answer


def pointers(data: Any) -> list[str]:
    answer = send(data)
    assert answer.status_code == 400
    assert all(error["detail"] for error in answer.data["errors"])
    return [error["pointer"] for error in answer.data["errors"]]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"items": []}, ["/note"]),
        ({"items": [{"name": "ok"}, {"name": "too long"}], "note": "x"}, ["/items/1/name"]),
        ({"items": [{}, {"name": "ok", "tags": [1, "x", 3, "y"]}], "note": "x"},
         ["/items/0/name", "/items/1/tags/1", "/items/1/tags/3"]),
        ({"items": "no list", "note": "x"}, ["/items"]),
        ({"items": [3], "note": "x"}, ["/items/0"]),
        ({"items": [], "note": "none"}, [""]),
        ([], [""]),
    ],
)  # fmt: skip
def test_each_bad_field_by_its_pointer(data: Any, expected: list[str]) -> None:
    assert pointers(data) == expected


def raising(error: Exception) -> Callable[[Request], None]:
    def act(request: Request) -> None:
        raise error

    return act


@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (Http404("No Gateway matches the given query."), 404, "Not found."),
        (PermissionDenied("This needs the role owner."), 403, "This needs the role owner."),
        (PermissionDenied(), 403, "You do not have permission to perform this action."),
        (exceptions.NotAuthenticated(), 403, "Authentication credentials were not provided."),
        (Conflict("Such an object exists already."), 409, "Such an object exists already."),
        (exceptions.UnsupportedMediaType("text/csv"), 415, 'Unsupported media type "text/csv" in request.'),
        (OperationalError("password=hunter2"), 503, "The database is not available. Nothing was accepted; try again."),
        (InterfaceError("closed"), 503, "The database is not available. Nothing was accepted; try again."),
    ],
)
def test_every_error_is_a_problem(error: Exception, status: int, detail: str) -> None:
    answer = send({}, act=raising(error))
    assert (answer.status_code, answer.data["detail"]) == (status, detail)
    assert answer.headers.get("Retry-After") == ("5" if status == 503 else None)


@pytest.mark.parametrize("error", [RuntimeError("a bug"), IntegrityError("a constraint")])
def test_a_fault_of_our_own_is_not_hidden(error: Exception) -> None:
    with pytest.raises(type(error)):
        send({}, act=raising(error))


def test_a_method_that_is_not_there_names_those_that_are() -> None:
    answer = send(method="put")
    assert (answer.status_code, answer["Allow"]) == (405, "POST, OPTIONS")


def test_too_many_calls_say_when_to_come_back() -> None:
    answer = send({}, throttle_classes=[Busy])
    assert (answer.status_code, answer["Retry-After"]) == (429, "8")


def test_a_plain_view_answers_in_the_same_shape() -> None:
    errors = [{"pointer": "/limit", "detail": "Too large."}]
    answer = problem(400, "Some fields are not valid.", errors)
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.content == (
        b'{"type":"about:blank","title":"Bad Request","status":400,"detail":"Some fields are not valid.",'
        b'"errors":[{"pointer":"/limit","detail":"Too large."}]}'
    )
    nowhere = no_such_address(APIRequestFactory().get("/api/v2/"))
    assert (nowhere.status_code, b"/api/v2/" in nowhere.content) == (404, True)
