"""How a tenant begins: what the command prints is enough to sign in and to use the API."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from portal.lib import clock
from portal.tenants import scope
from portal.tenants.models import ApiKey, KeyScope, Membership, Organization, Role, User

pytestmark = pytest.mark.django_db


def create(name: str, owner: str, *options: str) -> str:
    out = StringIO()
    call_command("create_organization", name, "--owner", owner, *options, stdout=out)
    return out.getvalue()


def created(name: str, owner: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(create(name, owner, "--json"))
    return answer


def test_it_prints_a_tenant_ready_for_use() -> None:
    answer = created("Nordlys", "Ida@Example.com")
    assert set(answer) == {"organization", "api_key", "owner", "password"}
    _, prefix, secret = answer["api_key"].split("_", 2)
    with scope.organization(UUID(answer["organization"])):
        key = ApiKey.objects.get(prefix=prefix)
    assert key.matches(secret)
    assert key.is_live(clock.now())
    assert set(key.scopes) == set(KeyScope.values)
    owner = User.objects.get(email=answer["owner"])
    assert owner.email == "ida@example.com"
    assert owner.check_password(answer["password"])
    with scope.organization(UUID(answer["organization"])):
        assert Membership.objects.get(user=owner).role == Role.OWNER


def test_a_person_with_an_account_keeps_the_password() -> None:
    first = created("Nordlys", "ida@example.com")
    second = created("Sydlys", "IDA@example.com")
    assert second["password"] is None
    assert second["owner"] == first["owner"]
    assert User.objects.get(email="ida@example.com").check_password(first["password"])
    assert "as before" in create("Vestlys", "ida@example.com")


@pytest.mark.parametrize(
    ("name", "owner", "sentence"),
    [
        ("Nordlys", "new@example.com", "'Nordlys' exists already"),
        ("  ", "new@example.com", "cannot be blank"),
        ("x" * 201, "new@example.com", "at most 200 characters"),
        ("Other", "not-an-address", "'not-an-address' is not an e-mail address"),
    ],
)
def test_what_cannot_be_made_leaves_nothing(name: str, owner: str, sentence: str) -> None:
    created("Nordlys", "ida@example.com")
    with pytest.raises(CommandError, match=sentence):
        create(name, owner)
    assert Organization.objects.count() == 1
    assert User.objects.count() == 1
    with scope.every_organization():
        assert ApiKey.objects.count() == 1


def test_the_block_for_people_names_everything_once() -> None:
    text = create("Nordlys", "ida@example.com")
    assert text.count("fk_") == 1
    assert "ida@example.com" in text
    assert "is shown again" in text
