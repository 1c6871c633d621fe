"""Durations in words: what people may write, and that what is shown can be read back exactly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.lib.durations import read, written


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90 s", 90), ("10min", 600), ("1 h 30 min", 5400), ("0.5 H", 1800), ("2 days", 172_800), (" 1d ", 86_400),
        ("0", 0),
    ],
)  # fmt: skip
def test_what_may_be_written(text: str, seconds: float) -> None:
    assert read(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "soon", "5 m", "-5 s", "1e3 s", "१ s", "1 s, 2 s", "9" * 70 + " s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        read(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (5.5, "5.5 s"),
        (90, "90 s"),
        (5400.0, "90 min"),
        (86_400, "1 day"),
        (2_592_000, "30 days"),
        (2_591_999, "2591999 s"),
    ],
)
def test_how_it_is_written(seconds: float, text: str) -> None:
    assert written(seconds) == text


@given(st.integers(0, 10**14).map(lambda billionths: billionths / 10**6))
def test_what_is_shown_is_read_back(seconds: float) -> None:
    assert read(written(seconds)) == seconds
