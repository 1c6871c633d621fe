"""Notices in the browser: read by everybody, their channels made, tested and removed by an admin."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from connectors.notice_models import Notice, NoticeChannel
from connectors.notices import about_connector, notify
from connectors.telling import tell_due
from connectors.views import notices
from portal.lib import clock
from portal.lib.uuid7 import uuid7
from portal.tenants import scope
from tests.conftest import Tenant, make_tenant
from tests.pages.conftest import AsWhom
from tests.receiver import Answer, Receiver
from tests.world import make_connector

pytestmark = pytest.mark.line(38)

PAGE = "/notices/"
NEW = f"{PAGE}channels/new/"
HTMX = {"HX-Request": "true"}


def text_of(answer: Any) -> str:
    assert answer.status_code == 200, answer.content
    return " ".join(answer.content.decode().split())


def channels() -> list[NoticeChannel]:
    return list(NoticeChannel._base_manager.order_by("created_at"))


def test_what_is_told_is_listed_the_last_first(owner: Client, in_tenant: Tenant) -> None:
    assert "Nothing to tell" in text_of(owner.get(PAGE))
    now, organization = clock.now(), in_tenant.organization.id
    here, gone = make_connector("https://partner.example/in").id, uuid7()
    for minutes in (9, 8, 7):
        notify(organization, "failing", about_connector(here), "Alarm desk fails.", now - timedelta(minutes=minutes))
    notify(organization, "recovered", about_connector(here), "Alarm desk works again.", now)
    notify(organization, "paused", about_connector(gone), "Old desk is paused.", now - timedelta(hours=1))
    text = text_of(owner.get(PAGE))
    places = [text.index(words) for words in ("Alarm desk works again.", "Alarm desk fails.", "Old desk is paused.")]
    assert places == sorted(places)
    assert '<span class="num">3</span> times since' in text
    assert f'href="/connectors/{here}/"' in text
    assert str(gone) not in text
    bell = 'aria-label="Notices, 2 of late"'
    assert bell in text
    assert bell in text_of(owner.get("/inbox/")), "what works again asks for nothing"


def test_long_lists_have_pages(owner: Client, in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "ON_A_PAGE", 2)
    for number in range(3):
        notify(in_tenant.organization.id, "failing", str(number), f"Number {number}.", clock.now())
    first, second = text_of(owner.get(PAGE)), text_of(owner.get(f"{PAGE}?page=2"))
    assert [("Number" in page, "Number 0." in page) for page in (first, second)] == [(True, False), (True, True)]
    assert 'href="?page=2"' in first


def test_a_channel_is_added_tested_used_and_removed(owner: Client, in_tenant: Tenant) -> None:
    with Receiver(lambda r: Answer(200 if r.number == 1 else 404)) as receiver:
        address = f"{receiver.url}/services/secret"
        text = text_of(owner.post(NEW, {"kind": "slack", "address": address}, follow=True))
        assert "Notices go to http://127.0.0.1/…" in text
        assert "secret" not in text
        (channel,) = channels()
        row = text_of(owner.post(f"{PAGE}channels/{channel.id}/test/", headers=HTMX))
        assert "The test is on its way" in row
        assert receiver.requests[0].json()["text"].startswith("Test: notices of Nordlys")
        again = owner.post(f"{PAGE}channels/{channel.id}/test/", headers=HTMX)
        assert (again.status_code, len(receiver.requests)) == (409, 1)
        NoticeChannel._base_manager.update(tested_at=clock.now() - timedelta(minutes=1))
        row = text_of(owner.post(f"{PAGE}channels/{channel.id}/test/", headers=HTMX))
        assert "The test did not arrive. It answered 404." in row
        notify(in_tenant.organization.id, "failing", "x", "It fails.", clock.now())
        tell_due(clock.now())
        assert "It answered 404. It is tried again." in text_of(owner.get(PAGE))
    removed = text_of(owner.post(f"{PAGE}channels/{channel.id}/remove/", follow=True))
    assert "any more" in removed
    assert channels() == []
    assert Notice.objects.count() == 1


@pytest.mark.parametrize(
    ("kind", "address", "reason"),
    [
        ("slack", "http://10.0.0.1/", "is not one that connectors may reach"),
        ("email", "ida@nordlys.example", "sets EMAIL_URL"),
        ("email", "", "This field is required"),
        ("pigeon", "ida@nordlys.example", "Select a valid choice"),
    ],
)
def test_what_is_refused_is_said_beside_its_field(owner: Client, kind: str, address: str, reason: str) -> None:
    text = text_of(owner.post(NEW, {"kind": kind, "address": address}))
    assert "Not saved yet" in text
    assert reason in text
    assert channels() == []


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_a_teammate_reads_and_changes_nothing(owner: Client, signed_in: AsWhom, in_tenant: Tenant, role: str) -> None:
    notify(in_tenant.organization.id, "failing", "x", "It fails.", clock.now())
    with Receiver() as receiver:
        owner.post(NEW, {"kind": "slack", "address": receiver.url})
        (channel,) = channels()
        teammate = signed_in(role)
        text = text_of(teammate.get(PAGE))
        assert "It fails." in text
        assert "channels/" not in text
        assert teammate.get(NEW).status_code == 403
        for path in ("new/", f"{channel.id}/test/", f"{channel.id}/remove/"):
            assert teammate.post(f"{PAGE}channels/{path}", {"kind": "slack", "address": "x"}).status_code == 403
        assert receiver.requests == []
    assert len(channels()) == 1


def test_a_stranger_finds_nothing(owner: Client, tenant: Tenant) -> None:
    notify(tenant.organization.id, "failing", "x", "It fails.", clock.now())
    with Receiver() as receiver:
        owner.post(NEW, {"kind": "slack", "address": receiver.url})
        (channel,) = channels()
        stranger = Client()
        person = make_tenant("Fremd").people["owner"]
        stranger.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
        text = text_of(stranger.get(PAGE))
        assert "It fails." not in text
        assert channel.shown not in text
        for path in (f"{channel.id}/test/", f"{channel.id}/remove/"):
            assert stranger.post(f"{PAGE}channels/{path}").status_code == 404
        assert receiver.requests == []
    assert len(channels()) == 1
    with scope.organization(tenant.organization.id):
        assert Notice.objects.count() == 1


def test_nobody_signed_out_sees_them(client: Client, db: None) -> None:
    for path in (PAGE, NEW):
        assert client.get(path).status_code == 302
