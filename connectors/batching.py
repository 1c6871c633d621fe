"""How many events one request may hold: the limits that a connector sets, of which the first to be reached counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from connectors.profiles import Profile

MOST_EVENTS: Final = 1000
DEFAULT_EVENTS: Final = 100
"""For a format that takes several; one for all others."""

FEWEST_BYTES, MOST_BYTES, DEFAULT_BYTES = 1024, 1024 * 1024, 256 * 1024
"""Of a body. The largest is what the strictest of the stores and hubs takes in one request."""

LONGEST_WAIT_MS, DEFAULT_WAIT_MS = 60_000, 1_000
"""How long the first event of a batch waits for more."""

_RANGES: Final = {
    "batch_max_events": (1, MOST_EVENTS),
    "batch_max_bytes": (FEWEST_BYTES, MOST_BYTES),
    "batch_wait_ms": (0, LONGEST_WAIT_MS),
}
FIELDS: Final = tuple(_RANGES)


def default_events(profile: Profile) -> int:
    return min(DEFAULT_EVENTS, profile.most_events)


def check(fields: Mapping[str, Any], profile: Profile | None) -> dict[str, str]:
    """Field → reason, for each limit that is given and cannot be."""
    reasons = {name: _reason(name, fields[name], profile) for name in FIELDS if name in fields}
    return {name: reason for name, reason in reasons.items() if reason}


def _reason(name: str, value: object, profile: Profile | None) -> str | None:
    least, most = _RANGES[name]
    if profile is not None and profile.most_events == 1:
        if name == "batch_max_events" and value == 1:
            return None
        return f"The profile {profile.name} sends each event in a request of its own."
    if profile is not None and name == "batch_max_events":
        most = min(most, profile.most_events)
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return None
    return f"A whole number from {least:,} to {most:,}."
