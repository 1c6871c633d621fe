"""bench/results.py and bench/quick.py: what is said about figures."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from bench import quick, results, run

GOOD: dict[str, Any] = {
    "raw_rps": 10_000.0,
    "naive_rps": 40.0,
    "tuned_rps": 80.0,
    "drain_rps": {"1": 4000.0, "2": 4500.0},
    "fanout5_rps": 5000.0,
    "latency_ms": {"naive": {"p50": 12.0, "p99": 50.0}, "product": {"p50": 3.0, "p99": 8.0}},
    "claim_us": {"1000": 1000.0, "2000000": 1200.0},
    "hanging_p99_ms": {"0": 5.0, "1": 6.0, "30": 9.0},
    "intake_eps": {"1": 1000.0, "100": 24_000.0, "drf_100": 2500.0},
    "batching": {"events_per_second": 20_000.0, "events_per_request": 99.0},
    "formats_us": {"standard.2026-11": {"render": 5.0, "render_and_sign": 8.0}},
    "quick": {"drain_of_raw": 0.3},  # of other pairs than `drain_rps` and `raw_rps` are of: 0.4
    "spread": {"raw_rps": [9_000.0, 10_000.0, 11_000.0]},
}


def changed(path: str, value: float) -> dict[str, Any]:
    figures = copy.deepcopy(GOOD)
    inner = figures
    *way, last = path.split(".")
    for key in way:
        inner = inner[key]
    inner[last] = value
    return figures


def test_good_figures_reach_every_bar() -> None:
    assert [bar.title for bar in results.BARS if not bar.reached(GOOD)] == []
    assert not any("MISSED" in line for line in run.table(GOOD))


@pytest.mark.parametrize(
    ("path", "value", "missed"),
    [
        (
            "drain_rps.1",
            3400.0,
            ["drain, one worker / raw client", "drain, one worker / naive", "drain, one worker / tuned"],
        ),
        ("drain_rps.2", 4100.0, ["drain, two workers / raw client"]),
        ("fanout5_rps", 4400.0, ["drain, fan-out 5, two workers / raw client"]),
        ("latency_ms.product.p50", 4.1, ["latency p50, product / naive"]),
        ("latency_ms.product.p99", 10.1, ["latency p99, product / naive"]),
        ("claim_us.2000000", 1301.0, ["claim, 2,000,000 waiting / 1,000"]),
        ("hanging_p99_ms.1", 7.6, ["p99 of the others, 1 of 100 hanging / none"]),
        ("hanging_p99_ms.30", 10.1, ["p99 of the others, 30 of 100 hanging / none"]),
        ("intake_eps.drf_100", 3001.0, ["intake, 100 per call, product / REST framework"]),
    ],
)
def test_a_figure_behind_its_bar_is_said(path: str, value: float, missed: list[str]) -> None:
    figures = changed(path, value)
    assert [bar.title for bar in results.BARS if not bar.reached(figures)] == missed
    assert all(line.startswith(title) for line, title in zip(_missed_lines(figures), missed, strict=True))


def _missed_lines(figures: dict[str, Any]) -> list[str]:
    return [line for line in run.table(figures) if "MISSED by" in line]


def test_figures_come_back_from_their_file_rounded(tmp_path: Path) -> None:
    path = tmp_path / "results" / "latest.json"
    assert results.read(path) is None
    results.write({"raw_rps": 12_345.678, "latency_ms": {"naive": {"p50": 12.34567}}, "spread": [1.23456]}, path)
    assert results.read(path) == {"raw_rps": 12_346, "latency_ms": {"naive": {"p50": 12.346}}, "spread": [1.235]}
    assert [entry.name for entry in path.parent.iterdir()] == ["latest.json"]


@pytest.mark.parametrize(
    ("ratio", "good"),
    [(0.30, True), (0.25, True), (0.23, False), (0.80, True)],
)
def test_quick_notices_a_drain_that_is_slower_by_more_than_a_fifth(ratio: float, good: bool) -> None:
    text, verdict = quick.verdict(ratio, GOOD)
    assert verdict is good
    assert ("SLOWER" in text) is not good
    assert f"{ratio / 0.3 - 1:+.0%}" in text


def test_quick_compares_the_median_ratio_with_that_of_the_same_way() -> None:
    pairs = [
        quick.Pair(drain=2000.0, before=9_000.0, after=11_000.0),
        quick.Pair(drain=4000.0, before=11_000.0, after=5_000.0),
        quick.Pair(drain=1500.0, before=5_000.0, after=5_000.0),
    ]
    kept = quick.figures(pairs)
    assert kept["drain_of_raw"] == 0.3
    assert kept["pairs"][1] == {"drain_rps": 4000.0, "raw_rps": [11_000.0, 5_000.0]}
    assert quick.verdict(kept["drain_of_raw"], GOOD | {"quick": kept}) == (
        "The drain is 0.300 of the raw client; committed: 0.300; change +0%: all right.",
        True,
    )


def test_quick_measures_each_drain_between_two_runs_of_the_raw_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick.drain, "template", Mock())
    monkeypatch.setattr(quick.raw, "measure", Mock(side_effect=[10.0, 20.0, 30.0]))
    monkeypatch.setattr(quick.drain, "measure", Mock(side_effect=[Mock(rps=3.0), Mock(rps=5.0)]))
    pairs = quick.measure(Mock(), rounds=2)
    assert pairs == [quick.Pair(drain=3.0, before=10.0, after=20.0), quick.Pair(drain=5.0, before=20.0, after=30.0)]
    assert [pair.ratio for pair in pairs] == [0.2, 0.2]


def test_quick_is_not_content_with_nothing_to_compare() -> None:
    assert quick.verdict(0.4, None)[1] is False
    older = {key: value for key, value in GOOD.items() if key != "quick"}
    text, good = quick.verdict(0.4, older)
    assert not good
    assert "nothing to compare" in text
    assert "`make bench`" in text
