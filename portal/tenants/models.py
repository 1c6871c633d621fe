"""Who is here: organizations, the companies inside them, people and their roles, machines and their keys."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pgtrigger
from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models

from portal.lib.uuid7 import uuid7
from portal.tenants import redirect_uris
from portal.tenants.audit import audited, bumps_config
from portal.tenants.scope import TenantModel

KEY_PREFIX = "fk"
KEY_LIFE = timedelta(days=183)
"""Six months, as B1 of the requirements describes for a partner's keys."""
LIVE_KEYS_PER_OWNER = 10
MOST_LANGUAGES = 10


class UserManager(BaseUserManager["User"]):
    """People sign in with their e-mail address; there is no separate user name."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractUser):
    """A person. What they may do in an organization is their Membership there."""

    username = None  # type: ignore[assignment]
    email = models.EmailField(unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []

    objects = UserManager()  # type: ignore[misc,assignment]

    def __str__(self) -> str:
        return self.email


class Plan(models.TextChoices):
    """What an organization has bought. Only `datastreams` sends anything (S3 line 130)."""

    BASIC = "basic", "Basic"
    DATASTREAMS = "datastreams", "Datastreams"


def new_inbox_token() -> str:
    return secrets.token_urlsafe(24)


def new_hash_salt() -> str:
    return secrets.token_urlsafe(24)


def default_languages() -> list[str]:
    return ["en"]


def each_once(languages: Sequence[str]) -> None:
    if len({language.lower() for language in languages}) < len(languages):
        raise ValidationError("Each language once.")


def languages_field(**options: Any) -> ArrayField[Any, Any]:
    """Language tags as BCP 47 writes them, the one that is liked best first."""
    tag = RegexValidator(r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}\Z", "Write a language as en, nl or pt-BR.")
    base = models.CharField(max_length=35, validators=[tag])
    return ArrayField(base, size=MOST_LANGUAGES, validators=[each_once], **options)


@audited(exclude=("inbox_token", "hash_salt"))
class Organization(models.Model):
    """The tenant: it owns everything else, and nothing crosses it.

    `hash_salt` makes the ids that formats show instead of ours. Partners store them, so it never changes: the database
    refuses. It is shown nowhere: who has it can read our ids from theirs.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=200, unique=True)
    plan = models.CharField(max_length=20, choices=Plan.choices, default=Plan.DATASTREAMS)
    languages = languages_field(default=default_languages)
    requires_ownership_check = models.BooleanField(default=False)
    """Whether its connectors may only be switched on once the receiver has shown that it wants to be sent to."""
    auto_accept_contracts = models.BooleanField(default=False)
    """Whether a new contract is accepted in its partner's name at once, for all of the companies."""
    inbox_token = models.CharField(max_length=64, unique=True, default=new_inbox_token, editable=False)
    hash_salt = models.CharField(max_length=64, default=new_hash_salt, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        triggers = [
            bumps_config("id"),
            pgtrigger.ReadOnly(name="keep_hash_salt", fields=["hash_salt"]),
        ]

    def __str__(self) -> str:
        return self.name

    def languages_for(self, company: Company | None) -> tuple[str, ...]:
        """In which languages texts for this company are wanted, the best first; None: for nobody in particular."""
        own = company.languages if company is not None else []
        return tuple(own or self.languages)


class ConfigVersion(models.Model):
    """How often an organization's configuration has changed; raised by database triggers, read by every process."""

    organization_id = models.UUIDField(primary_key=True)
    version = models.BigIntegerField()


@audited()
class Company(TenantModel):
    """A customer or partner company; it opts in to data points and to daily aggregates: all of them or none.

    Without `languages` of its own, texts for it are in its organization's.
    """

    name = models.CharField(max_length=200)
    external_id = models.CharField(max_length=200, null=True, blank=True)
    data_points_enabled = models.BooleanField(default=False)
    daily_aggregates_enabled = models.BooleanField(default=False)
    languages = languages_field(default=list, blank=True)
    redirect_uris = ArrayField(
        models.CharField(max_length=redirect_uris.LONGEST, validators=[redirect_uris.refuse_unsafe]),
        size=redirect_uris.MOST,
        validators=[redirect_uris.each_once],
        default=list,
        blank=True,
    )
    """Where people may be sent back to from the partner's own links; compared with the whole text."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "companies"
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="company_name_once"),
            models.UniqueConstraint(fields=["organization", "external_id"], name="company_external_id_once"),
        ]
        triggers = [bumps_config()]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def narrow(cls, queryset: models.QuerySet[Any], company_id: UUID) -> models.QuerySet[Any]:
        return queryset.filter(id=company_id)


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    ADMIN = "admin", "Admin"
    OPERATOR = "operator", "Operator"
    VIEWER = "viewer", "Viewer"


@audited()
class Membership(TenantModel):
    """A person's role in one organization."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.VIEWER)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "user"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"


class KeyScope(models.TextChoices):
    INGEST = "ingest", "Send readings and events in"
    READ = "read", "Read everything"
    MANAGE = "manage", "Change configuration"
    ADMIN = "admin", "Manage API keys"


@audited(exclude=("digest", "last_used_at"))
class ApiKey(TenantModel):
    """A machine's key: `fk_<prefix>_<secret>`, of which only the prefix and a digest are kept."""

    name = models.CharField(max_length=200)
    prefix = models.CharField(max_length=16, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    scopes = ArrayField(models.CharField(max_length=10, choices=KeyScope.choices))
    company = models.ForeignKey(Company, on_delete=models.CASCADE, null=True, blank=True, related_name="api_keys")
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} ({KEY_PREFIX}_{self.prefix})"

    @classmethod
    def narrow(cls, queryset: models.QuerySet[Any], company_id: UUID) -> models.QuerySet[Any]:
        return queryset.filter(company_id=company_id)

    def set_secret(self) -> str:
        """Give the key a new prefix and secret; returns the whole key, the only time it is seen."""
        self.prefix = secrets.token_hex(4)
        secret = secrets.token_urlsafe(32)
        self.digest = hashlib.sha256(secret.encode()).hexdigest()
        return f"{KEY_PREFIX}_{self.prefix}_{secret}"

    def matches(self, secret: str) -> bool:
        """Whether this is the key's secret, in constant time. The secret is 32 random bytes: no slow hash is due."""
        return hmac.compare_digest(self.digest, hashlib.sha256(secret.encode()).hexdigest())

    def is_live(self, now: datetime) -> bool:
        return self.revoked_at is None and self.expires_at > now


class IdempotentAnswer(models.Model):
    """The answer to a POST that carried an Idempotency-Key, kept for a day so that a repeat gets the same one.

    `answer` is sealed, because some answers show a secret once. It is null while the first call is under way.
    """

    organization_id = models.UUIDField()
    caller = models.CharField(max_length=80)
    key = models.CharField(max_length=255)
    request_digest = models.BinaryField(max_length=32)
    status = models.SmallIntegerField(null=True)
    answer = models.TextField(null=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization_id", "caller", "key"], name="idempotency_key_once")
        ]
