"""Sun, clouds and temperature over one site. Pure: the same random numbers give the same weather."""

from __future__ import annotations

import math
from datetime import datetime
from random import Random

CLOUD_MEMORY = 0.03
"""Share of the way back to the usual cloud cover in one minute: clouds pass in about half an hour."""
CLOUD_GUST = 0.045
USUAL_CLOUDS = 0.35


class Weather:
    """`sun` is the share of the modules' peak power that arrives, 0 to 1; `outdoor` is in °C."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._clouds = random.random()
        self._warmth = random.gauss(0, 2)
        self.sun = 0.0
        self.outdoor = 0.0

    def step(self, local: datetime) -> None:
        """Move on by one minute, to `local` time."""
        drift = CLOUD_MEMORY * (USUAL_CLOUDS - self._clouds) + self._random.gauss(0, CLOUD_GUST)
        self._clouds = min(1.0, max(0.0, self._clouds + drift))
        self.sun = height_of_sun(local) * (1 - 0.8 * self._clouds)
        self._warmth += self._random.gauss(0, 0.02) - 0.002 * self._warmth
        self.outdoor = usual_temperature(local) + self._warmth


def height_of_sun(local: datetime) -> float:
    """0 at night, up to 1 at noon; days are 6 hours long at midwinter and 18 at midsummer (60° north)."""
    season = math.sin(2 * math.pi * (local.timetuple().tm_yday - 80) / 365)
    day_length = 12 + 6 * season
    share_of_day = (_hour(local) - (12 - day_length / 2)) / day_length
    if not 0 < share_of_day < 1:
        return 0.0
    return math.pow(math.sin(math.pi * share_of_day), 1.3) * (0.75 + 0.25 * season)


def usual_temperature(local: datetime) -> float:
    """°C: coldest in mid-January, and before dawn."""
    season = -9 * math.cos(2 * math.pi * (local.timetuple().tm_yday - 15) / 365)
    return 6 + season + 4 * math.sin(2 * math.pi * (_hour(local) - 9) / 24)


def _hour(local: datetime) -> float:
    return local.hour + local.minute / 60
