"""What every signing scheme offers. A scheme is a module, or an object made of its options; SCHEMES names them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Protocol, TypeAlias

from msgspec import Struct

from connectors.message import Headers

OVERLAP = timedelta(days=3)
"""How long a replaced secret goes on signing beside its successor (B5, Rotation)."""

MAX_SECRETS = 5
"""At most this many of the newest secrets sign, to keep the header small (B5, Rotation)."""

TOLERANCE = 300
"""Seconds between the sender's clock and ours, either way; older messages may be recorded ones."""

Key: TypeAlias = Callable[[bytes], str]
"""A secret made ready to sign: from the bytes to be signed to one signature as the header shows it."""


class Outgoing(Struct, frozen=True, kw_only=True, gc=False):
    """A request that is to be signed. `at` is the time of this attempt in seconds since 1970."""

    message_id: str
    at: float
    method: str
    url: str
    body: bytes


class Incoming(Struct, frozen=True, kw_only=True, gc=False):
    """A request as a receiver gets it: header names in lower case, `path` with its query, as they were sent."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Scheme(Protocol):
    """Secrets are text, as issued and as stored. A list of secrets or keys has the newest first."""

    @property
    def NAME(self) -> str: ...  # noqa: N802 - a module's constant

    @property
    def TITLE(self) -> str: ...  # noqa: N802 - a module's constant

    @property
    def NEEDS_SECRET(self) -> bool: ...  # noqa: N802 - a module's constant

    @property
    def SEVERAL(self) -> bool:  # noqa: N802 - a module's constant
        """Whether the headers have a place for the signatures of several secrets; else only the newest one signs."""

    @property
    def HEADERS(self) -> tuple[str, ...]:  # noqa: N802 - a module's constant
        """Names of the headers that `sign` makes: nothing else may use them."""

    def generate(self) -> str:
        """A new random secret; empty for a scheme without one."""

    def check(self, secret: str, /) -> str | None:
        """Why a secret that somebody brings along cannot be used, in words without the secret, or None."""

    def prepare(self, secret: str, /) -> Key:
        """Parse the secret once; a lane keeps the key. ValueError for a secret that check() refuses."""

    def sign(self, keys: Sequence[Key], request: Outgoing, /) -> Headers:
        """The headers that prove the request; none without a key."""

    def verify(self, secrets: Sequence[str], request: Incoming, now: int, /) -> bool:
        """Did a holder of one of the secrets sign this? Bad input is a no."""

    def public_part(self, secret: str, /) -> str | None:
        """What the receiver needs to verify and everybody may know; None where there is no such part."""
