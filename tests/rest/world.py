"""The world of the REST tests: Ida's organization with two companies, and a stranger's.

Callers are API clients by who they are: `owner` and `teammate` (a viewer) signed in with a browser session, `admin`,
`manager`, `reader` and `ingester` by keys of the organization, `partner` by a key of one company, `stranger` by a key
of another organization with all scopes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from rest_framework.test import APIClient

from portal.lib import clock
from portal.tenants import scope
from portal.tenants.models import ApiKey, Company, Membership, Organization, Role, User

ALL_SCOPES = ["ingest", "read", "manage", "admin"]


@dataclass
class Tenant:
    """One organization with the rows that a test made in it."""

    organization: Organization
    company: Company
    other_company: Company
    rows: dict[str, Any] = field(default_factory=dict)


@dataclass
class World:
    ours: Tenant
    theirs: Tenant
    owner: APIClient
    teammate: APIClient
    admin: APIClient
    manager: APIClient
    reader: APIClient
    ingester: APIClient
    partner: APIClient
    stranger: APIClient
    anonymous: APIClient


def make_tenant(name: str) -> Tenant:
    organization = Organization.objects.create(name=name)
    with scope.organization(organization.id):
        company = Company.objects.create(name="Solar North", external_id="north", data_points_enabled=True)
        other = Company.objects.create(name="Heat South")
    return Tenant(organization=organization, company=company, other_company=other)


def make_key(tenant: Tenant, scopes: list[str], company: Company | None = None, **fields: Any) -> str:
    with scope.organization(tenant.organization.id):
        key = ApiKey(name="a key", scopes=scopes, company=company, expires_at=clock.now() + timedelta(days=30))
        for name, value in fields.items():
            setattr(key, name, value)
        secret = key.set_secret()
        key.save()
    return secret


def by_key(tenant: Tenant, scopes: list[str], company: Company | None = None) -> APIClient:
    return client_of(make_key(tenant, scopes, company))


def client_of(secret: str) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


def by_session(tenant: Tenant, email: str, role: Role) -> APIClient:
    user = User.objects.create_user(email, "a long enough passphrase")
    with scope.organization(tenant.organization.id):
        Membership.objects.create(user=user, role=role)
    client = APIClient(raise_request_exception=False)
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def post(client: APIClient, path: str, body: object, status: int = 201) -> Any:
    """The JSON of the answer, which must have this status."""
    answer = client.post(path, body, format="json")
    assert answer.status_code == status, answer.content
    return answer.json()


def patch(client: APIClient, path: str, body: object, status: int = 200) -> Any:
    answer = client.patch(path, body, format="json")
    assert answer.status_code == status, answer.content
    return answer.json()


def errors(answer: Any) -> dict[str, str]:
    """The bad fields of a problem answer: pointer → reason."""
    assert answer["Content-Type"] == "application/problem+json"
    return {error["pointer"]: error["detail"] for error in answer.json()["errors"]}
