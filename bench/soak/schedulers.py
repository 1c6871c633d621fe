"""F4 of the plan: several schedulers at once, killed and back, so that ticks come twice, late, or not at all."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

import psycopg

from bench.soak import faults
from bench.soak.beside import HastyBeat
from bench.soak.report import Report
from bench.soak.scenarios import Site
from tests.receiver import Received, Receiver
from tests.whole.stack import Api, eventually

INTERVAL_SECONDS = 5
"""The shortest between two snapshots."""
SILENT_SECONDS = 3.0
AGGREGATE = "pv.power.maximum"
Key: TypeAlias = tuple[str, ...]

DUE_DAY = "select (timezone('utc', now()) - interval '13 hours')::date - 1"
# Where in its interval a site's moment lies, in milliseconds, follows from its id and its trigger's.
PHASES = """
select jsonb_object_agg(id, mod(uuid_hash_extended(id, %s::bigint), %s::bigint))::text from unnest(%s::uuid[]) u(id)
"""


@dataclass(kw_only=True)
class Estate:
    """One organization: gateways with an appliance each, their snapshots, and a connector that gets everything."""

    api: Api
    path: str
    snapshots: str = ""
    gateways: dict[str, str] = field(default_factory=dict)
    """The gateways' ids, by their appliances'."""
    systems: list[str] = field(default_factory=list)
    data_point: str = ""

    @classmethod
    def plant(cls, api: Api, partner: Receiver, path: str, gateways: int) -> Estate:
        made = cls(api=api, path=path)
        wish = {"name": "Owner", "data_points_enabled": True, "daily_aggregates_enabled": True}
        company = api.must("POST", "companies/", wish)
        point = {"name": "pv.power", "unit": "W", "threshold": 10.0}
        made.data_point = api.must("POST", "data-points/", point)["id"]
        for number in range(gateways):
            made._add_gateway(f"GW-{number}", company["id"])
        connector = api.must("POST", "connectors/", {"name": path, "url": partner.url + path, "profile": "standard"})
        api.must("PATCH", f"connectors/{connector['id']}/", {"enabled": True})
        to = {"connector": connector["id"], "enabled": True}
        types = ["aggregate/daily", "gateway/offline", "appliance/offline"]
        api.must("POST", "triggers/", {"name": "What happens", "kind": "events", "event_types": types, **to})
        by_the_clock = {"kind": "snapshot", "interval_seconds": INTERVAL_SECONDS, "level": "device"}
        made.snapshots = api.must("POST", "triggers/", {"name": "Snapshots", **by_the_clock, **to})["id"]
        return made

    def _add_gateway(self, serial_number: str, company: str) -> None:
        made = self.api.must("POST", "gateways/", {"serial_number": serial_number, "name": "Box"})
        self.api.must("POST", f"gateways/{made['id']}/pair/", {"company": company, "access_granted": True})
        inverter = {"serial_number": "INV", "name": "Roof", "type": "inverter", "kind": "pv"}
        appliance = self.api.must("POST", "appliances/", {"gateway": made["id"], **inverter})
        self.gateways[appliance["id"]] = made["id"]
        self.systems.append(made["system"])

    def report_values(self, due: datetime) -> None:
        """Of now, and of the due day and the next, which becomes due when this runs over 13:00 UTC."""
        times = [due + timedelta(days=day, hours=6, minutes=minute) for day in (0, 1) for minute in (0, 1)]
        items = [
            {
                "gateway": gateway,
                "appliance": appliance,
                "property": "pv.power",
                "value": 100 + n,
                "time": at.isoformat(),
            }
            for appliance, gateway in self.gateways.items()
            for n, at in enumerate([*times, datetime.now(UTC)])
        ]
        for start in range(0, len(items), 1000):
            self.api.must("POST", "readings/", {"readings": items[start : start + 1000]})

    def comes_due(self) -> None:
        """From now on it has an aggregate, and in a few seconds its gateways have been silent for too long."""
        rule = {"name": AGGREGATE, "data_point": self.data_point, "function": "maximum"}
        self.api.must("POST", "aggregates/", {**rule, "minimum_coverage": 0, "stuck_after": 0})
        until = (datetime.now(UTC) + timedelta(seconds=SILENT_SECONDS)).isoformat()
        for gateway in self.gateways.values():
            self.api.must("PATCH", f"gateways/{gateway}/", {"expect_before": until})

    @property
    def expected(self) -> set[Key]:
        """Besides the aggregates, of which every day that comes has to be whole, and the snapshots."""
        gone = {("gateway/offline", f"gateways/{gateway}") for gateway in self.gateways.values()}
        return gone | {("appliance/offline", f"appliances/{appliance}") for appliance in self.gateways}


def f4_two_schedulers(
    site: Site, *, ticks: int = 600, organizations: int = 6, gateways: int = 60, kills: int = 24
) -> Report:
    """Two hurried schedulers beside the product's own; they and the workers are killed in turn.

    A tick lets snapshots, aggregates and the sweep be made. Needs CONNECTIVITY_DEBOUNCE_SECONDS=0.
    """
    figures = {"ticks": ticks, "organizations": organizations, "gateways": gateways, "kills": kills}
    report = Report(name="F4 two schedulers", figures=figures)
    file = site.stack.directory / f"ticks-{time.monotonic_ns()}"
    names = [f"{file.name}-beat{number}" for number in (1, 2)]
    with Receiver() as partner:
        estates = [Estate.plant(site.organization(), partner, f"/f4-{n}", gateways) for n in range(organizations)]
        due = datetime.combine(_ask(site, DUE_DAY), datetime.min.time(), UTC)
        for estate in estates:
            estate.report_values(due)
        with HastyBeat(site.stack, names[0], file) as first, HastyBeat(site.stack, names[1], file) as second:
            dead = _disturb(site, [first, second], estates, file, ticks=ticks, kills=kills)
            eventually(partial(_have_come, file, ticks), 2 * ticks, f"{ticks} ticks")
            eventually(lambda: all(_arrived(partner, one) for one in estates), 60, "all that was due")
            for estate in estates:  # so that nothing is made while it is counted
                estate.api.must("PATCH", f"triggers/{estate.snapshots}/", {"enabled": False})
        faults.wait_for_workers(site.stack, site.workers)
        eventually(lambda: not any(one.api.waiting() for one in estates), 60, "the record of all that was sent")
        report.measured |= {"ticks": _ticks(file), "killed": dict(dead)}
        for estate in estates:
            came = [(received.headers["webhook-id"], received.json()) for received in _of(partner, estate)]
            judge(report, estate, came, _phases(site, estate), repeats_at_most=site.repeated_by(dead["worker"]))
    return report.close()


def _disturb(
    site: Site, beats: list[HastyBeat], estates: list[Estate], file: Path, *, ticks: int, kills: int
) -> Counter[str]:
    """Spread over the ticks: things come due, and right then something is killed. Returns what how often."""
    dead: Counter[str] = Counter()
    waiting = iter(estates)
    for number, victim in enumerate(islice(cycle(["worker", "scheduler", "own scheduler"]), kills)):
        eventually(partial(_have_come, file, ticks * (number + 1) // (kills + 1)), 2 * ticks, "the next ticks")
        if estate := next(waiting, None):
            estate.comes_due()
        if victim == "worker":
            pids: list[int] = eventually(lambda: faults.delivering_pids(site.stack), 90, "a worker that delivers")
            faults.kill(pids[number % len(pids)])
        elif victim == "scheduler":
            beat = beats[number // 3 % len(beats)]
            beat.kill()
            beat.start()
        else:
            faults.kill(site.stack.pid_of("celery", "beat"))
        dead[victim] += 1
    for estate in waiting:
        estate.comes_due()
    return dead


# what came


def judge(
    report: Report,
    estate: Estate,
    came: list[tuple[str, dict[str, Any]]],
    phases: dict[str, int],
    *,
    repeats_at_most: int,
) -> None:
    """Of `came`, ids and bodies: each thing is one event and one message, which comes again only as it was.

    `phases` are by site, in milliseconds: when in each interval its snapshot is due.
    """
    ids: dict[Key, set[tuple[str, str]]] = defaultdict(set)
    for message_id, body in came:
        ids[_key(body, phases)].add((message_id, body["id"]))
    twice = [key for key, found in ids.items() if len(found) > 1]
    report.demand(not twice, f"{estate.path}: these were made more than once: {twice[:5]}")
    days = {key[2] for key in ids if key[0] == "aggregate/daily"}
    whole = {("aggregate/daily", f"appliances/{one}", day, AGGREGATE) for one in estate.gateways for day in days}
    others = {key for key in ids if key[0] != "telemetry/snapshot"}
    report.demand(bool(days) and others == whole | estate.expected, f"{estate.path}: not all came, or more: {others}")
    repeats = len(came) - len({message_id for message_id, _ in came})
    report.demand(repeats <= repeats_at_most, f"{estate.path}: {repeats} messages came again")
    snapshots = len(ids) - len(others)
    report.demand(snapshots > 0, f"{estate.path}: no snapshots")
    counts = report.measured.setdefault("events", Counter())
    counts.update(key[0] for key in ids)
    counts["messages that came again"] += repeats


def _key(body: dict[str, Any], phases: dict[str, int]) -> Key:
    """What may be there once: a device that goes offline, one day's aggregate, one site's snapshot of one moment."""
    match body["type"]:
        case "aggregate/daily":
            return (body["type"], body["subject"], body["data"]["day"], body["data"]["property"])
        case "telemetry/snapshot":
            made = round(datetime.fromisoformat(body["time"]).timestamp() * 1000)
            system = body["data"]["system"]["id"]
            return (body["type"], system, str((made - phases[system]) // (INTERVAL_SECONDS * 1000)))
        case _:
            return (body["type"], body["subject"])


def _phases(site: Site, estate: Estate) -> dict[str, int]:
    seed = int.from_bytes(UUID(estate.snapshots).bytes[8:], signed=True)
    found: dict[str, int] = json.loads(_ask(site, PHASES, seed, INTERVAL_SECONDS * 1000, estate.systems))
    return found


def _arrived(partner: Receiver, estate: Estate) -> bool:
    types = Counter(received.json()["type"] for received in _of(partner, estate))
    return len(estate.gateways) <= min(
        types[name] for name in ("aggregate/daily", "gateway/offline", "appliance/offline")
    )


def _of(partner: Receiver, estate: Estate) -> list[Received]:
    return [received for received in partner.requests if received.path == estate.path]


def _have_come(file: Path, ticks: int) -> bool:
    return _ticks(file) >= ticks


def _ticks(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _ask(site: Site, question: str, *parameters: Any) -> Any:
    with psycopg.connect(site.stack.database_url, autocommit=True) as connection:
        row = connection.execute(question, parameters).fetchone()
    return row[0] if row else None
