"""What a scheme makes of a checked configuration, once for all messages of a connector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from connectors.message import Certificate, Headers, Outcome, Request

BLOTTED = "•••"
"""Stands for a secret wherever a request is shown or kept."""

Finish: TypeAlias = Callable[[Request, datetime], Request]
"""Sign this very request: its method, URL, headers and body. All is in it but the message's own signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A bearer token, and for how many seconds it may be used (None when the server does not say)."""

    text: str = field(repr=False)
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSource:
    """Where a token comes from: what to ask, and how to read the answer.

    `read` returns the token, or why there is none, in words without secrets. `bearer` makes its header.
    """

    request: Request = field(repr=False)
    read: Callable[[Outcome], Token | str]
    bearer: Callable[[Token], Headers]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """`headers` go with every request as they are. Values of `secret_names` are never kept or shown."""

    headers: Headers = field(default=(), repr=False)
    secret_names: frozenset[str] = frozenset()
    finish: Finish | None = None
    token: TokenSource | None = None
    certificate: Certificate | None = field(default=None, repr=False)


def constant(*headers: tuple[str, str]) -> Prepared:
    """Secrets in headers that never change."""
    return Prepared(headers=headers, secret_names=frozenset(name for name, _ in headers))
