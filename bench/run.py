"""`make bench`: all measurements in one run, as a table with the bars, and in bench/results/latest.json.

The raw client and the drains take turns, and the raw client runs between the other parts as well: on a machine whose
speed changes, the median is fair to both, and the spread is printed and kept. What `make bench-quick` compares with
is measured first, as it does on a bed of its own. Progress goes to standard error.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bench import batching, claim, drain, formats, hanging, intake, latency, quick, raw, results, rival
from bench.bed import Bed
from bench.drain import Drain, Load
from bench.process import stop_on_signals

ROUNDS = 3
LOADS = {"one worker": (1, 1), "two workers": (2, 1), "fan-out 5": (2, 5)}
"""(workers, fan-out) of the three drains."""


class Run:
    """What has been measured so far."""

    def __init__(self, bed: Bed) -> None:
        self._bed = bed
        self._began = time.monotonic()
        self.raw: list[float] = []
        self.drains: dict[str, list[Drain]] = {name: [] for name in LOADS}

    def figures(self) -> dict[str, Any]:
        quickly = self._part("bench-quick", lambda: quick.figures(quick.measure(self._bed)))
        for number in range(1, ROUNDS + 1):
            self._raw()
            for name, (workers, fan_out) in LOADS.items():
                drained = self._part(
                    f"drain {number} of {ROUNDS}, {name}",
                    lambda w=workers, f=fan_out: drain.measure(self._bed, Load(fan_out=f), w),
                )
                self.drains[name].append(drained)
        naive = self._part("naive", lambda: rival.measure(self._bed, "naive"))
        tuned = self._part("tuned", lambda: rival.measure(self._bed, "tuned"))
        self._raw()
        delays = self._part("latency", lambda: latency.measure(self._bed))
        taken_in = self._part("intake", lambda: intake.measure(self._bed))
        claims = self._part("claim", lambda: claim.measure(self._bed))
        self._raw()
        together = self._part("batches", lambda: batching.measure(self._bed))
        costs = self._part("formats", formats.measure)
        hung = self._part("hanging partners", lambda: hanging.measure(self._bed))
        self._raw()
        return {
            "raw_rps": statistics.median(self.raw),
            "naive_rps": naive,
            "tuned_rps": tuned,
            "drain_rps": {"1": self._rate("one worker"), "2": self._rate("two workers")},
            "fanout5_rps": self._rate("fan-out 5"),
            "latency_ms": delays,
            "claim_us": claims,
            "hanging_p99_ms": hung,
            "intake_eps": taken_in,
            "batching": together,
            "formats_us": costs,
            "quick": quickly,
            "measured": datetime.now(UTC).isoformat(timespec="minutes"),
            "machine": results.machine(os.cpu_count() or 1),
            "spread": {"raw_rps": self.raw} | {name: [d.rps for d in each] for name, each in self.drains.items()},
            "recorded_rps": {
                name: statistics.median(d.recorded_rps for d in each) for name, each in self.drains.items()
            },
            "drain_cpu_us": {name: _medians([d.cpu_us for d in each]) for name, each in self.drains.items()},
        }

    def _raw(self) -> None:
        self.raw.append(self._part("raw client", raw.measure))

    def _rate(self, name: str) -> float:
        return statistics.median(drained.rps for drained in self.drains[name])

    def _part(self, title: str, measure: Callable[[], Any]) -> Any:
        began = time.monotonic()
        measured = measure()
        now = time.monotonic()
        shown = " | ".join(drain.lines(measured)) if isinstance(measured, Drain) else _short(measured)
        _say(f"{now - self._began:4.0f} s  {title} ({now - began:.0f} s): {shown}")
        return measured


def _medians(each: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(one[name] for one in each) for name in each[0]}


def _short(measured: Any) -> str:
    if isinstance(measured, dict):
        return ", ".join(f"{key} {_short(value)}" for key, value in measured.items())
    if isinstance(measured, list):
        return " | ".join(map(_short, measured))
    return f"{measured:,.4g}" if measured < 1000 else f"{measured:,.0f}"


def table(figures: results.Figures) -> list[str]:
    """For people: every figure, then every ratio beside its bar."""
    delays = figures["latency_ms"]
    rows = [
        ("raw client", f"{figures['raw_rps']:,.0f} requests/s"),
        ("naive Celery design", f"{figures['naive_rps']:,.0f} deliveries/s"),
        ("tuned Celery design", f"{figures['tuned_rps']:,.0f} deliveries/s"),
        (
            "this product, one / two workers",
            f"{figures['drain_rps']['1']:,.0f} / {figures['drain_rps']['2']:,.0f} deliveries/s",
        ),
        ("each event to five connectors, two workers", f"{figures['fanout5_rps']:,.0f} deliveries/s"),
        *(
            (f"latency at 10/s, {design}", f"p50 {at['p50']:.1f} ms, p99 {at['p99']:.1f} ms")
            for design, at in delays.items()
        ),
        *((f"claim, {int(size):,} waiting", f"{cost:,.0f} µs") for size, cost in figures["claim_us"].items()),
        *(
            (f"{count} of 100 hanging", f"p99 of the others {p99:.1f} ms")
            for count, p99 in figures["hanging_p99_ms"].items()
        ),
        (
            f"batches of {figures['batching']['events_per_request']:.0f}, one worker",
            f"{figures['batching']['events_per_second']:,.0f} events/s",
        ),
        *(
            (f"{name}, an event", f"render {cost['render']:.1f} µs, with signature {cost['render_and_sign']:.1f} µs")
            for name, cost in figures["formats_us"].items()
        ),
        *((f"intake, {kind} per call", f"{eps:,.0f} events/s") for kind, eps in figures["intake_eps"].items()),
    ]
    raws = figures["spread"]["raw_rps"]
    return [
        *(f"{title:<46} {value}" for title, value in rows),
        "",
        f"The raw client's rate was {min(raws):,.0f} to {max(raws):,.0f} in {len(raws)} measurements.",
        "",
        *(bar.line(figures) for bar in results.BARS),
    ]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    stop_on_signals()
    try:
        with Bed() as bed:
            figures = Run(bed).figures()
    except KeyboardInterrupt:
        sys.exit("Stopped; nothing was written.")
    results.write(figures)
    print("\n".join(table(figures)))
    print(f"\nWritten to {results.LATEST.relative_to(results.ROOT)}.")


if __name__ == "__main__":
    main()
