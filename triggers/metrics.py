"""`/metrics`: django-prometheus's figures of this web process group, and the product's own from the database.

The product's figures are read when asked for, so every web process gives the same ones. No organization, connector
or company is named in a label: there may be thousands, and they are nobody else's business.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import prometheus_client
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, HttpResponse
from prometheus_client import multiprocess
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from portal.lib import uuid7

COUNTED_AT_MOST = 100_000
"""Waiting deliveries are counted up to here: beyond, the exact number costs more than it tells."""

_FIGURES = f"""
select (select count(*) from (select 1 from connectors_waiting limit {COUNTED_AT_MOST}) w),
       (select count(*) from connectors_deliveryworker where lease_until > now()),
       (select count(*) from connectors_shard where owner is null),
       (select extract(epoch from now() - at)::float8 from triggers_schedulertick),
       (select first.id from tenants_organization o
         cross join lateral (select id from connectors_waiting w
                              where w.organization_id = o.id order by id limit 1) first
         order by first.id limit 1),
       now(),
       (select max(abs(clock_ahead)) from connectors_deliveryworker where lease_until > now())
"""  # noqa: S608 - a number of ours


class Product(Collector):
    """Nothing at all while the database is away: an absent figure raises an alarm, a stale one does not."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            with connection.cursor() as cursor:
                cursor.execute(_FIGURES)
                waiting, workers, orphans, age, oldest, now, skew = cursor.fetchone()
        except (DatabaseError, InterfaceError):
            return
        yield GaugeMetricFamily(
            "feeder_waiting_deliveries", f"Deliveries not finished yet, counted up to {COUNTED_AT_MOST}.", waiting
        )
        yield GaugeMetricFamily(
            "feeder_oldest_waiting_delivery_seconds",
            "Age of the oldest delivery not finished yet, those that are tried again for days included.",
            (now - uuid7.time_of(oldest)).total_seconds() if oldest else 0,
        )
        yield GaugeMetricFamily("feeder_delivery_workers", "Delivery workers with a live lease.", workers)
        yield GaugeMetricFamily("feeder_shards_without_owner", "Slices of connectors nobody works for.", orphans)
        if age is not None:
            yield GaugeMetricFamily("feeder_scheduler_age_seconds", "Since the scheduler's last report.", age)
        if skew is not None:
            text = "By which the clock of a delivery worker differs from the database's, at most."
            yield GaugeMetricFamily("feeder_worker_clock_skew_seconds", text, skew)


def metrics(_request: HttpRequest) -> HttpResponse:
    own = prometheus_client.CollectorRegistry()
    own.register(Product())
    page = prometheus_client.generate_latest(_web()) + prometheus_client.generate_latest(own)
    return HttpResponse(page, content_type=prometheus_client.CONTENT_TYPE_LATEST)


def _web() -> prometheus_client.CollectorRegistry:
    """As django-prometheus has it: several web processes share a directory, a single one its memory."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return prometheus_client.REGISTRY
    registry = prometheus_client.CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
