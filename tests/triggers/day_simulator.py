"""The plan of one simulated day of many gateways: what each reports, when, and what its contract goes through.

Seeded, so that a day is the same each time. It knows nothing of the product; what a plan must lead to is worked out in
`tests.triggers.day_expectation`. The clock goes in steps of 15 minutes, from half an hour before the day to half an
hour after it. In each step, in this order: the scheduled jobs run and contracts are changed, at its start; readings
arrive, ten minutes later; then faults.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 20, tzinfo=UTC)
END = START + timedelta(days=1)
STEP = timedelta(minutes=15)
STEPS = range(-2, 98)
READINGS_AFTER, FAULTS_AFTER = timedelta(minutes=10), timedelta(minutes=11)
MISSED_SWEEPS = frozenset({41})
REPEATED_CALLS = frozenset({17, 60})
"""Steps in which the producer sends everything twice, as after an answer that it never got."""

OPTED_IN, OTHER, NOT_OPTED_IN = "Opted in", "Opted in as well", "Not opted in"

DEADLINES = (
    # protocol, the gateway's own and the inverter's own seconds, and the minutes that these come to for each
    ("wired", None, None, 60, 60),
    ("", 1800, None, 30, 30),
    ("lorawan", 7200, None, 120, 120),
    ("wired", None, 10_800, 60, 180),
    ("lorawan", None, 2700, 1440, 45),
)
ROLES = (
    *("plain", "silent", "silent", "inverter silent", "back before its inverter", "not opted in", "moves at noon"),
    *("moves at midnight", "accepted", "rejected", "revoked", "closed", "reset", "wraps", "late", "future", "stuck"),
    *("doubtful", "silent for long", "steps back", "moves after the day"),
)
MOVES = {"moves at midnight": 0, "moves at noon": 48, "moves after the day": 97}
"""The step in which the gateway goes to another company, with a contract."""

OCCURRENCE_RULES = {
    "W3": {"occurrences": {"count": 3, "within": 7200}},
    "L1": {"duration": {"seconds": 2400}},
    "D1": {"delay": {"seconds": 3600}},
}
FEW, WAS_HELD, LASTS, SOON = "times are needed", "its raise was held back", "has to last", "too soon"
OPEN_ALREADY, NOT_OPEN = "open already", "is not open"
RAISE, CLEAR, LET_GO = True, False, "let go"
"""`LET_GO` is the platform's own: in this step a raise that was held back goes out after all."""
SCRIPTS = {
    # by code: how faults of it go, in steps from the first; each with the words of why it is held back, if it is
    "F1": (
        ((0, RAISE, None), (4, CLEAR, None)),
        ((0, RAISE, None), (1, RAISE, OPEN_ALREADY), (2, CLEAR, None), (3, CLEAR, NOT_OPEN)),
        ((0, RAISE, None), (2, CLEAR, None), (3, RAISE, None), (9, CLEAR, None)),
    ),
    "W3": (
        ((0, RAISE, FEW), (1, CLEAR, WAS_HELD), (2, RAISE, FEW), (3, CLEAR, WAS_HELD)),
        (
            *((0, RAISE, FEW), (1, CLEAR, WAS_HELD), (2, RAISE, FEW), (3, CLEAR, WAS_HELD)),
            *((5, RAISE, None), (7, CLEAR, None)),
        ),
        (
            *((0, RAISE, FEW), (1, CLEAR, WAS_HELD), (5, RAISE, FEW), (6, CLEAR, WAS_HELD)),
            *((10, RAISE, FEW), (11, CLEAR, WAS_HELD)),
        ),
    ),
    "L1": (
        ((0, RAISE, LASTS), (2, CLEAR, WAS_HELD)),
        ((0, RAISE, LASTS), (4, LET_GO, 0), (6, CLEAR, None)),
    ),
    "D1": (
        ((0, RAISE, None), (1, CLEAR, None), (2, RAISE, SOON), (3, CLEAR, WAS_HELD)),
        ((0, RAISE, None), (1, CLEAR, None), (2, RAISE, SOON), (5, LET_GO, 2), (7, CLEAR, None)),
    ),
}
TYPES = {"F1": "appliance/error", "W3": "appliance/warning", "L1": "appliance/error", "D1": "appliance/warning"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One reading, of the inverter or of the gateway itself, that arrives in `step`.

    `total` is what a counter's register has grown by since the plan began, whatever it shows.
    """

    step: int
    of_inverter: bool
    property: str
    time: datetime
    value: float
    quality: str = "good"
    total: float = 0.0
    refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultReport:
    """The inverter's fault is there, or gone; `let_go_since`: the platform lets the raise of that step go out."""

    step: int
    code: str
    active: bool
    held: str | None
    let_go_since: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractAct:
    """What somebody does with a contract, the events that tell of it, and whose the gateway is afterwards.

    `told` are company, previous and new status, initiator; with none of them the act is impossible.
    """

    step: int
    action: str
    company: str
    by: str
    told: tuple[tuple[str, str | None, str, str], ...]
    paired: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayPlan:
    """A gateway with one inverter behind it. Deadlines in minutes, `…offline_after` in seconds as they are set."""

    serial: str
    role: str
    company: str | None
    protocol: str
    offline_after: int | None
    inverter_offline_after: int | None
    gateway_deadline: int
    inverter_deadline: int
    reports: tuple[Report, ...]
    faults: tuple[FaultReport, ...]
    contract_acts: tuple[ContractAct, ...]

    @property
    def inverter(self) -> str:
        return f"{self.serial}-INV"


def moment(step: int) -> datetime:
    return START + step * STEP


def plan_day(gateways: int, seed: int) -> list[GatewayPlan]:
    """Each role in turn; everything else by chance."""
    rng = random.Random(seed)
    return [_gateway(rng, number) for number in range(gateways)]


def _gateway(rng: random.Random, number: int) -> GatewayPlan:
    role = ROLES[number % len(ROLES)]
    protocol, offline_after, inverter_after, gateway_deadline, inverter_deadline = rng.choice(DEADLINES)
    acts = tuple(_contract_acts(rng, role))
    company = NOT_OPTED_IN if role == "not opted in" else None if acts else OPTED_IN
    return GatewayPlan(
        serial=f"GW-{number:04}",
        role=role,
        company=company,
        protocol=protocol,
        offline_after=offline_after,
        inverter_offline_after=inverter_after,
        gateway_deadline=gateway_deadline,
        inverter_deadline=inverter_deadline,
        reports=tuple(_reports(rng, role)),
        faults=tuple(_faults(rng)),
        contract_acts=acts,
    )


# Readings


def _reports(rng: random.Random, role: str) -> Iterator[Report]:
    every = rng.choice((1, 2))
    after = timedelta(seconds=rng.randrange(540))
    steps = STEPS[rng.randrange(every) :: every]
    inverter_silent, gateway_silent = _silences(rng, role)
    late = rng.choice([step for step in steps if 8 <= step < 80]) if role == "late" else None
    heard = [step for step in steps if step not in inverter_silent]
    for step, power, shown, total, quality in _measured(rng, role, heard):
        time, arrives = moment(step) + after, step + 7 if step == late else step
        yield Report(step=arrives, of_inverter=True, property="pv.power", time=time, value=power, quality=quality)
        yield Report(
            step=arrives, of_inverter=True, property="pv.energy", time=time, value=shown, quality=quality, total=total
        )
    if role in {"inverter silent", "back before its inverter"}:
        for step in steps:
            if step not in gateway_silent:
                signal = -60.0 - rng.randrange(20)
                yield Report(step=step, of_inverter=False, property="signal", time=moment(step) + after, value=signal)
    if role == "future":  # refused, it is no sign of life either: it comes in a silence
        ahead = moment(inverter_silent[-1]) + READINGS_AFTER + timedelta(minutes=5, seconds=1)
        yield Report(
            step=inverter_silent[-1], of_inverter=True, property="pv.power", time=ahead, value=1.0, refused=True
        )


def _silences(rng: random.Random, role: str) -> tuple[range, range]:
    """The steps in which the inverter is silent, and the gateway itself where it has a signal of its own."""
    first = rng.randrange(20, 60)
    length = rng.randrange(24, 32) if role == "silent for long" else rng.randrange(5, 14)
    if role == "back before its inverter":
        return range(first, first + length + 16), range(first, first + length)
    silent = role in {"silent", "inverter silent", "silent for long", "future"}
    return range(first, first + length) if silent else range(0), range(0)


def _measured(rng: random.Random, role: str, steps: Sequence[int]) -> Iterator[tuple[int, float, float, float, str]]:
    """Step, power, what the counter shows, its total, and quality."""
    peak, register, total = rng.uniform(2000, 8000), round(rng.uniform(100, 5000), 3), 0.0
    turns = None
    if role in {"reset", "wraps", "steps back"}:
        turns = rng.choice([step for step in steps if 20 <= step < 80])
    for number, (before, step) in enumerate(zip([steps[0] - 1, *steps], steps, strict=False)):
        grown = round(sum(rng.uniform(0.1, 1.5) for _ in range(before, step)), 3)
        if before == turns and role == "steps back":
            grown = -0.2
        elif before == turns:
            # At its reset a meter begins at 0. A register that is full does so too, a little after it was read last:
            # what it took to fill it is lost, for nobody knows where a register ends.
            register, grown = 0.0, round(grown - 0.05, 3) if role == "wraps" else grown
        register, total = round(register + grown, 3), round(total + grown, 3)
        quality = "uncertain" if role == "doubtful" and number % 10 < 3 else "good"
        yield step, 777.0 if role == "stuck" else _power(rng, step, peak), register, total, quality


def _power(rng: random.Random, step: int, peak: float) -> float:
    """By the sun; clouds, and now and then none at all."""
    sun = max(0.0, math.sin(math.pi * (step / 4 - 6) / 12)) * rng.uniform(0.5, 1)
    return 0.0 if rng.random() < 0.08 else round(sun * peak, 1)


# Faults and contracts


def _faults(rng: random.Random) -> Iterator[FaultReport]:
    for code in rng.sample(sorted(SCRIPTS), rng.randrange(3)):
        first = rng.randrange(4, 80)
        for after, what, detail in rng.choice(SCRIPTS[code]):
            if what == LET_GO:
                assert isinstance(detail, int)
                yield FaultReport(step=first + after, code=code, active=True, held=None, let_go_since=first + detail)
            else:
                assert detail is None or isinstance(detail, str)
                yield FaultReport(step=first + after, code=code, active=what is RAISE, held=detail)


def _contract_acts(rng: random.Random, role: str) -> Iterator[ContractAct]:
    first, second, third = sorted(rng.sample(range(5, 90), 3))
    if role.startswith("moves"):
        moves = MOVES[role]
        yield _created(-2, OPTED_IN)
        yield _answered(-2, OPTED_IN, "accept", "active")
        yield ContractAct(
            step=moves,
            action="create",
            company=OTHER,
            by="end_user",
            told=((OPTED_IN, "active", "closed", "end_user"), (OTHER, None, "pending", "end_user")),
            paired=None,
        )
        yield _answered(moves, OTHER, "accept", "active")
    elif role == "rejected":
        yield _created(first, OPTED_IN, "platform")
        yield _answered(second, OPTED_IN, "reject", "rejected")
        yield ContractAct(step=third, action="accept", company=OPTED_IN, by="partner", told=(), paired=None)
    elif role in {"accepted", "revoked", "closed"}:
        yield _created(first, OPTED_IN)
        yield _answered(second, OPTED_IN, "accept", "active")
        if role == "revoked":
            yield _ended(third, "revoke", "revoked", "partner", "active")
        if role == "closed":
            yield _ended(third, "close", "closed", "end_user", "active")
            yield _ended(third + 2, "acknowledge", "acknowledged", "partner", "closed")


def _created(step: int, company: str, by: str = "end_user") -> ContractAct:
    told = ((company, None, "pending", by),)
    return ContractAct(step=step, action="create", company=company, by=by, told=told, paired=None)


def _answered(step: int, company: str, action: str, status: str) -> ContractAct:
    told = ((company, "pending", status, "partner"),)
    paired = company if status == "active" else None
    return ContractAct(step=step, action=action, company=company, by="partner", told=told, paired=paired)


def _ended(step: int, action: str, status: str, by: str, previous: str) -> ContractAct:
    told = ((OPTED_IN, previous, status, by),)
    return ContractAct(step=step, action=action, company=OPTED_IN, by=by, told=told, paired=None)
