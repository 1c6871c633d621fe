"""The staff admin: whole, across tenants, without secrets, and closed to everybody but the product's operators."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse

from connectors import channels
from connectors.models import Connector, RetryPolicy, SigningSecret
from portal.fleet import contracts
from portal.fleet.contract_flow import Who
from portal.lib import clock
from portal.tenants import scope
from portal.tenants.models import ApiKey, Company, Organization, User
from portal.tenants.staff import site
from tests.world import SECRET, make_connector, make_data_point, make_gateway, make_trigger
from triggers.models import Subscription

REGISTERED = sorted(site._registry, key=lambda model: model._meta.label)
PASSWORD = "correct horse battery"


@pytest.fixture
def world(tenant: Any, stranger: Any) -> list[Any]:
    """Two organizations with a row of everything."""
    for one in (tenant, stranger):
        with scope.organization(one.organization.id):
            contracts.make(make_gateway("GW-1", company=one.company), one.company, Who.PLATFORM, clock.now())
            make_data_point()
            connector = make_connector("https://partner.example/in")
            connector.auth_type = "bearer"
            connector.set_credentials({"token": "canary-token"})
            connector.save()
            RetryPolicy.objects.create(name="Night", schedule=[60], success=[200], gone=[410], pause_after=86_400)
            channels.add("slack", "https://hooks.slack.com/services/T0/B0/canary-token")
            make_trigger(connector, "gateway/online")
            Subscription.objects.create(event_types=["gateway/online"], connector=connector, company=one.company)
    return [tenant, stranger]


@pytest.fixture
def operator(world: list[Any]) -> Client:
    user = User.objects.create_superuser("operator@product.example", PASSWORD)
    client = Client()
    client.force_login(user)
    return client


def address(model: Any, page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def all_rows(model: Any) -> list[Any]:
    with scope.every_organization():
        return list(model._default_manager.all())


def test_everything_of_the_product_can_be_looked_at() -> None:
    labels = {model._meta.label for model in REGISTERED}
    audited = {"tenants.Organization", "tenants.Company", "tenants.Membership", "tenants.ApiKey", "fleet.System"}
    audited |= {"fleet.Gateway", "fleet.Appliance", "fleet.DataPoint", "fleet.Contract"}
    audited |= {"connectors.NoticeChannel"}
    audited |= {"connectors.Connector", "connectors.RetryPolicy", "triggers.Trigger", "triggers.Subscription"}
    assert labels == {"tenants.User", "auth.Group", *audited, *(f"{label}Change" for label in audited)}


def test_the_front_page_renders(operator: Client) -> None:
    answer = operator.get("/staff/")
    assert answer.status_code == 200
    assert b"Gateways" in answer.content


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model._meta.label)
def test_lists_and_pages_render_across_tenants_and_without_secrets(operator: Client, model: Any) -> None:
    rows = all_rows(model)
    assert len(rows) >= 2 or model._meta.label == "auth.Group"
    query = "?q=none" if site._registry[model].search_fields else ""
    pages = [address(model, "changelist"), address(model, "changelist") + query]
    pages += [address(model, "change", row.pk) for row in (rows[:1] + rows[-1:])]
    secrets = [SECRET, "canary-token", *(key.digest for key in all_rows(ApiKey))]
    secrets += [connector.credentials for connector in all_rows(Connector)]
    secrets += [secret.sealed for secret in all_rows(SigningSecret)]
    secrets += [organization.inbox_token for organization in all_rows(Organization)]
    for page in pages:
        answer = operator.get(page)
        assert answer.status_code == 200, page
        text = answer.content.decode()
        assert not [secret for secret in secrets if secret in text], page


def test_both_organizations_are_listed(operator: Client) -> None:
    text = operator.get(address(Company, "changelist")).content.decode()
    assert "Nordlys partner" in text
    assert "Fremd partner" in text


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model._meta.label)
def test_an_owner_of_an_organization_is_refused_everywhere(world: list[Any], model: Any) -> None:
    client = Client()
    client.force_login(world[0].people["owner"])
    row = all_rows(model)[:1]
    for page in [address(model, "changelist"), *(address(model, "change", one.pk) for one in row)]:
        answer = client.get(page, follow=True)
        assert answer.status_code == 403, page
        assert "partner.example" not in answer.content.decode()


def test_staff_without_every_right_is_refused_too(world: list[Any]) -> None:
    user = User.objects.create_user("helper@product.example", PASSWORD, is_staff=True)
    client = Client()
    client.force_login(user)
    assert client.get("/staff/", follow=True).status_code == 403


def test_nobody_signs_in_by_a_form_of_its_own(db: None) -> None:
    answer = Client().get("/staff/login/?next=/staff/")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


def test_a_change_is_kept_with_who_and_before_and_after(operator: Client, world: list[Any]) -> None:
    company = world[0].company
    fields = {"name": "Nordlys partner", "external_id": "", "daily_aggregates_enabled": "on"}
    answer = operator.post(address(Company, "change", company.pk), fields)
    assert answer.status_code == 302
    trail = apps.get_model("tenants", "CompanyChange")
    change = all_rows(trail)[-1]
    text = operator.get(address(trail, "change", change.pk)).content.decode()
    assert "staff:operator@product.example" in text
    assert "data_points_enabled: True → False" in text
    assert "daily_aggregates_enabled: False → True" in text


def test_a_connector_that_is_switched_on_again_forgets_why_it_was_off(operator: Client, world: list[Any]) -> None:
    with scope.organization(world[0].organization.id):
        connector = Connector.objects.get()
        Connector.objects.update(enabled=False, disabled_reason="gone")
    operator.post(address(Connector, "change", connector.pk), {"enabled": "on", "concurrency": "7"})
    with scope.organization(world[0].organization.id):
        connector.refresh_from_db()
    assert (connector.enabled, connector.disabled_reason, connector.concurrency) == (True, "", 7)
    assert connector.get_credentials() == {"token": "canary-token"}


def test_a_subscription_and_its_connector_are_switched_together(operator: Client, world: list[Any]) -> None:
    with scope.organization(world[0].organization.id):
        subscription = Subscription.objects.get()
        Connector.objects.update(enabled=False)
    operator.post(address(Subscription, "change", subscription.pk), {"active": "on"})
    with scope.organization(world[0].organization.id):
        subscription.refresh_from_db()
        assert (subscription.active, Connector.objects.get().enabled) == (True, True)


def test_nothing_of_a_tenant_is_added_or_deleted_here(operator: Client, world: list[Any]) -> None:
    assert operator.get(address(Company, "add")).status_code == 403
    assert operator.post(address(Company, "delete", world[0].company.pk), {"post": "yes"}).status_code == 403
    assert len(all_rows(Company)) == 2


def test_a_person_is_added_with_an_address_in_lower_case(operator: Client) -> None:
    assert operator.get(address(User, "add")).status_code == 200
    fields = {"email": "New@Example.com", "usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    answer = operator.post(address(User, "add"), fields)
    assert answer.status_code == 302
    assert User.objects.get(email="new@example.com").check_password(PASSWORD)
