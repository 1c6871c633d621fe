"""The audit trail: each model of the configuration, each way of writing, who it was, and what is never in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.test import Client

from connectors.models import Connector, RetryPolicy, SigningSecret
from connectors.notice_models import NoticeChannel
from portal.fleet.models import Appliance, Contract, DataPoint, Gateway, System
from portal.lib.database import batch_cursor
from portal.tenants import audit, scope
from portal.tenants.models import ApiKey, Company, Membership, Organization, Role
from tests.conftest import Tenant
from tests.world import make_connector, make_data_point, make_gateway, make_trigger
from triggers.models import Aggregate, OccurrenceRule, Subscription, Trigger

CHANGED: dict[type[Any], tuple[str, Any]] = {
    Organization: ("plan", "basic"),
    Company: ("data_points_enabled", False),
    Membership: ("role", "viewer"),
    ApiKey: ("revoked_at", datetime(2026, 11, 21, tzinfo=UTC)),
    System: ("name", "Moved"),
    Gateway: ("access_granted", False),
    Appliance: ("name", "Renamed"),
    Contract: ("state", "closed"),
    DataPoint: ("threshold", 25.0),
    Connector: ("url", "https://other.example/"),
    RetryPolicy: ("name", "Day"),
    NoticeChannel: ("shown", "c@d.example"),
    SigningSecret: ("expires_at", datetime(2026, 11, 21, tzinfo=UTC)),
    Trigger: ("enabled", False),
    Subscription: ("active", True),
    OccurrenceRule: ("severity", "error"),
    Aggregate: ("enabled", False),
}
"""Every audited model, with a column and a value other than the one that `world` gives it."""

SECRET_WORDS = re.compile(r"secret|digest|sealed|credential|token|password|answer|hash|private")

by_model = pytest.mark.parametrize("model", CHANGED, ids=lambda model: model.__name__)


def changes(model: type[Any]) -> Any:
    """The audit trail of a model, the oldest first."""
    name = f"{model.__name__}Change"
    return apps.get_model(model._meta.app_label, name)._default_manager.order_by("pgh_id")


def who(change: Any) -> str | None:
    return change.pgh_context.metadata["who"] if change.pgh_context else None


@pytest.fixture
def world(in_tenant: Tenant) -> Tenant:
    gateway = make_gateway(company=in_tenant.company)
    now = datetime.now(UTC)
    Contract.objects.create(
        gateway=gateway, company=in_tenant.company, state="active", initiator="partner", created_at=now, changed_at=now
    )
    point = make_data_point()
    Aggregate.objects.create(data_point=point, function="maximum", name="most")
    OccurrenceRule.objects.create(code="F71A", conditions={})
    channel = NoticeChannel(kind="email", shown="a@b.example")
    channel.set_address("a@b.example")
    channel.save()
    connector = make_connector("https://partner.example/", company=in_tenant.company)
    connector.set_credentials({"password": "hunter2"})
    connector.save()
    make_trigger(connector, "gateway/online", gateways=[gateway.id])
    Subscription.objects.create(event_types=["gateway/online"], connector=connector, company=in_tenant.company)
    RetryPolicy.objects.create(name="Night", schedule=[60], success=[200], gone=[410], pause_after=86_400)
    return in_tenant


def one(model: type[Any], tenant: Tenant) -> Any:
    if model is Organization:
        return tenant.organization
    return model.objects.exclude(role=Role.VIEWER).first() if model is Membership else model.objects.first()


def by_save(row: Any, field: str, value: Any) -> None:
    setattr(row, field, value)
    row.save()


def by_bulk(row: Any, field: str, value: Any) -> None:
    assert type(row).objects.filter(pk=row.pk).update(**{field: value}) == 1


def by_sql(row: Any, field: str, value: Any) -> None:
    with batch_cursor() as cursor:
        cursor.execute(f"update {row._meta.db_table} set {field} = %s where id = %s", [value, row.pk])


def test_every_audited_model_is_tried_here() -> None:
    tracked = {
        model for model in apps.get_models()
        if any(other.__name__ == f"{model.__name__}Change" for other in apps.get_models())
    }  # fmt: skip
    assert tracked == set(CHANGED)


def test_every_configuration_model_is_audited() -> None:
    bumping = {
        model for model in apps.get_models()
        if any(trigger.name == "bump_config" for trigger in model._meta.original_attrs.get("triggers", []))
    }  # fmt: skip
    assert bumping
    assert bumping <= set(CHANGED)


@by_model
@pytest.mark.parametrize("write", [by_save, by_bulk, by_sql])
def test_a_change_is_kept_with_before_and_after(
    model: type[Any], write: Callable[[Any, str, Any], None], world: Tenant
) -> None:
    row, (field, value) = one(model, world), CHANGED[model]
    before = getattr(row, field)
    assert before != value
    earlier = changes(model).count()
    start = datetime.now(UTC) - timedelta(seconds=5)
    with audit.acting("user:ida@example.com"):
        write(row, field, value)
    trail = list(changes(model).filter(pgh_obj_id=row.pk))
    assert changes(model).count() == earlier + 1
    assert [change.pgh_label for change in trail[-2:]] in (["insert", "update"], ["update", "update"])
    assert [getattr(change, field) for change in trail[-2:]] == [before, value]
    assert start < trail[-1].pgh_created_at < datetime.now(UTC) + timedelta(seconds=5)
    assert who(trail[-1]) == (None if write is by_sql else "user:ida@example.com")


@by_model
def test_what_was_deleted_is_kept_as_it_was(model: type[Any], world: Tenant) -> None:
    row = one(model, world)
    row.refresh_from_db()
    field, _ = CHANGED[model]
    kept, before = row.pk, getattr(row, field)
    with audit.acting("user:ida@example.com"):
        row.delete()
    last = changes(model).filter(pgh_obj_id=kept).last()
    assert (last.pgh_label, getattr(last, field), who(last)) == ("delete", before, "user:ida@example.com")


def test_many_rows_at_once_are_many_changes(world: Tenant) -> None:
    for serial in ("GW-2", "GW-3"):
        make_gateway(serial)
    Gateway.objects.update(access_granted=True)
    assert changes(Gateway).filter(pgh_label="update").count() == 2  # GW-1 had it before: nothing changed
    Gateway.objects.all().delete()
    assert changes(Gateway).filter(pgh_label="delete").count() == 3
    assert changes(Appliance).filter(pgh_label="delete").count() == 3


def test_using_a_key_is_no_change(world: Tenant) -> None:
    before = changes(ApiKey).count()
    assert Client().get("/api/v1/gateways/", headers={"X-API-Key": world.keys["read"]}).status_code == 200
    assert ApiKey.objects.get(name="read").last_used_at is not None
    assert changes(ApiKey).count() == before


def test_a_new_password_leaves_a_trace_without_the_password(world: Tenant) -> None:
    connector = Connector.objects.get()
    before = changes(Connector).count()
    connector.set_credentials({"password": "hunter3"})
    connector.save()
    assert changes(Connector).count() == before + 1


@by_model
def test_no_column_of_the_trail_could_hold_a_secret(model: type[Any]) -> None:
    columns = [field.name for field in changes(model).model._meta.concrete_fields]
    assert [column for column in columns if SECRET_WORDS.search(column)] == []


def test_no_row_of_the_trail_holds_a_secret(world: Tenant) -> None:
    connector, signing = Connector.objects.get(), SigningSecret.objects.get()
    with scope.every_organization():
        digests = list(ApiKey.objects.values_list("digest", flat=True))
    secrets = [
        *("hunter2", signing.get_secret(), connector.credentials, signing.sealed, world.organization.inbox_token),
        *(key.split("_", 2)[2] for key in world.keys.values()),
        *digests,
    ]
    text = ""
    with connection.cursor() as cursor:
        for model in CHANGED:
            cursor.execute(f"select row_to_json(c)::text from {changes(model).model._meta.db_table} c")
            text += str(cursor.fetchall())
        cursor.execute("select row_to_json(c)::text from pghistory_context c")
        text += str(cursor.fetchall())
    assert str(world.organization.id) in text
    assert [secret for secret in secrets if secret in text] == []


NEW = {"name": "New"}


def created_by() -> str | None:
    return who(changes(Company).filter(pgh_label="insert").last())


def test_a_key_is_named_by_what_is_not_secret_of_it(tenant: Tenant) -> None:
    key = tenant.keys["manage"]
    made = Client().post("/api/v1/companies/", NEW, content_type="application/json", headers={"X-API-Key": key})
    assert made.status_code == 201
    assert created_by() == "key:" + "_".join(key.split("_")[:2])


def test_a_person_is_named_by_their_address(tenant: Tenant) -> None:
    client = Client()
    client.force_login(tenant.people["admin"], backend="allauth.account.auth_backends.AuthenticationBackend")
    assert client.post("/api/v1/companies/", NEW, content_type="application/json").status_code == 201
    assert created_by() == "user:admin@nordlys.example"


def test_a_key_beside_a_session_is_who_did_it(tenant: Tenant) -> None:
    client, key = Client(), tenant.keys["manage"]
    client.force_login(tenant.people["admin"], backend="allauth.account.auth_backends.AuthenticationBackend")
    client.post("/api/v1/companies/", NEW, content_type="application/json", headers={"X-API-Key": key})
    assert created_by() == "key:" + "_".join(key.split("_")[:2])


@pytest.mark.django_db(transaction=True)
def test_nobody_is_named_for_another_after_a_view_that_raised(tenant: Tenant) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(tenant.people["admin"], backend="allauth.account.auth_backends.AuthenticationBackend")
    client.post("/api/v1/companies/", {"name": "x" * 500}, content_type="application/json")
    with scope.organization(tenant.organization.id):
        Company.objects.create(name="By nobody")
    assert created_by() is None


@pytest.mark.django_db(transaction=True)
def test_one_block_after_another_and_one_inside_another(in_tenant: Tenant) -> None:
    with audit.acting("user:first"):
        Company.objects.create(name="1")
    with audit.acting("user:outer"), audit.acting("key:inner"):
        Company.objects.create(name="2")
    Company.objects.create(name="3")
    named = {change.name: who(change) for change in changes(Company) if change.name in "123"}
    assert named == {"1": "user:first", "2": "key:inner", "3": None}


def test_what_is_rolled_back_leaves_no_trace(in_tenant: Tenant) -> None:
    with transaction.atomic():
        Company.objects.create(name="Undone")
        transaction.set_rollback(True)
    assert not changes(Company).filter(name="Undone").exists()
