"""Signs of life of devices that have nothing else to say: noted, and not stored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from msgspec import Struct

from portal.fleet.locate import Located, Source, locate
from portal.fleet.presence import Sign, why_not_expected
from portal.lib.database import batch_cursor
from triggers import presence
from triggers.intake import note_devices
from triggers.items import Reference, Result, Time, unknown


class HeartbeatItem(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One device that lives. It will report again before `expect_before`; without that, by its deadline."""

    gateway: Reference
    appliance: Reference | None = None
    expect_before: Time | None = None


def take_heartbeats(
    organization_id: UUID,
    items: Sequence[tuple[int, HeartbeatItem]],
    now: datetime,
    result: Result,
    *,
    company_id: UUID | None = None,
) -> Result:
    """Note who lives; `result` has those that the caller has refused already. A repeated heartbeat is one more."""
    with transaction.atomic(), batch_cursor() as cursor:
        located = locate(cursor, organization_id, ((item.gateway, item.appliance) for _, item in items), company_id)
        good = [(item, source) for index, item in items if (source := _check(index, item, located, now, result))]
        signs = presence.heard((source for _, source in good), now)
        for item, source in good:
            if item.expect_before is not None:
                signs[source.subject_id] = Sign(
                    gateway_id=source.gateway_id, online=True, at=now, expect_before=item.expect_before
                )
        note_devices(cursor, organization_id, signs, now)
        result.accepted += len(good)
    return result


def _check(index: int, item: HeartbeatItem, located: Located, now: datetime, result: Result) -> Source | None:
    source = located[item.gateway, item.appliance]
    errors = [] if isinstance(source, Source) else [unknown(source, item.gateway, item.appliance)]
    if item.expect_before is not None and (reason := why_not_expected(item.expect_before, now)) is not None:
        errors.append(("/expect_before", reason))
    if errors or not isinstance(source, Source):
        result.refuse(index, *errors)
        return None
    return source
