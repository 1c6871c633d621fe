"""Tenancy fails closed: for every model that belongs to an organization, without a list that somebody must keep."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.apps import apps

from connectors.models import Connector, RetryPolicy, SigningSecret
from connectors.notice_models import Notice, NoticeChannel, NoticeMessage
from portal.fleet.models import Appliance, Contract, DataPoint, Gateway, PairingCode, Series, System
from portal.lib.uuid7 import uuid7
from portal.tenants import scope
from portal.tenants.models import ApiKey, Company, Membership
from portal.tenants.scope import NoOrganization, TenantManager, TenantModel
from tests.conftest import Tenant
from tests.world import make_connector, make_data_point, make_gateway, make_trigger
from triggers.models import Aggregate, OccurrenceRule, Subscription, Trigger

OURS = ("portal.", "connectors", "triggers")
MODELS = [model for model in apps.get_models() if model.__module__.startswith(OURS)]
SCOPED = [model for model in MODELS if isinstance(model._default_manager, TenantManager)]
TENANT_MODELS: list[Any] = [model for model in SCOPED if issubclass(model, TenantModel)]

UNSCOPED = {
    "tenants.User", "tenants.Organization",  # above tenants
    "tenants.ConfigVersion", "tenants.IdempotentAnswer", "events.ProducerKey",  # asked for by organization, by key
    "events.Reading",  # by series, which is scoped
    "connectors.DeliveryWorker", "connectors.Shard", "triggers.SchedulerTick",  # the product's own machinery
    "triggers.TriggerClock",  # by trigger, which is scoped
    "fleet.PresenceSweep",  # the product's own machinery
}  # fmt: skip
"""Models without a tenant's manager, each a decision. The audit trail's are beside them: only the staff read it."""

KEYED_BY_IT = {"triggers.AggregateRun"}
"""A row for each organization and day, scoped as the others are."""

SEEN_BY_A_COMPANY = {
    "tenants.Company", "tenants.ApiKey", "fleet.System", "fleet.Gateway", "fleet.Appliance", "fleet.DataPoint",
    "fleet.Series", "events.Event", "connectors.Connector", "connectors.SigningSecret", "connectors.WaitingDelivery",
    "connectors.Delivery", "triggers.Trigger", "triggers.Subscription", "fleet.Contract", "fleet.Presence",
    "triggers.Aggregate", "triggers.Alarm", "triggers.DailyAggregate",
}  # fmt: skip
UNSEEN_BY_A_COMPANY = {
    "tenants.Membership", "connectors.Attempt", "connectors.ConnectorHealth", "connectors.ConnectorHour",
    "connectors.InboxMessage", "connectors.Notice", "connectors.NoticeChannel", "connectors.NoticeMessage",
    "connectors.RetryPolicy", "fleet.PairingCode", "triggers.AggregateRun", "triggers.Fault", "triggers.OccurrenceRule",
}  # fmt: skip
"""Nothing of these for a key of one company, unless a view asks for them by what the key may see."""

DEFINITIONS = {DataPoint, Aggregate}
"""Seen by every company of the organization."""

by_label = pytest.mark.parametrize("model", SCOPED, ids=lambda model: model._meta.label)
by_tenant_label = pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model._meta.label)


def fill(tenant: Tenant, company: Any, tag: str) -> None:
    """One row of each tenant model that belongs to `company`, or to nobody when it is None."""
    with scope.organization(tenant.organization.id):
        gateway = make_gateway(f"GW-{tag}", company)
        point = make_data_point(f"point.{tag}")
        Series.objects.create(
            organization_id=tenant.organization.id,
            gateway_id=gateway.id,
            subject_id=gateway.id,
            data_point_id=point.id,
        )
        connector = make_connector("https://partner.example/", f"Connector {tag}", company=company)
        make_trigger(connector, "gateway/online")
        Subscription.objects.create(event_types=["gateway/online"], connector=connector, company=company)
        key = ApiKey(name=tag, scopes=["read"], company=company, expires_at="2030-01-01T00:00:00Z")
        key.set_secret()
        key.save()
        _fill_more(gateway, point, company, tag)


def _fill_more(gateway: Gateway, point: DataPoint, company: Any, tag: str) -> None:
    now = datetime.now(UTC)
    if company is not None:
        Contract.objects.create(
            gateway=gateway, company=company, state="active", initiator="partner", created_at=now, changed_at=now
        )
    PairingCode.objects.create(gateway=gateway, digest="d", expires_at=now)
    channel = NoticeChannel(kind="email", shown="a@b.example")
    channel.set_address("a@b.example")
    channel.save()
    notice = Notice.objects.create(kind="failing", about=tag, text=tag, first_at=now, last_at=now)
    NoticeMessage.objects.create(notice=notice, channel=channel)
    RetryPolicy.objects.create(name=tag, schedule=[60], success=[200], gone=[410], pause_after=86_400)
    OccurrenceRule.objects.create(code=tag, conditions={})
    Aggregate.objects.create(data_point=point, function="maximum", name=f"most.{tag}")


@pytest.fixture
def worlds(tenant: Tenant, stranger: Tenant) -> Tenant:
    with scope.organization(tenant.organization.id):
        other = Company.objects.create(name="Another partner")
    fill(tenant, tenant.company, "own")
    fill(tenant, other, "other")
    fill(tenant, None, "nobody")
    fill(stranger, stranger.company, "strange")
    return tenant


def test_every_model_is_a_tenants_or_a_decision() -> None:
    plain = {model._meta.label for model in MODELS if model not in SCOPED}
    trail = {f"{model._meta.app_label}.{model.__name__}Change" for model in MODELS if hasattr(model, "pgh_event_model")}
    assert plain - {label for label in plain if label.endswith("Change")} == UNSCOPED
    assert trail <= plain
    owned = {model._meta.label for model in MODELS if any(f.name == "organization" for f in model._meta.fields)}
    assert (
        owned - {label for label in owned if label.endswith("Change")}
        == {m._meta.label for m in TENANT_MODELS} | KEYED_BY_IT
    )


def test_every_tenant_model_says_what_a_company_sees() -> None:
    assert {model._meta.label for model in SCOPED} == SEEN_BY_A_COMPANY | UNSEEN_BY_A_COMPANY
    assert {model._meta.label for model in SCOPED if "narrow" in vars(model)} == SEEN_BY_A_COMPANY


@by_label
@pytest.mark.parametrize(
    "act",
    [
        lambda objects: objects.all(),
        lambda objects: objects.count(),
        lambda objects: objects.filter(pk=None).update(organization_id=uuid7()),
        lambda objects: objects.filter(pk=None).delete(),
        lambda objects: objects.create(),
        lambda objects: objects.bulk_create([objects.model()]),
        lambda objects: objects.bulk_update([objects.model()], ["organization_id"]),
        lambda objects: objects.get_or_create(),
        lambda objects: objects.none(),
    ],
)
def test_nothing_is_done_without_an_organization(model: Any, act: Callable[[Any], object]) -> None:
    with pytest.raises(NoOrganization):
        act(model.objects)


@by_tenant_label
def test_no_row_is_saved_or_deleted_without_an_organization(model: Any, worlds: Tenant) -> None:
    with scope.organization(worlds.organization.id):
        row = model.objects.first()
    for act in (row.save, row.delete, model().save):
        with pytest.raises(NoOrganization):
            act()
    assert model._base_manager.filter(pk=row.pk).exists()


def test_related_rows_need_an_organization_too(worlds: Tenant) -> None:
    with scope.organization(worlds.organization.id):
        gateway = Gateway.objects.get(serial_number="GW-own")
    person = worlds.people["owner"]
    for rows in (gateway.appliances, worlds.company.gateways, person.memberships):
        with pytest.raises(NoOrganization):
            rows.all()
    with pytest.raises(NoOrganization):
        gateway.appliances.create(serial_number="NEW")


@by_label
def test_another_organizations_rows_are_not_there(model: Any, worlds: Tenant) -> None:
    organization_id = worlds.organization.id
    with scope.organization(organization_id):
        assert set(model.objects.values_list("organization_id", flat=True)) <= {organization_id}
    with scope.organization(uuid7()):
        assert not model.objects.exists()


@by_tenant_label
def test_another_organizations_rows_cannot_be_touched(model: Any, worlds: Tenant, stranger: Tenant) -> None:
    with scope.organization(stranger.organization.id):
        theirs = model.objects.first()
    before = model._base_manager.filter(pk=theirs.pk).values().get()
    with scope.organization(worlds.organization.id):
        assert model.objects.filter(pk=theirs.pk).update(id=theirs.pk) == 0
        assert model.objects.filter(pk=theirs.pk).delete()[0] == 0
        assert model.objects.bulk_update([theirs], [model._meta.concrete_fields[-1].name]) == 0
        for act in (theirs.save, theirs.delete, lambda: model.objects.bulk_create([theirs])):
            with pytest.raises(NoOrganization):
                act()
        mine = model.objects.first()
        with pytest.raises(NoOrganization):
            model.objects.filter(pk=mine.pk).update(organization=stranger.organization)
    assert model._base_manager.filter(pk=theirs.pk).values().get() == before


def test_related_managers_stay_inside(worlds: Tenant, stranger: Tenant) -> None:
    with scope.organization(worlds.organization.id):
        assert not stranger.company.gateways.exists()
        assert not stranger.people["owner"].memberships.exists()
        assert worlds.company.gateways.count() == 1


def test_bulk_rows_are_given_the_organization(in_tenant: Tenant) -> None:
    System.objects.bulk_create(System(name=name) for name in ("one", "two"))
    assert System.objects.filter(organization=in_tenant.organization).count() == 2


@by_label
def test_a_companys_key_sees_its_own(model: Any, worlds: Tenant) -> None:
    with scope.organization(worlds.organization.id, worlds.company.id):
        seen = set(model.objects.values_list("pk", flat=True))
    with scope.organization(worlds.organization.id, uuid7()):
        strange = set(model.objects.values_list("pk", flat=True))
    if model in DEFINITIONS:  # definitions are the whole organization's
        assert seen == strange
        return
    assert not strange
    if model._meta.label in UNSEEN_BY_A_COMPANY:
        assert not seen


def test_what_a_company_sees_is_exactly_its_own(worlds: Tenant) -> None:
    with scope.organization(worlds.organization.id, worlds.company.id):
        assert [row.id for row in Company.objects.all()] == [worlds.company.id]
        assert [row.name for row in ApiKey.objects.all()] == ["own"]
        assert [row.name for row in System.objects.all()] == ["Site of GW-own"]
        assert [row.serial_number for row in Gateway.objects.all()] == ["GW-own"]
        assert [row.serial_number for row in Appliance.objects.all()] == ["GW-own-INV"]
        assert [row.gateway_id for row in Series.objects.all()] == [Gateway.objects.get().id]
        assert [row.name for row in Connector.objects.all()] == ["Connector own"]
        assert [row.connector.name for row in SigningSecret.objects.all()] == ["Connector own"]
        assert [row.connector.name for row in Trigger.objects.all()] == ["Connector own"]
        assert [row.company_id for row in Subscription.objects.all()] == [worlds.company.id]
        assert DataPoint.objects.count() == 3
        assert not Membership.objects.exists()


def test_a_company_of_another_organization_sees_nothing_here(worlds: Tenant, stranger: Tenant) -> None:
    with scope.organization(worlds.organization.id, stranger.company.id):
        assert [model for model in SCOPED if model not in DEFINITIONS and model.objects.exists()] == []


def test_every_organization_is_seen_only_on_demand(worlds: Tenant, stranger: Tenant) -> None:
    with scope.every_organization():
        assert set(Company.objects.values_list("organization_id", flat=True)) == {
            worlds.organization.id,
            stranger.organization.id,
        }
        with scope.organization(worlds.organization.id):
            assert set(Company.objects.values_list("organization_id", flat=True)) == {worlds.organization.id}


def test_scopes_nest_and_end_also_by_an_exception() -> None:
    one, two = uuid7(), uuid7()
    with scope.organization(one):
        with pytest.raises(ZeroDivisionError), scope.organization(two, uuid7()):
            1 / 0  # noqa: B018 - raises
        assert scope.current() == scope.Scope(one)
    with pytest.raises(NoOrganization):
        scope.current()


def test_a_thread_inherits_no_scope_and_leaves_none() -> None:
    found: list[object] = []

    def look() -> None:
        try:
            found.append(scope.current())
        except NoOrganization as error:
            found.append(error)

    with scope.organization(uuid7()):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert [type(one) for one in found] == [NoOrganization]


def test_a_queryset_keeps_the_scope_it_was_made_in(worlds: Tenant, stranger: Tenant) -> None:
    with scope.organization(worlds.organization.id):
        late = Company.objects.all()
    with scope.organization(stranger.organization.id):
        assert {row.organization_id for row in late} == {worlds.organization.id}
