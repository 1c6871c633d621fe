"""An API key in a header or in the query, and nowhere else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from connectors import auth
from tests.connectors.auth.requests import prepared, request

NOW = datetime(2026, 11, 21, tzinfo=UTC)
HEADER = {"type": "api_key", "in": "header", "name": "X-API-Key", "value": "key"}
QUERY = {"type": "api_key", "in": "query", "name": "api_key", "value": "a b&c=ü/+"}


@pytest.mark.line(46, 135)
def test_in_a_header_it_is_a_secret_header() -> None:
    made = prepared(HEADER)
    assert made.headers == (("X-API-Key", "key"),)
    assert made.secret_names == {"X-API-Key"}
    assert made.finish is None


@pytest.mark.line(135)
@pytest.mark.parametrize("url", ["https://partner.example/in", "https://partner.example/in?site=4"])
def test_in_the_query_it_is_sent_and_never_shown(url: str) -> None:
    finish = prepared(QUERY, url).finish
    assert finish is not None
    sent = finish(request(url), NOW)
    mark = "&" if "?" in url else "?"
    assert sent.url == f"{url}{mark}api_key=a%20b%26c%3D%C3%BC%2F%2B"
    assert sent.shown_url == f"{url}{mark}api_key=•••"


def test_a_url_that_is_blotted_already_stays_so() -> None:
    finish = prepared(QUERY).finish
    assert finish is not None
    before = request("https://partner.example/in?t=geheim")
    sent = finish(replace(before, shown_url="https://partner.example/in?t=•••"), NOW)
    assert sent.shown_url == "https://partner.example/in?t=•••&api_key=•••"


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({**HEADER, "name": "Content-Type"}, "name"),
        ({**HEADER, "name": "webhook-id"}, "name"),
        ({**HEADER, "name": "a b"}, "name"),
        ({**HEADER, "in": "body"}, "in"),
        ({**HEADER, "value": "a\r\nX-Evil: 1"}, "value"),
        ({**QUERY, "name": "a b"}, "name"),
        ({**QUERY, "name": "a&b"}, "name"),
        ({**QUERY, "name": "a" * 65}, "name"),
        ({**QUERY, "value": "a" * 513}, "value"),
        ({**QUERY, "value": "a\nb"}, "value"),
    ],
)
def test_what_cannot_be_sent_is_refused_at_its_field(config: dict[str, str], field: str) -> None:
    assert set(auth.check(config)) == {field}


@pytest.mark.parametrize(
    "url",
    [
        "https://partner.example/in?api_key=1",
        "https://partner.example/in?a&api%5Fkey=",
        f"https://p.example/{'a' * 2010}",
    ],
)
def test_a_url_that_the_key_does_not_fit_is_refused(url: str) -> None:
    assert auth.check_url(QUERY, url)
    assert auth.check_url(HEADER, url) is None
