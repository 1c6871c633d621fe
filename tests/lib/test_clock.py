from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from portal.lib import clock


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (datetime(2026, 11, 21, 10, tzinfo=UTC), "2026-11-21T10:00:00.000Z"),
        (datetime(2026, 11, 21, 10, 0, 0, 999_999, tzinfo=UTC), "2026-11-21T10:00:00.999Z"),
        (datetime(2026, 3, 29, 1, 30, tzinfo=timezone(timedelta(hours=2))), "2026-03-28T23:30:00.000Z"),
    ],
)
def test_times_as_written(moment: datetime, written: str) -> None:
    assert clock.rfc3339(moment) == written
    assert datetime.fromisoformat(written) <= moment


def test_now_knows_its_zone() -> None:
    assert clock.now().utcoffset() == timedelta(0)
