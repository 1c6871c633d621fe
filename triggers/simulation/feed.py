"""The simulated fleet at work: its minutes as they come due, batched, sent, counted.

Simulated time runs `speed` times as fast as real time. Readings carry the real time at which their batch is made:
never in the future, never old, and rising from batch to batch, whatever the speed. While a batch waits for the
product, simulated time passes all the same; of the minutes that were missed only the last one's values are sent, as a
gateway without a buffer does, but all of their events.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event
from typing import Any, TypeAlias
from uuid import uuid4

from portal.lib.clock import rfc3339
from triggers.simulation.client import Client
from triggers.simulation.fleet import GatewaySpec
from triggers.simulation.roster import Roster
from triggers.simulation.site import STEP, Happened, Measured, Site

Item: TypeAlias = dict[str, Any]

TURN_SECONDS = 0.5
BATCH = 500
SETTLING_SECONDS = 0.3
"""Of each turn, for creating gateways that are missing: those that are there go on meanwhile."""
MOST_MINUTES = 240
"""Missed minutes that a site lives through at once; longer ones, as after a night asleep, did not happen."""
FIRST_DAY = datetime(2026, 4, 15, 9, tzinfo=UTC)
"""A morning in spring, in the sites' own time: sun, clouds, and houses that need heat."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """What the product said to what was sent. `reasons` are the first few for refusals."""

    readings: int = 0
    events: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    reasons: list[str] = field(default_factory=list)

    def add(self, answer: dict[str, Any], items: Sequence[Item]) -> None:
        self.accepted += answer["accepted"]
        self.duplicates += answer["duplicates"]
        self.rejected += len(answer["rejected"])
        for refusal in answer["rejected"][: max(0, 3 - len(self.reasons))]:
            error = refusal["errors"][0]
            self.reasons.append(f"{error['pointer']} of {items[refusal['index']]}: {error['detail']}")


class Pace:
    """When each site's minutes are due. The sites' minutes are spread evenly, so that the load is even too."""

    def __init__(self, speed: float, sites: int) -> None:
        self._speed = speed
        self._sites = max(1, sites)

    def minutes(self, number: int, elapsed: float) -> int:
        """How many minutes site `number` has lived after `elapsed` real seconds; its first one at the start or soon."""
        offset = STEP.total_seconds() * (number % self._sites) / self._sites
        simulated = elapsed * self._speed - offset
        return 0 if simulated < 0 else 1 + int(simulated / STEP.total_seconds())


@dataclass(slots=True)
class _Living:
    """`born` is in real seconds since the start: a site that had to be created first begins with its first minute."""

    site: Site
    born: float
    minutes: int = 0


class Feed:
    """`run` until it is stopped or its time is over. `say` takes a line for people to read."""

    def __init__(
        self,
        client: Client,
        specs: Sequence[GatewaySpec],
        *,
        speed: float,
        seed: int,
        stop: Event,
        now: Callable[[], datetime],
        say: Callable[[str], None],
    ) -> None:
        self._client = client
        self._pace = Pace(speed, len(specs))
        self._seed = seed
        self._stop = stop
        self._now = now
        self._say = say
        self._missing = list(reversed(specs))
        self._living: list[_Living] = []
        self._run_id = uuid4().hex[:12]
        self._events = 0
        self.tally = Tally()

    def run(self, duration: float | None, say_every: float) -> None:
        """Raises RefusedError for what will never work, StoppedError when stopped with a batch unanswered."""
        roster = Roster(self._client)
        began = time.monotonic()
        said = began
        self._gather(roster)
        while not self._stop.is_set():
            turn = time.monotonic()
            if duration is not None and turn - began >= duration:
                break
            self._settle(roster, began)
            self._turn(time.monotonic() - began)
            if turn - said >= say_every:
                self._say(self._line(turn - said))
                said = turn
            self._stop.wait(max(0.0, TURN_SECONDS - (time.monotonic() - turn)))

    def _gather(self, roster: Roster) -> None:
        """Sites that the product knows live from the start; the others follow as they are created."""
        known = [spec for spec in self._missing if roster.has(spec)]
        self._missing = [spec for spec in self._missing if not roster.has(spec)]
        for spec in reversed(known):
            self._bring(spec, born=0.0)
        if self._missing:
            self._say(f"{len(self._missing)} gateways are not there yet; they are created while the others run.")

    def _settle(self, roster: Roster, began: float) -> None:
        until = time.monotonic() + SETTLING_SECONDS
        while self._missing and time.monotonic() < until:
            roster.settle(self._missing[-1])
            self._bring(self._missing.pop(), born=time.monotonic() - began)

    def _bring(self, spec: GatewaySpec, *, born: float) -> None:
        self._living.append(_Living(Site(spec, self._seed, FIRST_DAY), born))

    def _turn(self, elapsed: float) -> None:
        now = self._now()
        readings: list[Item] = []
        events: list[Item] = []
        for living in self._living:
            measured, happened = self._live(living, elapsed, now)
            serial = living.site.spec.serial_number
            readings += (_reading(serial, item, now) for item in measured)
            events += (self._event(serial, item, now) for item in happened)
        self.tally.readings += len(readings)
        self.tally.events += len(events)
        for name, items in (("readings", readings), ("events", events)):
            for batch in _batches(items):
                self.tally.add(self._client.send("POST", f"{name}/", {name: batch}), batch)

    def _live(self, living: _Living, elapsed: float, now: datetime) -> tuple[list[Measured], list[Happened]]:
        """The minutes that are due: the newest value of each property, and every event."""
        due = self._pace.minutes(living.site.spec.number, elapsed - living.born) - living.minutes
        newest: dict[tuple[str | None, str], Measured] = {}
        happened: list[Happened] = []
        for _ in range(min(due, MOST_MINUTES)):
            minute = living.site.step(now)
            newest.update({(item.appliance, item.property): item for item in minute.readings})
            happened += minute.events
        living.minutes += due
        return list(newest.values()), happened

    def _event(self, gateway: str, happened: Happened, now: datetime) -> Item:
        self._events += 1
        item: Item = {
            "id": f"simulate-{self._run_id}-{self._events}",
            "type": happened.type,
            "gateway": gateway,
            "time": rfc3339(now),
            "data": happened.data,
        }
        if happened.appliance:
            item["appliance"] = happened.appliance
        return item

    def _line(self, seconds: float) -> str:
        """One line on how it goes; counts are those since the line before."""
        tally, self.tally = self.tally, Tally()
        online = sum(living.site.online for living in self._living)
        local = max((living.site.local for living in self._living), default=FIRST_DAY)
        parts = [
            f"{local:%d %b %H:%M}",
            f"{online} of {len(self._living)} gateways online",
            f"{tally.readings / seconds:.0f} readings/s",
            f"{tally.events} events",
            f"{tally.accepted} accepted",
        ]
        if tally.duplicates:
            parts.append(f"{tally.duplicates} duplicates")
        if tally.rejected:
            parts.append(f"{tally.rejected} refused: {tally.reasons[0]}")
        if self._missing:
            parts.append(f"{len(self._missing)} gateways to be created")
        return " · ".join(parts)


def _reading(gateway: str, measured: Measured, now: datetime) -> Item:
    item: Item = {
        "gateway": gateway,
        "property": measured.property,
        "value": measured.value,
        "time": rfc3339(now),
        "quality": "good",
    }
    if measured.appliance:
        item["appliance"] = measured.appliance
    return item


def _batches(items: list[Item]) -> Iterator[list[Item]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
