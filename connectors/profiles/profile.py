"""What a wire format has to say of itself, and what all of them share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, TypeAlias

from msgspec import Struct

from connectors.message import Rendered
from portal.events import catalogue

Document: TypeAlias = Mapping[str, Any]
"""A stored event, parsed; docs/event-document.md describes it."""


class RenderError(ValueError):
    """The format has no way to say this; trying again cannot help. The text says why, for the admin."""


class Item(Struct, frozen=True, gc=False):
    """One delivery's part of a request: its event, and how often it was tried before (0 the first time, S1 line 77)."""

    document: Document
    attempt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a format may need to know beside the events: of the connector and of who owns it.

    `hash_salt` belongs to the organization and never changes; `languages` are the partner's, the best first.
    """

    hash_salt: str = ""
    languages: tuple[str, ...] = ("en",)


PLAIN = Context()
"""For formats that need none of it."""
SAMPLE = Context(hash_salt="of samples, known to all")
"""For made-up events, so that they look the same to everybody. Never for what is sent."""


class Render(Protocol):
    def __call__(self, items: Sequence[Item], context: Context) -> Rendered:
        """The same items and context give the same bytes. RenderError when one lacks what they need.

        A format with `most_events` of 1 is given exactly one item.
        """


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One version of one wire format. A connector is pinned to it: a released version's bytes never change.

    `refusal` says for the name of an event type why this format cannot carry it, or None when it can. The
    defaults are what a new connector starts with: names of a signing scheme and of a retry policy.

    `schema` is the JSON Schema (2020-12) of the body that carries an event of this type, one of those it can carry.

    `most_events` is how many events one request may hold at most, 1 for a format without batches. `varies` says that
    the bytes change from attempt to attempt. `routes` are the routes that a connector has to name beside its base URL.
    """

    name: str
    version: str
    title: str
    description: str
    content_type: str
    default_signing: str
    default_retry_policy: str
    refusal: Callable[[str], str | None]
    schema: Callable[[str], Mapping[str, Any]]
    render: Render
    most_events: int = 1
    varies: bool = False
    routes: tuple[str, ...] = ()

    @cached_property
    def id(self) -> str:
        """What a connector stores, such as `gridx.2026-03`."""
        return f"{self.name}.{self.version}"

    def carries(self, event_type: str) -> bool:
        return self.refusal(event_type) is None

    def sample(self, event_type: str, organization_id: str) -> Rendered:
        """The catalogue's sample event in this format."""
        return self.render([Item(catalogue.sample_document(event_type, organization_id))], SAMPLE)


def data_of(document: Document) -> Mapping[str, Any]:
    """The event's data; personal data only when the document says that its owner consented."""
    data: Mapping[str, Any] = document["data"]
    event_type = catalogue.get(document["type"])
    if event_type is None or not event_type.personal_data or has_consent(document):
        return data
    return {key: value for key, value in data.items() if key not in event_type.personal_data}


def has_consent(document: Document) -> bool:
    consent = document.get("consent")
    return consent is not None and consent.get("personal_data") is True
