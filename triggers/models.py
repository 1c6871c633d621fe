"""Why a message is sent: an admin's trigger, or a partner's subscription."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from connectors.models import Connector
from portal.fleet.appliance_types import APPLIANCE_TYPES
from portal.fleet.models import DataPoint, Gateway
from portal.lib.partitions import DailyTable
from portal.tenants.audit import audited, bumps_config
from portal.tenants.models import Company
from portal.tenants.scope import TenantManager, TenantModel
from triggers.aggregation import Held

DAILY_TABLES = (DailyTable(name="triggers_dailyaggregate", key="time"),)

LONGEST_STANDING = 86_400
"""Seconds. Of the days before, a day's figures only know the last one."""


class TriggerKind(models.TextChoices):
    """The three flows (S3 line 133), each with the catalogue's types of that flow; and two that go by the clock."""

    VALUES = "values", "Values"
    EVENTS = "events", "Events"
    ALARMS = "alarms", "Alarms"
    SNAPSHOT = "snapshot", "Snapshots of sites, by the clock"
    HEARTBEAT = "heartbeat", "Heartbeats of the connector, by the clock"


BY_THE_CLOCK = {TriggerKind.SNAPSHOT: "telemetry/snapshot", TriggerKind.HEARTBEAT: "system/heartbeat"}
"""The one type that each of these carries. It is made for the trigger's own connector, and goes nowhere else."""

SHORTEST_INTERVAL = {TriggerKind.SNAPSHOT: 5, TriggerKind.HEARTBEAT: 30}
LONGEST_INTERVAL = 86_400
DEFAULT_INTERVAL = 60
"""Seconds (S2 line 114)."""


class Level(models.TextChoices):
    """How much a snapshot tells (S2 lines 115 and 116)."""

    DEVICE_TYPE = "device_type", "By type of device: solar, storage and so on"
    DEVICE = "device", "Each device too"


@audited()
class Trigger(TenantModel):
    """An admin's rule: which events, from which gateways, go to which connector. Empty `gateways`: all of them.

    `interval_seconds` is null but for the kinds that go by the clock, `level` empty but for snapshots.
    """

    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=10, choices=TriggerKind.choices)
    event_types = ArrayField(models.CharField(max_length=100))
    gateways = ArrayField(models.UUIDField(), default=list, blank=True)
    connector = models.ForeignKey(Connector, on_delete=models.CASCADE, related_name="triggers")
    interval_seconds = models.PositiveIntegerField(null=True, blank=True)
    level = models.CharField(max_length=12, choices=Level.choices, blank=True)
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


class TriggerClock(models.Model):
    """Up to when a trigger by the clock has done what was due. Who works on it holds the row's lock."""

    trigger = models.OneToOneField(Trigger, on_delete=models.CASCADE, primary_key=True, related_name="clock")
    done_until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.trigger_id}: {self.done_until:%Y-%m-%d %H:%M:%S}"


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


class Severity(models.TextChoices):
    """Of faults: the two types of an appliance's status (S0 line 5)."""

    ANY = "any", "Any"
    ERROR = "error", "Error"
    WARNING = "warning", "Warning"


@audited()
class OccurrenceRule(TenantModel):
    """When a fault that occurs is worth telling: `conditions` as `triggers.rules` reads them.

    For all codes, or types of appliance, where that is empty. Of the rules that fit a fault the most specific counts.
    """

    code = models.CharField(max_length=200, blank=True)
    appliance_type = models.CharField(max_length=20, choices=[(t, t) for t in APPLIANCE_TYPES], blank=True)
    severity = models.CharField(max_length=10, choices=Severity.choices, default=Severity.ANY)
    conditions = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "code", "appliance_type", "severity"], name="occurrence_rule_once"
            )
        ]
        triggers = [bumps_config()]

    def __str__(self) -> str:
        return f"{self.code or 'any code'}, {self.appliance_type or 'any appliance'}, {self.severity}"


class Fault(models.Model):
    """What is known of one fault code of one appliance: whether it is there, and whether its raise was sent.

    `counted` are the occurrences that its rule goes by. A raise that is held back `until` then is kept in `data`, to be
    looked at again. `told_since` and `occurrences` are what was told of it, raises since then included; `told_to` is
    the company that its gateway was paired with then. Hot: written with each fault that comes in, so it has no foreign
    keys.
    """

    pk = models.CompositePrimaryKey("appliance_id", "type", "code")
    organization_id = models.UUIDField()
    appliance_id = models.UUIDField()
    type = models.TextField()
    code = models.TextField()
    gateway_id = models.UUIDField()
    fault_id = models.TextField(default="")
    open = models.BooleanField(default=False)
    sent = models.BooleanField(default=False)
    since = models.DateTimeField(null=True)
    last_at = models.DateTimeField(null=True)
    counted = ArrayField(models.DateTimeField(), default=list)
    counts = models.BooleanField(default=False)
    occurrences = models.IntegerField(default=0)
    told_since = models.DateTimeField(null=True)
    told_to = models.UUIDField(null=True)
    until = models.DateTimeField(null=True)
    data = models.TextField(null=True)

    objects = TenantManager()

    class Meta:
        indexes = [
            models.Index(fields=["until"], condition=models.Q(until__isnull=False), name="fault_to_look_at"),
        ]


class AlarmStatus(models.TextChoices):
    """As in the catalogue's alarms, and as Wattsense's alerts have it (B4)."""

    OPEN = "open", "Open"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    CLOSED = "closed", "Closed"


class Alarm(models.Model):
    """Where one alarm is in its life. `data` is its last event's, as JSON. Hot, so it has no foreign keys.

    A row without a status is of an alarm that nobody has raised: a name in a refused change, forgotten with the others.
    """

    id = models.UUIDField(primary_key=True)
    organization_id = models.UUIDField()
    gateway_id = models.UUIDField()
    appliance_id = models.UUIDField(null=True)
    alarm_id = models.TextField()
    status = models.TextField(choices=AlarmStatus.choices, default="")
    severity = models.TextField(default="")
    data = models.TextField(default="{}")
    raised_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField()

    objects = TenantManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["gateway_id", "alarm_id"], name="alarm_once")]
        indexes = [models.Index(fields=["organization_id", "id"], name="alarm_of_organization")]

    @classmethod
    def narrow(cls, queryset: models.QuerySet[Any], company_id: UUID) -> models.QuerySet[Any]:
        own = Gateway._base_manager.filter(company_id=company_id).values("id")
        return queryset.filter(gateway_id__in=own)


class SchedulerTick(models.Model):
    """When the scheduler last had a task done: one row, which tells that scheduler, broker and a worker live."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S}"


class Function(models.TextChoices):
    """How a day's readings become one figure; the words of the catalogue's `aggregate/daily`."""

    STARTS = "starts", "Starts: how often it began to run"
    RUN_TIME = "run_time", "Run time: how long it ran, in hours"
    ENERGY = "energy", "Energy: growth of a counter, resets allowed for"
    MINIMUM = "minimum", "Minimum"
    MAXIMUM = "maximum", "Maximum"
    MEAN = "mean", "Mean, weighted by time"
    LAST = "last", "Last value of the day"
    AVAILABILITY = "availability", "Availability: share of the day with readings, in %"


@audited()
class Aggregate(TenantModel):
    """The definition of one daily aggregate. `name` is the property that partners read.

    A reading stands for the time until the next one, but for at most `holds_for` seconds: null is the data point's
    expected interval, or else the median of the day's intervals. A value other than `rests_at` that stays the same for
    longer than `stuck_after` seconds is a stuck sensor's: null is six hours for a gauge and never for others, 0 is
    never. What is above `running_above` runs.
    """

    data_point = models.ForeignKey(DataPoint, on_delete=models.CASCADE, related_name="aggregates")
    function = models.CharField(max_length=20, choices=Function.choices)
    name = models.CharField(max_length=200)
    minimum_coverage = models.FloatField(default=80, validators=[MinValueValidator(0), MaxValueValidator(100)])
    holds_for = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(LONGEST_STANDING)]
    )
    stuck_after = models.FloatField(null=True, blank=True, validators=[MinValueValidator(0)])
    rests_at = models.FloatField(null=True, blank=True, default=0)
    running_above = models.FloatField(default=0)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "name"], name="aggregate_name_once")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def narrow(cls, queryset: models.QuerySet[Any], company_id: UUID) -> models.QuerySet[Any]:
        return queryset


class DailyAggregate(models.Model):
    """What became of one aggregate of one device on one day: sent with this value, or held back and why.

    Its key is what lets each be sent once only. Partitioned by `day`; hot, so it has no foreign keys. `subject_id` is
    the appliance, or the gateway for what the gateway itself measures.
    """

    class State(models.TextChoices):
        SENT = "sent", "Sent"
        HELD = "held", "Held back"

    pk = models.CompositePrimaryKey("organization_id", "day", "subject_id", "property")
    organization_id = models.UUIDField()
    day = models.DateField()
    subject_id = models.UUIDField()
    property = models.TextField()
    id = models.UUIDField()
    gateway_id = models.UUIDField()
    company_id = models.UUIDField()
    state = models.TextField(choices=State.choices)
    value = models.JSONField(null=True)
    coverage_percent = models.FloatField(null=True)
    reason = models.TextField(choices=[(held.value, held.value) for held in Held], null=True)
    detail = models.TextField(null=True)

    objects = TenantManager()

    class Meta:
        indexes = [models.Index(fields=["organization_id", "id"], name="daily_aggregate_by_id")]

    @classmethod
    def narrow(cls, queryset: models.QuerySet[Any], company_id: UUID) -> models.QuerySet[Any]:
        return queryset.filter(company_id=company_id)


class AggregateRun(models.Model):
    """How far an organization's aggregates of one day are: the gateways up to `after` are done.

    Who works on them holds the row's lock for a chunk of gateways.
    """

    organization = models.ForeignKey("tenants.Organization", on_delete=models.CASCADE)
    day = models.DateField()
    after = models.UUIDField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = TenantManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "day"], name="aggregate_run_once")]
