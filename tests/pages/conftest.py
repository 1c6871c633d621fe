from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from portal.tenants import scope
from tests.conftest import Tenant
from tests.pages.seed import Portal, fill

AsWhom = Callable[[str], Client]


@pytest.fixture
def signed_in(tenant: Tenant) -> AsWhom:
    """A browser signed in as the tenant's person of that role."""

    def as_role(role: str) -> Client:
        client = Client()
        client.force_login(tenant.people[role], backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    return as_role


@pytest.fixture
def owner(signed_in: AsWhom) -> Client:
    return signed_in("owner")


@pytest.fixture
def portal(tenant: Tenant) -> Portal:
    """The tenant with something on every page."""
    with scope.organization(tenant.organization.id):
        return fill(tenant.organization)
