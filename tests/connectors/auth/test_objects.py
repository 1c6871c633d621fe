"""Names of objects in a cloud store: by UTC date, and never the same twice (S1 lines 43, 55, 57)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from connectors.auth.objects import LONGEST_NAME, object_url

AT = datetime(2026, 11, 21, 10, 0, 0, 999_999, tzinfo=UTC)


@pytest.mark.line(43, 55, 57)
@pytest.mark.parametrize(
    ("url", "before", "after"),
    [
        ("https://b.example", "https://b.example/", ""),
        ("https://b.example/", "https://b.example/", ""),
        ("https://b.example/a/b", "https://b.example/a/b/", ""),
        ("https://b.example/a/b/", "https://b.example/a/b/", ""),
        ("https://b.example/a?x=1/2", "https://b.example/a/", "?x=1/2"),
    ],
)
def test_the_name_is_appended_to_the_path(url: str, before: str, after: str) -> None:
    made = object_url(url, AT, suffix=".json")
    milliseconds = round(datetime(2026, 11, 21, 10, tzinfo=UTC).timestamp()) * 1000 + 999  # cut, not rounded
    name = rf"2026/11/21/{milliseconds}-[0-9a-f]{{16}}\.json"
    assert re.fullmatch(re.escape(before) + name + re.escape(after), made)
    assert len(made) <= len(url) + LONGEST_NAME


@pytest.mark.line(43)
def test_the_date_is_that_of_utc() -> None:
    for hours, date in ((0, "2026/12/31"), (1, "2027/01/01"), (-1, "2026/12/31")):
        local = timezone(timedelta(hours=-hours))
        moment = datetime(2026, 12, 31, 23, 30, tzinfo=local)
        assert f"/{date}/" in object_url("https://b.example", moment)


@pytest.mark.line(43)
def test_two_batches_of_one_millisecond_have_two_names() -> None:
    assert len({object_url("https://b.example", AT) for _ in range(1000)}) == 1000
