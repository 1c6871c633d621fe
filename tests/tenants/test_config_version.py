"""The configuration's version: what every process compares before it relies on what it remembers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from connectors.models import Connector, RetryPolicy, SigningSecret
from portal.fleet.models import Appliance, DataPoint, Gateway, System
from portal.tenants import scope
from portal.tenants.models import ApiKey, Company, ConfigVersion, Membership, Organization
from tests.conftest import Tenant
from tests.world import make_connector, make_data_point, make_gateway, make_trigger
from triggers.models import Subscription, Trigger


def version(tenant: Tenant) -> int:
    found = ConfigVersion.objects.filter(organization_id=tenant.organization.id).first()
    return found.version if found else 0


def make(tenant: Tenant) -> None:
    make_gateway(company=tenant.company)
    make_data_point()
    connector = make_connector("https://partner.example/", company=tenant.company)
    make_trigger(connector, "gateway/online")
    Subscription.objects.create(event_types=["gateway/online"], connector=connector)
    make_policy("Ours")


def make_policy(name: str) -> RetryPolicy:
    return RetryPolicy.objects.create(name=name, schedule=[60], success=[200], gone=[], pause_after=86_400)


@pytest.fixture
def both(tenant: Tenant, stranger: Tenant) -> Tenant:
    """Both organizations configured alike, and in the scope of the first."""
    for one in (stranger, tenant):
        with scope.organization(one.organization.id):
            make(one)
    return tenant


INSERTS: dict[type[Any], Callable[[], object]] = {
    Company: lambda: Company.objects.create(name="New"),
    DataPoint: lambda: DataPoint.objects.create(name="new"),
    Connector: lambda: Connector.objects.create(name="New", url="https://a.example/", profile="standard"),
    SigningSecret: lambda: SigningSecret.objects.create(connector=Connector.objects.get(), sealed="x"),
    RetryPolicy: lambda: make_policy("New"),
    Trigger: lambda: make_trigger(Connector.objects.get(), "gateway/offline"),
    Subscription: lambda: Subscription.objects.create(
        event_types=[], connector=Connector.objects.create(name="New", url="https://a.example/", profile="standard")
    ),
}
SAME: dict[type[Any], str] = {
    Organization: "name", Company: "name", DataPoint: "threshold", Connector: "url", SigningSecret: "expires_at",
    RetryPolicy: "timeout", Trigger: "enabled", Subscription: "active",
}  # fmt: skip
"""Each configuration model, with a column to write."""

by_model = pytest.mark.parametrize("model", SAME, ids=lambda model: model.__name__)


def rows(model: type[Any], tenant: Tenant) -> Any:
    return model.objects.filter(id=tenant.organization.id) if model is Organization else model.objects.all()


@pytest.mark.parametrize("model", INSERTS, ids=lambda model: model.__name__)
def test_a_new_row(model: type[Any], both: Tenant, stranger: Tenant) -> None:
    before, theirs = version(both), version(stranger)
    with scope.organization(both.organization.id):
        INSERTS[model]()
    assert version(both) > before
    assert version(stranger) == theirs


@by_model
def test_a_changed_row(model: type[Any], both: Tenant, stranger: Tenant) -> None:
    before, theirs = version(both), version(stranger)
    with scope.organization(both.organization.id):
        rows(model, both).first().save()
        assert version(both) == before + 1
        count = rows(model, both).update(**{SAME[model]: rows(model, both).values_list(SAME[model], flat=True)[0]})
        assert version(both) == before + 1 + count
    assert version(stranger) == theirs


@by_model
def test_a_row_changed_by_sql(model: type[Any], both: Tenant, stranger: Tenant) -> None:
    before, theirs = version(both), version(stranger)
    owner = "id" if model is Organization else "organization_id"
    with connection.cursor() as cursor:
        cursor.execute(
            f"update {model._meta.db_table} set {SAME[model]} = {SAME[model]} where {owner} = %s",
            [both.organization.id],
        )
        changed = cursor.rowcount
    assert changed >= 1
    assert version(both) == before + changed
    assert version(stranger) == theirs


@by_model
def test_a_deleted_row(model: type[Any], both: Tenant, stranger: Tenant) -> None:
    before, theirs = version(both), version(stranger)
    with scope.organization(both.organization.id):
        rows(model, both).delete()
    assert version(both) > before
    assert version(stranger) == theirs


def test_devices_keys_and_people_are_no_configuration(both: Tenant) -> None:
    before = version(both)
    with scope.organization(both.organization.id):
        for model in (System, Gateway, Appliance, ApiKey, Membership):
            row = model.objects.first()
            row.save()
            assert model.objects.update(created_at=row.created_at) > 0
        make_gateway("GW-2")
        Gateway.objects.all().delete()
        Membership.objects.all().delete()
        ApiKey.objects.all().delete()
    assert version(both) == before


def test_it_is_raised_with_the_change_or_not_at_all(both: Tenant) -> None:
    before = version(both)
    with transaction.atomic():
        with scope.organization(both.organization.id):
            Company.objects.create(name="Undone")
        transaction.set_rollback(True)
    assert version(both) == before


def test_a_new_organization_has_one(db: None) -> None:
    organization = Organization.objects.create(name="New")
    assert ConfigVersion.objects.get(organization_id=organization.id).version == 1
