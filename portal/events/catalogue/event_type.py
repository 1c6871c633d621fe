"""What the catalogue knows of one type of event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Flow: TypeAlias = Literal["values", "events", "alarms"]
"""Which kind of trigger, and which route of a profile that has routes, a type is for (S3 lines 131, 141)."""

Subject: TypeAlias = Literal["organization", "system", "gateway", "appliance"]
"""What an event is about: an incoming event of the type must refer to one. An appliance implies its gateway,
a gateway its system."""


@dataclass(frozen=True, kw_only=True, eq=False)
class EventType:
    """One type of event. `schema` describes `data` alone; `sample` is a whole realistic `data`.

    `personal_data` names the keys of `data` that leave only with consent. Types that are not subscribable are
    sent by tests and pings only. Those that are `platform_made` tell what only this product knows or decides: nobody
    sends them in. One object per type: two are equal only when they are the same.
    """

    name: str
    version: int
    flow: Flow
    subject: Subject
    title: str
    description: str
    schema: Mapping[str, Any]
    sample: Mapping[str, Any]
    subscribable: bool = True
    platform_made: bool = False
    deprecated: bool = False
    personal_data: tuple[str, ...] = ()
