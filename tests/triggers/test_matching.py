"""Who wants an event, and that what is held in memory is never another configuration than the database's."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from connectors.models import Connector
from portal.lib.database import batch_cursor
from portal.lib.uuid7 import uuid7s
from portal.tenants.models import Company
from tests.conftest import Tenant
from tests.world import make_connector, make_data_point, make_trigger
from triggers import matching
from triggers.matching import Configuration, Routes, configuration
from triggers.models import Subscription, Trigger

URL = "https://partner.example/hook"

A, B, C, GATEWAY, COMPANY = uuid7s(5)
ROUTES: list[tuple[Routes, UUID | None, UUID | None, list[UUID]]] = [
    ({None: {None: (A,)}}, GATEWAY, COMPANY, [A]),
    ({None: {None: (A,)}}, None, None, [A]),
    ({GATEWAY: {None: (A,)}}, GATEWAY, None, [A]),
    ({GATEWAY: {None: (A,)}}, GATEWAY, COMPANY, [A]),
    ({B: {None: (A,)}}, GATEWAY, None, []),
    ({B: {None: (A,)}}, None, None, []),
    ({None: {COMPANY: (A,)}}, GATEWAY, COMPANY, [A]),
    ({None: {COMPANY: (A,)}}, GATEWAY, B, []),
    ({None: {COMPANY: (A,)}}, GATEWAY, None, []),
    ({GATEWAY: {COMPANY: (A,)}}, GATEWAY, COMPANY, [A]),
    ({GATEWAY: {COMPANY: (A,)}}, B, COMPANY, []),
    ({None: {None: (A,), COMPANY: (B, A)}, GATEWAY: {None: (A, C)}}, GATEWAY, COMPANY, [A, B, C]),
    ({None: {None: (A,), COMPANY: (B, A)}, GATEWAY: {None: (A, C)}}, None, COMPANY, [A, B]),
]


@pytest.mark.parametrize(("routes", "gateway_id", "company_id", "wanted"), ROUTES)
@pytest.mark.line(142)
def test_a_route_is_for_its_gateways_and_its_company(
    routes: Routes, gateway_id: UUID | None, company_id: UUID | None, wanted: list[UUID]
) -> None:
    config = Configuration(version=1, sends=True, points={}, opted_in=frozenset(), routes={"gateway/online": routes})
    assert list(config.connectors_for("gateway/online", gateway_id, company_id)) == wanted
    assert list(config.connectors_for("gateway/offline", gateway_id, company_id)) == []


@pytest.fixture(autouse=True)
def nothing_held(monkeypatch: pytest.MonkeyPatch) -> None:
    matching._held.clear()


def now_for(tenant: Tenant) -> Configuration:
    with transaction.atomic(), batch_cursor() as cursor:
        return configuration(cursor, tenant.organization.id)


@pytest.mark.django_db(transaction=True)
def test_it_is_compiled_once_and_again_after_any_change(in_tenant: Tenant) -> None:
    trigger = make_trigger(make_connector(URL), "gateway/online")
    first = now_for(in_tenant)
    assert now_for(in_tenant) is first
    assert list(first.routes) == ["gateway/online"]

    def off(**_: Any) -> None:
        Trigger.objects.filter(id=trigger.id).update(enabled=False)

    changes = [
        make_data_point,
        lambda: Company.objects.create(name="Another", data_points_enabled=True),
        lambda: Connector.objects.update(url=URL + "/2"),
        off,
    ]
    seen = [first]
    for change in changes:
        change()
        seen.append(now_for(in_tenant))
    assert len({config.version for config in seen}) == len(seen)
    assert (list(seen[1].points), len(seen[2].opted_in), dict(seen[-1].routes)) == (["pv.power"], 2, {})


@pytest.mark.django_db(transaction=True)
def test_a_change_that_is_rolled_back_leaves_nothing_behind(in_tenant: Tenant) -> None:
    """Its version's number is given to the next change, and must not bring its configuration along."""
    make_connector(URL)
    now_for(in_tenant)
    with transaction.atomic():
        make_data_point("never.there")
        assert list(now_for(in_tenant).points) == ["never.there"]
        transaction.set_rollback(True)
    make_data_point("there")
    assert list(now_for(in_tenant).points) == ["there"]


@pytest.mark.django_db(transaction=True)
def test_subscriptions_count_while_they_are_active(in_tenant: Tenant) -> None:
    connector = make_connector(URL)
    fields: dict[str, Any] = {"event_types": ["gateway/online", "gateway/offline"], "company": in_tenant.company}
    subscription = Subscription.objects.create(connector=connector, active=False, **fields)
    assert dict(now_for(in_tenant).routes) == {}
    subscription.active = True
    subscription.save()
    routes = {None: {in_tenant.company.id: (connector.id,)}}
    assert dict(now_for(in_tenant).routes) == {"gateway/online": routes, "gateway/offline": routes}


@pytest.mark.django_db(transaction=True)
def test_only_so_many_organizations_are_held(
    in_tenant: Tenant, stranger: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching, "HELD_ORGANIZATIONS", 1)
    now_for(in_tenant)
    now_for(stranger)
    assert list(matching._held) == [stranger.organization.id]
