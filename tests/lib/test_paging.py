from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from portal.lib import paging
from portal.lib.paging import MAX_LIMIT, NewestFirst
from portal.lib.uuid7 import uuid7
from portal.tenants.models import Company
from tests.conftest import Tenant


def request(query: dict[str, Any] | str) -> Request:
    return Request(APIRequestFactory().get("/api/v1/companies/", query))


def page(query: dict[str, Any] | str) -> Any:
    paginator = NewestFirst()
    rows = paginator.paginate_queryset(Company.objects.all(), request(query))
    answer: Any = paginator.get_paginated_response([row.name for row in rows]).data
    return SimpleNamespace(**answer)


def follow(url: str) -> Any:
    return page({name: values[0] for name, values in parse_qs(urlsplit(url).query).items()})


def add(*names: int) -> None:
    for name in names:
        Company.objects.create(name=f"{name:02}")


@pytest.fixture
def companies(in_tenant: Tenant) -> None:
    Company.objects.all().delete()
    add(*range(7))


def test_forward_to_the_end_and_back_to_the_start(companies: None) -> None:
    first = page({"limit": 3})
    second = follow(first.next)
    third = follow(second.next)
    assert [first.results, second.results, third.results] == [["06", "05", "04"], ["03", "02", "01"], ["00"]]
    assert (first.previous, third.next) == (None, None)
    assert follow(third.previous).results == second.results
    back = follow(follow(third.previous).previous)
    assert (back.results, back.previous) == (first.results, None)
    assert follow(back.next).results == second.results


def test_rows_added_meanwhile_move_no_page(companies: None) -> None:
    second = follow(page({"limit": 3}).next)
    add(7, 8, 9, 10)
    third = follow(second.next)
    assert third.results == ["00"]
    assert follow(third.previous).results == second.results
    newer = follow(second.previous)
    assert newer.results == ["06", "05", "04"]
    assert follow(newer.previous).results == ["09", "08", "07"]


def test_rows_removed_meanwhile_are_missing_and_nothing_else_is(companies: None) -> None:
    first = page({"limit": 3})
    Company.objects.filter(name__in=["04", "03"]).delete()
    assert follow(first.next).results == ["02", "01", "00"]


def test_a_full_last_page_has_no_next_and_an_empty_list_has_neither(companies: None) -> None:
    assert page({"limit": 7}).next is None
    Company.objects.all().delete()
    assert vars(page({})) == {"next": None, "previous": None, "results": []}


def test_links_keep_the_other_parameters(companies: None) -> None:
    query = parse_qs(urlsplit(page({"limit": 2, "name": "a b&c", "state": "x"}).next).query)
    assert (query["name"], query["limit"], query["state"], len(query["cursor"])) == (["a b&c"], ["2"], ["x"], 1)


def test_fifty_unless_said_otherwise(companies: None) -> None:
    add(*range(10, 60))
    assert len(page({}).results) == 50
    assert len(page({"limit": str(MAX_LIMIT)}).results) == 57


@pytest.mark.parametrize("limit", ["0", "-1", "201", "x", "", "1.5", "²", "१", " 1", "9" * 5000, "\x00"])
def test_limits_that_are_refused(limit: str) -> None:
    with pytest.raises(ValidationError) as refused:
        paging.limit_of(request({"limit": limit}))
    assert list(refused.value.get_codes()) == ["limit"]


KEY = UUID("0190a0e6-0000-7000-8000-000000000000")
GOOD = paging.encode("n", KEY)


@pytest.mark.parametrize(
    "cursor",
    [
        "x", "é", "%00", "\x00", "=", str(KEY), GOOD[:-1], GOOD + "A", GOOD + "=", GOOD + "\n", GOOD + "!",
        GOOD[:4] + " " + GOOD[4:], base64.urlsafe_b64encode(b"x" + KEY.bytes).decode(),
        base64.urlsafe_b64encode(b"\xff" + KEY.bytes).decode(), "A" * 100_000,
    ],
)  # fmt: skip
def test_cursors_that_no_list_made_are_refused(cursor: str) -> None:
    with pytest.raises(ValidationError) as refused:
        paging.decode(cursor)
    assert list(refused.value.get_codes()) == ["cursor"]


@given(key=st.uuids(), direction=st.sampled_from("np"))
def test_a_cursor_says_what_it_was_made_of(key: UUID, direction: str) -> None:
    assert paging.decode(paging.encode(direction, key)) == (direction, key)


@given(cursor=st.text(max_size=40))
def test_any_other_text_is_refused_or_exactly_a_cursor(cursor: str) -> None:
    try:
        direction, key = paging.decode(cursor)
    except ValidationError:
        return
    assert paging.encode(direction, key) == cursor


def test_a_cursor_of_another_list_only_says_where_to_begin(companies: None) -> None:
    assert page({"cursor": paging.encode("n", uuid7())}).results[0] == "06"
    assert page({"cursor": paging.encode("p", uuid7())}).results == []
