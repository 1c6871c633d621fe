"""Notices on their way: to a chat over a real socket, to a mailbox by Django's backend, again after a failure."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection

from connectors import channels
from connectors.egress import REFUSED
from connectors.notice_models import Notice, NoticeChannel, NoticeMessage
from connectors.notices import THROTTLE, notify
from connectors.telling import LEASE, MOST_LISTED, WAITS, tell_due
from portal.tenants import scope
from tests.conftest import Tenant
from tests.receiver import Answer, Receiver

pytestmark = [pytest.mark.django_db, pytest.mark.line(38)]

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ABOUT = "connector:0190f0c0-0000-7000-8000-000000000001"


@pytest.fixture(autouse=True)
def mail_is_set_up(settings: Any) -> None:
    settings.MAIL_CONFIGURED = True
    settings.PUBLIC_URL = "https://feeder.example"


def say(tenant: Tenant, text: str = "Partner fails.", at: datetime = NOW, about: str = ABOUT) -> None:
    notify(tenant.organization.id, "failing", about, text, at)


def texts(receiver: Receiver) -> list[str]:
    return [received.json()["text"] for received in receiver.requests]


def test_a_chat_and_a_mailbox_are_told(in_tenant: Tenant, mailoutbox: list[Any]) -> None:
    with Receiver() as receiver:
        channels.add("slack", f"{receiver.url}/services/T0/B0/secret")
        channels.add("email", "operations@nordlys.example")
        say(in_tenant, "Partner <!channel> & co fails.")
        assert tell_due(NOW) == 2
        assert tell_due(NOW + MINUTE) == 0
        (asked,) = receiver.requests
    link = f"https://feeder.example/connectors/{ABOUT.partition(':')[2]}/"
    assert (asked.method, asked.path) == ("POST", "/services/T0/B0/secret")
    assert asked.headers["content-type"] == "application/json"
    heading = "A connector fails (Nordlys)"
    assert asked.json() == {"text": f"{heading}\nPartner &lt;!channel&gt; &amp; co fails.\n{link}"}
    (mail,) = mailoutbox
    assert (mail.subject, mail.to) == (heading, ["operations@nordlys.example"])
    assert mail.body == f"Partner <!channel> & co fails.\n{link}"
    assert {(row.sent_at, row.next_at, row.error) for row in NoticeMessage.objects.all()} == {(NOW, None, "")}


def test_a_name_is_no_mention_of_everybody_where_an_at_sign_is_enough(in_tenant: Tenant) -> None:
    """Mattermost reads `@all` in the text itself, Discord `@everyone`."""
    with Receiver() as receiver:
        channels.add("slack", receiver.url)
        say(in_tenant, "@all and @everyone fails.")
        tell_due(NOW)
        assert "@\u200ball and @\u200beveryone fails." in texts(receiver)[0]


def test_a_name_of_several_lines_is_one_line_of_a_mail_s_head(in_tenant: Tenant, mailoutbox: list[Any]) -> None:
    in_tenant.organization.name = "Nordlys\r\nBcc: someone@elsewhere.example\u2028x"
    in_tenant.organization.save()
    channels.add("email", "operations@nordlys.example")
    say(in_tenant)
    assert tell_due(NOW) == 1
    (mail,) = mailoutbox
    assert mail.message()["Bcc"] is None
    assert mail.subject == "A connector fails (Nordlys Bcc: someone@elsewhere.example x)"


def test_what_repeats_is_told_once_an_hour_with_its_count(in_tenant: Tenant) -> None:
    with Receiver() as receiver:
        channels.add("slack", receiver.url)
        for minutes in range(30):
            say(in_tenant, at=NOW + minutes * MINUTE)
            tell_due(NOW + minutes * MINUTE)
        assert len(receiver.requests) == 1
        tell_due(NOW + THROTTLE)
        assert "Partner fails. (30 times since 21 November 2026, 10:00 UTC)" in texts(receiver)[1]
        tell_due(NOW + 2 * THROTTLE)
        assert len(receiver.requests) == 2
        assert not Notice.objects.get().running
        say(in_tenant, at=NOW + 3 * THROTTLE)
        tell_due(NOW + 3 * THROTTLE)
        assert "times since" not in texts(receiver)[2]
    assert sorted(Notice.objects.values_list("count", flat=True)) == [1, 30]


def test_an_outage_of_everything_is_one_message(in_tenant: Tenant) -> None:
    with Receiver() as receiver:
        channels.add("slack", receiver.url)
        for number in range(MOST_LISTED + 5):
            say(in_tenant, f"Partner {number} fails.", about=f"connector:{number}")
        assert tell_due(NOW) == MOST_LISTED + 5
        (text,) = texts(receiver)
    assert text.startswith("15 notices (Nordlys)\nPartner 0 fails.\n")
    assert text.endswith("And 5 more.\nhttps://feeder.example/notices/")


def test_a_failure_is_tried_again_later_and_given_up(in_tenant: Tenant) -> None:
    with Receiver(lambda _: Answer(503)) as receiver:
        channels.add("slack", receiver.url)
        say(in_tenant)
        at = NOW
        for wait in WAITS:
            assert tell_due(at) == 0
            row = NoticeMessage.objects.get()
            assert (row.next_at, row.error) == (at + timedelta(seconds=wait), "It answered 503.")
            assert tell_due(at + timedelta(seconds=wait - 1)) == 0
            at += timedelta(seconds=wait)
        tell_due(at)
        assert NoticeMessage.objects.get().next_at is None
        assert len(receiver.requests) == len(WAITS) + 1


def test_a_channel_that_fails_holds_back_no_other(in_tenant: Tenant, mailoutbox: list[Any]) -> None:
    with Receiver() as receiver, Receiver(lambda _: Answer(reset=True)) as broken:
        for url in (broken.url, receiver.url):
            channels.add("slack", url)
        channels.add("email", "operations@nordlys.example")
        say(in_tenant)
        assert tell_due(NOW) == 2
        assert (len(receiver.requests), len(mailoutbox)) == (1, 1)
        assert tell_due(NOW + MINUTE) == 0
        assert (len(receiver.requests), len(broken.requests), len(mailoutbox)) == (1, 2, 1)


def test_a_mail_server_that_is_away_is_told_of_in_words(in_tenant: Tenant, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    channels.add("email", "operations@nordlys.example")
    say(in_tenant)
    assert tell_due(NOW) == 0
    assert NoticeMessage.objects.get().error == "The mail server could not be used (ConnectionRefusedError)."


class OfSomeService(BaseEmailBackend):
    """A backend with errors of its own, as those of mail services have."""

    def send_messages(self, email_messages: Any) -> int:
        raise LookupError("no such sender")


def test_a_mail_service_that_fails_in_its_own_way_makes_nobody_read_twice(in_tenant: Tenant, settings: Any) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.OfSomeService"
    with Receiver() as receiver:
        channels.add("slack", receiver.url)
        channels.add("email", "operations@nordlys.example")
        say(in_tenant)
        assert [tell_due(NOW), tell_due(NOW + LEASE + MINUTE)] == [1, 0]
        assert len(receiver.requests) == 1
    failed = NoticeMessage.objects.get(channel__kind="email")
    assert (failed.error, failed.attempts) == ("The mail could not be sent (LookupError).", 2)


def test_what_a_dead_worker_took_is_sent_after_its_lease(in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver() as receiver:
        channels.add("slack", receiver.url)
        say(in_tenant)
        with monkeypatch.context() as killed:
            killed.setattr("connectors.telling._send", lambda *_: 0)
            tell_due(NOW)
        assert tell_due(NOW + LEASE - MINUTE) == 0
        assert tell_due(NOW + LEASE) == 1
        assert len(receiver.requests) == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_beats_one_sends(tenant: Tenant) -> None:
    with Receiver(lambda _: Answer(delay=0.2)) as receiver:
        with scope.organization(tenant.organization.id):
            channels.add("slack", receiver.url)
        say(tenant)

        def tick() -> None:
            tell_due(NOW)
            connection.close()

        threads = [threading.Thread(target=tick) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert len(receiver.requests) == 1


def test_nobody_else_is_told(in_tenant: Tenant, stranger: Tenant) -> None:
    with Receiver() as receiver:
        with scope.organization(stranger.organization.id):
            channels.add("slack", receiver.url)
        say(in_tenant)
        assert tell_due(NOW) == 0
        assert receiver.requests == []


@pytest.mark.parametrize(
    ("kind", "address", "reason"),
    [
        ("slack", "http://10.0.0.1/hook", REFUSED),
        ("slack", "ftp://hooks.example/x", "Only https is possible."),
        ("slack", "operations@nordlys.example", "Write a whole URL"),
        ("email", "https://hooks.example/x", "Write an e-mail address"),
        ("email", "a@b.example\nBcc: c@d.example", "Write an e-mail address"),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused(in_tenant: Tenant, kind: str, address: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason.partition("(")[0]):
        channels.add(kind, address)
    assert not NoticeChannel.objects.exists()


def test_without_a_way_for_mail_such_a_channel_is_refused(in_tenant: Tenant, settings: Any) -> None:
    settings.MAIL_CONFIGURED = False
    with pytest.raises(ValidationError, match="sets EMAIL_URL"):
        channels.add("email", "operations@nordlys.example")


def test_the_guard_judges_the_address_when_it_is_sent(in_tenant: Tenant, settings: Any) -> None:
    with Receiver() as receiver:
        channels.add("slack", receiver.url)
        settings.EGRESS_ALLOW = []
        say(in_tenant)
        assert tell_due(NOW) == 0
        assert receiver.requests == []
    assert REFUSED in NoticeMessage.objects.get().error


def test_the_address_of_a_chat_is_sealed(in_tenant: Tenant) -> None:
    channel = channels.add("slack", "https://hooks.slack.com/services/T0/B0/secret")
    assert channel.shown == "https://hooks.slack.com/…"
    assert "secret" not in channel.sealed
    assert channel.get_address().endswith("/secret")
