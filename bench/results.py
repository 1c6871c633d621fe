"""The figures of a run: their file, the ratios between them, and the bars that they have to reach.

Figures in absolute terms say something about the machine; the ratios are what this product promises ("What this
implementation must reach", at the end of section 6 of the reference architecture).
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from bench.process import ROOT

LATEST = ROOT / "bench" / "results" / "latest.json"
Figures: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Bar:
    """The figure at `of` divided by the one at `to` (paths with dots), and the least or the most that it may be."""

    title: str
    of: str
    to: str
    least: float | None = None
    most: float | None = None

    def ratio(self, figures: Figures) -> float:
        return _at(figures, self.of) / _at(figures, self.to)

    def reached(self, figures: Figures) -> bool:
        value = self.ratio(figures)
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def line(self, figures: Figures) -> str:
        value = self.ratio(figures)
        word, bound = ("at most", self.most) if self.most is not None else ("at least", self.least or 0.0)
        said = "reached" if self.reached(figures) else f"MISSED by {abs(value / bound - 1):.0%}"
        return f"{self.title:<54} {value:>8.3g}   {word:<8} {bound:<6.3g} {said}"


BARS = (
    Bar(title="drain, one worker / raw client", of="drain_rps.1", to="raw_rps", least=0.35),
    Bar(title="drain, two workers / raw client", of="drain_rps.2", to="raw_rps", least=0.42),
    Bar(title="drain, fan-out 5, two workers / raw client", of="fanout5_rps", to="raw_rps", least=0.45),
    Bar(title="drain, one worker / naive", of="drain_rps.1", to="naive_rps", least=100),
    Bar(title="drain, one worker / tuned", of="drain_rps.1", to="tuned_rps", least=50),
    Bar(title="latency p50, product / naive", of="latency_ms.product.p50", to="latency_ms.naive.p50", most=1 / 3),
    Bar(title="latency p99, product / naive", of="latency_ms.product.p99", to="latency_ms.naive.p99", most=1 / 5),
    Bar(title="claim, 2,000,000 waiting / 1,000", of="claim_us.2000000", to="claim_us.1000", most=1.3),
    Bar(title="p99 of the others, 1 of 100 hanging / none", of="hanging_p99_ms.1", to="hanging_p99_ms.0", most=1.5),
    Bar(title="p99 of the others, 30 of 100 hanging / none", of="hanging_p99_ms.30", to="hanging_p99_ms.0", most=2),
    Bar(title="intake, 100 per call, product / REST framework", of="intake_eps.100", to="intake_eps.drf_100", least=8),
)


def _at(figures: Figures, path: str) -> float:
    found: Any = figures
    for key in path.split("."):
        found = found[key]
    return float(found)


def write(figures: Figures, path: Path = LATEST) -> None:
    """As a whole or not at all, with three significant decimals at most: more would be noise in a diff."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(_rounded(figures), indent=2, ensure_ascii=False) + "\n")
    draft.replace(path)


def read(path: Path = LATEST) -> dict[str, Any] | None:
    """The last figures that were kept; None where there are none."""
    try:
        figures: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    return figures


def machine(cores: int) -> dict[str, Any]:
    """On what it ran, for the reader of the file."""
    import psycopg
    import pycurl

    return {
        "cores": cores,
        "processor": _processor(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "libcurl": pycurl.version_info()[1],
        "psycopg": psycopg.__version__,
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value) if abs(value) >= 1000 else round(value, 3)
    if isinstance(value, Mapping):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return value
