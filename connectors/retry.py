"""When to try again: (policy, outcome, try, now) → delivered, gone, failed, or a time to wait. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from connectors.message import ErrorClass, Headers, Outcome

State: TypeAlias = Literal["delivered", "retry", "failed", "gone", "expired"]

JITTER: Final = 0.2
"""Share of a scheduled wait by which it is made shorter or longer, so that partners are not hit in step."""

RETRY_AFTER_RANGE: Final = (1.0, 24 * 3600.0)
"""Seconds; what a partner asks for is clamped to this (G5)."""

PAUSE_ATTEMPTS: Final = 10
"""Failed attempts in a row that there must be, whatever the time, before a connector is paused for failing (G6)."""

SLOWED_BY: Final = frozenset({429, 502, 503, 504})
"""Statuses that speak of the endpoint and not of the message: a Retry-After on them is meant for every message."""

Endpoint: TypeAlias = Literal["well", "sick", "unknown"]
"""What a try says of the endpoint. One that refuses a message for good is well; what our own side could not make says
nothing of it."""

NOT_SENT: Final[dict[ErrorClass | None, State]] = {ErrorClass.RENDER: "failed", ErrorClass.EXPIRED: "expired"}
"""What never went out by our own doing: to try again cannot help, and nothing was heard of the endpoint."""

_MINUTE = 60.0
_HOUR = 3600.0
_DAY = 24 * _HOUR
_SECONDS = re.compile(r"[+-]?[0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A schedule and a classification of answers.

    `schedule` holds the seconds to wait before the second try, the third, and so on: its length is the number
    of retries. `timeout` is the total deadline of one request in seconds. A status that is neither in
    `success` nor in `gone` is tried again if it is in `transient`, where None means any; so is a request
    without an answer, whatever the reason, unless our own side could not make the message. After `pause_after`
    seconds in which every attempt failed, and PAUSE_ATTEMPTS of them, the connector is paused: 5 days where messages
    are tried for 3 (G6), a day, which is our own choice, where they are given up within the hour or two. With
    `expires`, a message whose event has an `expires_at` in the past is dropped instead of sent.
    """

    name: str
    title: str
    schedule: tuple[float, ...]
    timeout: float
    success: frozenset[int]
    gone: frozenset[int] = frozenset({410})
    transient: frozenset[int] | None = None
    pause_after: float = 5 * _DAY
    expires: bool = False

    @property
    def tries(self) -> int:
        return 1 + len(self.schedule)


class Decision(Struct, frozen=True, kw_only=True):
    """What follows from one try. `delay` is set, in seconds, only for "retry"; `reason` is for the log.

    `endpoint` is what the try says of the endpoint, also when it was the last; `hold` are the seconds for which the
    partner asked that nothing at all be sent, 0.0 without such a wish.
    """

    state: State
    delay: float | None
    reason: str
    endpoint: Endpoint = "well"
    hold: float = 0.0


_ANY_2XX = frozenset(range(200, 300))
DELIVERED = Decision(state="delivered", delay=None, reason="answered as it should")

POLICIES: Final[dict[str, Policy]] = {
    "standard": Policy(
        name="standard",
        title="Standard",
        # The schedule that the Standard Webhooks specification recommends: 10 tries over 75 h.
        schedule=(
            5.0,
            5 * _MINUTE,
            30 * _MINUTE,
            2 * _HOUR,
            5 * _HOUR,
            10 * _HOUR,
            14 * _HOUR,
            20 * _HOUR,
            24 * _HOUR,
        ),
        timeout=20.0,
        success=_ANY_2XX,
    ),
    "gridx": Policy(
        name="gridx",
        title="gridX",
        # Five retries with exponential back-off, 5 s and the classes of statuses are the vendor's (B5, S4
        # line 169). The delays are our definition, and so is that a request without an answer is transient.
        schedule=(15.0, 1 * _MINUTE, 4 * _MINUTE, 16 * _MINUTE, 64 * _MINUTE),
        timeout=5.0,
        success=frozenset({200, 201, 202, 204}),
        transient=frozenset({408, 429, 500, 502, 503, 504}),
        pause_after=_DAY,
    ),
    "urgent": Policy(
        name="urgent",
        title="Urgent",
        # Every minute for 50 minutes, as Leap does for what must be acted on at once (B6).
        schedule=(_MINUTE,) * 50,
        timeout=10.0,
        success=_ANY_2XX,
        pause_after=_DAY,
    ),
    "withthegrid": Policy(
        name="withthegrid",
        title="Withthegrid",
        # The waits before the attempts 1 to 6 are the table of the vendor's sister product (B2). The vendor keeps the
        # data after that, as we do; a restart by hand counts on from there. Timeout and statuses are our definition.
        schedule=(10.0, 5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, _DAY, 3 * _DAY),
        timeout=20.0,
        success=_ANY_2XX,
    ),
    "bosch": Policy(
        name="bosch",
        title="Bosch",
        # "There is no retry mechanism in place at the moment" (B1). Timeout and statuses are our definition.
        schedule=(),
        timeout=20.0,
        success=_ANY_2XX,
        pause_after=_DAY,
    ),
    "smartgridone": Policy(
        name="smartgridone",
        title="SmartgridOne",
        # The vendor says nothing of retries. That a snapshot is tried once, and dropped when a newer one has taken its
        # place, is our definition (B3's proposal), and so are timeout and statuses.
        schedule=(),
        timeout=20.0,
        success=_ANY_2XX,
        pause_after=_DAY,
        expires=True,
    ),
    "none": Policy(name="none", title="None", schedule=(), timeout=20.0, success=_ANY_2XX, pause_after=_DAY),
}


def decide(policy: Policy, outcome: Outcome, attempt: int, now: datetime, jitter: float) -> Decision:
    """What becomes of a delivery after its try number `attempt` (from 1). `jitter` is random, in [0, 1).

    A partner's Retry-After, on any status that is tried again, makes the wait longer and never shorter:
    otherwise a partner that always says "1" would use up three days of tries in ten seconds.
    """
    if outcome.status in policy.success:
        return DELIVERED
    state, reason = classify(policy, outcome)
    if state != "retry":
        unheard = outcome.error in NOT_SENT
        return Decision(state=state, delay=None, reason=reason, endpoint="unknown" if unheard else "well")
    asked = retry_after(outcome.headers, now) or 0.0
    hold = asked if outcome.status in SLOWED_BY else 0.0
    if attempt > len(policy.schedule):
        reason = f"{reason}; that was the last of {policy.tries} tries"
        return Decision(state="failed", delay=None, reason=reason, endpoint="sick", hold=hold)
    delay = policy.schedule[attempt - 1] * (1 - JITTER + 2 * JITTER * jitter)
    if asked > delay:
        delay, reason = asked, f"{reason}; the partner asked for this wait"
    return Decision(state="retry", delay=delay, reason=reason, endpoint="sick", hold=hold)


def classify(policy: Policy, outcome: Outcome) -> tuple[State, str]:
    """The class of one outcome, regardless of how many tries are left, and why."""
    status = outcome.status
    if status is None:
        return NOT_SENT.get(outcome.error, "retry"), outcome.detail
    if status in policy.success:
        return "delivered", f"answered {status}"
    if status in policy.gone:
        return "gone", f"answered {status}: the receiver no longer exists"
    if policy.transient is None or status in policy.transient:
        return "retry", f"answered {status}"
    return "failed", f"answered {status}, which is not tried again"


def retry_after(headers: Headers, now: datetime) -> float | None:
    """Seconds that the Retry-After header asks for, clamped; None without one or when it is unreadable."""
    value = next((value.strip() for name, value in headers if name.lower() == "retry-after"), "")
    # float, not int: Python refuses to make an integer of thousands of digits
    seconds = float(value) if _SECONDS.fullmatch(value) else _from_date(value, now)
    if seconds is None:
        return None
    shortest, longest = RETRY_AFTER_RANGE
    return min(max(seconds, shortest), longest)


def _from_date(value: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - now).total_seconds()
