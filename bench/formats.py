"""What a message costs in each wire format: to render it, and to render and sign it, in microseconds of one core.

The catalogue's sample of every type that a format carries is rendered some hundred times; of several repeats the least
counts, and of the types the median. A format with batches is given 100 events at once; its cost is per event.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from time import process_time
from uuid import uuid4

from connectors import profiles, signing
from connectors.profiles import Context, Item, Profile
from connectors.signing.scheme import Outgoing
from portal.events import catalogue

ORGANIZATION = "7b1c1b7e-6a52-4b1f-9a35-0c9a5f2d9b11"
CONTEXT = Context(hash_salt="a salt of the measurement's own")
TOGETHER = 100
REPEATS = 7
SECONDS = 0.01
"""Of work for each repeat, at least."""


def measure() -> dict[str, dict[str, float]]:
    return {name: _profile(profile) for name, profile in profiles.PROFILES.items()}


def _profile(profile: Profile) -> dict[str, float]:
    scheme = signing.bound(profile.default_signing, {})
    if scheme is None:
        raise RuntimeError(f"{profile.id} names a signing scheme that is not there")
    key = [scheme.prepare(scheme.generate())] if scheme.NEEDS_SECRET else []
    rendered, signed = [], []
    for event_type in catalogue.CATALOGUE:
        if not profile.carries(event_type):
            continue
        document = catalogue.sample_document(event_type, ORGANIZATION)
        items = [Item(document)] * min(TOGETHER, profile.most_events)

        def render(items: list[Item] = items) -> bytes:
            return profile.render(items, CONTEXT).body

        def sign(items: list[Item] = items) -> object:
            body = profile.render(items, CONTEXT).body
            outgoing = Outgoing(
                message_id=str(uuid4()),
                at=1_700_000_000.0,
                method="POST",
                url="https://partner.example/hook",
                body=body,
            )
            return scheme.sign(key, outgoing)

        rendered.append(_microseconds(render) / len(items))
        signed.append(_microseconds(sign) / len(items))
    return {"render": statistics.median(rendered), "render_and_sign": statistics.median(signed)}


def _microseconds(work: Callable[[], object]) -> float:
    times, began = 1, process_time()
    work()
    times = max(1, int(SECONDS / max(1e-6, process_time() - began)))
    least = float("inf")
    for _ in range(REPEATS):
        began = process_time()
        for _ in range(times):
            work()
        least = min(least, process_time() - began)
    return 1e6 * least / times


def main() -> None:
    for name, cost in measure().items():
        print(f"{name:<28} render {cost['render']:6.1f} µs   with signature {cost['render_and_sign']:6.1f} µs")


if __name__ == "__main__":
    sys.exit(main())
