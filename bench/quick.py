"""`make bench-quick`: has a change made the drain slower by more than a fifth? Under two minutes; exit code 1 if so.

The raw client and the drain with one worker take turns; each drain is seen as a ratio to the raw client just before
and just after it, and the median of these ratios is compared with that of the last committed `make bench`. So a
machine that is slower, or busy, is slower for both.
"""

from __future__ import annotations

import statistics
import sys
import time

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


def measure(bed: Bed, rounds: int = ROUNDS, deliveries: int = DELIVERIES, requests: int = REQUESTS) -> float:
    """The drain's rate as a share of the raw client's."""
    load = Load(count=deliveries)
    drain.template(bed, load)
    ratios: list[float] = []
    began = time.monotonic()
    before = raw.measure(requests)
    while len(ratios) < rounds and time.monotonic() < began + ENOUGH_SECONDS:
        drained = drain.measure(bed, load, 1).rps
        after = raw.measure(requests)
        ratios.append(drained / statistics.mean((before, after)))
        print(
            f"drain {drained:,.0f}/s · raw client {before:,.0f} and {after:,.0f}/s · ratio {ratios[-1]:.3f}", flush=True
        )
        before = after
    return statistics.median(ratios)


def verdict(ratio: float, committed: results.Figures | None) -> tuple[str, bool]:
    """What to say, and whether it is all right."""
    if committed is None:
        return f"The drain is {ratio:.3f} of the raw client; there is no bench/results/latest.json to compare.", False
    before = committed["drain_rps"]["1"] / committed["raw_rps"]
    change = ratio / before - 1
    good = change >= -SLOWER
    word = "all right" if good else f"MORE THAN {SLOWER:.0%} SLOWER"
    return f"The drain is {ratio:.3f} of the raw client; committed: {before:.3f}; change {change:+.0%}: {word}.", good


def main() -> None:
    stop_on_signals()
    try:
        with Bed() as bed:
            text, good = verdict(measure(bed), results.read())
    except KeyboardInterrupt:
        sys.exit("Stopped.")
    print(text)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
