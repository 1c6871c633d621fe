"""What a trigger or a subscription may choose, with the reason for each that it may not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors import profiles
from portal.events import catalogue
from portal.events.catalogue import CATALOGUE
from triggers.models import (
    BY_THE_CLOCK,
    DEFAULT_INTERVAL,
    LONGEST_INTERVAL,
    SHORTEST_INTERVAL,
    Level,
    TriggerKind,
)

Reasons = dict[int, str]
"""By the place of the type in what was chosen."""

DATAPOINT_VALUE = "datapoint/value"
HEARTBEAT = BY_THE_CLOCK[TriggerKind.HEARTBEAT]


def refusals(event_types: Sequence[str], profile: str, kind: str | None = None) -> Reasons:
    """Why these types cannot be chosen for a connector of this profile; `kind` also asks for that flow."""
    reasons = {index: _refusal(name, profile, kind) for index, name in enumerate(event_types)}
    return {index: reason for index, reason in reasons.items() if reason}


def defaults(kind: str, profile: str) -> list[str]:
    """What a trigger of this kind carries when its types are not given: none where there is no good guess."""
    if kind in BY_THE_CLOCK:
        return [BY_THE_CLOCK[TriggerKind(kind)]]
    if kind == TriggerKind.EVENTS:
        return []
    carried = [name for name in CATALOGUE if not _refusal(name, profile, kind)]
    if kind == TriggerKind.VALUES and (DATAPOINT_VALUE in carried or not carried):
        return [DATAPOINT_VALUE]  # also where the format refuses it: with its reason
    return carried


def _refusal(name: str, profile: str, kind: str | None) -> str | None:
    event_type = catalogue.get(name)
    if event_type is None:
        return f"There is no event type {name!r}; event-types/ lists them."
    if not event_type.subscribable:
        return f"{name} is sent by tests only."
    if kind in BY_THE_CLOCK:
        only = BY_THE_CLOCK[TriggerKind(kind)]
        if name != only:
            return f"The kind {kind} carries {only} alone."
    elif name == HEARTBEAT:
        return f"{name} comes by the clock, through a trigger of the kind heartbeat."
    elif kind is not None and event_type.flow != kind:
        return f"{name} belongs to the kind {event_type.flow}, not to {kind}."
    format_ = profiles.resolve(profile)
    return format_.refusal(name) if format_ is not None else "The connector's profile is not known."


def timing(kind: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """`interval_seconds` and `level` as a trigger of this kind has them, and by field why what is given cannot be."""
    interval, level = given.get("interval_seconds"), given.get("level") or ""
    reasons = {}
    if level and kind != TriggerKind.SNAPSHOT:
        reasons["level"] = "Only snapshots have a level."
    if kind not in BY_THE_CLOCK:
        if interval is not None:
            reasons["interval_seconds"] = "Only the kinds snapshot and heartbeat go by the clock."
        return {"interval_seconds": None, "level": ""}, reasons
    interval = DEFAULT_INTERVAL if interval is None else interval
    shortest = SHORTEST_INTERVAL[TriggerKind(kind)]
    if not shortest <= interval <= LONGEST_INTERVAL:
        reasons["interval_seconds"] = f"Between {shortest} and {LONGEST_INTERVAL} seconds, for the kind {kind}."
    if kind == TriggerKind.SNAPSHOT:
        level = level or Level.DEVICE_TYPE.value
    return {"interval_seconds": interval, "level": level}, reasons
