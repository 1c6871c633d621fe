"""The one gate from (request, id) to an object or 404, and the one place where a request learns its organization.

A caller is a person with a role, or a machine with a key. Either way it becomes an Access: the organization, perhaps
one company in it, and what may be done there. The scope that Access opens is what TenantManager filters by, so a
view cannot forget the tenant; another organization's object is a 404, always.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, ValidationError
from django.db import models
from django.http import Http404, HttpRequest, HttpResponseBase

from portal.tenants import audit, scope
from portal.tenants.models import ApiKey, KeyScope, Membership, Organization, Role, User

M = TypeVar("M", bound=models.Model)

SESSION_ORGANIZATION = "organization"

READ, INGEST, OPERATE, MANAGE, ADMIN, OWN = "read", "ingest", "operate", "manage", "admin", "own"

ROLE_PERMISSIONS: dict[str, frozenset[str]] = {
    Role.VIEWER: frozenset({READ}),
    Role.OPERATOR: frozenset({READ, OPERATE}),
    Role.ADMIN: frozenset({READ, OPERATE, INGEST, MANAGE, ADMIN}),
    Role.OWNER: frozenset({READ, OPERATE, INGEST, MANAGE, ADMIN, OWN}),
}
SCOPE_PERMISSIONS: dict[str, frozenset[str]] = {
    KeyScope.INGEST: frozenset({INGEST}),
    KeyScope.READ: frozenset({READ}),
    KeyScope.MANAGE: frozenset({READ, OPERATE, MANAGE}),
    KeyScope.ADMIN: frozenset({READ, OPERATE, MANAGE, ADMIN}),
}
NEEDED: dict[str, str] = {
    READ: "the role viewer or a key with the scope read",
    INGEST: "the role admin or a key with the scope ingest",
    OPERATE: "the role operator or a key with the scope manage",
    MANAGE: "the role admin or a key with the scope manage",
    ADMIN: "the role admin or a key with the scope admin",
    OWN: "the role owner",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What one caller may do in one organization. `who` names the caller in the audit trail."""

    organization: Organization
    permissions: frozenset[str]
    who: str
    company_id: UUID | None = None
    user: User | None = None
    key: ApiKey | None = None
    role: str = ""

    def allows(self, permission: str) -> bool:
        return permission in self.permissions

    def require(self, permission: str) -> None:
        """Raises PermissionDenied, naming what is missing."""
        if permission not in self.permissions:
            raise PermissionDenied(f"This needs {NEEDED[permission]}.")

    def scope(self) -> AbstractContextManager[None]:
        return scope.organization(self.organization.id, self.company_id)


def of_key(key: ApiKey) -> Access:
    permissions = frozenset[str]().union(*(SCOPE_PERMISSIONS[name] for name in key.scopes))
    return Access(
        organization=key.organization,
        permissions=permissions,
        who=f"key:fk_{key.prefix}",
        company_id=key.company_id,
        key=key,
    )


def of_member(membership: Membership) -> Access:
    return Access(
        organization=membership.organization,
        permissions=ROLE_PERMISSIONS[membership.role],
        who=f"user:{membership.user.email}",
        user=membership.user,
        role=membership.role,
    )


def memberships(user: User) -> list[Membership]:
    """The organizations a person belongs to, by name: the one query that looks across tenants for a person."""
    with scope.every_organization():
        rows = Membership.objects.filter(user=user).select_related("organization", "user")
        return list(rows.order_by("organization__name"))


def of_session(request: HttpRequest) -> Access | None:
    """The Access of a signed-in person: the organization chosen in the session, else the first of theirs."""
    if not isinstance(request.user, User):
        return None
    mine = memberships(request.user)
    chosen = request.session.get(SESSION_ORGANIZATION)
    for membership in mine:
        if str(membership.organization_id) == chosen:
            return of_member(membership)
    return of_member(mine[0]) if mine else None


def access_of(request: Any) -> Access:
    """The Access of this request, in a view that needs one. Raises PermissionDenied without an organization."""
    access: Access | None = getattr(request, "access", None)
    if access is None:
        raise PermissionDenied("You belong to no organization yet. Whoever runs this installation can add you to one.")
    return access


def get_or_404(queryset: models.QuerySet[M] | type[M], **lookup: Any) -> M:
    """The one object in the current scope that matches, or 404; an id that is no UUID is a 404 too."""
    rows = queryset if isinstance(queryset, models.QuerySet) else queryset._default_manager.all()
    try:
        return rows.get(**lookup)
    except (ObjectDoesNotExist, ValidationError, ValueError):
        raise Http404("There is no such object.") from None


class AccessMiddleware:
    """Gives a signed-in person's request its `access`, and runs the view inside that organization's scope.

    Requests with an API key get theirs from `portal.tenants.authentication`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        access = of_session(request) if request.user.is_authenticated else None
        request.access = access  # type: ignore[attr-defined]
        if access is None:
            return self.get_response(request)
        with access.scope(), audit.acting(access.who):
            return self.get_response(request)
