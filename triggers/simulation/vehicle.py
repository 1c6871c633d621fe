"""An electric vehicle and its charger: away, plugged in, charging, done, one simulated minute at a time."""

from __future__ import annotations

from random import Random
from typing import Any, TypeAlias

from triggers.simulation.devices import KWH_PER_WATT_MINUTE, Counter

VehicleEvent: TypeAlias = tuple[str, dict[str, Any]]
"""A type of the catalogue, and its data but for the times."""

CAPACITY_KWH = 64.0
CHARGER_W = 11_000.0
REPORT_EVERY = 5
"""Minutes between two measurements of a charging vehicle."""
FAILS = 0.08
"""Share of the charging commands that the vehicle does not follow."""


class Vehicle:
    """Power in W, positive while charging; `charge` in percent."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.state = random.choice(("away", "plugged", "done"))
        self.charge = random.uniform(25, 80)
        self._limit = random.choice((80.0, 100.0))
        self._minutes = random.randint(1, 120)
        self.power = 0.0
        self.energy = Counter(random.uniform(50, 6_000))

    @property
    def connected(self) -> bool:
        return self.state != "away"

    def step(self, most_w: float = CHARGER_W) -> list[VehicleEvent]:
        """Move on by one minute, drawing at most `most_w`; returns what happened."""
        self._minutes -= 1
        if self.state == "charging":
            return self._charge(min(most_w, CHARGER_W))
        self.power = 0.0
        if self._minutes > 0:
            return []
        if self.state == "plugged":
            return self._begin(min(most_w, CHARGER_W))
        return self._come_home() if self.state == "away" else self._leave()

    def _come_home(self) -> list[VehicleEvent]:
        self.charge = max(8.0, self.charge - self._random.uniform(10, 50))
        self._enter("plugged", self._random.randint(2, 10))
        return [("ev/plugged", {"at_home": True, "state": "plugged"})]

    def _begin(self, most_w: float) -> list[VehicleEvent]:
        if self._random.random() < FAILS:
            self._enter("plugged", 15)
            reason = {"type": "no_response", "detail": "The vehicle did not answer within 5 minutes."}
            failure = {"state": "failed", "failure_reason": reason, "command": "start"}
            return [("ev/charge-failed", {"at_home": True, **failure})]
        self._enter("charging", REPORT_EVERY)
        return [("ev/charge-started", {"at_home": True, "state": "charging", "charge_power_w": most_w})]

    def _charge(self, most_w: float) -> list[VehicleEvent]:
        tapering = 1.0 if self.charge < 85 else 0.4
        self.power = most_w * tapering * self._random.gauss(1, 0.005)
        self.energy.add(self.power)
        self.charge = min(100.0, self.charge + 100 * self.power * KWH_PER_WATT_MINUTE / CAPACITY_KWH)
        if self.charge >= self._limit - 0.01:
            self._enter("done", self._random.randint(60, 600))
            return [self._measurement(), ("ev/charge-stopped", {"at_home": True, "state": "stopped"})]
        if self._minutes > 0:
            return []
        self._minutes = REPORT_EVERY
        return [self._measurement()]

    def _leave(self) -> list[VehicleEvent]:
        self._enter("away", self._random.randint(60, 540))
        return [("ev/unplugged", {"at_home": True, "state": "unplugged"})]

    def _enter(self, state: str, minutes: int) -> None:
        self.state, self._minutes = state, minutes

    def _measurement(self) -> VehicleEvent:
        return "ev/measurement", {
            "at_home": True,
            "charge_power_w": round(self.power, 1),
            "state_of_charge_percent": round(self.charge, 1),
            "range_m": round(4_000 * self.charge),
            "charge_limit_percent": self._limit,
            "capacity_wh": round(1000 * CAPACITY_KWH),
            "charge_state": "charging",
            "plug_state": "plugged",
        }
