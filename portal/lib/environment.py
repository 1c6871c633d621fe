"""Settings from the environment: a value that cannot be meant is refused in one sentence that names its variable."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

YES = frozenset({"true", "on", "ok", "y", "yes", "1"})
NO = frozenset({"false", "off", "n", "no", "0", ""})


class Environment(environ.Env):  # type: ignore[misc]
    """django-environ, which by itself takes every word it does not know for "no"."""

    def get_value(self, var: str, cast: Any = None, *args: Any, **kwargs: Any) -> Any:
        text = self.ENVIRON.get(var)
        if cast is bool and text is not None and text.strip().lower() not in YES | NO:
            raise ImproperlyConfigured(f"{var} must be true or false, not {text!r}.")
        try:
            return super().get_value(var, cast, *args, **kwargs)
        except ValueError:  # its own text may show a secret
            raise ImproperlyConfigured(f"{var} has a value that cannot be read.") from None

    def words(self, var: str, default: Collection[str] = ()) -> list[str]:
        """A comma-separated list; spaces around a comma do not count."""
        return [word.strip() for word in self.list(var, default=list(default)) if word.strip()]

    def one_of(self, var: str, choices: Collection[str], default: str) -> str:
        """One of `choices`, in capitals or not."""
        word = str(self(var, default=default)).strip().upper()
        if word not in choices:
            raise ImproperlyConfigured(f"{var} must be one of {', '.join(choices)}, not {word!r}.")
        return word

    def networks(self, var: str) -> list[Network]:
        """A comma-separated list of networks, such as 10.1.0.0/16."""
        try:
            return [ipaddress.ip_network(word) for word in self.words(var)]
        except ValueError as error:
            raise ImproperlyConfigured(f"{var} is a list of networks such as 10.1.0.0/16: {error}.") from None
