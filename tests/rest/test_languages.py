"""The languages of an organization and of its companies, and the salt that nobody ever sees."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, transaction

from portal.tenants import scope
from portal.tenants.models import Company, Organization
from tests.rest.world import World, errors, patch, post

ORGANIZATION = "/api/v1/organization/"
COMPANIES = "/api/v1/companies/"


def test_a_new_organization_speaks_english_and_its_companies_follow_it(world: World) -> None:
    assert world.reader.get(ORGANIZATION).json()["languages"] == ["en"]
    assert post(world.manager, COMPANIES, {"name": "Fjord"})["languages"] == []


def test_languages_are_kept_in_their_order(world: World) -> None:
    assert patch(world.manager, ORGANIZATION, {"languages": ["nl", "pt-BR", "en"]})["languages"] == [
        "nl",
        "pt-BR",
        "en",
    ]
    assert world.reader.get(ORGANIZATION).json()["languages"] == ["nl", "pt-BR", "en"]
    created = post(world.manager, COMPANIES, {"name": "Fjord", "languages": ["nb", "en"]})
    assert patch(world.manager, f"{COMPANIES}{created['id']}/", {"languages": ["da"]})["languages"] == ["da"]


@pytest.mark.parametrize(
    ("languages", "reason"),
    [
        ([], "not be empty"),
        (["english"], "such as|Write a language|35"),
        (["en", "EN"], "Write a language"),
        (["de-AT", "de-at"], "once"),
        (["en_US"], "Write a language"),
        (["e\nn"], "Write a language"),
        ([f"{a}{b}" for a in "abc" for b in "abcd"], "no more than 10"),
        ("en", "list"),
    ],
)
def test_what_is_no_list_of_languages_is_refused(world: World, languages: object, reason: str) -> None:
    answer = world.manager.patch(ORGANIZATION, {"languages": languages}, format="json")
    assert answer.status_code == 400, answer.content
    assert all(pointer.startswith("/languages") for pointer in errors(answer))
    world.ours.organization.refresh_from_db()
    assert world.ours.organization.languages == ["en"]


@pytest.mark.parametrize("caller", ["teammate", "reader", "ingester", "partner", "anonymous"])
def test_who_may_not_manage_the_organization_changes_nothing(world: World, caller: str) -> None:
    answer = getattr(world, caller).patch(ORGANIZATION, {"languages": ["nl"]}, format="json")
    assert answer.status_code in {401, 403}
    world.ours.organization.refresh_from_db()
    assert world.ours.organization.languages == ["en"]


def test_a_stranger_changes_their_own(world: World) -> None:
    patch(world.stranger, ORGANIZATION, {"languages": ["nl"]})
    assert world.reader.get(ORGANIZATION).json()["languages"] == ["en"]


def test_name_plan_and_salt_are_not_the_tenants_to_change(world: World) -> None:
    before = Organization.objects.values().get(id=world.ours.organization.id)
    world.admin.patch(ORGANIZATION, {"name": "Taken over", "plan": "basic"}, format="json")
    refused = world.admin.patch(ORGANIZATION, {"hash_salt": "known"}, format="json")
    assert "/hash_salt" in errors(refused)
    assert Organization.objects.values().get(id=world.ours.organization.id) == before


def test_each_organization_has_a_salt_of_its_own_that_stays(world: World) -> None:
    ours, theirs = world.ours.organization, world.theirs.organization
    assert len(ours.hash_salt) >= 32
    assert ours.hash_salt != theirs.hash_salt
    with pytest.raises(DatabaseError, match="update"), transaction.atomic():
        Organization.objects.filter(id=ours.id).update(hash_salt="another")


def test_the_salt_is_shown_nowhere_and_not_in_the_trail(world: World) -> None:
    salt = world.ours.organization.hash_salt
    assert salt not in world.admin.get(ORGANIZATION).content.decode()
    trail: Any = apps.get_model("tenants", "OrganizationChange")
    assert "hash_salt" not in {field.name for field in trail._meta.get_fields()}


def test_a_companys_languages_come_first(world: World) -> None:
    organization, company = world.ours.organization, world.ours.company
    organization.languages = ["nl", "en"]
    assert organization.languages_for(None) == ("nl", "en")
    assert organization.languages_for(company) == ("nl", "en")
    with scope.organization(organization.id):
        Company.objects.filter(id=company.id).update(languages=["de"])
        company.refresh_from_db()
    assert organization.languages_for(company) == ("de",)
