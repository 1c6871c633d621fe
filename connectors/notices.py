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

RECOVERED: Final = "recovered"
"""The one kind that asks for nothing."""

TITLES: Final[dict[str, str]] = {
    "failing": "A connector fails",
    RECOVERED: "A connector works again",
    "paused": "A connector is paused",
    "disabled": "A connector is switched off",
    "expiring": "Something expires soon",
    "aggregate_failed": "A daily aggregate failed",
}
"""Kind → the heading of its notices."""

_STORE: Final = """
insert into connectors_notice as n
       (id, organization_id, kind, about, text, count, first_at, last_at, told, running)
select %(id)s, %(organization)s, %(kind)s, %(about)s, %(text)s, 1, %(now)s, %(now)s, 0, true
"""

_OR_COUNT: Final = """
on conflict (organization_id, kind, about) where running
do update set count = n.count + 1, text = excluded.text, last_at = greatest(n.last_at, excluded.last_at)
"""

_UNLESS_TOLD: Final = """
 where not exists (select from connectors_notice
                    where organization_id = %(organization)s and kind = %(kind)s and about = %(about)s)
on conflict (organization_id, kind, about) where running do nothing
"""


def notify(organization_id: UUID, kind: str, about: str, text: str, now: datetime) -> None:
    """Store a notice; a repeat of a running one of this kind `about` the same thing only raises its count.

    One statement, no network: safe in any transaction, with which it is undone. `kind` is one of TITLES; `about` is a
    name such as `connector:<id>`, from which a page makes a link.
    """
    _store(_STORE + _OR_COUNT, organization_id, kind, about, text, now)


def notify_once(organization_id: UUID, kind: str, about: str, text: str, now: datetime) -> None:
    """The same, but nothing if people were ever told: for jobs that come upon the same thing each time they run."""
    _store(_STORE + _UNLESS_TOLD, organization_id, kind, about, text, now)


def about_connector(connector_id: UUID) -> str:
    return f"connector:{connector_id}"


def connector_of(about: str) -> UUID | None:
    """The connector that a notice is about; it may be gone by now. None where it is about something else."""
    kind, _, rest = about.partition(":")
    try:
        return UUID(rest.partition(":")[0]) if kind == "connector" else None
    except ValueError:
        return None


def _store(statement: str, organization_id: UUID, kind: str, about: str, text: str, now: datetime) -> None:
    values: dict[str, str | UUID | datetime] = {
        "id": uuid7(),
        "organization": organization_id,
        "kind": kind,
        "about": about[:LONGEST_ABOUT],
        "text": text.replace("\0", "")[:LONGEST_TEXT],
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
