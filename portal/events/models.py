"""What happened: events, and the readings of which some become events. Both partitioned by day, both append-only.

The tables are made by SQL in the migrations (Django knows no partitions); no foreign keys, because these rows are hot.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import models

from portal.lib.partitions import DailyTable
from portal.tenants.scope import TenantManager

DAILY_TABLES = (
    DailyTable(name="events_event", key="uuid"),
    DailyTable(name="events_reading", key="time"),
    DailyTable(name="events_producerkey", key="time"),
)

DEDUPLICATION_DAYS = 7
"""How long a producer's own event id is remembered."""


class Event(models.Model):
    """Something that happened and may be worth sending. Immutable; `body` is the event document's exact text.

    `held_because` says in words why it goes to no connector; null: nothing held it back.
    """

    pk = models.CompositePrimaryKey("organization_id", "id")
    organization_id = models.UUIDField()
    id = models.UUIDField()
    type = models.TextField()
    time = models.DateTimeField()
    company_id = models.UUIDField(null=True)
    gateway_id = models.UUIDField(null=True)
    appliance_id = models.UUIDField(null=True)
    body = models.TextField()
    held_because = models.TextField(null=True)

    objects = TenantManager()

    class Meta:
        indexes = [
            models.Index(fields=["gateway_id", "id"], name="event_of_gateway"),
            models.Index(
                fields=["organization_id", "id"],
                condition=models.Q(held_because__isnull=False),
                name="event_held_back",
            ),
        ]

    @classmethod
    def narrow(cls, queryset: models.QuerySet[Any], company_id: UUID) -> models.QuerySet[Any]:
        return queryset.filter(company_id=company_id)


class Quality(models.IntegerChoices):
    GOOD = 0, "good"
    UNCERTAIN = 1, "uncertain"
    BAD = 2, "bad"


class Reading(models.Model):
    """One measured value of one series, kept in the partition of the day it was measured."""

    pk = models.CompositePrimaryKey("series_id", "time")
    series_id = models.BigIntegerField()
    time = models.DateTimeField()
    number = models.FloatField(null=True)
    text = models.TextField(null=True)
    quality = models.SmallIntegerField(choices=Quality.choices, default=Quality.GOOD)


class ProducerKey(models.Model):
    """A producer's own event id, remembered for DEDUPLICATION_DAYS so that a repeated call adds nothing."""

    pk = models.CompositePrimaryKey("organization_id", "key", "time")
    organization_id = models.UUIDField()
    key = models.TextField()
    time = models.DateTimeField()
