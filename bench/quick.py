"""`make bench-quick`: has a change made the drain slower by more than a fifth? Under two minutes; exit code 1 if so.

The raw client and the drain with one worker take turns; each drain is seen as a ratio to the raw client just before
and just after it, and the median of these ratios is compared with that of the last committed `make bench`, which
begins with this very measurement and keeps it as `quick`. So a machine that is slower, or busy, is slower for both.
"""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import dataclass
from typing import Any

from bench import drain, raw, results
from bench.bed import Bed
from bench.drain import Load
from bench.process import stop_on_signals

ROUNDS = 5
ENOUGH_SECONDS = 60.0
"""No further round is begun after this: a busy machine has fewer of them."""
DELIVERIES = 30_000
REQUESTS = 60_000
SLOWER = 0.2


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One drain between two runs of the raw client; all per second."""

    drain: float
    before: float
    after: float

    @property
    def ratio(self) -> float:
        return self.drain / statistics.mean((self.before, self.after))

    def line(self) -> str:
        around = f"raw client {self.before:,.0f} and {self.after:,.0f}/s"
        return f"drain {self.drain:,.0f}/s · {around} · ratio {self.ratio:.3f}"


def measure(bed: Bed, rounds: int = ROUNDS, deliveries: int = DELIVERIES, requests: int = REQUESTS) -> list[Pair]:
    """Neighbouring pairs share the raw client's run between them."""
    load = Load(count=deliveries)
    drain.template(bed, load)
    pairs: list[Pair] = []
    began = time.monotonic()
    before = raw.measure(requests)
    while len(pairs) < rounds and time.monotonic() < began + ENOUGH_SECONDS:
        drained = drain.measure(bed, load, 1).rps
        after = raw.measure(requests)
        pairs.append(Pair(drain=drained, before=before, after=after))
        print(pairs[-1].line(), file=sys.stderr, flush=True)
        before = after
    return pairs


def figures(pairs: list[Pair]) -> dict[str, Any]:
    """What `make bench` keeps: the drain's rate as a share of the raw client's, and whence it comes."""
    return {
        "drain_of_raw": statistics.median(pair.ratio for pair in pairs),
        "pairs": [{"drain_rps": pair.drain, "raw_rps": [pair.before, pair.after]} for pair in pairs],
    }


def verdict(ratio: float, committed: results.Figures | None) -> tuple[str, bool]:
    """What to say, and whether it is all right."""
    if committed is None:
        return f"The drain is {ratio:.3f} of the raw client; there is no bench/results/latest.json to compare.", False
    if "quick" not in committed:
        reason = "bench/results/latest.json is of a `make bench` that did not measure this ratio yet: run it again"
        return f"The drain is {ratio:.3f} of the raw client; nothing to compare: {reason}.", False
    before = committed["quick"]["drain_of_raw"]
    change = ratio / before - 1
    good = change >= -SLOWER
    word = "all right" if good else f"MORE THAN {SLOWER:.0%} SLOWER"
    return f"The drain is {ratio:.3f} of the raw client; committed: {before:.3f}; change {change:+.0%}: {word}.", good


def main() -> None:
    stop_on_signals()
    try:
        with Bed() as bed:
            pairs = measure(bed)
    except KeyboardInterrupt:
        sys.exit("Stopped.")
    text, good = verdict(figures(pairs)["drain_of_raw"], results.read())
    print(text)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
