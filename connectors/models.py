"""How a message reaches a partner: connectors with their secrets, and deliveries with their attempts.

Waiting deliveries live in a small hot table that empties itself; finished ones and all attempts go to tables
partitioned by the day the delivery was made. None of the hot tables has a foreign key.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from connectors import batching, notice_models  # noqa: F401 - Django looks for models here
from portal.lib import crypto
from portal.lib.partitions import DailyTable
from portal.lib.uuid7 import uuid7
from portal.tenants.audit import audited, bumps_config
from portal.tenants.models import Company
from portal.tenants.scope import TenantManager, TenantModel

SHARDS = 64
"""Fixed for the life of a database: a connector's shard is stored with it."""

DEFAULT_CONCURRENCY = 20
"""Requests in flight to one connector. One slow partner then holds at most this many sockets."""

CHECK_DIGEST = 64
"""Hexadecimal digits of a SHA-256."""

DAILY_TABLES = (
    DailyTable(name="connectors_delivery", key="uuid"),
    DailyTable(name="connectors_attempt", key="uuid"),
)


def shard_of(connector_id: UUID) -> int:
    """The shard a connector belongs to for all its life: an even spread over SHARDS."""
    return int.from_bytes(hashlib.sha256(connector_id.bytes).digest()[:4], "big") % SHARDS


class Origin(models.TextChoices):
    PORTAL = "portal", "Configured by an admin"
    SUBSCRIPTION = "subscription", "Belongs to a partner's subscription"


class DisabledReason(models.TextChoices):
    GONE = "gone", "The receiver answered 410 Gone"
    UNVERIFIED = "unverified", "Whose the URL's host is has to be shown anew"


class Ownership(models.TextChoices):
    """How it is shown that who is sent to wants it; `connectors.ownership` does it."""

    NONE = "none", "Not asked for"
    CHALLENGE = "challenge", "The receiver answers a challenge with its HMAC"
    LINK = "link", "Somebody opens a link that the receiver is sent"
    CLOUDEVENTS = "cloudevents", "The receiver allows it, as CloudEvents' webhooks do"


class PauseReason(models.TextChoices):
    MANUAL = "manual", "Paused by hand"
    FAILING = "failing", "Only failures for as long as its retry policy allows"


class WhilePaused(models.TextChoices):
    """What becomes of a paused connector's deliveries: those that wait, and those that come meanwhile."""

    HOLD = "hold", "Keep them, and send them after the pause"
    DROP = "drop", "Drop them; they are listed as dropped and can be sent again by hand"


@audited()
class RetryPolicy(TenantModel):
    """A retry policy of an organization's own, beside the built-in ones; its fields mean what `retry.Policy` says."""

    name = models.CharField(max_length=40)
    schedule = ArrayField(models.PositiveIntegerField())
    timeout = models.PositiveSmallIntegerField(default=20)
    success = ArrayField(models.PositiveSmallIntegerField())
    gone = ArrayField(models.PositiveSmallIntegerField(), blank=True)
    transient = ArrayField(models.PositiveSmallIntegerField(), null=True, blank=True)
    pause_after = models.PositiveIntegerField()
    expires = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "retry policy"
        verbose_name_plural = "retry policies"
        constraints = [models.UniqueConstraint(fields=["organization", "name"], name="retry_policy_name_once")]
        triggers = [bumps_config()]

    def __str__(self) -> str:
        return self.name


@audited(exclude=("credentials", "ownership_digest"))
class Connector(TenantModel):
    """Where and how to send. Created disabled; credentials are sealed and never shown again."""

    name = models.CharField(max_length=200)
    company = models.ForeignKey(Company, on_delete=models.CASCADE, null=True, blank=True, related_name="connectors")
    origin = models.CharField(max_length=20, choices=Origin.choices, default=Origin.PORTAL, editable=False)
    url = models.TextField()
    routes = models.JSONField(default=dict, blank=True)
    profile = models.CharField(max_length=40)
    auth_type = models.CharField(max_length=20, default="none")
    auth_public = models.JSONField(default=dict, blank=True)
    credentials = models.TextField(blank=True, default="", editable=False)
    signing = models.CharField(max_length=40, default="none")
    signing_options = models.JSONField(default=dict, blank=True)
    """What the signing scheme has to know beside its secret, and everybody may know."""
    retry_policy = models.CharField(max_length=40, default="standard", blank=True)
    """The name of a built-in one; empty where `own_retry_policy` is set."""
    own_retry_policy = models.ForeignKey(
        RetryPolicy, on_delete=models.RESTRICT, null=True, blank=True, related_name="connectors"
    )
    concurrency = models.PositiveSmallIntegerField(
        default=DEFAULT_CONCURRENCY, validators=[MinValueValidator(1), MaxValueValidator(200)]
    )
    rate_limit = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(1_000_000)]
    )
    """Messages per minute; none for no limit."""
    ordered = models.BooleanField(default=False)
    """Whether each gateway's messages go one at a time, in the order of their events, a retry holding back the rest."""
    batch_max_events = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(batching.MOST_EVENTS)]
    )
    batch_max_bytes = models.PositiveIntegerField(
        default=batching.DEFAULT_BYTES,
        validators=[MinValueValidator(batching.FEWEST_BYTES), MaxValueValidator(batching.MOST_BYTES)],
    )
    batch_wait_ms = models.PositiveIntegerField(
        default=batching.DEFAULT_WAIT_MS, validators=[MaxValueValidator(batching.LONGEST_WAIT_MS)]
    )
    """How long the first event of a batch waits for more."""
    ownership = models.CharField(max_length=20, choices=Ownership.choices, default=Ownership.NONE)
    ownership_verified_at = models.DateTimeField(null=True, blank=True, editable=False)
    ownership_verified_host = models.TextField(blank=True, default="", editable=False)
    """Scheme, host and port that the check was passed for; another URL there needs no other one."""
    ownership_asked_at = models.DateTimeField(null=True, blank=True, editable=False)
    ownership_digest = models.CharField(max_length=CHECK_DIGEST, blank=True, default="", editable=False)
    """SHA-256 of the token in the link that was sent last; empty when none is open."""
    enabled = models.BooleanField(default=False)
    paused_at = models.DateTimeField(null=True, blank=True, editable=False)
    paused_reason = models.CharField(max_length=20, choices=PauseReason.choices, blank=True, editable=False)
    paused_detail = models.TextField(blank=True, default="", editable=False)
    while_paused = models.CharField(
        max_length=10, choices=WhilePaused.choices, default=WhilePaused.HOLD, editable=False
    )
    disabled_reason = models.CharField(max_length=20, choices=DisabledReason.choices, blank=True, editable=False)
    shard = models.PositiveSmallIntegerField(editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="connector_name_once"),
            models.CheckConstraint(
                condition=models.Q(own_retry_policy=None) ^ models.Q(retry_policy=""), name="connector_one_retry_policy"
            ),
        ]
        indexes = [models.Index(fields=["shard"], name="connector_by_shard")]
        triggers = [bumps_config()]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def narrow(cls, queryset: models.QuerySet[Any], company_id: UUID) -> models.QuerySet[Any]:
        return queryset.filter(company_id=company_id)

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.shard = shard_of(self.id)
        super().save(*args, **kwargs)

    @property
    def _seal_name(self) -> str:
        return f"connector:{self.id}"

    def set_credentials(self, secrets: dict[str, Any]) -> None:
        """Seal the secret fields of the authentication; an empty dict clears them."""
        self.credentials = crypto.seal(json.dumps(secrets), bound_to=self._seal_name) if secrets else ""

    def get_credentials(self) -> dict[str, Any]:
        """The secret fields of the authentication. Raises SecretUnreadable."""
        if not self.credentials:
            return {}
        opened: dict[str, Any] = json.loads(crypto.unseal(self.credentials, bound_to=self._seal_name))
        return opened


@audited(exclude=("sealed",))
class SigningSecret(TenantModel):
    """One secret a connector signs with. During a rotation several are live; `expires_at` ends the old ones."""

    connector = models.ForeignKey(Connector, on_delete=models.CASCADE, related_name="signing_secrets")
    sealed = models.TextField(editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        triggers = [bumps_config()]

    def __str__(self) -> str:
        return f"secret of {self.connector_id} made {self.created_at:%Y-%m-%d}"

    @classmethod
    def narrow(cls, queryset: models.QuerySet[Any], company_id: UUID) -> models.QuerySet[Any]:
        return queryset.filter(connector__company_id=company_id)

    @property
    def _seal_name(self) -> str:
        return f"signing:{self.connector_id}"

    def set_secret(self, secret: str) -> None:
        self.sealed = crypto.seal(secret, bound_to=self._seal_name)

    def get_secret(self) -> str:
        """The secret itself. Raises SecretUnreadable."""
        return crypto.unseal(self.sealed, bound_to=self._seal_name)


class DeliveryWorker(models.Model):
    """A delivery worker and its lease: while `lease_until` is ahead on the database's clock, its shards are its own."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    name = models.CharField(max_length=200)
    started_at = models.DateTimeField()
    lease_until = models.DateTimeField()
    leaving = models.BooleanField(default=False, db_default=False)
    """It is being stopped: it finishes what is in flight, and has no share any more."""
    clock_ahead = models.FloatField(default=0.0, db_default=0.0)
    """Seconds by which its machine's clock is ahead of the database's."""

    def __str__(self) -> str:
        return self.name


class Shard(models.Model):
    """A fixed slice of all connectors. Each change of owner raises `epoch`, which fences the former owner's records."""

    id = models.PositiveSmallIntegerField(primary_key=True)
    owner = models.UUIDField(null=True)
    epoch = models.BigIntegerField(default=0)
    careful_until = models.DateTimeField(null=True)
    """Set when it is taken from a worker that died: until then, each message is made on trial before it is sent."""

    def __str__(self) -> str:
        return f"shard {self.id}"


class State(models.TextChoices):
    """`waiting` and `retrying` are rows of the hot table (with no attempt yet, or with some); the rest is history."""

    WAITING = "waiting", "Waiting"
    RETRYING = "retrying", "Retrying"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Failed"
    DROPPED = "dropped", "Dropped"


class WaitingDelivery(models.Model):
    """One event on its way to one connector: inserted by the intake, deleted with its final result.

    `next_at` is when it is due, and with that its place in the connector's line. In an ordered connector's line a retry
    keeps its place and waits until `hold_until`. `crashes` counts the workers that died while they made its message.
    """

    pk = models.CompositePrimaryKey("organization_id", "id")
    organization_id = models.UUIDField()
    id = models.UUIDField()
    connector_id = models.UUIDField()
    event_id = models.UUIDField()
    event_type = models.TextField()
    company_id = models.UUIDField(null=True)
    gateway_id = models.UUIDField(null=True)
    attempts = models.SmallIntegerField()
    next_at = models.DateTimeField()
    hold_until = models.DateTimeField(null=True)
    crashes = models.SmallIntegerField(default=0, db_default=0)
    last_status = models.SmallIntegerField(null=True)
    last_error = models.TextField(null=True)

    objects = TenantManager()

    class Meta:
        db_table = "connectors_waiting"
        verbose_name_plural = "waiting deliveries"
        indexes = [models.Index(fields=["connector_id", "next_at", "id"], name="waiting_due")]

    @classmethod
    def narrow(cls, queryset: models.QuerySet[Any], company_id: UUID) -> models.QuerySet[Any]:
        return queryset.filter(company_id=company_id)


class Delivery(models.Model):
    """A finished delivery, kept in the partition of the day it was made."""

    pk = models.CompositePrimaryKey("organization_id", "id")
    organization_id = models.UUIDField()
    id = models.UUIDField()
    connector_id = models.UUIDField()
    event_id = models.UUIDField()
    event_type = models.TextField()
    company_id = models.UUIDField(null=True)
    gateway_id = models.UUIDField(null=True)
    state = models.TextField(choices=State.choices)
    attempts = models.SmallIntegerField()
    last_status = models.SmallIntegerField(null=True)
    last_error = models.TextField(null=True)
    finished_at = models.DateTimeField()

    objects = TenantManager()

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(fields=["connector_id", "id"], name="delivery_of_connector"),
            # Failures are rare: to list them, nothing else is read.
            models.Index(
                fields=["organization_id", "id"],
                condition=~models.Q(state=State.DELIVERED),
                name="delivery_not_delivered",
            ),
        ]

    @classmethod
    def narrow(cls, queryset: models.QuerySet[Any], company_id: UUID) -> models.QuerySet[Any]:
        return queryset.filter(company_id=company_id)


class Attempt(models.Model):
    """The record of one exchange for one delivery. Deliveries that went in one request share `request_id`.

    `request_head` and `response_head` are the first line and the headers, one per line, secrets blotted out.
    `request_digest` is the SHA-256 of the body's bytes; the body itself renders again from the event.
    """

    pk = models.CompositePrimaryKey("delivery_id", "number")
    delivery_id = models.UUIDField()
    number = models.SmallIntegerField()
    organization_id = models.UUIDField()
    connector_id = models.UUIDField()
    request_id = models.UUIDField()
    started_at = models.DateTimeField()
    duration_ms = models.FloatField()
    status = models.SmallIntegerField(null=True)
    error = models.TextField(null=True)
    detail = models.TextField()
    request_head = models.TextField()
    request_digest = models.BinaryField(max_length=32)
    response_head = models.TextField()
    response_body = models.TextField()
    truncated = models.BooleanField()

    objects = TenantManager()


class ConnectorHealth(models.Model):
    """How a connector fared last; one row per connector, written by the recorder."""

    connector_id = models.UUIDField(primary_key=True)
    organization_id = models.UUIDField()
    last_attempt_at = models.DateTimeField()
    last_status = models.SmallIntegerField(null=True)
    last_error = models.TextField(null=True)
    last_success_at = models.DateTimeField(null=True)
    failures_in_a_row = models.IntegerField()
    failing_since = models.DateTimeField(null=True)
    """The first failure since the last success."""
    resting_until = models.DateTimeField(null=True)
    """While it lies ahead, the breaker leaves the endpoint alone; then one message finds out how it is."""
    noticed = models.BooleanField(default=False, db_default=False)
    """People were told that it fails, and not yet that it works again."""

    objects = TenantManager()

    class Meta:
        verbose_name_plural = "connector health"


class ConnectorHour(models.Model):
    """What a connector did in one hour: the charts read these instead of the history."""

    pk = models.CompositePrimaryKey("connector_id", "hour")
    connector_id = models.UUIDField()
    hour = models.DateTimeField()
    organization_id = models.UUIDField()
    attempts = models.IntegerField()
    delivered = models.IntegerField()
    failed = models.IntegerField()

    objects = TenantManager()

    class Meta:
        indexes = [models.Index(fields=["organization_id", "hour"], name="hours_of_organization")]


class InboxMessage(models.Model):
    """What arrived at an organization's built-in receiver, and whether its signature held."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    organization_id = models.UUIDField()
    connector_id = models.UUIDField(null=True)
    received_at = models.DateTimeField()
    method = models.CharField(max_length=10)
    path = models.TextField()
    headers = models.JSONField()
    body = models.TextField()
    verified = models.BooleanField(null=True)
    signing = models.CharField(max_length=40)

    objects = TenantManager()

    class Meta:
        indexes = [models.Index(fields=["organization_id", "-id"], name="inbox_newest_first")]
