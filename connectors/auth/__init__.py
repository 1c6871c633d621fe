"""How a request proves who sends it: one module per scheme, all with the same face.

To add a scheme, write its module beside these and name it in SCHEMES; forms and API read its FIELDS there.
A configuration is `{"type": NAME, …}` with texts for these fields; the secret ones are stored encrypted and never
shown again.
"""

from __future__ import annotations

from typing import Final, Protocol

from connectors.auth import api_key, azure_sas, basic, bearer, header, mtls, none, oauth2, sigv4
from connectors.auth.fields import Config, Expiry, Field, Kind, Problems, never
from connectors.auth.prepared import Prepared
from portal.lib import clock

__all__ = [
    "EXPIRING",
    "SCHEMES",
    "Config",
    "Expiry",
    "Field",
    "Kind",
    "Prepared",
    "Problems",
    "check",
    "check_form",
    "check_url",
    "expiry_of",
    "prepare",
]


class Scheme(Protocol):
    """The face of a scheme's module. All but `check` expect a configuration in which `check` found nothing."""

    @property
    def NAME(self) -> str: ...  # noqa: N802 - a module's constant

    @property
    def TITLE(self) -> str: ...  # noqa: N802 - a module's constant

    @property
    def FIELDS(self) -> tuple[Field, ...]: ...  # noqa: N802 - a module's constant

    @property
    def PUBLIC(self) -> tuple[str, ...]: ...  # noqa: N802 - a module's constant

    @property
    def SECRET(self) -> tuple[str, ...]: ...  # noqa: N802 - a module's constant

    def check(self, config: Config, /) -> Problems: ...

    def check_url(self, config: Config, url: str, /) -> str | None:
        """Why messages cannot be sent to this URL with it. The URL is one that `connectors.target` passed."""

    def expires(self, config: Config, /) -> Expiry | None: ...

    def prepare(self, config: Config, /) -> Prepared: ...


SCHEMES: Final[dict[str, Scheme]] = {
    none.NAME: none,
    header.NAME: header,
    basic.NAME: basic,
    bearer.NAME: bearer,
    api_key.NAME: api_key,
    oauth2.NAME: oauth2,
    sigv4.NAME: sigv4,
    azure_sas.NAME: azure_sas,
    mtls.NAME: mtls,
}

EXPIRING: Final = tuple(name for name, scheme in SCHEMES.items() if scheme.expires is not never)
"""Schemes whose secrets may say when they end."""


def check_form(config: Config) -> Problems:
    """Field → reason; empty when the configuration can be used, be it only to be refused by the partner."""
    scheme = SCHEMES.get(str(config.get("type")))
    return scheme.check(config) if scheme else {"type": f"One of: {', '.join(SCHEMES)}."}


def check(config: Config) -> Problems:
    """Field → reason why the configuration cannot be stored: also what has expired by now."""
    problems = check_form(config)
    expiry = None if problems else expiry_of(config)
    if expiry is not None and expiry.at <= clock.now():
        problems[expiry.field] = f"It has expired: on {clock.rfc3339(expiry.at)}."
    return problems


def expiry_of(config: Config) -> Expiry | None:
    """Which field of a checked configuration ends, and when; None where that is not known."""
    return SCHEMES[str(config["type"])].expires(config)


def check_url(config: Config, url: str) -> str | None:
    """Why a checked configuration does not go with this URL, or None."""
    return SCHEMES[str(config["type"])].check_url(config, url)


def prepare(config: Config) -> Prepared:
    """A checked configuration, ready to use."""
    return SCHEMES[str(config["type"])].prepare(config)
