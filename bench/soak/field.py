"""The sending side: an organization with its connectors, a source of numbered events, and the oracle.

Each event carries a number of its own. The oracle: numbers accepted with a 202, minus numbers that each partner
answered 200, is empty. It asks neither the product's tables nor its answers about what it delivered.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from bench.soak.partner import Partner
from tests.whole.stack import Api

EVENT_TYPE = "grid-signal-processor/limitation-of-power-consumption/set"
POLL_SECONDS = 0.2


@dataclass(kw_only=True)
class Field:
    """One organization; each of its events goes to all of its partners. `excused` are numbers that cannot arrive."""

    api: Api
    partner: Partner
    names: list[str]
    accepted: list[range] = field(default_factory=list)
    accepted_at: list[float] = field(default_factory=list)
    connector_ids: list[str] = field(default_factory=list)
    excused: frozenset[int] = frozenset()

    @classmethod
    def plant(
        cls, api: Api, partner: Partner, name: str, behaviours: list[str], *, concurrency: int = 20, **options: Any
    ) -> Field:
        """One gateway, and one connector per behaviour (see partner.py), which is reached at /name-0, /name-1, …"""
        made = cls(api=api, partner=partner, names=[f"{name}-{number}" for number in range(len(behaviours))])
        company = api.must("POST", "companies/", {"name": "Owner", "data_points_enabled": True})
        gateway = api.must("POST", "gateways/", {"serial_number": "GW-1", "name": "Box"})
        api.must("POST", f"gateways/{gateway['id']}/pair/", {"company": company["id"], "access_granted": True})
        for path, behaviour in zip(made.names, behaviours, strict=True):
            made._connect(path, behaviour, concurrency=concurrency, **options)
        return made

    def add(self, behaviour: str) -> None:
        """One more connector, before anything is sent."""
        self.names.append(f"{self.names[0]}-{len(self.names)}")
        self._connect(self.names[-1], behaviour)

    def _connect(self, path: str, behaviour: str, **options: Any) -> None:
        wish = {"name": path, "url": f"{self.partner.url}/{path}/{behaviour}", "profile": "standard", **options}
        connector = self.api.must("POST", "connectors/", wish)
        self.api.must("PATCH", f"connectors/{connector['id']}/", {"enabled": True})
        trigger = {"name": path, "kind": "events", "event_types": [EVENT_TYPE], "connector": connector["id"]}
        self.api.must("POST", "triggers/", {**trigger, "enabled": True})
        self.connector_ids.append(connector["id"])

    def send(self, numbers: range) -> int:
        """One call with one event for each number; the status. The same numbers again are the same events."""
        items = [
            {"type": EVENT_TYPE, "gateway": "GW-1", "id": str(number), "data": {"limit_w": number}}
            for number in numbers
        ]
        status, answer = self.api.call("POST", "events/", {"events": items})
        if status == 202:
            if answer["rejected"] or answer["accepted"] + answer["duplicates"] != len(items):
                raise RuntimeError(f"the intake did not take what it should: {answer}")
            self.accepted.append(numbers)
            self.accepted_at.append(time.monotonic())
        return status

    def end(self) -> None:
        """Switch all connectors off, so that this field's leftovers do not disturb the next."""
        for connector_id in self.connector_ids:
            self.api.must("PATCH", f"connectors/{connector_id}/", {"enabled": False})

    # the oracle

    @property
    def expected(self) -> int:
        """Deliveries that were promised."""
        promised = sum(len(numbers) - len(self.excused.intersection(numbers)) for numbers in self.accepted)
        return promised * len(self.names)

    @property
    def answered(self) -> int:
        """Different messages that were answered 200, by the partners' own count."""
        state = self.partner.state()
        return sum(state[name]["distinct"] for name in self.names if name in state)

    def tally(self) -> Tally:
        state = self.partner.state()
        tally = Tally(accepted=self.expected)
        for name in self.names:
            counts, first = self.partner.counts(name), self.partner.first(name)
            counts = counts.ljust(max((numbers.stop for numbers in self.accepted), default=0), b"\0")
            for numbers, at in zip(self.accepted, self.accepted_at, strict=True):
                missing = sum(counts[number] == 0 for number in self.excused.intersection(numbers))
                tally.lost += counts[numbers.start : numbers.stop].count(0) - missing
                tally.delays += [moment - at for moment in first[numbers.start : numbers.stop] if moment]
            mine = state.get(name, {"answered": 0, "distinct": 0, "unequal": 0})
            tally.answered += mine["answered"]
            tally.duplicates += mine["answered"] - mine["distinct"]
            tally.unequal += mine["unequal"]
        tally.delays.sort()
        return tally

    def wait(self, *, patience: float = 60.0) -> Tally:
        """The tally once everything accepted has arrived, or nothing new has for `patience` seconds."""
        last, since = -1, time.monotonic()
        while (answered := self.answered) < self.expected and time.monotonic() - since < patience:
            if answered != last:
                last, since = answered, time.monotonic()
            time.sleep(POLL_SECONDS)
        return self.tally()


@dataclass(kw_only=True)
class Tally:
    """`lost` is the oracle's count. `delays`, sorted, in seconds from the 202 to each first 200."""

    accepted: int
    answered: int = 0
    lost: int = 0
    duplicates: int = 0
    unequal: int = 0
    delays: list[float] = field(default_factory=list)

    def delay(self, quantile: float) -> float:
        return quantile_of(self.delays, quantile)

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            accepted=self.accepted + other.accepted,
            answered=self.answered + other.answered,
            lost=self.lost + other.lost,
            duplicates=self.duplicates + other.duplicates,
            unequal=self.unequal + other.unequal,
            delays=sorted(self.delays + other.delays),
        )

    def figures(self) -> dict[str, Any]:
        return {
            "accepted": self.accepted,
            "answered_2xx": self.answered,
            "lost": self.lost,
            "duplicates": self.duplicates,
            "duplicates_that_differ": self.unequal,
            "delay_s": {name: round(self.delay(q), 3) for name, q in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))},
        }


class Source(threading.Thread):
    """Sends `total` events (or until `finish`) in batches, `rate` of them a second, from number `first` on.

    A call that is not answered 202 is made again with the same numbers, as a partner's program would.
    """

    def __init__(self, field: Field, *, rate: float, batch: int, total: int | None = None, first: int = 0) -> None:
        super().__init__(daemon=True)
        self.field, self.rate, self.batch, self.total = field, rate, batch, total
        self.statuses: Counter[int] = Counter()
        self.seconds: list[float] = []
        self.failure: Exception | None = None
        self._first = first
        self._stop_asked = threading.Event()

    def run(self) -> None:
        began, number = time.monotonic(), self._first
        last = None if self.total is None else self._first + self.total
        try:
            while not self._stop_asked.is_set() and number != last:
                numbers = range(number, number + self.batch if last is None else min(last, number + self.batch))
                if self._send(numbers):
                    number = numbers.stop
                due = began + (number - self._first) / self.rate
                self._stop_asked.wait(max(0.0, due - time.monotonic()))
        except Exception as error:  # noqa: BLE001 - told by the thread that waits for this one
            self.failure = error

    def _send(self, numbers: range) -> bool:
        before = time.monotonic()
        status = self.field.send(numbers)
        self.seconds.append(time.monotonic() - before)
        self.statuses[status] += 1
        if status != 202:
            self._stop_asked.wait(0.5)
        return status == 202

    def finish(self) -> None:
        """Stop, after a last batch is in."""
        self._stop_asked.set()
        self.join(120)
        if self.failure is not None:
            raise self.failure

    def done(self, timeout: float | None = None) -> None:
        """Wait until the total is in."""
        self.join(timeout)
        if self.is_alive():
            raise RuntimeError(f"the source did not get rid of its events within {timeout} s: {self.statuses}")
        self.finish()

    def figures(self) -> dict[str, Any]:
        calls = {str(status): count for status, count in sorted(self.statuses.items())}
        ordered = sorted(self.seconds)
        seconds = {"p50": round(quantile_of(ordered, 0.5), 3), "p99": round(quantile_of(ordered, 0.99), 3)}
        return {"calls": calls, "call_s": {**seconds, "max": round(quantile_of(ordered, 1.0), 3)}}


def quantile_of(ordered: list[float], quantile: float) -> float:
    """Of sorted values; 0 when there are none."""
    return ordered[min(len(ordered) - 1, int(quantile * len(ordered)))] if ordered else 0.0
