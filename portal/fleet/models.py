"""What is in the field: sites, the boxes on them, the devices behind those, and what each of them measures."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from portal.fleet.appliance_types import APPLIANCE_KINDS, APPLIANCE_TYPES
from portal.tenants.audit import audited, bumps_config
from portal.tenants.models import Company
from portal.tenants.scope import TenantManager, TenantModel


@audited()
class System(TenantModel):
    """The site: a house, a plant, a depot."""

    name = models.CharField(max_length=200)
    external_id = models.CharField(max_length=200, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "external_id"], name="system_external_id_once")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def narrow(cls, queryset: models.QuerySet[Any], company_id: UUID) -> models.QuerySet[Any]:
        own = Gateway._base_manager.filter(company_id=company_id).values("system_id")
        return queryset.filter(id__in=own)


class Protocol(models.TextChoices):
    """How a gateway and its appliances talk. `portal.fleet.presence` says how long each may be silent."""

    LORAWAN = "lorawan", "LoRaWAN"
    WIRED = "wired", "Wired: BACnet, Modbus, M-Bus and the like"


SHORTEST_SILENCE, LONGEST_SILENCE = 60, 31 * 86_400


def _offline_after() -> models.PositiveIntegerField[int | None, int | None]:
    """Seconds of silence after which the device is offline; null: as its gateway's, or as its protocol says."""
    return models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(SHORTEST_SILENCE), MaxValueValidator(LONGEST_SILENCE)],
    )


@audited()
class Gateway(TenantModel):
    """The box on site. Its data points leave only while it is paired with a company and access is granted."""

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="gateways")
    company = models.ForeignKey(Company, on_delete=models.SET_NULL, null=True, blank=True, related_name="gateways")
    access_granted = models.BooleanField(default=False)
    serial_number = models.CharField(max_length=100)
    name = models.CharField(max_length=200, blank=True)
    model = models.CharField(max_length=100, blank=True)
    firmware = models.CharField(max_length=100, blank=True)
    protocol = models.CharField(max_length=20, choices=Protocol.choices, blank=True)
    offline_after = _offline_after()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "serial_number"], name="gateway_serial_number_once")
        ]

    def __str__(self) -> str:
        return self.name or self.serial_number

    @classmethod
    def narrow(cls, queryset: models.QuerySet[Any], company_id: UUID) -> models.QuerySet[Any]:
        return queryset.filter(company_id=company_id)

    @property
    def sharing(self) -> str:
        """Why this gateway's data points leave, or do not: `active` or the reason in words."""
        if self.company is None:
            return "not paired with a company"
        if not self.access_granted:
            return "access is not granted"
        if not self.company.data_points_enabled:
            return "the company has not opted in to data points"
        return "active"


class ContractState(models.TextChoices):
    PENDING = "pending", "Pending"
    ACTIVE = "active", "Active"
    REJECTED = "rejected", "Rejected"
    REVOKED = "revoked", "Revoked"
    CLOSED = "closed", "Closed"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"


OPEN_STATES = (ContractState.PENDING, ContractState.ACTIVE)


@audited()
class Contract(TenantModel):
    """By which the end user of a gateway gives a partner access to it: one row from its making to its end.

    The next one, with the same company or another, is a row of its own. `portal.fleet.contracts` changes them.
    """

    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, related_name="contracts")
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="contracts")
    state = models.CharField(max_length=12, choices=ContractState.choices, default=ContractState.PENDING)
    initiator = models.CharField(max_length=10)
    """Who caused the last change, in the words of the catalogue: `partner`, `end_user` or `platform`."""
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["gateway"], condition=models.Q(state__in=["pending", "active"]), name="open_contract_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.company}, {self.gateway}"

    @classmethod
    def narrow(cls, queryset: models.QuerySet[Any], company_id: UUID) -> models.QuerySet[Any]:
        return queryset.filter(company_id=company_id)


class PairingCode(TenantModel):
    """A one-time code that lets the person who holds it open a contract for one gateway; only its digest is kept."""

    gateway = models.OneToOneField(Gateway, on_delete=models.CASCADE, related_name="pairing_code")
    digest = models.CharField(max_length=64)
    expires_at = models.DateTimeField()
    wrong_tries = models.PositiveSmallIntegerField(default=0)


@audited()
class Appliance(TenantModel):
    """The device behind a gateway: an inverter, a meter, a heat pump, a charger."""

    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, related_name="appliances")
    serial_number = models.CharField(max_length=100)
    name = models.CharField(max_length=200, blank=True)
    type = models.CharField(max_length=20, choices=[(t, t) for t in APPLIANCE_TYPES], default="unknown")
    kind = models.CharField(max_length=20, choices=[(k, k) for k in APPLIANCE_KINDS], blank=True)
    manufacturer = models.CharField(max_length=100, blank=True)
    model = models.CharField(max_length=100, blank=True)
    offline_after = _offline_after()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["gateway", "serial_number"], name="appliance_serial_number_once")
        ]

    def __str__(self) -> str:
        return self.name or self.serial_number

    @classmethod
    def narrow(cls, queryset: models.QuerySet[Any], company_id: UUID) -> models.QuerySet[Any]:
        return queryset.filter(gateway__company_id=company_id)


class DataPointKind(models.TextChoices):
    GAUGE = "gauge", "Gauge: goes up and down"
    COUNTER = "counter", "Counter: only grows, and starts again from 0 on a reset"
    STATE = "state", "State: one of a few values"


class ThresholdKind(models.TextChoices):
    ABSOLUTE = "absolute", "Absolute: in the data point's unit"
    RELATIVE = "relative", "Relative: share of the value last sent (0.05 is 5 %)"


FINEST_RESOLUTION = 1e-9


@audited()
class DataPoint(TenantModel):
    """The definition of one property: what it is, and which of its changes are worth sending. Intervals in seconds.

    `triggers.filters` says what the fields of the filter mean; without a `resolution` values go out as measured.
    """

    name = models.CharField(max_length=200)
    title = models.CharField(max_length=200, blank=True)
    unit = models.CharField(max_length=20, blank=True)
    kind = models.CharField(max_length=10, choices=DataPointKind.choices, default=DataPointKind.GAUGE)
    threshold = models.FloatField(default=0, validators=[MinValueValidator(0)])
    threshold_kind = models.CharField(max_length=10, choices=ThresholdKind.choices, default=ThresholdKind.ABSOLUTE)
    hysteresis = models.FloatField(default=0, validators=[MinValueValidator(0)])
    resolution = models.FloatField(null=True, blank=True, validators=[MinValueValidator(FINEST_RESOLUTION)])
    min_interval = models.FloatField(default=0, validators=[MinValueValidator(0)])
    max_interval = models.FloatField(default=0, validators=[MinValueValidator(0)])
    expected_interval = models.FloatField(null=True, blank=True, validators=[MinValueValidator(0)])
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "name"], name="data_point_name_once")]
        triggers = [bumps_config()]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def narrow(cls, queryset: models.QuerySet[Any], company_id: UUID) -> models.QuerySet[Any]:
        return queryset


class Series(models.Model):
    """One data point of one appliance or gateway, with the value measured last and the value sent last.

    `subject_id` is the appliance, or the gateway for what the gateway itself measures. Hot: written by every intake
    call, so it has no foreign keys. Numbers are in `…_number`, booleans and strings as JSON text in `…_text`.
    """

    id = models.BigAutoField(primary_key=True)
    organization_id = models.UUIDField()
    gateway_id = models.UUIDField()
    subject_id = models.UUIDField()
    data_point_id = models.UUIDField()
    last_time = models.DateTimeField(null=True)
    last_number = models.FloatField(null=True)
    last_text = models.TextField(null=True)
    sent_time = models.DateTimeField(null=True)
    sent_number = models.FloatField(null=True)
    sent_text = models.TextField(null=True)
    sent_direction = models.SmallIntegerField(null=True)
    """Where it had moved when it was last sent for a change: 1 up, -1 down, 0 or null not known."""

    objects = TenantManager()

    class Meta:
        verbose_name_plural = "series"
        constraints = [
            models.UniqueConstraint(fields=["subject_id", "data_point_id"], name="series_once"),
        ]

    @classmethod
    def narrow(cls, queryset: models.QuerySet[Any], company_id: UUID) -> models.QuerySet[Any]:
        own = Gateway._base_manager.filter(company_id=company_id).values("id")
        return queryset.filter(gateway_id__in=own)


class Presence(models.Model):
    """Whether a gateway or an appliance is heard of. One that has never reported has no row, or `online` null.

    `subject_id` is the appliance, or the gateway itself. `changed_at` is when `online` last changed. Until
    `expect_before` the next report may take, whatever the deadline is. `with_gateway`: it is offline because its
    gateway is, and comes back with it. Hot: written by intake calls, so it has no foreign keys, and no index on what
    changes with each report.
    """

    subject_id = models.UUIDField(primary_key=True)
    organization_id = models.UUIDField()
    gateway_id = models.UUIDField()
    online = models.BooleanField(null=True)
    with_gateway = models.BooleanField(default=False)
    last_seen_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(null=True)
    expect_before = models.DateTimeField(null=True)

    objects = TenantManager()

    class Meta:
        indexes = [models.Index(fields=["gateway_id"], name="presence_by_gateway")]

    @classmethod
    def narrow(cls, queryset: models.QuerySet[Any], company_id: UUID) -> models.QuerySet[Any]:
        own = Gateway._base_manager.filter(company_id=company_id).values("id")
        return queryset.filter(gateway_id__in=own)


class PresenceSweep(models.Model):
    """When silence was last looked for, and when that began again after a break: one row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    at = models.DateTimeField()
    resumed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S}"
