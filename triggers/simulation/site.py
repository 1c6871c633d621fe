"""One site of the fleet: what its devices measure and report in each simulated minute.

Pure and seeded: the same seed gives the same values, minute by minute; only the times that events carry come from
outside. Faults rest while the gateway is away, since nothing behind it can be seen then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, TypeAlias

from portal.lib.clock import rfc3339
from triggers.simulation.devices import Battery, Counter, GridMeter, HeatPump, Household, Photovoltaics
from triggers.simulation.faults import DAY, InverterStatus, Outage
from triggers.simulation.fleet import GatewaySpec, Role
from triggers.simulation.vehicle import CHARGER_W, Vehicle
from triggers.simulation.weather import Weather

Value: TypeAlias = float | bool | str

STEP = timedelta(minutes=1)
SLOW_EVERY = 5
"""Powers are measured every minute, what changes slowly every five (S0 line 16)."""
LIMIT_W = 4_200.0
"""What a grid operator leaves a controllable device (section 14a EnWG)."""
VEHICLE_PATIENCE = timedelta(minutes=5)
"""How long before its failure a charging command was sent."""
RESET_CHANCE = 1 / (7 * DAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One value of an appliance, or of the gateway itself (`appliance` None)."""

    appliance: str | None
    property: str
    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """An event of the catalogue's `type` with its `data`."""

    type: str
    appliance: str | None
    data: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """What leaves a site in one minute."""

    readings: tuple[Measured, ...]
    events: tuple[Happened, ...]


class Site:
    """All devices behind one gateway."""

    def __init__(self, spec: GatewaySpec, seed: int, start: datetime) -> None:
        self.spec = spec
        self.local = start
        self._minute = 0
        self._serials: dict[Role, str] = {item.role: item.serial_number for item in spec.appliances}
        self._random = Random(f"{seed}/{spec.number}")  # noqa: S311 - a simulation, no secret
        self._weather = Weather(self._random)
        self._household = Household(self._random, scale=spec.peak_w / 8_000)
        self._sun = Photovoltaics(self._random, spec.peak_w)
        self._battery = Battery(self._random) if "battery" in self._serials else None
        self._heat = HeatPump(self._random) if "heat_pump" in self._serials else None
        self._car = Vehicle(self._random) if "charger" in self._serials else None
        self._meter = GridMeter(self._random)
        self._inverter = InverterStatus(self._random)
        self._gateway_away = Outage(self._random, every=DAY, shortest=10, longest=90)
        self._limited = Outage(self._random, every=2 * DAY, shortest=30, longest=120)
        self._appliances_away = {
            serial: Outage(self._random, every=4 * DAY, shortest=5, longest=40) for serial in self._serials.values()
        }

    @property
    def online(self) -> bool:
        return not self._gateway_away.active

    def step(self, now: datetime) -> Minute:
        """Move on by one minute. `now` is the time that events of this minute carry."""
        self.local += STEP
        happened = [*self._move_devices(now), *self._move_faults(now)]
        readings = tuple(self._measure()) if self.online else ()
        self._minute += 1
        return Minute(readings=readings, events=tuple(happened))

    def _move_devices(self, now: datetime) -> Iterator[Happened]:
        self._weather.step(self.local)
        self._household.step(self.local)
        self._sun.step(self._weather, faulty=self._inverter.status == "error")
        used = self._household.power
        if self._heat:
            self._heat.step(self._weather, self.local)
            used += self._heat.power
        if self._car:
            yield from self._move_car(self._car, now)
            used += self._car.power
        surplus = self._sun.power - used
        if self._battery:
            self._battery.step(surplus)
            surplus -= self._battery.power
        self._meter.step(-surplus)

    def _move_car(self, car: Vehicle, now: datetime) -> Iterator[Happened]:
        for type_, data in car.step(LIMIT_W if self._limited.active else CHARGER_W):
            times = {"issued_at": rfc3339(now)}
            if type_ == "ev/charge-failed":
                times["command_sent_at"] = rfc3339(now - VEHICLE_PATIENCE)
            yield Happened(type=type_, appliance=self._serials["charger"], data=times | data)

    def _move_faults(self, now: datetime) -> Iterator[Happened]:
        change = self._gateway_away.step()
        if change:
            name = "gateway/offline" if change == "began" else "gateway/online"
            yield Happened(type=name, appliance=None, data={})
        if not self.online:
            return
        yield from self._appliance_faults()
        if self._heat or self._car:
            yield from self._grid_signal(now)
        for energy in self._counters():
            if self._random.random() < RESET_CHANCE:
                energy.reset()

    def _appliance_faults(self) -> Iterator[Happened]:
        for serial, away in self._appliances_away.items():
            change = away.step()
            if change:
                name = "appliance/offline" if change == "began" else "appliance/online"
                yield Happened(type=name, appliance=serial, data={})
        status = self._inverter.step()
        if status:
            yield Happened(type="inverter/status", appliance=self._serials["inverter"], data=status)

    def _grid_signal(self, now: datetime) -> Iterator[Happened]:
        change = self._limited.step()
        kind = "grid-signal-processor/limitation-of-power-consumption"
        data: dict[str, Any] = {"received_at": rfc3339(now)}
        if change == "began":
            yield Happened(type=f"{kind}/set", appliance=None, data={"limit_w": LIMIT_W, **data})
        elif change == "ended":
            yield Happened(type=f"{kind}/unset", appliance=None, data=data)

    def _counters(self) -> Iterator[Counter]:
        yield self._sun.energy
        if self._heat:
            yield self._heat.energy
        if self._car:
            yield self._car.energy

    def _measure(self) -> Iterator[Measured]:
        for role, serial in self._serials.items():
            if not self._appliances_away[serial].active:
                for name, value in self._values(role):
                    yield Measured(appliance=serial, property=name, value=value)
        if self._slow_is_due:
            signal = round(-70 + 6 * self._random.gauss(0, 1))
            yield Measured(appliance=None, property="gateway.signal", value=signal)

    @property
    def _slow_is_due(self) -> bool:
        return self._minute == 0 or (self._minute + self.spec.number) % SLOW_EVERY == 0

    def _values(self, role: Role) -> list[tuple[str, Value]]:
        fast, slow = self._fast(role), self._slow(role) if self._slow_is_due else []
        return [(name, round(value, 3) + 0.0 if isinstance(value, float) else value) for name, value in fast + slow]

    def _fast(self, role: Role) -> list[tuple[str, Value]]:
        """Powers, and states, of which the change filter lets only changes pass."""
        if role == "inverter":
            return [("pv.power", self._sun.power)]
        if role == "meter":
            return [("grid.power", self._meter.power)]
        if role == "battery" and self._battery:
            return [("battery.power", self._battery.power)]
        if role == "heat_pump" and self._heat:
            return [("hvac.power", self._heat.power), ("hvac.mode", self._heat.mode)]
        if role == "charger" and self._car:
            return [("charger.power", self._car.power), ("charger.connected", self._car.connected)]
        return []

    def _slow(self, role: Role) -> list[tuple[str, Value]]:
        if role == "inverter":
            return [("pv.energy", self._sun.energy.kwh), ("inverter.temperature", self._sun.temperature)]
        if role == "meter":
            return [("grid.energy_import", self._meter.drawn.kwh), ("grid.energy_export", self._meter.fed_in.kwh)]
        if role == "battery" and self._battery:
            return [("battery.state_of_charge", self._battery.state_of_charge)]
        if role == "heat_pump" and self._heat:
            return [
                ("hvac.system.sensor.t0", self._weather.outdoor),
                ("hvac.flow_temperature", self._heat.flow),
                ("hvac.energy", self._heat.energy.kwh),
            ]
        if role == "charger" and self._car:
            return [("charger.energy", self._car.energy.kwh)]
        return []
