"""Whose data this is: the organization that the current thread or task works for.

Every query for tenant data goes through TenantManager, which reads the scope. Without one it raises: a forgotten
scope is an error in the log, never another tenant's rows on a page. `portal.tenants.access` enters scopes for
requests; commands, jobs and the intake enter theirs by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.db import models

from portal.lib.uuid7 import uuid7

T = TypeVar("T", bound=models.Model)

_OWNER = frozenset({"organization", "organization_id"})


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


def _keep_inside(row: Any) -> None:
    """Give a row without an organization the scope's. Raises NoOrganization for a row of another one."""
    scope = current()
    if scope.organization is None:
        return
    if row.organization_id is None:
        row.organization_id = scope.organization
    if row.organization_id != scope.organization:
        raise NoOrganization(f"{row._meta.label} of another organization was to be changed")


class TenantQuerySet(models.QuerySet[T]):
    """Statements for many rows pass the model's `save` by; they stay inside the scope all the same."""

    def bulk_create(self, objs: Iterable[T], *args: Any, **kwargs: Any) -> list[T]:
        rows = list(objs)
        for row in rows:
            _keep_inside(row)
        return super().bulk_create(rows, *args, **kwargs)

    def update(self, **values: Any) -> int:
        if current().organization is not None and not values.keys().isdisjoint(_OWNER):
            raise NoOrganization(f"{self.model._meta.label} was to be moved to another organization")
        return super().update(**values)


class TenantManager(models.Manager[T]):
    """The only manager of tenant data: it shows what the current scope may see, and raises without a scope."""

    _queryset_class = TenantQuerySet

    def get_queryset(self) -> models.QuerySet[T]:
        scope = current()
        queryset = super().get_queryset()
        if scope.organization is None:
            return queryset
        queryset = queryset.filter(organization_id=scope.organization)
        if scope.company is None:
            return queryset
        narrow = getattr(self.model, "narrow", None)  # which a hot table without one shows to no company's key
        return narrow(queryset, scope.company) if narrow else queryset.none()


class TenantModel(models.Model):
    """A row that belongs to one organization. Saving or deleting it outside that organization's scope raises."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey("tenants.Organization", on_delete=models.CASCADE, editable=False)

    objects = TenantManager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        _keep_inside(self)
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        _keep_inside(self)
        return super().delete(*args, **kwargs)

    @classmethod
    def narrow(cls, queryset: models.QuerySet[Any], company_id: UUID) -> models.QuerySet[Any]:
        """What of `queryset` a key of this company may see: nothing, unless the model says otherwise."""
        return queryset.none()
