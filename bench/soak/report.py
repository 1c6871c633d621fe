"""What a scenario comes to: its figures, what was measured, and in what it fell short."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from bench.soak.field import Source, Tally


@dataclass(kw_only=True)
class Report:
    """`broken` says, a sentence each, what did not hold; empty is a pass."""

    name: str
    figures: dict[str, Any]
    measured: dict[str, Any] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def demand(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.broken.append(otherwise)

    def judge(self, tally: Tally, *, duplicates_at_most: int) -> None:
        """The oracle, and the bound on duplicates."""
        self.measured |= tally.figures() | {"duplicates_at_most": duplicates_at_most}
        self.demand(tally.accepted > 0, "nothing was accepted")
        self.demand(tally.lost == 0, f"{tally.lost} accepted deliveries were never answered 200")
        self.demand(
            tally.duplicates <= duplicates_at_most, f"{tally.duplicates} duplicates, {duplicates_at_most} at most"
        )
        self.demand(tally.unequal == 0, f"{tally.unequal} duplicates differ from what came first")

    def note(self, source: Source) -> None:
        self.measured["intake"] = source.figures()

    def close(self) -> Report:
        self.measured["wall_s"] = round(time.monotonic() - self.began, 1)
        return self

    def as_json(self) -> dict[str, Any]:
        return {"figures": self.figures, "measured": self.measured, "broken": self.broken}

    def __str__(self) -> str:
        lines = [f"{self.name}: {'BROKEN' if self.broken else 'holds'}"]
        lines += [f"    {key}: {value}" for key, value in (self.figures | self.measured).items()]
        return "\n".join([*lines, *(f"  ! {sentence}" for sentence in self.broken)])
