"""Whose data this is: the organization that the current thread or task works for.

Every query for tenant data goes through TenantManager, which reads the scope. Without one it raises: a forgotten
scope is an error in the log, never another tenant's rows on a page. `portal.tenants.access` enters scopes for
requests; commands, jobs and the intake enter theirs by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.db import models

from portal.lib.uuid7 import uuid7

T = TypeVar("T", bound=models.Model)


class NoOrganization(RuntimeError):
    """Tenant data was asked for, or written, outside a scope, or across its border."""


@dataclass(frozen=True, slots=True)
class Scope:
    """`organization` is None only inside `every_organization`; `company` narrows a partner's key to its own."""

    organization: UUID | None
    company: UUID | None = None


_current: ContextVar[Scope | None] = ContextVar("scope", default=None)


@contextmanager
def enter(scope: Scope) -> Iterator[None]:
    token = _current.set(scope)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def organization(organization_id: UUID, company_id: UUID | None = None) -> Iterator[None]:
    """Work for one organization, or for one company in it."""
    with enter(Scope(organization_id, company_id)):
        yield


@contextmanager
def every_organization() -> Iterator[None]:
    """Work across tenants: the staff admin, the delivery worker and the scheduled jobs. Nowhere else."""
    with enter(Scope(None)):
        yield


def current() -> Scope:
    """The scope entered last. Raises NoOrganization where there is none."""
    scope = _current.get()
    if scope is None:
        raise NoOrganization("tenant data was asked for without an organization")
    return scope


class TenantManager(models.Manager[T]):
    """The only manager of tenant data: it shows what the current scope may see, and raises without a scope."""

    def get_queryset(self) -> models.QuerySet[T]:
        scope = current()
        queryset = super().get_queryset()
        if scope.organization is None:
            return queryset
        queryset = queryset.filter(organization_id=scope.organization)
        if scope.company is None:
            return queryset
        model: Any = self.model
        narrowed: models.QuerySet[T] = model.narrow(queryset, scope.company)
        return narrowed


class TenantModel(models.Model):
    """A row that belongs to one organization. Saving it outside that organization's scope raises."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey("tenants.Organization", on_delete=models.CASCADE, editable=False)

    objects = TenantManager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        scope = current()
        if scope.organization is not None:
            if self.organization_id is None:
                self.organization_id = scope.organization
            if self.organization_id != scope.organization:
                raise NoOrganization(f"{self._meta.label} of another organization was to be saved")
        super().save(*args, **kwargs)

    @classmethod
    def narrow(cls, queryset: models.QuerySet[Any], company_id: UUID) -> models.QuerySet[Any]:
        """What of `queryset` a key of this company may see: nothing, unless the model says otherwise."""
        return queryset.none()
