"""The page of daily aggregates: what a day came to, and why some of it was not sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from portal.tenants import scope
from tests.conftest import Tenant
from tests.triggers.scheduled.aggregating import DAY, at, make_aggregate, put, run
from tests.world import make_data_point, make_gateway

PAGE = "/aggregates/"


@pytest.fixture
def measured(tenant: Tenant) -> Tenant:
    """One day of which one figure was sent and one held back, after a day with no readings at all."""
    with scope.organization(tenant.organization.id):
        tenant.company.daily_aggregates_enabled = True
        tenant.company.save()
        make_gateway(company=tenant.company)
        make_data_point(expected_interval=900)
        make_aggregate("pv.mean", "mean")
        make_aggregate("pv.maximum", "maximum", minimum_coverage=25.0)
        put(tenant, [1.0 + n for n in range(48)], at())
        run(tenant, DAY - timedelta(days=1))
        run(tenant)
    return tenant


@pytest.mark.line(37, 39)
@pytest.mark.parametrize("role", ["owner", "viewer"])
def test_the_latest_day_with_what_was_held_back_and_why(
    measured: Tenant, signed_in: Callable[[str], Client], role: str
) -> None:
    page = signed_in(role).get(PAGE).content.decode()
    assert "Held back, 2026-11-20" in page
    assert "Readings cover 50.0 % of the day, and 80 % are needed." in page
    assert "There are no readings" not in page
    assert ("1 sent" in page, "0 sent, 1 held back" in page) == (True, True)
    assert "Inverter" in page


def test_another_day_and_none(measured: Tenant, owner: Client) -> None:
    before = owner.get(f"{PAGE}?day=2026-11-19").content.decode()
    assert before.count("There are no readings of that day.") == 2
    assert "Held back, 2026-11-20" in owner.get(f"{PAGE}?day=never").content.decode()


def test_a_stranger_sees_nothing_of_it(measured: Tenant, stranger: Tenant) -> None:
    client = Client()
    client.force_login(stranger.people["owner"], backend="allauth.account.auth_backends.AuthenticationBackend")
    page = client.get(PAGE).content.decode()
    assert "pv.mean" not in page
    assert "No day has been made yet." in page
