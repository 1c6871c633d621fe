"""How a receiver can tell that a message is ours and unchanged. Pure: bytes and text in, headers out.

To add a scheme, write a module with the names of `scheme.Scheme` and name it in SCHEMES. One that has to know something
beside its secret is a frozen dataclass with its options as fields, each with a default, and names their checks in
OPTIONS. Options are texts that everybody may read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from connectors.signing import (
    custom,
    github,
    none,
    standard_webhooks,
    standard_webhooks_v1a,
    wattsense,
    x_signature,
)
from connectors.signing.scheme import MAX_SECRETS, OVERLAP, Incoming, Key, Outgoing, Scheme

__all__ = [
    "MAX_SECRETS", "OPTIONS", "OVERLAP", "SCHEMES", "Incoming", "Key", "Outgoing", "Scheme", "bound", "check_options",
]  # fmt: skip

SCHEMES: Final[dict[str, Scheme]] = {
    "none": none,
    "x_signature": x_signature,
    "standard_webhooks": standard_webhooks,
    "standard_webhooks_v1a": standard_webhooks_v1a,
    "github": github,
    "wattsense": wattsense.Wattsense(),
    "custom": custom.Custom(),
}
OPTIONS: Final[dict[str, Mapping[str, Callable[[str], str | None]]]] = {
    "wattsense": wattsense.CHECKS,
    "custom": custom.CHECKS,
}
"""By scheme: its options, each with a function that says why a value cannot be used."""

_WITH_OPTIONS: Final[dict[str, Callable[..., Scheme]]] = {"wattsense": wattsense.Wattsense, "custom": custom.Custom}


def check_options(name: str, options: Mapping[str, Any]) -> dict[str, str]:
    """Option → why it cannot be used; empty when all can."""
    checks = OPTIONS.get(name, {})
    reasons = {option: "The signing scheme has no such option." for option in options if option not in checks}
    for option, check in checks.items():
        value = options.get(option)
        if value is not None and (reason := check(value) if isinstance(value, str) else "Must be a text."):
            reasons[option] = reason
    return reasons


def bound(name: str, options: Mapping[str, Any]) -> Scheme | None:
    """The scheme with its options; those that are missing have their defaults.

    None for an unknown name, and for options that `check_options` refuses.
    """
    if check_options(name, options):
        return None
    return _WITH_OPTIONS[name](**options) if name in _WITH_OPTIONS else SCHEMES.get(name)
