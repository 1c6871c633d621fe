"""Energy of days against a meter that knows what it counted: none is lost at a midnight or a reset, none is twice."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.triggers.scheduled.aggregating import DAY, at, make_aggregate, run, sent, take
from tests.world import make_data_point, make_gateway, reading

pytestmark = pytest.mark.django_db

TWO_DAYS = 2 * 24 * 60
STEPS = st.dictionaries(
    st.integers(min_value=1, max_value=TWO_DAYS - 1),
    st.tuples(st.floats(min_value=0, max_value=50, width=32), st.booleans()),
    max_size=30,
)
"""By minute: what was counted since the reading before, and whether the meter was reset just after that one."""


@pytest.mark.line(25, 35)
def test_two_days_add_up_to_what_the_meter_counted(in_tenant: Any) -> None:
    in_tenant.company.daily_aggregates_enabled = True
    in_tenant.company.save()
    make_gateway(company=in_tenant.company)
    counter = make_data_point("meter", kind="counter", unit="kWh")
    make_aggregate("energy", "energy", counter, minimum_coverage=0.0)
    starts = (at(day=DAY - timedelta(days=5 * n)) for n in count(1))  # far apart: no example knows another's readings

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(STEPS)
    def check(steps: dict[int, tuple[float, bool]]) -> None:
        start, register, counted = next(starts), 1000.0, 0.0
        items = [reading(register, start, property="meter")]
        for minute, (growth, reset) in sorted((steps | {24 * 60 - 1: (1.0, False), TWO_DAYS: (1.0, False)}).items()):
            register = growth if reset and growth < register / 2 else register + growth
            counted += growth
            items.append(reading(register, start + timedelta(minutes=minute), property="meter"))
        take(in_tenant.organization.id, items)
        before = len(sent())
        days = [start.date(), start.date() + timedelta(days=1)]
        for day in days:
            run(in_tenant, day)
        found = {one["data"]["day"]: one["data"]["value"] for one in sent()[before:]}
        second = {minute for minute in steps if minute >= 24 * 60}
        assert set(found) == {day.isoformat() for day in (days if second else days[:1])}
        assert all(0 <= value <= counted + 1e-6 for value in found.values())
        if second:
            assert sum(found.values()) == pytest.approx(counted, abs=1e-6)

    check()
