from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from connectors import inbox, signing
from connectors.dispatch import make_request, target_of
from connectors.models import Connector, InboxMessage
from connectors.profiles import Item
from portal.events.catalogue import sample_document
from portal.lib import clock
from portal.lib.uuid7 import uuid7
from portal.tenants import scope
from tests.conftest import Tenant
from tests.pages.conftest import AsWhom
from tests.pages.seed import Portal
from tests.world import SECRET, make_connector

BODY = b'{"type": "gateway/online"}'


def connect(tenant: Tenant, **fields: Any) -> Connector:
    with scope.organization(tenant.organization.id):
        return make_connector("https://x.example/", "To the inbox", **fields)


def path(tenant: Tenant, connector_id: UUID) -> str:
    return f"/inbox/{tenant.organization.inbox_token}/{connector_id}/"


def send(where: str, headers: dict[str, str] | None = None, body: bytes = BODY) -> Any:
    return Client().post(where, body, content_type="application/json", headers=headers)


def signed(secret: str) -> dict[str, str]:
    scheme = signing.SCHEMES["standard_webhooks"]
    request = signing.Outgoing(message_id="m1", at=clock.now().timestamp(), method="POST", url="", body=BODY)
    return dict(scheme.sign([scheme.prepare(secret)], request))


@pytest.mark.parametrize(
    ("fields", "secret", "verified"),
    [
        ({}, SECRET, True),
        ({}, "whsec_" + "A" * 32, False),
        ({}, None, False),
        ({"signing": "none"}, None, None),
    ],
)
def test_what_arrives_is_kept_with_what_its_signature_says(
    tenant: Tenant, fields: dict[str, Any], secret: str | None, verified: bool | None
) -> None:
    connector = connect(tenant, **fields)
    answer = send(path(tenant, connector.id), signed(secret) if secret else {})
    assert answer.status_code == 200
    assert answer.json()["verified"] is verified
    message = InboxMessage._base_manager.get()
    assert (message.connector_id, message.verified, message.body) == (connector.id, verified, BODY.decode())


@pytest.mark.parametrize(
    ("scheme", "options"),
    [
        ("x_signature", {}),
        ("standard_webhooks", {}),
        ("standard_webhooks_v1a", {}),
        ("github", {}),
        ("wattsense", {"api_key": "north"}),
        ("custom", {"header": "X-Partner-Mac", "algorithm": "sha384", "encoding": "base64", "prefix": "mac="}),
    ],
)
def test_what_a_connector_signs_the_inbox_verifies(tenant: Tenant, scheme: str, options: dict[str, str]) -> None:
    """From the stored configuration to the request that goes out, and back in by the address of the inbox."""
    secret = signing.SCHEMES[scheme].generate()
    connector = connect(tenant, secret=secret, signing=scheme, signing_options=options)
    with scope.organization(tenant.organization.id):
        connector.url = inbox.inbox_url(tenant.organization, connector.id) + "?answer=202"
        target = target_of(connector, connector.signing_secrets.all())
        rendered = target.profile.render([Item(sample_document("ping", str(tenant.organization.id)))], target.context)
        request = make_request(target, rendered, "m1", clock.now())
    where = path(tenant, connector.id) + "?answer=202"
    headers = {name: value for name, value in request.headers if name != "Content-Type"}
    answer = send(where, headers, request.body)
    assert (answer.status_code, answer.json()["verified"]) == (202, True)
    assert send(where, headers, request.body + b" ").json()["verified"] is False


def test_a_rotated_secret_still_verifies_and_an_ended_one_does_not(tenant: Tenant) -> None:
    connector = connect(tenant)
    with scope.organization(tenant.organization.id):
        connector.signing_secrets.update(expires_at=clock.now() + timedelta(hours=1))
    assert send(path(tenant, connector.id), signed(SECRET)).json()["verified"] is True
    with scope.organization(tenant.organization.id):
        connector.signing_secrets.update(expires_at=clock.now() - timedelta(seconds=1))
    assert send(path(tenant, connector.id), signed(SECRET)).json()["verified"] is False


@pytest.mark.parametrize(
    ("public", "secrets"),
    [
        ({"type": "header", "name": "X-Partner-Key"}, {"value": "hush"}),
        ({"type": "api_key", "in": "header", "name": "X-Their-Key"}, {"value": "hush"}),
        ({"type": "api_key", "in": "query", "name": "key"}, {"value": "hush"}),
        ({"type": "bearer"}, {"token": "hush"}),
        (
            {"type": "sigv4", "region": "eu-central-1", "service": "sqs", "access_key_id": "AKIDEXAMPLE"},
            {"secret_access_key": "k" * 40, "session_token": "hush"},
        ),
    ],
)
def test_credentials_are_not_kept_in_the_clear(tenant: Tenant, public: dict[str, str], secrets: dict[str, str]) -> None:
    """Neither where the sender logs nor where the inbox keeps; but the signature still holds."""
    kind, *_ = public.values()
    named = {name: value for name, value in public.items() if name != "type"}
    connector = connect(tenant, secret=SECRET, auth_type=kind, auth_public=named, signing="wattsense")
    with scope.organization(tenant.organization.id):
        connector.set_credentials(secrets)
        connector.url = inbox.inbox_url(tenant.organization, connector.id) + "?answer=202"
        connector.save()
        target = target_of(connector, connector.signing_secrets.all())
        rendered = target.profile.render([Item(sample_document("ping", str(tenant.organization.id)))], target.context)
        request = make_request(target, rendered, "m1", clock.now())
    where = path(tenant, connector.id) + "?" + request.url.partition("?")[2]
    headers = {name: value for name, value in request.headers if name != "Content-Type"}
    assert "hush" in where + str(headers)
    assert send(where, headers | {"X-Other": "seen"}, request.body).json()["verified"] is True
    message = InboxMessage._base_manager.get()
    assert "hush" not in message.path + json.dumps(message.headers)
    assert "answer=202" in message.path
    assert message.headers["x-other"] == "seen"


def test_no_other_organizations_connector_vouches(tenant: Tenant, stranger: Tenant) -> None:
    theirs = connect(stranger)
    assert send(path(tenant, theirs.id), signed(SECRET)).json()["verified"] is None
    assert InboxMessage._base_manager.get().connector_id is None


def test_an_unknown_inbox_takes_nothing(tenant: Tenant) -> None:
    assert send(f"/inbox/{'x' * 32}/{uuid4()}/").status_code == 404
    assert not InboxMessage._base_manager.exists()


@pytest.mark.parametrize(("size", "status"), [(inbox.BODY_CAP, 200), (inbox.BODY_CAP + 1, 413)])
def test_a_message_has_a_size(tenant: Tenant, size: int, status: int) -> None:
    assert send(path(tenant, uuid4()), body=b"x" * size).status_code == status
    assert InboxMessage._base_manager.count() == (1 if status == 200 else 0)


@pytest.mark.parametrize(
    ("asked", "status", "kept"),
    [
        ("500", 500, 1),
        ("204", 204, 1),
        ("410", 410, 1),
        ("199", 400, 0),
        ("600", 400, 0),
        ("x", 400, 0),
        ("²00", 400, 0),
    ],
)
def test_failures_can_be_tried(tenant: Tenant, asked: str, status: int, kept: int) -> None:
    assert send(f"{path(tenant, uuid4())}?answer={asked}").status_code == status
    assert InboxMessage._base_manager.count() == kept


def test_bytes_that_are_no_text_are_kept_as_escapes(tenant: Tenant) -> None:
    assert send(path(tenant, uuid4()), body=b"a\x00\xffb").status_code == 200
    assert InboxMessage._base_manager.get().body == "a�\\xffb"


def test_a_message_costs_few_statements(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    connector = connect(tenant)
    monkeypatch.setattr(inbox, "PRUNE_EVERY", 1 << 128)
    with CaptureQueriesContext(connection) as queries:
        send(path(tenant, connector.id), signed(SECRET))
    assert len(queries) <= 4


def test_only_the_newest_are_kept_and_only_ones_own_are_pruned(
    tenant: Tenant, stranger: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "KEPT", 3)
    monkeypatch.setattr(inbox, "PRUNE_EVERY", 1)
    send(path(stranger, uuid4()))
    for number in range(5):
        send(path(tenant, uuid4()), body=str(number).encode())
    with scope.organization(tenant.organization.id):
        kept = list(InboxMessage.objects.order_by("id").values_list("body", flat=True))
    assert kept == ["2", "3", "4"]
    assert InboxMessage._base_manager.count() == 4


HOST, PORT = settings.INBOX_ADDRESS


@pytest.mark.parametrize(
    ("change", "fits"),
    [
        (lambda url: url, True),
        (lambda url: url + "?answer=503", True),
        (lambda url: url + "?answer=503&x=1", False),
        (lambda url: url + "?answer=103", False),
        (lambda url: url[:-1], False),
        (lambda url: url + "\n", False),
        (lambda url: url.replace("http://", "https://"), False),
        (lambda url: url.replace(f":{PORT}", ":1"), False),
        (lambda url: url.replace(f"//{HOST}", "//localhost"), False),
        (lambda url: url.replace(f"//{HOST}", f"//{HOST}@evil.example"), False),
        (lambda url: url.replace("/inbox/", "/inbox/../connectors/"), False),
        (lambda url: url.upper(), False),
    ],
)
def test_only_the_exact_address_is_let_through(tenant: Tenant, change: Any, fits: bool) -> None:
    url = change(inbox.inbox_url(tenant.organization, uuid4()))
    assert inbox.is_inbox_url(url, tenant.organization) is fits
    assert inbox.exemption(url, tenant.organization) == ((HOST, PORT) if fits else None)


def test_another_organizations_inbox_is_not_let_through(tenant: Tenant, stranger: Tenant) -> None:
    assert inbox.exemption(inbox.inbox_url(stranger.organization, uuid4()), tenant.organization) is None


def test_the_page_shows_what_arrived_newest_first(owner: Client, portal: Portal) -> None:
    text = owner.get("/inbox/").content.decode()
    assert text.index("Verified") < text.index("Wrong signature") < text.index("Unsigned")
    assert "Demo inbox" in text
    assert "&quot;type&quot;: &quot;gateway/online&quot;" in text


def test_an_empty_inbox_says_how_to_fill_it(owner: Client) -> None:
    assert b"Nothing arrived yet" in owner.get("/inbox/").content


def test_clearing_takes_an_operator_and_forgets_ones_own(
    tenant: Tenant, stranger: Tenant, signed_in: AsWhom, portal: Portal
) -> None:
    InboxMessage._base_manager.create(
        id=uuid7(), organization_id=stranger.organization.id, received_at=clock.now(), headers={}, method="POST"
    )
    assert signed_in("viewer").post("/inbox/clear/").status_code == 403
    assert InboxMessage._base_manager.count() == 4
    assert signed_in("operator").post("/inbox/clear/").status_code == 302
    assert InboxMessage._base_manager.get().organization_id == stranger.organization.id
