"""The database away, met in a view and in a middleware before it: 503 for both, from the whole stack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import pytest
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import Client
from django.urls import path

from tests.conftest import Tenant


def away(*_: Any, **__: Any) -> NoReturn:
    raise OperationalError("could not connect to postgresql://feeder:hunter2@db")


def closed(request: HttpRequest) -> HttpResponse:
    raise InterfaceError("the connection is closed")


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a bug")


def streaming(request: HttpRequest) -> StreamingHttpResponse:
    def rows() -> Iterator[bytes]:
        yield b"1"

    away()
    return StreamingHttpResponse(rows())


urlpatterns = [
    *(path(f"{place}away", away) for place in ("", "api/")),
    *(path(f"{place}closed", closed) for place in ("", "api/")),
    *(path(f"{place}streaming", streaming) for place in ("", "api/")),
    path("api/broken", broken),
]
handler500 = "portal.tenants.views.server_error"


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


def check_is_away(answer: Any, address: str) -> None:
    """A problem document for programs, a page for browsers; neither tells the fault's own text."""
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert "hunter2" not in answer.content.decode()
    if address.startswith("/api/"):
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["detail"] == "The database is not available. Nothing was accepted; try again."
    else:
        assert answer["Content-Type"].startswith("text/html")


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("address", ["away", "closed", "streaming"])
@pytest.mark.parametrize("place", ["/", "/api/"])
def test_in_a_plain_view(client: Client, place: str, address: str) -> None:
    check_is_away(client.get(place + address, headers={"Accept": "text/html"}), place)


@pytest.mark.parametrize("address", ["/", "/api/v1/gateways/"])
@pytest.mark.parametrize(
    "seam", ["portal.tenants.scope.every_organization", "django.contrib.sessions.backends.db.SessionStore.load"]
)
def test_before_any_view(
    client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch, address: str, seam: str
) -> None:
    client.force_login(tenant.people["owner"], backend="allauth.account.auth_backends.AuthenticationBackend")
    monkeypatch.setattr(seam, away)
    check_is_away(client.get(address, headers={"Accept": "text/html"}), address)


@pytest.mark.urls(__name__)
def test_another_fault_is_ours(client: Client) -> None:
    answer = client.get("/api/broken")
    assert answer.status_code == 500
    assert "a bug" not in answer.content.decode()
