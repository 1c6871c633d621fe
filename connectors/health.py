"""How a connector fares, derived and never set: from its switch and from what its last attempts came to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias
from uuid import UUID

from django.db.models import Sum

from connectors.models import Connector, ConnectorHealth, ConnectorHour, DisabledReason

Health: TypeAlias = Literal["new", "healthy", "retrying", "failing", "paused", "disabled"]
"""The words of the REST contract."""

FAILING_AFTER: Final = 10
"""Failed attempts in a row that make a connector failing; the restart of a partner's system takes fewer."""

LABELS: Final[dict[Health, str]] = {
    "healthy": "Healthy",
    "retrying": "Retrying",
    "failing": "Failing",
    "new": "Awaiting first event",
    "paused": "Paused",
    "disabled": "Off",
}

SWITCHED_OFF: Final[dict[str, str]] = {DisabledReason.GONE: "Receiver gone", DisabledReason.UNVERIFIED: "Not verified"}
"""By whom or what, where it was not by hand."""

HOURS: Final = 24
"""Bars of a chart, the last of which is the hour that runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """Deliveries that ended in each of the last HOURS hours, oldest first."""

    delivered: list[int] = field(default_factory=lambda: [0] * HOURS)
    failed: list[int] = field(default_factory=lambda: [0] * HOURS)

    @property
    def delivered_total(self) -> int:
        return sum(self.delivered)

    @property
    def failed_total(self) -> int:
        return sum(self.failed)

    @property
    def rate(self) -> float | None:
        """Per cent of the ended deliveries that arrived; None where none ended: that is not 0 %."""
        total = self.delivered_total + self.failed_total
        return 100 * self.delivered_total / total if total else None


def health_of(connector: Connector, row: ConnectorHealth | None) -> Health:
    """What page and API say of a connector; `row` is None before its first attempt."""
    if connector.disabled_reason == DisabledReason.GONE:
        return "failing"
    if not connector.enabled:
        return "disabled"
    if connector.paused_at is not None:
        return "paused"
    if row is None:
        return "new"
    if row.failures_in_a_row >= FAILING_AFTER:
        return "failing"
    return "retrying" if row.failures_in_a_row else "healthy"


def label_of(connector: Connector, state: Health) -> str:
    """What a page calls it: why it was switched off says more than that it is off."""
    return SWITCHED_OFF.get(connector.disabled_reason, LABELS[state])


def load(connectors: Iterable[Connector]) -> dict[UUID, ConnectorHealth]:
    """The health rows of these connectors, in one query; a connector without an attempt is left out."""
    ids = [connector.id for connector in connectors]
    return {row.connector_id: row for row in ConnectorHealth.objects.filter(connector_id__in=ids)} if ids else {}


def days(connector_ids: Iterable[UUID], now: datetime) -> dict[UUID, Day]:
    """The last HOURS hours of each of these connectors of the caller's scope, in one query."""
    found = {connector_id: Day() for connector_id in connector_ids}
    start = first_hour(now)
    hours = ConnectorHour._base_manager
    for row in hours.filter(connector_id__in=list(found), hour__gte=start) if found else ():
        _add(found[row.connector_id], row.hour - start, row.delivered, row.failed)
    return found


def whole_day(now: datetime) -> Day:
    """The last HOURS hours of all connectors of the scope together, summed by the database."""
    total, start = Day(), first_hour(now)
    sums = ConnectorHour.objects.filter(hour__gte=start).values("hour")
    for row in sums.annotate(good=Sum("delivered"), bad=Sum("failed")):
        _add(total, row["hour"] - start, row["good"], row["bad"])
    return total


def first_hour(now: datetime) -> datetime:
    """The full hour at which a chart that ends now begins."""
    return now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)


def _add(day: Day, since_start: timedelta, delivered: int, failed: int) -> None:
    index = int(since_start / timedelta(hours=1))
    if 0 <= index < HOURS:
        day.delivered[index] += delivered
        day.failed[index] += failed
