from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from connectors import configure
from connectors.inbox import is_inbox_url
from connectors.models import Connector, ConnectorHealth, Delivery, SigningSecret, WaitingDelivery
from portal.lib import clock
from portal.tenants import scope
from tests.conftest import Tenant
from tests.pages.conftest import AsWhom
from tests.pages.seed import Portal
from tests.receiver import Answer, Receiver
from tests.world import make_connector
from triggers.models import Trigger

HTMX = {"HX-Request": "true"}
NEW = {
    "name": "Alarm line",
    "target": "url",
    "url": "https://alarms.example/in",
    "profile": "standard.2026-11",
    "auth_type": "none",
    "concurrency": "20",
}


def names(answer: Any) -> list[str]:
    return re.findall(r'<td class="name"><a href="[^"]+" title="[^"]*">([^<]+)</a>', answer.content.decode())


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=failing", ["Daily settlement"]),
        ("status=retrying", ["Heat pump fleet"]),
        ("status=new", ["Solar portfolio"]),
        ("status=disabled", ["EV depot status"]),
        ("status=healthy", ["Alarm desk", "Demo inbox", "Grid operations"]),
        ("q=VARMEBY", ["Heat pump fleet"]),
        ("q=depot&status=healthy", []),
    ],
)
def test_the_list_is_searched_and_filtered(owner: Client, portal: Portal, query: str, expected: list[str]) -> None:
    answer = owner.get(f"/connectors/?{query}", headers=HTMX)
    assert names(answer) == expected
    assert ("No connector matches" in answer.content.decode()) is not bool(expected)


def test_an_empty_list_offers_the_first_one(owner: Client, signed_in: AsWhom) -> None:
    assert b"No connectors yet" in owner.get("/connectors/").content
    seen_by_viewer = signed_in("viewer").get("/connectors/").content.decode()
    assert 'aria-disabled="true" title="This needs the role admin; you are viewer."' in seen_by_viewer


def test_the_list_costs_the_same_for_many(tenant: Tenant, owner: Client, portal: Portal) -> None:
    with CaptureQueriesContext(connection) as few:
        owner.get("/connectors/", headers=HTMX)
    with scope.organization(tenant.organization.id):
        for number in range(20):
            make_connector("https://many.example/", f"Many {number}")
    with CaptureQueriesContext(connection) as many:
        owner.get("/connectors/", headers=HTMX)
    assert len(many) == len(few)


def test_a_poll_that_finds_nothing_new_gets_nothing(owner: Client, portal: Portal) -> None:
    first = owner.get("/connectors/", headers=HTMX).content.decode()
    seen = re.search(r'"X-Seen": "([0-9a-f]{8})"', first)
    assert seen is not None
    assert owner.get("/connectors/", headers=HTMX | {"X-Seen": seen[1]}).status_code == 204
    owner.post(f"/connectors/{portal.connectors['Alarm desk'].id}/switch/", {"enabled": "false"}, headers=HTMX)
    assert owner.get("/connectors/", headers=HTMX | {"X-Seen": seen[1]}).status_code == 200


def test_switching_says_what_becomes_of_what_waits(owner: Client, portal: Portal) -> None:
    connector = portal.connectors["Grid operations"]
    answer = owner.post(f"/connectors/{connector.id}/switch/", {"enabled": "false"}, headers=HTMX)
    assert b'aria-checked="false"' in answer.content
    said = json.loads(answer["HX-Trigger-After-Settle"])["toast"]["text"]
    assert said.startswith("Grid operations is off.")
    assert "what waits is held" in said
    assert not Connector._base_manager.get(id=connector.id).enabled
    assert WaitingDelivery._base_manager.filter(connector_id=connector.id).exists()


def test_a_page_says_that_an_endpoint_is_left_alone(owner: Client, portal: Portal) -> None:
    connector = portal.connectors["Grid operations"]
    rows = ConnectorHealth._base_manager.filter(connector_id=connector.id)
    assert b"Left alone for a while" not in owner.get(f"/connectors/{connector.id}/").content
    rows.update(failures_in_a_row=14, resting_until=clock.now() + timedelta(minutes=5))
    page = owner.get(f"/connectors/{connector.id}/").content.decode()
    assert "Left alone for a while" in page
    assert "14 attempts in a row failed" in page
    rows.update(resting_until=clock.now() - timedelta(minutes=5))
    assert b"Left alone for a while" not in owner.get(f"/connectors/{connector.id}/").content


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_who_may_not_configure_is_refused_by_the_server(signed_in: AsWhom, portal: Portal, role: str) -> None:
    client, connector = signed_in(role), portal.connectors["Grid operations"]
    answer = client.post(f"/connectors/{connector.id}/switch/", {"enabled": "false"}, headers=HTMX)
    assert answer.status_code == 403
    assert answer.content.decode() == "This needs the role admin or a key with the scope manage."
    for path in ("new/", f"{connector.id}/change/", f"{connector.id}/delete/"):
        assert client.post(f"/connectors/{path}", NEW | {"name": connector.name}).status_code == 403
    assert client.post(f"/connectors/{connector.id}/triggers/", {"name": "x"}).status_code == 403
    assert Connector._base_manager.get(id=connector.id).enabled
    assert Connector._base_manager.count() == len(portal.connectors)


def test_a_new_connector_is_off_and_shows_its_secret_once(tenant: Tenant, owner: Client) -> None:
    answer = owner.post("/connectors/new/", NEW)
    text = answer.content.decode()
    connector = Connector._base_manager.get(name="Alarm line")
    assert not connector.enabled
    assert "The connector is made, and still off" in text
    with scope.organization(tenant.organization.id):
        secret = SigningSecret.objects.get(connector=connector).get_secret()
    assert secret in text
    assert secret not in owner.get(f"/connectors/{connector.id}/").content.decode()


def test_a_connector_to_the_inbox_gets_an_address_of_its_own(tenant: Tenant, owner: Client) -> None:
    owner.post("/connectors/new/", NEW | {"target": "inbox", "url": ""})
    connector = Connector._base_manager.get(name="Alarm line")
    assert is_inbox_url(connector.url, tenant.organization)
    assert str(connector.id) in connector.url


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "Grid operations"}, "Another connector has this name."),
        ({"url": "ftp://a.example/"}, "Only https is possible."),
        ({"url": "https://10.0.0.8/"}, "not one that connectors may reach"),
        ({"auth_type": "bearer", "bearer_token": ""}, "This field is required."),
        ({"auth_type": "basic", "basic_username": "a:b", "basic_password": "x"}, "A colon would end the user name."),
        ({"auth_type": "header", "header_name": "Host", "header_value": "x"}, "written by the product itself"),
        ({"concurrency": "0"}, "greater than or equal to 1"),
        ({"profile": "nothing"}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_stored_is_said_beside_its_field(
    owner: Client, portal: Portal, change: dict[str, str], reason: str
) -> None:
    answer = owner.post("/connectors/new/", NEW | change)
    assert answer.content.decode().count(reason) == 1
    assert Connector._base_manager.count() == len(portal.connectors)


def test_a_secret_that_was_typed_does_not_come_back(owner: Client) -> None:
    answer = owner.post("/connectors/new/", NEW | {"name": "", "auth_type": "bearer", "bearer_token": "hush-hush"})
    assert b"hush-hush" not in answer.content


def test_changing_keeps_what_is_not_touched(tenant: Tenant, owner: Client) -> None:
    owner.post("/connectors/new/", NEW | {"auth_type": "bearer", "bearer_token": "hush-hush"})
    connector = Connector._base_manager.get(name="Alarm line")
    page = owner.get(f"/connectors/{connector.id}/change/").content.decode()
    assert "Keep as it is (Bearer token)" in page
    assert "hush-hush" not in page
    changed = NEW | {
        "name": "Alarm desk",
        "auth_type": "keep",
        "signing": "standard_webhooks",
        "retry_policy": "urgent",
    }
    answer = owner.post(f"/connectors/{connector.id}/change/", changed, follow=True)
    assert b"Alarm desk is changed" in answer.content
    connector = Connector._base_manager.get(id=connector.id)
    assert (connector.name, connector.retry_policy) == ("Alarm desk", "urgent")
    assert connector.get_credentials() == {"token": "hush-hush"}
    assert SigningSecret._base_manager.filter(connector=connector).count() == 1


def test_a_new_secret_is_shown_once_and_the_old_one_signs_on(owner: Client, tenant: Tenant, portal: Portal) -> None:
    connector = portal.connectors["Grid operations"]
    path = f"/connectors/{connector.id}/secret/"
    assert b"Old and new both sign each message for 3 days" in owner.get(path).content
    with scope.organization(tenant.organization.id):
        before = configure.live_secrets(connector, clock.now())
    text = owner.post(path).content.decode()
    with scope.organization(tenant.organization.id):
        new, *others = configure.live_secrets(connector, clock.now())
    assert others == before
    assert new in text
    assert before[0] not in text
    assert new not in owner.get(f"/connectors/{connector.id}/").content.decode()


def test_a_secret_that_the_receiver_has_is_taken_and_not_shown(owner: Client, tenant: Tenant, portal: Portal) -> None:
    connector = portal.connectors["Grid operations"]
    path = f"/connectors/{connector.id}/secret/"
    with scope.organization(tenant.organization.id):
        before = configure.live_secrets(connector, clock.now())
        assert b'<div class="problem"' in owner.post(path, {"secret": "short"}).content
        assert configure.live_secrets(connector, clock.now()) == before
        own = "whsec_" + "a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5"
        page = owner.post(path, {"secret": own}, follow=True).content.decode()
        assert own not in page
        assert configure.live_secrets(connector, clock.now()) == [own, *before]


def test_who_may_not_manage_makes_no_secret(tenant: Tenant, signed_in: AsWhom, portal: Portal) -> None:
    connector = portal.connectors["Grid operations"]
    assert signed_in("operator").post(f"/connectors/{connector.id}/secret/").status_code == 403
    assert SigningSecret._base_manager.filter(connector=connector).count() == 1
    assert b"New secret" not in signed_in("operator").get(f"/connectors/{connector.id}/").content


def test_a_connector_that_does_not_sign_has_no_secret_to_renew(owner: Client, portal: Portal) -> None:
    connector = portal.connectors["Grid operations"]
    Connector._base_manager.filter(id=connector.id).update(signing="none")
    assert b"New secret" not in owner.get(f"/connectors/{connector.id}/").content
    assert owner.post(f"/connectors/{connector.id}/secret/").status_code == 404


def test_a_receiver_that_is_gone_is_called_so(owner: Client, portal: Portal) -> None:
    gone = portal.connectors["Grid operations"]
    Connector._base_manager.filter(id=gone.id).update(enabled=False, disabled_reason="gone")
    for path in ("/", "/connectors/?status=failing", f"/connectors/{gone.id}/"):
        assert '<span class="pill failing">Receiver gone</span>' in owner.get(path).content.decode()


def test_a_retry_policy_is_called_by_its_name(owner: Client, portal: Portal) -> None:
    connector = portal.connectors["Grid operations"]
    Connector._base_manager.filter(id=connector.id).update(retry_policy="gridx")
    assert b'<dd>gridX <span class="quiet">up to 6 tries' in owner.get(f"/connectors/{connector.id}/").content


def test_deleting_needs_the_name_and_says_what_is_dropped(owner: Client, portal: Portal) -> None:
    connector = portal.connectors["Heat pump fleet"]
    path = f"/connectors/{connector.id}/delete/"
    assert b"1 waiting delivery is dropped." in owner.get(path).content
    assert b"That is not its name." in owner.post(path, {"name": "heat pump"}).content
    assert Connector._base_manager.filter(id=connector.id).exists()
    answer = owner.post(path, {"name": "Heat pump fleet"}, follow=True)
    assert b"Heat pump fleet is deleted." in answer.content
    assert not WaitingDelivery._base_manager.filter(connector_id=connector.id).exists()
    assert Delivery._base_manager.get(id=portal.deliveries["retrying"]).state == "dropped"


def test_a_subscriptions_connector_is_the_partners_to_change(tenant: Tenant, owner: Client, portal: Portal) -> None:
    connector = portal.connectors["Solar portfolio"]
    Connector._base_manager.filter(id=connector.id).update(origin="subscription")
    assert owner.get(f"/connectors/{connector.id}/").status_code == 200
    assert owner.get(f"/connectors/{connector.id}/change/").status_code == 404
    answer = owner.post(f"/connectors/{connector.id}/switch/", {"enabled": "false"})
    assert answer.status_code == 409
    assert Connector._base_manager.get(id=connector.id).enabled


# test button


def test_the_test_button_shows_the_whole_exchange(tenant: Tenant, signed_in: AsWhom, portal: Portal) -> None:
    with Receiver(lambda _: Answer(202, (("X-Seen-By", "partner"),), b'{"thanks": true}')) as receiver:
        with scope.organization(tenant.organization.id):
            connector = make_connector(f"{receiver.url}/hook", "Scripted", enabled=False)
        client = signed_in("operator")
        answer = client.post(f"/connectors/{connector.id}/test/", {"event_type": "gateway/online"}, headers=HTMX)
        (received,) = receiver.wait_for(1)
    text = answer.content.decode()
    assert received.json()["type"] == "gateway/online"
    for part in ("It arrived", "Next: switch the connector on", "X-Seen-By: partner", "&quot;thanks&quot;: true"):
        assert part in text
    assert received.headers["webhook-signature"] in text


def test_a_failed_test_says_why_and_what_to_try(tenant: Tenant, owner: Client) -> None:
    with Receiver(lambda _: Answer(401)) as receiver:
        with scope.organization(tenant.organization.id):
            connector = make_connector(f"{receiver.url}/hook", "Scripted")
        text = owner.post(f"/connectors/{connector.id}/test/", headers=HTMX).content.decode()
    assert "The receiver answered 401" in text
    assert "wants other credentials" in text
    gone = owner.post(f"/connectors/{connector.id}/test/", headers=HTMX).content.decode()
    assert "could not connect" in gone
    assert "that the server runs" in gone


def test_a_viewer_sends_no_test(signed_in: AsWhom, portal: Portal) -> None:
    connector = portal.connectors["Grid operations"]
    assert signed_in("viewer").post(f"/connectors/{connector.id}/test/", headers=HTMX).status_code == 403


def test_a_type_that_the_format_cannot_carry_is_not_sent(tenant: Tenant, owner: Client) -> None:
    with scope.organization(tenant.organization.id):
        connector = make_connector("https://x.example/", "gridX", profile="gridx.2026-03")
    answer = owner.post(f"/connectors/{connector.id}/test/", {"event_type": "datapoint/value"}, headers=HTMX)
    assert answer.status_code == 409
    assert b"no event for measured values" in answer.content


# triggers of a connector


def test_a_trigger_is_made_on_the_connectors_page_and_switched(owner: Client, portal: Portal) -> None:
    connector = portal.connectors["Solar portfolio"]
    wish = {"name": "Online and off", "kind": "events", "event_types": ["gateway/online", "gateway/offline"]}
    answer = owner.post(f"/connectors/{connector.id}/triggers/", wish, headers=HTMX)
    assert b"Online and off" in answer.content
    trigger = Trigger._base_manager.get(name="Online and off")
    assert trigger.enabled
    assert trigger.event_types == ["gateway/online", "gateway/offline"]
    owner.post(f"/triggers/{trigger.id}/switch/", {"enabled": "false"}, headers=HTMX)
    assert not Trigger._base_manager.get(id=trigger.id).enabled


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        ({"name": "T", "kind": "events", "event_types": []}, "Choose at least one type."),
        ({"name": "T", "kind": "values", "event_types": ["gateway/online"]}, "Choose at least one type."),
        ({"name": "", "kind": "events", "event_types": ["gateway/online"]}, "This field is required."),
        ({"name": "T", "kind": "values", "event_types": ["datapoint/value"]}, "no event for measured values"),
    ],
)
def test_a_trigger_that_makes_no_sense_is_not_made(
    tenant: Tenant, owner: Client, wish: dict[str, Any], reason: str
) -> None:
    with scope.organization(tenant.organization.id):
        connector = make_connector("https://x.example/", "gridX", profile="gridx.2026-03")
    answer = owner.post(f"/connectors/{connector.id}/triggers/", wish, headers=HTMX)
    assert reason in answer.content.decode()
    assert not Trigger._base_manager.exists()


# what a scheme or a format asks for


def test_the_form_takes_what_the_chosen_scheme_and_format_need(tenant: Tenant, owner: Client) -> None:
    filled = NEW | {
        "profile": "wattsense.2026-11",
        **{f"route_{name}": f"/hooks/{name}" for name in ("values", "events", "alarms")},
        "auth_type": "oauth2",
        "oauth2_token_url": "https://login.example/token",
        "oauth2_client_id": "feeder",
        "oauth2_client_secret": "hush-hush",
        "oauth2_credentials_in": "header",
        "signing": "custom",
        "custom_header": "X-Proof",
        "custom_algorithm": "sha512",
        "custom_encoding": "base64",
        "custom_prefix": "v1=",
        "signing_secret": "a secret that the receiver has already",
        "ownership": "link",
        "batch_max_events": "50",
    }
    answer = owner.post("/connectors/new/", filled)
    assert answer.status_code == 200
    assert b"a secret that the receiver has already" not in answer.content
    connector = Connector._base_manager.get(name="Alarm line")
    assert connector.routes == {"values": "/hooks/values", "events": "/hooks/events", "alarms": "/hooks/alarms"}
    assert connector.get_credentials() == {"client_secret": "hush-hush"}
    assert connector.auth_public["credentials_in"] == "header"
    assert connector.signing_options["header"] == "X-Proof"
    assert (connector.ownership, connector.batch_max_events) == ("link", 1)
    with scope.organization(tenant.organization.id):
        assert configure.live_secrets(connector, clock.now()) == [filled["signing_secret"]]
    page = owner.get(f"/connectors/{connector.id}/change/").content.decode()
    assert "hush-hush" not in page
    for shown in ('value="/hooks/alarms"', 'value="X-Proof"', "Keep as it is (OAuth2 client credentials)"):
        assert shown in page
    kept = {name: value for name, value in filled.items() if not name.startswith("oauth2")}
    owner.post(f"/connectors/{connector.id}/change/", kept | {"auth_type": "keep", "route_alarms": "/b"})
    connector = Connector._base_manager.get(name="Alarm line")
    assert (connector.routes["alarms"], connector.auth_type) == ("/b", "oauth2")
    assert connector.get_credentials() == {"client_secret": "hush-hush"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"profile": "wattsense.2026-11", "route_values": "/v", "route_events": "/e"}, "This field is required."),
        (
            {"profile": "wattsense.2026-11", **dict.fromkeys(("route_values", "route_events", "route_alarms"), "../v")},
            "Leave out the segments",
        ),
        ({"signing": "custom", "custom_header": "Not a header"}, "letters, digits and hyphens only"),
        ({"signing": "github", "signing_secret": "short"}, "The secret must have"),
        ({"auth_type": "mtls", "mtls_certificate": "x", "mtls_private_key": "y"}, "PEM"),
        ({"signing": "none", "ownership": "challenge"}, "choose a signing scheme"),
    ],
)
def test_what_a_scheme_or_format_refuses_is_said_beside_its_field(
    owner: Client, change: dict[str, str], reason: str
) -> None:
    page = owner.post("/connectors/new/", NEW | change).content.decode()
    assert re.search(rf'<div class="problem" role="alert">[^<]*{reason}', page)
    assert not Connector._base_manager.exists()


def test_each_scheme_has_its_inputs_shown(owner: Client) -> None:
    """The style sheet shows them: a scheme that it does not know would have none."""
    sheet = Path("portal/static/portal/css/form.css").read_text()
    page = owner.get("/connectors/new/").content.decode()
    groups = set(re.findall(r'data-only="((?:auth|signing)-\w+|routed|batched)"', page))
    assert {"auth-oauth2", "signing-custom", "routed", "batched"} <= groups
    assert all(f"[data-only~={group}]" in sheet for group in groups)


def test_a_page_shows_what_arrives(tenant: Tenant, signed_in: AsWhom, portal: Portal) -> None:
    with scope.organization(tenant.organization.id):
        connector = make_connector("https://x.example/", "gridX", profile="gridx.2026-03")
    page = signed_in("viewer").get(f"/connectors/{connector.id}/format/").content.decode()
    assert "no event for measured values" in page
    assert "accountID" in page


# ownership


def unverified(tenant: Tenant, url: str, method: str) -> Connector:
    with scope.organization(tenant.organization.id):
        return make_connector(url, "Scripted", enabled=False, ownership=method)


def test_a_connector_is_verified_on_its_page(tenant: Tenant, signed_in: AsWhom, owner: Client) -> None:
    with Receiver() as receiver:
        connector = unverified(tenant, receiver.url, "link")
        path = f"/connectors/{connector.id}/"
        refused = owner.post(f"{path}switch/", {"enabled": "true"}, headers=HTMX)
        assert refused.status_code == 409
        assert b"verify it" in refused.content
        assert b"Not verified" in owner.get(path).content
        assert signed_in("operator").post(f"{path}verify/", headers=HTMX).status_code == 403
        assert receiver.requests == []
        part = owner.post(f"{path}verify/", headers=HTMX).content.decode()
        (received,) = receiver.wait_for(1)
    assert "The link has arrived" in part
    assert received.json()["token"] not in part
    assert not Connector._base_manager.get(id=connector.id).enabled


def test_a_connector_without_a_check_is_not_verified(owner: Client, portal: Portal) -> None:
    path = f"/connectors/{portal.connectors['Grid operations'].id}/"
    assert owner.post(f"{path}verify/", headers=HTMX).status_code == 409
    assert b"Ownership check" not in owner.get(path).content


def test_the_form_says_that_another_host_switches_it_off(tenant: Tenant, owner: Client) -> None:
    connector = unverified(tenant, "https://a.example/in", "link")
    path = f"/connectors/{connector.id}/change/"
    assert b"Another host in the URL" not in owner.get(path).content
    verified = {"ownership_verified_host": "https://a.example:443", "enabled": True}
    Connector._base_manager.filter(id=connector.id).update(**verified)
    assert b"Another host in the URL" in owner.get(path).content
    same = {"name": "Scripted", "signing": "standard_webhooks", "retry_policy": "standard", "ownership": "link"}
    owner.post(path, NEW | same | {"url": "https://b.example/in"})
    page = owner.get(f"/connectors/{connector.id}/").content.decode()
    assert "Switched off: its host is to be verified" in page
    assert not Connector._base_manager.get(id=connector.id).enabled
