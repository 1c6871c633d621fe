"""Telling an organization's people what needs them. Nothing is sent here: `connectors.telling` does, by and by.

One notice tells of the same thing for as long as it repeats at least every hour; it goes out when it begins, and after
that at most once an hour, with how often it happened.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection

from portal.lib.uuid7 import uuid7

THROTTLE: Final = timedelta(hours=1)
LONGEST_TEXT: Final = 2000
LONGEST_ABOUT: Final = 200

TITLES: Final[dict[str, str]] = {
    "failing": "A connector fails",
    "recovered": "A connector works again",
    "paused": "A connector is paused",
    "disabled": "A connector is switched off",
    "expiring": "Something expires soon",
    "aggregate_failed": "A daily aggregate failed",
}
"""Kind → the heading of its notices."""

_STORE: Final = """
insert into connectors_notice as n
       (id, organization_id, kind, about, text, count, first_at, last_at, told, running)
values (%s, %s, %s, %s, %s, 1, %s, %s, 0, true)
on conflict (organization_id, kind, about) where running
do update set count = n.count + 1, text = excluded.text, last_at = greatest(n.last_at, excluded.last_at)
"""


def notify(organization_id: UUID, kind: str, about: str, text: str, now: datetime) -> None:
    """Store a notice; a repeat of a running one of this kind `about` the same thing only raises its count.

    One statement, no network: safe in any transaction, with which it is undone. `kind` is one of TITLES; `about` is a
    name such as `connector:<id>`, from which a page makes a link.
    """
    shown = text.replace("\0", "")[:LONGEST_TEXT]
    with connection.cursor() as cursor:
        cursor.execute(_STORE, [uuid7(), organization_id, kind, about[:LONGEST_ABOUT], shown, now, now])
