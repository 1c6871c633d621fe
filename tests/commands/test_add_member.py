"""How a further person gets in: what the command prints is enough to sign in with that role."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from portal.tenants import scope
from portal.tenants.models import Membership, User
from tests.conftest import Tenant


def add(organization: str, email: str, role: str, *options: str) -> str:
    out = StringIO()
    call_command("add_member", organization, email, "--role", role, *options, stdout=out)
    return out.getvalue()


def added(organization: str, email: str, role: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(add(organization, email, role, "--json"))
    return answer


def roles(tenant: Tenant) -> dict[str, str]:
    with scope.organization(tenant.organization.id):
        return {one.user.email: one.role for one in Membership.objects.select_related("user")}


def test_a_new_person_gets_an_account_and_a_role(tenant: Tenant) -> None:
    answer = added("Nordlys", "Ida@Example.com", "operator")
    assert answer["organization"] == str(tenant.organization.id)
    assert (answer["email"], answer["role"], answer["role_before"]) == ("ida@example.com", "operator", None)
    assert User.objects.get(email="ida@example.com").check_password(answer["password"])
    assert roles(tenant)["ida@example.com"] == "operator"


def test_somebody_of_another_organization_keeps_account_and_role_there(tenant: Tenant, stranger: Tenant) -> None:
    answer = added("Nordlys", "ADMIN@fremd.example", "viewer")
    assert answer["password"] is None
    assert roles(tenant)["admin@fremd.example"] == "viewer"
    assert roles(stranger)["admin@fremd.example"] == "admin"
    assert "as before" in add("Nordlys", "admin@fremd.example", "viewer")


def test_the_role_of_a_member_is_changed(tenant: Tenant) -> None:
    before = roles(tenant)
    text = add("Nordlys", "viewer@nordlys.example", "owner")
    assert "owner (was viewer)" in text
    assert roles(tenant) == before | {"viewer@nordlys.example": "owner"}


def test_the_audit_trail_names_the_command(tenant: Tenant) -> None:
    add("Nordlys", "ida@example.com", "viewer")
    with connection.cursor() as cursor:
        cursor.execute(
            "select c.metadata->>'who' from tenants_membershipchange m join pghistory_context c"
            " on c.id = m.pgh_context_id order by m.pgh_id desc limit 1"
        )
        assert cursor.fetchone() == ("command:add_member",)


@pytest.mark.parametrize(
    ("organization", "email", "role", "sentence"),
    [
        ("Nowhere", "new@example.com", "viewer", "no organization named 'Nowhere'"),
        ("Nordlys", "not-an-address", "viewer", "'not-an-address' is not an e-mail address"),
        ("Nordlys", "new@example.com", "king", "invalid choice: 'king'"),
        ("Nordlys", "owner@nordlys.example", "viewer", "is the only owner"),
    ],
)
def test_what_cannot_be_done_leaves_nothing(
    tenant: Tenant, organization: str, email: str, role: str, sentence: str
) -> None:
    before = roles(tenant)
    with pytest.raises(CommandError, match=sentence):
        add(organization, email, role)
    assert roles(tenant) == before
    assert not User.objects.filter(email=email, memberships=None).exists()
