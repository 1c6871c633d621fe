"""Organizations that were there before the salt: the migration gives each its own."""

from __future__ import annotations

from importlib import import_module

import pgtrigger
from django.apps import apps

from portal.tenants.models import Organization
from tests.conftest import Tenant


def test_the_migration_gives_each_organization_its_own_salt(tenant: Tenant, stranger: Tenant) -> None:
    migration = import_module("portal.tenants.migrations.0002_languages_and_salt")
    with pgtrigger.ignore("tenants.Organization:keep_hash_salt"):  # in the migration, it comes after
        Organization.objects.update(hash_salt="the same for all")
        migration.give_each_its_own_salt(apps, None)
    salts = set(Organization.objects.values_list("hash_salt", flat=True))
    assert len(salts) == 2
    assert "the same for all" not in salts
