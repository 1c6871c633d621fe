from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from connectors.models import Attempt, Delivery, WaitingDelivery
from connectors.views import deliveries
from portal.events.models import Event
from portal.fleet.models import Gateway, System
from portal.lib import clock
from portal.tenants import scope
from tests.conftest import Tenant
from tests.pages.conftest import AsWhom
from tests.pages.seed import Portal, ended
from tests.world import make_connector

HTMX = {"HX-Request": "true"}


def ids(answer: Any) -> list[str]:
    return re.findall(r'id="d-([0-9a-f-]{36})"', answer.content.decode())


def test_waiting_and_ended_are_one_list(owner: Client, portal: Portal) -> None:
    found = ids(owner.get("/deliveries/"))
    assert len(found) == 35
    assert {str(key) for key in portal.deliveries.values()} <= set(found)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("state=failed", 2),
        ("state=failed&state=retrying", 3),
        ("status_class=5xx", 1),
        ("status_class=none&state=failed", 1),
        ("event_type=appliance/offline", 2),
        ("range=1h&state=failed", 2),
        ("state=nonsense&range=nonsense&connector=nonsense", 35),
        ("state=dropped", 0),
    ],
)
def test_filters_are_in_the_address(owner: Client, portal: Portal, query: str, count: int) -> None:
    answer = owner.get(f"/deliveries/?{query}", headers=HTMX)
    assert len(ids(answer)) == count
    assert ("Clear filters" in answer.content.decode()) is (count == 0)


def test_one_delivery_is_found_by_its_id(owner: Client, portal: Portal) -> None:
    wanted = str(portal.deliveries["failed"])
    assert ids(owner.get(f"/deliveries/?id={wanted}", headers=HTMX)) == [wanted]
    assert ids(owner.get("/deliveries/?id=not-an-id", headers=HTMX)) == []


def test_nothing_yet_is_another_thing_than_no_match(owner: Client) -> None:
    assert b"No deliveries yet" in owner.get("/deliveries/").content


def test_the_pages_lead_on_and_back(owner: Client, portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "PAGE", 10)
    everything = ids(owner.get("/deliveries/"))
    first = owner.get("/deliveries/?range=24h")
    older = re.search(r'href="([^"]+)" rel="next"', first.content.decode())
    assert older is not None
    second = owner.get(older[1].replace("&amp;", "&"))
    assert len(ids(second)) == 10
    assert not set(ids(first)) & set(ids(second))
    assert 'hx-trigger="poll' not in second.content.decode().split('id="rows"')[1].split("</table>")[0]
    newer = re.search(r'href="([^"]+)" rel="prev"', second.content.decode())
    assert newer is not None
    assert "range=24h" in newer[1]
    assert ids(owner.get(newer[1].replace("&amp;", "&"))) == everything[:10]


def test_a_row_names_the_gateway(tenant: Tenant, owner: Client, portal: Portal) -> None:
    with scope.organization(tenant.organization.id):
        system = System.objects.create(name="House 7")
        gateway = Gateway.objects.create(system=system, serial_number="GW-7", name="Cellar of house 7")
        Delivery.objects.filter(id=portal.deliveries["delivered"]).update(gateway_id=gateway.id)
    assert "Cellar of house 7" in owner.get("/deliveries/").content.decode()


def test_the_drawer_has_an_address_of_its_own(owner: Client, portal: Portal) -> None:
    path = f"/deliveries/{portal.deliveries['failed']}/?state=failed"
    whole = owner.get(path).content.decode()
    assert '<dialog id="drawer" class="drawer" aria-label="Details" open>' in whole
    assert 'data-back="/deliveries/?state=failed"' in whole
    part = owner.get(path, headers=HTMX).content.decode()
    assert "<html" not in part
    for said in ("No complete answer within 20 s", "Answer first", "webhook-signature: v1,c2lnbmVk", "3 of 10"):
        assert said in part
    assert "Authorization: •••" in part


def test_going_back_in_the_history_gets_the_whole_page(owner: Client, portal: Portal) -> None:
    restoring = HTMX | {"HX-History-Restore-Request": "true"}
    assert b"<html" in owner.get("/deliveries/", headers=restoring).content


def test_the_attempts_are_chosen_by_the_address(owner: Client, portal: Portal) -> None:
    part = owner.get(f"/deliveries/{portal.deliveries['failed']}/?attempt=2", headers=HTMX).content.decode()
    assert re.search(r'id="a-2"[^>]+aria-current="true"', part)
    assert not re.search(r'id="a-3"[^>]+aria-current="true"', part)


def test_the_body_that_was_sent_is_shown_again_while_its_event_is_kept(
    tenant: Tenant, owner: Client, portal: Portal
) -> None:
    path = f"/deliveries/{portal.deliveries['delivered']}/"
    before = owner.get(path, headers=HTMX).content.decode()
    assert "&quot;specversion&quot;: &quot;1.0&quot;" in before
    assert "--data-raw" in before
    with scope.organization(tenant.organization.id):
        Event.objects.all().delete()
    after = owner.get(path, headers=HTMX).content.decode()
    assert "specversion" not in after
    assert "sha256:" in after


def test_retrying_puts_a_failed_delivery_back(signed_in: AsWhom, portal: Portal) -> None:
    key = portal.deliveries["failed"]
    answer = signed_in("operator").post(f"/deliveries/{key}/retry/", headers=HTMX)
    assert b"Retrying" in answer.content
    assert "It is tried again now." in answer["HX-Trigger-After-Settle"]
    row = WaitingDelivery._base_manager.get(id=key)
    assert row.attempts == 3
    assert row.next_at <= clock.now() + timedelta(seconds=1)


def test_a_viewer_retries_nothing(signed_in: AsWhom, portal: Portal) -> None:
    client, key = signed_in("viewer"), portal.deliveries["failed"]
    assert client.post(f"/deliveries/{key}/retry/", headers=HTMX).status_code == 403
    assert Delivery._base_manager.filter(id=key).exists()
    shown = client.get(f"/deliveries/{key}/", headers=HTMX).content.decode()
    assert 'aria-disabled="true" aria-label="Retry now" title="This needs the role operator; you are viewer."' in shown


def test_what_cannot_be_sent_again_says_why(tenant: Tenant, owner: Client) -> None:
    with scope.organization(tenant.organization.id):
        connector = make_connector("https://x.example/")
        key = ended(connector, clock.now(), state="failed", status=500)
        Event.objects.all().delete()
    answer = owner.post(f"/deliveries/{key}/retry/", headers=HTMX)
    assert answer.status_code == 409
    assert b"no longer kept" in answer.content


def test_the_drawer_of_what_waits_follows_it(owner: Client, portal: Portal) -> None:
    waiting = owner.get(f"/deliveries/{portal.deliveries['waiting']}/", headers=HTMX).content.decode()
    assert "Not tried yet" in waiting
    assert 'hx-trigger="poll from:body"' in waiting
    ended_one = owner.get(f"/deliveries/{portal.deliveries['failed']}/", headers=HTMX).content.decode()
    assert 'hx-trigger="poll from:body"' not in ended_one


def test_what_is_no_longer_kept_is_said(owner: Client, portal: Portal, settings: Any) -> None:
    settings.RETENTION_ATTEMPTS_DAYS = 17
    assert "their tries with the answers for 17" in owner.get("/deliveries/").content.decode()
    key = portal.deliveries["failed"]
    with scope.every_organization():
        Attempt.objects.filter(delivery_id=key).delete()
    shown = owner.get(f"/deliveries/{key}/", headers=HTMX).content.decode()
    assert "Its tries are no longer kept" in shown
    assert "Not tried yet" not in shown
