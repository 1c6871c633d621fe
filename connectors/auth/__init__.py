"""How a request proves who sends it: one module per scheme, all with the same face.

To add a scheme, write its module beside these and name it in SCHEMES; forms and API read the fields there.
A configuration is `{"type": NAME, …}` with the scheme's PUBLIC and SECRET fields; the secret ones are stored
encrypted and never shown again.
"""

from __future__ import annotations

from typing import Final, Protocol

from connectors.auth import basic, bearer, header, none
from connectors.auth.fields import Config, Problems
from connectors.auth.prepared import Prepared


class Scheme(Protocol):
    """The face of a scheme's module. `prepare` expects a configuration in which `check` found nothing."""

    @property
    def NAME(self) -> str: ...  # noqa: N802 - a module's constant

    @property
    def PUBLIC(self) -> tuple[str, ...]: ...  # noqa: N802 - a module's constant

    @property
    def SECRET(self) -> tuple[str, ...]: ...  # noqa: N802 - a module's constant

    def check(self, config: Config, /) -> Problems: ...

    def prepare(self, config: Config, /) -> Prepared: ...


SCHEMES: Final[dict[str, Scheme]] = {
    none.NAME: none,
    header.NAME: header,
    basic.NAME: basic,
    bearer.NAME: bearer,
}


def check(config: Config) -> Problems:
    """Field → reason; empty when the configuration can be used."""
    scheme = SCHEMES.get(str(config.get("type")))
    return scheme.check(config) if scheme else {"type": f"One of: {', '.join(SCHEMES)}."}


def prepare(config: Config) -> Prepared:
    """A checked configuration, ready to use."""
    return SCHEMES[str(config["type"])].prepare(config)
