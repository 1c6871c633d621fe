"""The channels that notices go out by: what their address may be, and how a text is sent to one."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.core.validators import validate_email
from django.db import connection
from django.db.models import Q

from connectors.dispatch import egress_policy
from connectors.message import Outcome, Request
from connectors.notice_models import ChannelKind, NoticeChannel
from connectors.sender import Sender
from connectors.target import check_url
from portal.lib.crypto import SecretUnreadable

log = structlog.get_logger(__name__)

MOST_CHANNELS: Final = 20
SEND_SECONDS: Final = 10.0
AT_ONCE: Final = 50
"""Sockets to chat servers at the same time."""
TEST_PAUSE: Final = timedelta(seconds=10)
"""Between two tests of a channel: the button is no way to fill somebody's mailbox."""

NO_MAIL: Final = "This installation sends no e-mail: whoever runs it sets EMAIL_URL."
MOST_SHOWN: Final = 300

Text = tuple[str, str]
"""A heading, and what is under it."""


def add(kind: str, address: str) -> NoticeChannel:
    """Of the current organization. Raises ValidationError with a reason for `kind` or `address`."""
    address = address.strip()
    if reason := _refusal(kind, address):
        raise ValidationError({"address": reason})
    if NoticeChannel.objects.count() >= MOST_CHANNELS:
        raise ValidationError({"address": f"There are {MOST_CHANNELS} channels already: remove one first."})
    channel = NoticeChannel(kind=kind, shown=_shown(kind, address))
    channel.set_address(address)
    channel.save()
    return channel


def may_be_tested(channel: NoticeChannel, now: datetime) -> bool:
    """Whether its last test is some time ago; if so, this one counts. Of two at once, one may."""
    rested = NoticeChannel.objects.filter(Q(tested_at=None) | Q(tested_at__lte=now - TEST_PAUSE), id=channel.id)
    return bool(rested.update(tested_at=now))


def test(channel: NoticeChannel) -> str:
    """Send a text that says what it is; returns why it failed, or an empty string. Blocks, without a connection."""
    text = (
        f"Test: notices of {channel.organization}",
        "This is a test. Notices about your connectors will arrive here.",
    )
    ((_, error),) = send_all({channel: text})
    return error


def send_all(texts: Mapping[NoticeChannel, Text]) -> list[tuple[NoticeChannel, str]]:
    """Send each channel its text; returns each with why it failed, or an empty string.

    Blocks, and gives the database connection back before (invariant 4).
    """
    chats: dict[NoticeChannel, Request] = {}
    mails: dict[NoticeChannel, EmailMessage] = {}
    failed: list[tuple[NoticeChannel, str]] = []
    for channel, text in texts.items():
        try:
            address = channel.get_address()
        except SecretUnreadable as error:
            failed.append((channel, str(error)))
            continue
        if channel.kind == ChannelKind.EMAIL:
            mails[channel] = _mail(address, text)
        else:
            chats[channel] = _chat_request(address, channel.shown, text)
    if not connection.in_atomic_block:
        connection.close()
    return [*failed, *_send_chats(chats), *_send_mails(mails)]


def _refusal(kind: str, address: str) -> str:
    if kind == ChannelKind.SLACK:
        return " ".join(check_url(address, egress_policy()))
    if not settings.MAIL_CONFIGURED:
        return NO_MAIL
    try:
        validate_email(address)
    except ValidationError:
        return "Write an e-mail address, such as operations@partner.example."
    return "" if len(address) <= MOST_SHOWN else f"At most {MOST_SHOWN} characters."


def _shown(kind: str, address: str) -> str:
    if kind == ChannelKind.EMAIL:
        return address
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname}/…"[:MOST_SHOWN]


def _chat_request(url: str, shown: str, text: Text) -> Request:
    """As Slack's incoming webhooks take it, and those of Mattermost, Rocket.Chat and Discord's /slack.

    A connector's name must not become a mention of everybody: Slack's three signs are escaped, and what the others
    read as one, a name behind an `@`, is told apart by a space of no width.
    """
    words = "\n".join(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "@\u200b")
    return Request(
        method="POST",
        url=url,
        headers=(("Content-Type", "application/json"),),
        body=orjson.dumps({"text": words}),
        timeout=SEND_SECONDS,
        shown_url=shown,
    )


def _send_chats(requests: Mapping[NoticeChannel, Request]) -> Iterator[tuple[NoticeChannel, str]]:
    if not requests:
        return
    with Sender(egress_policy(), max_sockets=AT_ONCE) as sender:
        for channel, request in requests.items():
            sender.submit(request, channel)
        while sender.in_flight:
            for channel, outcome in sender.poll(1.0):
                yield channel, _problem(outcome)


def _problem(outcome: Outcome) -> str:
    if outcome.status is None:
        return f"No answer: {outcome.detail}"
    return "" if 200 <= outcome.status < 300 else f"It answered {outcome.status}."


def _mail(address: str, text: Text) -> EmailMessage:
    heading, body = text
    return EmailMessage(" ".join(heading.split()), body, settings.DEFAULT_FROM_EMAIL, [address])


def _send_mails(mails: Mapping[NoticeChannel, EmailMessage]) -> Iterator[tuple[NoticeChannel, str]]:
    """Over one connection to the mail server; while that is away, no mail waits for it by itself."""
    if not mails:
        return
    server: Any = get_connection()
    away = _trouble(server.open) if settings.MAIL_CONFIGURED else NO_MAIL
    for channel, mail in mails.items():
        yield channel, away or _trouble(lambda mail=mail: server.send_messages([mail]))
    if not away:
        _trouble(server.close)


def _trouble(act: Any) -> str:
    """The mail server's refusal in words; its own may hold addresses and names of inner hosts."""
    try:
        act()
    except smtplib.SMTPResponseException as error:
        return f"The mail server answered {error.smtp_code}."
    except smtplib.SMTPRecipientsRefused:
        return "The mail server refused the address."
    except (smtplib.SMTPException, OSError, ValueError) as error:
        return f"The mail server could not be used ({type(error).__name__})."
    except Exception as error:  # a service's own backend has its own: it must not hide what went to the other channels
        log.exception("a mail could not be sent")
        return f"The mail could not be sent ({type(error).__name__})."
    return ""
