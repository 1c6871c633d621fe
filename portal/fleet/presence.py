"""Who is heard of, and who has been silent for too long: statements per batch on the hot table of presence.

The change of a row's `online` is what decides that a transition is told: who writes it tells of it, in the same
transaction, and nobody can write it twice. Rows are locked in the order of their ids, or not waited for at all, so
that calls and sweeps never deadlock.

The deadline of a device is its own `offline_after`, or else its gateway's, or else what its gateway's protocol allows;
`expect_before` replaces it until the next report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import LiteralString, TypeAlias
from uuid import UUID

from portal.fleet.models import LONGEST_SILENCE, Appliance, Gateway, Presence, Protocol
from portal.lib.database import Cursor

NOTED_FOR = timedelta(seconds=30)
"""A report that comes this soon after the one noted last is not noted: a row is written twice a minute at most."""
STALE_NEWS = timedelta(minutes=5)
"""An offline event that is older than the last report by more than this is news of the past. Clocks may differ."""
MAY_BE_SILENT: Mapping[str, int] = {"": 3_600, Protocol.LORAWAN: 86_400, Protocol.WIRED: 3_600}
"""Seconds by protocol: a LoRaWAN device reports once a day at least, a wired one within the hour. "" is any other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A gateway, or an appliance behind it."""

    gateway_id: UUID
    appliance_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """What a batch says of one device, at a time: that it lives, or that it is offline."""

    gateway_id: UUID
    online: bool
    at: datetime
    expect_before: datetime | None = None


Signs: TypeAlias = Mapping[UUID, Sign]
"""By subject: the appliance, or the gateway itself."""


# What the snapshot shows as noted is left alone, without a lock. A device that was offline is only locked here.
_NOTE = """
insert into fleet_presence as p
       (subject_id, organization_id, gateway_id, online, with_gateway, last_seen_at, changed_at, expect_before)
select u.subject_id, %(organization_id)b, u.gateway_id, u.online, false,
       case when u.online then %(now)b end, u.at, u.expect_before
  from unnest(%(subjects)b::uuid[], %(gateways)b::uuid[], %(online)b::bool[], %(at)b::timestamptz[],
              %(expect_before)b::timestamptz[]) u(subject_id, gateway_id, online, at, expect_before)
  left join fleet_presence was on was.subject_id = u.subject_id
 where was.online is distinct from u.online
    or was.expect_before is distinct from u.expect_before
    or was.with_gateway
    or (u.online and was.last_seen_at not between %(now)b - %(noted_for)b and %(now)b + %(noted_for)b)
 order by u.subject_id
    on conflict (subject_id) do update
   set online = coalesce(p.online, true) and excluded.online,
       with_gateway = p.with_gateway and excluded.online,
       last_seen_at = coalesce(excluded.last_seen_at, p.last_seen_at),
       changed_at = case when p.online is null or (p.online and not excluded.online)
                         then excluded.changed_at else p.changed_at end,
       expect_before = excluded.expect_before
 where excluded.online or p.last_seen_at is null or p.last_seen_at <= excluded.changed_at + %(stale_news)b
returning p.subject_id, p.online
"""
_BRING_BACK = """
with back as (
  update fleet_presence p
     set online = true, with_gateway = false, changed_at = %(now)b
   where p.subject_id = any(%(subjects)b)
  returning p.subject_id, p.gateway_id
), following as (
  select f.subject_id
    from back b
    join fleet_presence f on f.gateway_id = b.subject_id
   where f.online is false and f.with_gateway and f.subject_id <> all(%(subjects)b)
     for update of f skip locked
), followed as (
  update fleet_presence p
     set online = true, with_gateway = false, changed_at = %(now)b
    from following f
   where p.subject_id = f.subject_id
  returning p.subject_id, p.gateway_id
)
select gateway_id, nullif(subject_id, gateway_id) from back
 union all
select gateway_id, nullif(subject_id, gateway_id) from followed
"""


def note(cursor: Cursor, organization_id: UUID, signs: Signs, now: datetime) -> list[Device]:
    """Note what is heard, in the caller's transaction; returns the devices that were offline and are back.

    A gateway's appliances that went offline with it come back with it. A device that is heard for the first time was
    not offline, and one that is offline already, or has reported since, does not go offline again.
    """
    if not signs:
        return []
    cursor.execute(
        _NOTE,
        {
            "organization_id": organization_id,
            "now": now,
            "noted_for": NOTED_FOR,
            "stale_news": STALE_NEWS,
            "subjects": list(signs),
            "gateways": [sign.gateway_id for sign in signs.values()],
            "online": [sign.online for sign in signs.values()],
            "at": [sign.at for sign in signs.values()],
            "expect_before": [sign.expect_before for sign in signs.values()],
        },
    )
    down = [subject_id for subject_id, online in cursor if not online and signs[subject_id].online]
    if not down:
        return []
    cursor.execute(_BRING_BACK, {"now": now, "subjects": down})
    return [Device(gateway_id=gateway_id, appliance_id=appliance_id) for gateway_id, appliance_id in cursor]


# The sweep's


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """A device that went offline just now, and whose."""

    organization_id: UUID
    device: Device


_GO: LiteralString = """
update fleet_presence p
   set online = false, with_gateway = %(with_gateway)b, changed_at = %(now)b, expect_before = null
  from going
 where p.subject_id = going.subject_id
returning p.organization_id, p.gateway_id, nullif(p.subject_id, p.gateway_id)
"""
_SILENT = """
with going as (
  select p.subject_id
    from fleet_presence p
    {devices}
    join unnest(%(protocols)b::text[], %(seconds)b::int4[]) k(protocol, seconds) on k.protocol = g.protocol
   where p.online is not false
     and coalesce(p.expect_before, greatest(p.last_seen_at, p.changed_at) + make_interval(secs => {seconds}))
         < %(now)b - %(debounce)b
   order by p.organization_id, p.subject_id
   limit %(limit)b
     for update of p skip locked
) {go}"""
_SILENT_GATEWAYS: LiteralString = _SILENT.format(
    devices="join fleet_gateway g on g.id = p.subject_id", seconds="coalesce(g.offline_after, k.seconds)", go=_GO
)
_SILENT_APPLIANCES: LiteralString = _SILENT.format(
    devices="join fleet_appliance a on a.id = p.subject_id join fleet_gateway g on g.id = a.gateway_id",
    seconds="coalesce(a.offline_after, g.offline_after, k.seconds)",
    go=_GO,
)
# The gateway's row is held as it is meanwhile: who brings it back waits, and then finds its appliances gone with it.
_WITH_GATEWAY = f"""
with going as (
  select p.subject_id
    from fleet_presence g
    join fleet_presence p on p.gateway_id = g.subject_id and p.subject_id <> p.gateway_id
    join fleet_appliance a on a.id = p.subject_id
   where g.subject_id = g.gateway_id and g.online is false and p.online
   order by p.organization_id, p.subject_id
   limit %(limit)b
     for update of p skip locked for share of g skip locked
) {_GO}"""  # noqa: S608 - both halves are this project's own
_BEGIN = """
insert into fleet_presencesweep as s (id, at, resumed_at) values (1, %(now)b, 'epoch')
    on conflict (id) do update
   set at = excluded.at,
       resumed_at = case when excluded.at - s.at > %(break)b then excluded.at else least(s.resumed_at, excluded.at) end
returning resumed_at > %(now)b - %(settling)b
"""
_SET_BACK = """
update fleet_presence p
   set last_seen_at = least(p.last_seen_at, %(now)b), changed_at = least(p.changed_at, %(now)b)
  from (select subject_id from fleet_presence
         where last_seen_at > %(now)b + %(stale_news)b or changed_at > %(now)b + %(stale_news)b
           for update skip locked) ahead
 where p.subject_id = ahead.subject_id
"""


def is_resuming(cursor: Cursor, now: datetime, interval: timedelta) -> bool:
    """Whether sweeps begin again after a break of several intervals: silence may be the platform's own then.

    The next one, an interval later, has heard who is there. A clock that jumps ahead looks like such a break.
    """
    cursor.execute(_BEGIN, {"now": now, "break": interval * 2.5, "settling": interval / 2})
    row = cursor.fetchone()
    return row is not None and bool(row[0])


def take_silent(cursor: Cursor, now: datetime, debounce: timedelta, limit: int, *, gateways: bool) -> list[Gone]:
    """Take up to `limit` gateways, or appliances, offline whose deadline passed `debounce` ago."""
    parameters = {
        "now": now,
        "debounce": debounce,
        "limit": limit,
        "with_gateway": False,
        "protocols": list(MAY_BE_SILENT),
        "seconds": list(MAY_BE_SILENT.values()),
    }
    return _gone(cursor.execute(_SILENT_GATEWAYS if gateways else _SILENT_APPLIANCES, parameters))


def take_with_gateway(cursor: Cursor, now: datetime, limit: int) -> list[Gone]:
    """Take up to `limit` appliances offline whose gateway is: through it they cannot be heard."""
    return _gone(cursor.execute(_WITH_GATEWAY, {"now": now, "limit": limit, "with_gateway": True}))


def _gone(rows: Cursor) -> list[Gone]:
    return [
        Gone(organization_id=organization_id, device=Device(gateway_id=gateway_id, appliance_id=appliance_id))
        for organization_id, gateway_id, appliance_id in rows
    ]


def set_back(cursor: Cursor, now: datetime) -> None:
    """What was seen in the future was seen by a clock that has been set back since: it counts from now on."""
    cursor.execute(_SET_BACK, {"now": now, "stale_news": STALE_NEWS})


# What is expected


def why_not_expected(before: datetime, now: datetime) -> str | None:
    """Why nobody can be expected before this time; None where that can be meant.

    As far ahead as a deadline may be: what is far beyond, no reader's calendar knows.
    """
    if before <= now:
        return "A time to come is expected."
    if before > now + timedelta(seconds=LONGEST_SILENCE):
        return f"The time is more than {LONGEST_SILENCE // 86_400} days ahead."
    return None


def expect(device: Gateway | Appliance, before: datetime | None) -> None:
    """The device's next report is expected before this time; None: by its deadline again."""
    gateway_id = device.id if isinstance(device, Gateway) else device.gateway_id
    Presence.objects.update_or_create(
        subject_id=device.id,
        defaults={"expect_before": before},
        create_defaults={
            "organization_id": device.organization_id,
            "gateway_id": gateway_id,
            "expect_before": before,
        },
    )
