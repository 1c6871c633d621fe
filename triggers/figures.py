"""What the overview shows: the last day's figures, at a cost that does not grow with history; the first steps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Q

from connectors import health, history
from connectors.health import Day, Health
from connectors.models import Connector, ConnectorHealth, Delivery, InboxMessage, State, WaitingDelivery
from portal.fleet.models import DataPoint, Gateway
from portal.lib import uuid7
from portal.tenants.models import Company, Organization
from triggers.models import Trigger

LOOKED_AT: Final = 1000
"""Newest ended deliveries that latency and failures are read from."""

SHOWN: Final = 10

LATE: Final = timedelta(minutes=5)
"""From this age on the oldest waiting delivery is marked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """A connector that somebody should look at, and what its last attempt came to."""

    connector: Connector
    health: Health
    label: str
    last: ConnectorHealth | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """`p95_ms` is from queued to answered, None without a delivery; `oldest_since` None with nothing waiting."""

    day: Day
    start: datetime
    p95_ms: float | None
    oldest_since: datetime | None
    late: bool
    failures: list[history.Row]
    attention: list[Attention]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One of the first steps: company, connector, test, trigger, fleet, delivery."""

    name: str
    done: bool
    next: bool


def has_deliveries() -> bool:
    return WaitingDelivery.objects.exists() or Delivery.objects.exists()


def overview(now: datetime) -> Overview:
    ended = list(Delivery.objects.order_by("-id").values_list("id", "state", "finished_at")[:LOOKED_AT])
    arrived = [(key, finished) for key, state, finished in ended if state == State.DELIVERED]
    took = [(finished - uuid7.time_of(key)).total_seconds() for key, finished in arrived]
    since = _oldest_since()
    return Overview(
        day=health.whole_day(now),
        start=health.first_hour(now),
        p95_ms=percentile(took, 0.95),
        oldest_since=since,
        late=since is not None and now - since > LATE,
        failures=_failures([key for key, state, _ in ended if state == State.FAILED][:SHOWN]),
        attention=_attention(),
    )


def percentile(seconds: list[float], share: float) -> float | None:
    """The value that `share` of all do not exceed, in milliseconds; None for no values."""
    if not seconds:
        return None
    ordered = sorted(seconds)
    return 1000 * max(0.0, ordered[min(len(ordered) - 1, int(share * len(ordered)))])


def checklist(organization: Organization, *, tested: bool) -> list[Step]:
    """What to do until the first delivery, in order; the first one that is open is the next."""
    arrived = InboxMessage.objects.filter(organization_id=organization.id).exists()
    sends = Trigger.objects.filter(enabled=True, connector__enabled=True).exists()
    done = {
        "company": Company.objects.exists(),
        "connector": Connector.objects.exists(),
        "test": tested or arrived,
        "trigger": sends,
        "fleet": Gateway.objects.filter(company__isnull=False, access_granted=True).exists()
        and DataPoint.objects.exists(),
        "delivery": False,
    }
    first_open = next(name for name, is_done in done.items() if not is_done)
    return [Step(name=name, done=is_done, next=name == first_open) for name, is_done in done.items()]


def _oldest_since() -> datetime | None:
    oldest = WaitingDelivery.objects.order_by("id").values_list("id", flat=True).first()
    return uuid7.time_of(oldest) if oldest else None


def _failures(ids: list[UUID]) -> list[history.Row]:
    return [row for key in ids if (row := history.delivery(key)) is not None]


def _attention() -> list[Attention]:
    """Switched off by the receiver, or paused; then those that fail or try again, the sickest first."""
    sick = ConnectorHealth.objects.filter(failures_in_a_row__gt=0).order_by("-failures_in_a_row")
    ids = list(sick.values_list("connector_id", flat=True)[: 10 * SHOWN])
    found = {c.id: c for c in Connector.objects.filter(id__in=ids, enabled=True, paused_at=None)}
    stopped = Connector.objects.filter(~Q(disabled_reason="") | Q(enabled=True, paused_at__isnull=False))
    chosen = list(stopped.order_by("-disabled_reason", "name")[:SHOWN])
    chosen += [found[key] for key in ids if key in found][: SHOWN - len(chosen)]
    rows = health.load(chosen)
    return [_needing(connector, rows.get(connector.id)) for connector in chosen]


def _needing(connector: Connector, last: ConnectorHealth | None) -> Attention:
    state = health.health_of(connector, last)
    return Attention(connector=connector, health=state, label=health.label_of(connector, state), last=last)
