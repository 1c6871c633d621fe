"""The devices of a site, one simulated minute at a time. Powers in W, energies in kWh, temperatures in °C."""

from __future__ import annotations

from datetime import datetime
from random import Random

from triggers.simulation.weather import Weather

KWH_PER_WATT_MINUTE = 1 / 60_000


class Counter:
    """An energy counter. It starts again from 0 when its device is reset (S0 line 25)."""

    def __init__(self, start: float) -> None:
        self.kwh = start

    def add(self, power: float) -> None:
        self.kwh += power * KWH_PER_WATT_MINUTE

    def reset(self) -> None:
        self.kwh = 0.0


class Photovoltaics:
    """Modules with their inverter. A faulty inverter feeds nothing in."""

    def __init__(self, random: Random, peak_w: float) -> None:
        self._random = random
        self._peak = peak_w
        self.power = 0.0
        self.energy = Counter(random.uniform(500, 30_000))
        self.temperature = 20.0

    def step(self, weather: Weather, *, faulty: bool) -> None:
        sunny = weather.sun * self._peak * self._random.gauss(1, 0.01)
        self.power = 0.0 if faulty else max(0.0, sunny)
        self.energy.add(self.power)
        self.temperature += 0.1 * (weather.outdoor + 12 + 30 * self.power / self._peak - self.temperature)


class Battery:
    """Takes what is left over and gives what is missing. Power is positive while it charges."""

    CAPACITY_KWH = 10.0
    MOST_W = 5_000.0

    def __init__(self, random: Random) -> None:
        self._stored = self.CAPACITY_KWH * random.uniform(0.1, 0.9)
        self.power = 0.0

    @property
    def state_of_charge(self) -> float:
        return 100 * self._stored / self.CAPACITY_KWH

    def step(self, surplus: float) -> None:
        room = (self.CAPACITY_KWH - self._stored) / KWH_PER_WATT_MINUTE
        held = self._stored / KWH_PER_WATT_MINUTE
        self.power = max(-self.MOST_W, -held, min(self.MOST_W, room, surplus))
        self._stored += self.power * KWH_PER_WATT_MINUTE


class HeatPump:
    """Heats the house by the outdoor temperature, and water in the early morning and the early evening."""

    HOT_WATER_HOURS = (5, 18)

    def __init__(self, random: Random) -> None:
        self._random = random
        self.mode = "standby"
        self.power = 0.0
        self.flow = 30.0
        self.energy = Counter(random.uniform(100, 9_000))

    def step(self, weather: Weather, local: datetime) -> None:
        self.mode = self._wanted(weather.outdoor, local)
        aim = {"standby": 25.0, "hot_water": 55.0, "heating": 45 - 0.8 * weather.outdoor}[self.mode]
        self.flow += 0.15 * (aim - self.flow) + self._random.gauss(0, 0.1)
        if self.mode == "standby":
            self.power = 12.0
        else:
            self.power = (900 + 45 * max(0.0, aim - weather.outdoor)) * self._random.gauss(1, 0.03)
        self.energy.add(self.power)

    def _wanted(self, outdoor: float, local: datetime) -> str:
        if local.hour in self.HOT_WATER_HOURS and local.minute < 40:
            return "hot_water"
        switch_at = 15.0 if self.mode == "heating" else 13.0
        return "heating" if outdoor < switch_at else "standby"


class Household:
    """What else the people there use: most of it in the morning and in the evening."""

    def __init__(self, random: Random, scale: float) -> None:
        self._random = random
        self._scale = scale
        self._kettle = 0.0
        self.power = 0.0

    def step(self, local: datetime) -> None:
        if self._random.random() < (0.02 if 6 <= local.hour < 23 else 0.002):
            self._kettle = self._random.uniform(600, 2_500)
        elif self._random.random() < 0.1:
            self._kettle = 0.0
        busy = 400.0 if local.hour in {6, 7, 8, 17, 18, 19, 20, 21} else 0.0
        self.power = self._scale * max(50.0, self._random.gauss(220 + busy + self._kettle, 15))


class GridMeter:
    """Two counters, one for each direction. Power is positive while the site draws."""

    def __init__(self, random: Random) -> None:
        self.power = 0.0
        self.drawn = Counter(random.uniform(1_000, 40_000))
        self.fed_in = Counter(random.uniform(500, 30_000))

    def step(self, power: float) -> None:
        self.power = power
        self.drawn.add(max(0.0, power))
        self.fed_in.add(max(0.0, -power))
