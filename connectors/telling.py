"""The task that tells people of notices: which are due, to which channels, and what came of it.

Two beats, a late tick or a doubled one do no harm: rows are taken with `for update skip locked`, and a message that is
being sent is due again only after LEASE, should the worker die meanwhile. Nothing is locked while something is sent.
All of a channel's due notices go in one message: an outage of everything fills no chat.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from celery import shared_task
from django.conf import settings
from django.db import connection, models
from django.urls import reverse

from connectors import channels, noticing
from connectors.channels import Text
from connectors.notice_models import Notice, NoticeChannel, NoticeMessage
from connectors.notices import THROTTLE, TITLES, connector_of
from portal.lib.database import database_time
from portal.tenants import scope

MOST_AT_ONCE: Final = 500
LEASE: Final = timedelta(minutes=10)
WAITS: Final = (60, 300, 900, 3_600, 14_400)
"""Seconds from a failed try to the next; after the last one the message is given up."""
MOST_LISTED: Final = 10
"""Notices that a message spells out."""

log = structlog.get_logger(__name__)

_MAKE_MESSAGES: Final = """
with due as (
    select id, organization_id, count, told from connectors_notice
     where running and (told_at is null or told_at <= %(before)s)
     order by id limit %(limit)s for update skip locked),
made as (
    insert into connectors_noticemessage (id, organization_id, notice_id, channel_id, attempts, next_at, error)
    select gen_random_uuid(), due.organization_id, due.id, c.id, 0, %(now)s, ''
      from due join connectors_noticechannel c on c.organization_id = due.organization_id
     where due.count > due.told
    on conflict (notice_id, channel_id) do update set attempts = 0, next_at = excluded.next_at, sent_at = null)
update connectors_notice n set told = due.count, told_at = %(now)s, running = due.count > due.told
  from due where n.id = due.id
"""

_TAKE: Final = """
with due as (
    select id from connectors_noticemessage where next_at <= %(now)s
     order by next_at, id limit %(limit)s for update skip locked)
update connectors_noticemessage m set next_at = %(again)s, attempts = m.attempts + 1
  from due where m.id = due.id returning m.id
"""


@shared_task
def tell() -> None:
    """See what changed, and send what is due, by the database's clock."""
    now = database_time()
    noticing.notice_health(now)
    tell_due(now)


def tell_due(now: datetime) -> int:
    """Make the messages that are due and send them; returns how many notices arrived on how many channels, summed."""
    with connection.cursor() as cursor:
        cursor.execute(_MAKE_MESSAGES, {"before": now - THROTTLE, "now": now, "limit": MOST_AT_ONCE})
        cursor.execute(_TAKE, {"now": now, "again": now + LEASE, "limit": MOST_AT_ONCE})
        taken = [row[0] for row in cursor.fetchall()]
    return _send(taken, now) if taken else 0


def text_of(notices: Sequence[Notice]) -> Text:
    """What a channel is sent for these notices of one organization, of which there is at least one."""
    first, organization = notices[0], notices[0].organization.name
    title = TITLES.get(first.kind, "Notice") if len(notices) == 1 else f"{len(notices)} notices"
    shown = notices[:MOST_LISTED]
    parts = [f"{one.text}{_repeated(one)}" for one in shown]
    if more := len(notices) - len(shown):
        parts.append(f"And {more} more.")
    parts.append(link_of(notices[0]) if len(notices) == 1 else f"{settings.PUBLIC_URL}{reverse('notices')}")
    return f"{title} ({organization})", "\n".join(parts)


def link_of(notice: Notice) -> str:
    """The page to look at."""
    connector_id = connector_of(notice.about)
    path = reverse("connector", args=[connector_id]) if connector_id else reverse("notices")
    return f"{settings.PUBLIC_URL}{path}"


def _repeated(notice: Notice) -> str:
    since = f"{notice.first_at:%-d %B %Y, %H:%M} UTC"
    return f" ({notice.count} times since {since})" if notice.count > 1 else ""


def _send(taken: Sequence[UUID], now: datetime) -> int:
    with scope.every_organization():
        rows = NoticeMessage.objects.filter(id__in=taken).select_related("notice__organization", "channel")
        by_channel: dict[NoticeChannel, list[NoticeMessage]] = {}
        for row in rows.order_by("notice__first_at", "notice_id"):
            by_channel.setdefault(row.channel, []).append(row)
        texts = {channel: text_of([row.notice for row in its]) for channel, its in by_channel.items()}
        sent = 0
        for channel, error in channels.send_all(texts):
            for row in by_channel[channel]:
                _record(row, error, now)
            sent += 0 if error else len(by_channel[channel])
            if error:
                log.warning("notices could not be sent", channel=str(channel.id), to=channel.shown, error=error)
        return sent


def _record(row: NoticeMessage, error: str, now: datetime) -> None:
    """Unless another worker took it meanwhile: then it is that one's to record."""
    outcome: dict[str, object] = {"error": error, "next_at": _next_at(row.attempts, now) if error else None}
    if not error:
        outcome["sent_at"] = now
    same: models.QuerySet[NoticeMessage] = NoticeMessage.objects.filter(id=row.id, attempts=row.attempts)
    same.update(**outcome)


def _next_at(attempts: int, now: datetime) -> datetime | None:
    """After the first try, `attempts` is 1. None: it is given up."""
    return now + timedelta(seconds=WAITS[attempts - 1]) if attempts <= len(WAITS) else None
