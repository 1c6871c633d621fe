"""Pure rules behind the pages: health, words, charts, advice, curl."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.utils.html import escape

from connectors import curl
from connectors.advice import advice
from connectors.health import health_of
from connectors.message import ErrorClass
from connectors.models import Connector, ConnectorHealth
from portal.lib import charts
from portal.lib.fragments import digest
from portal.lib.templatetags import words
from triggers.figures import percentile

START = datetime(2026, 11, 20, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("enabled", "reason", "failures", "expected"),
    [
        (True, "", None, "new"),
        (True, "", 0, "healthy"),
        (True, "", 1, "retrying"),
        (True, "", 9, "retrying"),
        (True, "", 10, "failing"),
        (False, "", None, "disabled"),
        (False, "", 0, "disabled"),
        (False, "", 50, "disabled"),
        (False, "gone", 1, "failing"),
        (True, "gone", None, "failing"),
    ],
)
def test_health_follows_from_switch_and_attempts(
    enabled: bool, reason: str, failures: int | None, expected: str
) -> None:
    connector = Connector(enabled=enabled, disabled_reason=reason)
    row = None if failures is None else ConnectorHealth(failures_in_a_row=failures)
    assert health_of(connector, row) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (172_799, "47 h"),
        (172_800, "2 d"),
        (None, "–"),
    ],
)
def test_a_span_is_told_in_its_largest_whole_unit(seconds: float | None, expected: str) -> None:
    assert words.span(seconds) == expected


def test_times_ahead_read_as_such() -> None:
    assert words.relative(-90) == "in 1 min"
    assert words.relative(90) == "1 min ago"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Nordlys Energi", "NE"), ("ida.berg@nordlys.example", "IB"), ("Solo", "S"), ("", "")],
)
def test_initials(name: str, expected: str) -> None:
    assert words.initials(name) == expected


def test_pretty_leaves_what_is_no_json_alone() -> None:
    assert words.pretty('{"a": 1}') == '{\n  "a": 1\n}'
    assert words.pretty("a=1&b=2") == "a=1&b=2"


@pytest.mark.parametrize(
    ("ms", "figure", "unit"), [(0.84, "0.8", "ms"), (9999, "9,999", "ms"), (12_345, "12.3", "s"), (360_000, "6", "min")]
)
def test_a_latency_has_few_digits_and_its_unit(ms: float, figure: str, unit: str) -> None:
    assert (words.short_time(ms), words.short_unit(ms)) == (figure, unit)


@pytest.mark.parametrize(
    ("top", "labels"),
    [(0, "43210"), (4, "43210"), (9, ["12", "9", "6", "3", "0"]), (1700, ["2k", "1.5k", "1k", "500", "0"])],
)
def test_the_axis_reaches_the_top_in_round_steps(top: int, labels: list[str] | str) -> None:
    drawn = charts.daychart([top] + [0] * 23, [0] * 24, START)
    axis = drawn.split('aria-hidden="true">')[1].split("</div>")[0]
    found = axis.replace("<span>", "").split("</span>")[:-1]
    assert found[-1] == "0"
    assert float(found[0].replace("k", "")) * (1000 if "k" in found[0] else 1) >= top
    if top != 9:
        assert found == list(labels)


def test_one_failure_among_thousands_is_still_a_bar() -> None:
    drawn = charts.sparkbars([9000] * 24, [0] * 23 + [1], "Partner")
    assert drawn.count('class="spark-bad"') == 1
    assert 'height="2.0"' in drawn
    assert 'aria-label="Partner: 216,000 delivered, 1 failed"' in drawn


def test_a_name_cannot_break_out_of_a_chart() -> None:
    evil = '"><script>alert(1)</script>'
    assert escape(evil) in charts.sparkbars([1], [0], evil)
    assert "<script>" not in charts.sparkbars([0], [0], evil)


def test_no_deliveries_draw_a_line_and_say_none() -> None:
    assert "spark-none" in charts.sparkbars([0] * 24, [0] * 24, "Partner")


@pytest.mark.parametrize(
    ("status", "error", "part"),
    [
        (200, None, ""),
        (302, None, "Redirects are not followed"),
        (401, None, "credentials"),
        (418, None, "refused the message"),
        (503, None, "its own log"),
        (None, "timeout", "Answer first"),
        (None, "blocked", "public https"),
        (None, None, ""),
    ],
)
def test_advice_fits_the_answer(status: int | None, error: str | None, part: str) -> None:
    found = advice(status, error)
    assert part in found
    assert bool(found) == bool(part)


def test_every_kind_of_error_has_advice() -> None:
    assert all(advice(None, error) for error in ErrorClass)


def test_curl_quotes_what_a_shell_would_read() -> None:
    made = curl.command("POST", "https://a.example/?b='c'", {"X-A": "$(id)"}, "it's")
    assert made == (
        "curl -X POST 'https://a.example/?b='\"'\"'c'\"'\"'' \\\n  -H 'X-A: $(id)' \\\n  --data-raw 'it'\"'\"'s'"
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [([], None), ([0.1], 100.0), ([i / 1000 for i in range(100)], 95.0), ([-0.5], 0.0)],
)
def test_percentile(values: list[float], expected: float | None) -> None:
    found = percentile(values, 0.95)
    assert found == (None if expected is None else pytest.approx(expected))


def test_moving_times_do_not_make_a_part_new() -> None:
    one = '<time data-ago>3 s ago</time><time data-ago="age">3 s</time>'
    assert digest(one) == digest(one.replace("3 s", "9 min"))
    assert digest(one) != digest(one + "<p>")
