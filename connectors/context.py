"""The figures in every page's frame: what needs attention, and whether the delivery workers live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from connectors.health import FAILING_AFTER
from connectors.models import Connector, ConnectorHealth, DeliveryWorker, WaitingDelivery
from connectors.notice_models import Notice
from connectors.notices import RECOVERED

COUNTED_TO: Final = 10_000
"""Waiting deliveries are counted up to here: the frame of a page must cost the same above a large backlog."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """`waiting` stops at COUNTED_TO, and `many` says that there are more; `notices` are those of things that go on."""

    failing: int
    notices: int
    workers: int
    waiting: int
    many: bool


def counts(request: HttpRequest) -> dict[str, Any]:
    """Queried only when the frame asks: fragments have no frame."""
    if getattr(request, "access", None) is None:
        return {}
    return {"frame": SimpleLazyObject(_frame)}


def failing_count() -> int:
    sick = ConnectorHealth.objects.filter(failures_in_a_row__gte=FAILING_AFTER).values("connector_id")
    return Connector.objects.filter(Q(enabled=True, paused_at=None, id__in=sick) | ~Q(disabled_reason="")).count()


def waiting_count() -> int:
    """Up to COUNTED_TO + 1."""
    return WaitingDelivery.objects.values("id")[: COUNTED_TO + 1].count()


def _frame() -> Frame:
    waiting = waiting_count()
    return Frame(
        failing=failing_count(),
        notices=Notice.objects.filter(running=True).exclude(kind=RECOVERED).count(),
        workers=DeliveryWorker.objects.filter(lease_until__gt=Now()).count(),
        waiting=min(waiting, COUNTED_TO),
        many=waiting > COUNTED_TO,
    )
