"""What goes wrong at a site, and comes right again. Durations in simulated minutes."""

from __future__ import annotations

from random import Random
from typing import Any, Literal

HOUR = 60
DAY = 24 * HOUR


class Outage:
    """Something that is away now and then: once in `every` minutes on average, for `shortest` to `longest`."""

    def __init__(self, random: Random, *, every: int, shortest: int, longest: int) -> None:
        self._random = random
        self._chance = 1 / every
        self._span = (shortest, longest)
        self._left = 0

    @property
    def active(self) -> bool:
        return self._left > 0

    def step(self) -> Literal["began", "ended"] | None:
        if self._left > 0:
            self._left -= 1
            return None if self._left else "ended"
        if self._random.random() >= self._chance:
            return None
        self._left = self._random.randint(*self._span)
        return "began"


class InverterStatus:
    """ok, a warning that may become an error, and ok again; each step between them is an event."""

    CODES = {"ok": "F00", "warning": "W31", "error": "F71A"}
    EVERY = 3 * DAY

    def __init__(self, random: Random) -> None:
        self._random = random
        self._left = 0
        self.status = "ok"

    def step(self) -> dict[str, Any] | None:
        """The data of an `inverter/status` event, if the status changes in this minute."""
        if self._left > 0:
            self._left -= 1
            return None
        if self.status == "ok" and self._random.random() >= 1 / self.EVERY:
            return None
        before = self.status
        self.status = self._next()
        self._left = 0 if self.status == "ok" else self._random.randint(10, 50)
        return {
            "status": self.status,
            "last_status": before,
            "error_code": self.CODES[self.status],
            "last_error_code": self.CODES[before],
        }

    def _next(self) -> str:
        if self.status == "ok":
            return "warning"
        return "error" if self.status == "warning" and self._random.random() < 0.5 else "ok"
