"""Which types of events a format carries, and the bytes of each: to be looked at before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.message import Rendered
from connectors.profiles import Profile
from portal.events.catalogue import CATALOGUE, EventType


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """One type in one format: either `refusal` says why it cannot be carried, or `sample` is what arrives."""

    event_type: EventType
    refusal: str | None
    sample: Rendered | None
    schema: Mapping[str, Any] | None


def carried(profile: Profile, organization_id: str) -> Iterator[Carried]:
    """Every type of the catalogue, by name."""
    for name, event_type in sorted(CATALOGUE.items()):
        refusal = profile.refusal(name)
        yield Carried(
            event_type=event_type,
            refusal=refusal,
            sample=None if refusal else profile.sample(name, organization_id),
            schema=None if refusal else profile.schema(name),
        )
