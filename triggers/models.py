"""Why a message is sent: an admin's trigger, or a partner's subscription."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models

from connectors.models import Connector
from portal.tenants.audit import audited, bumps_config
from portal.tenants.models import Company
from portal.tenants.scope import TenantModel


class TriggerKind(models.TextChoices):
    """The three flows (S3 line 133). Each carries the catalogue's types of that flow."""

    VALUES = "values", "Values"
    EVENTS = "events", "Events"
    ALARMS = "alarms", "Alarms"


@audited()
class Trigger(TenantModel):
    """An admin's rule: which events, from which gateways, go to which connector. Empty `gateways`: all of them."""

    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=10, choices=TriggerKind.choices)
    event_types = ArrayField(models.CharField(max_length=100))
    gateways = ArrayField(models.UUIDField(), default=list, blank=True)
    connector = models.ForeignKey(Connector, on_delete=models.CASCADE, related_name="triggers")
    enabled = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "name"], name="trigger_name_once")]
        triggers = [bumps_config()]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def narrow(cls, queryset: models.QuerySet[Any], company_id: UUID) -> models.QuerySet[Any]:
        return queryset.filter(connector__company_id=company_id)


@audited()
class Subscription(TenantModel):
    """A partner's wish over REST: these event types, to this target. The target is a connector of its own."""

    event_types = ArrayField(models.CharField(max_length=100))
    connector = models.OneToOneField(Connector, on_delete=models.CASCADE, related_name="subscription")
    company = models.ForeignKey(Company, on_delete=models.CASCADE, null=True, blank=True, related_name="subscriptions")
    active = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        triggers = [bumps_config()]

    def __str__(self) -> str:
        return f"subscription to {', '.join(self.event_types)}"

    @classmethod
    def narrow(cls, queryset: models.QuerySet[Any], company_id: UUID) -> models.QuerySet[Any]:
        return queryset.filter(company_id=company_id)


class SchedulerTick(models.Model):
    """When the scheduler last had a task done: one row, which tells that scheduler, broker and a worker live."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S}"
