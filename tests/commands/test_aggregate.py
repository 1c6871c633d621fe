"""`manage.py aggregate`: a past day, for the first time or once more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from portal.lib import clock
from portal.tenants.models import Plan
from tests.triggers.scheduled.aggregating import at, make_aggregate, put, sent
from tests.world import make_data_point, make_gateway


@pytest.fixture
def measuring(in_tenant: Any) -> Any:
    in_tenant.company.daily_aggregates_enabled = True
    in_tenant.company.save()
    make_gateway(company=in_tenant.company)
    make_data_point(expected_interval=900)
    make_aggregate("mean", "mean")
    make_aggregate("maximum", "maximum", minimum_coverage=10.0)
    return in_tenant


def run(*options: str) -> str:
    out = StringIO()
    call_command("aggregate", *options, stdout=out)
    return out.getvalue()


def test_it_adds_what_is_missing_and_says_what_it_did(measuring: Any) -> None:
    yesterday = clock.now().date() - timedelta(days=1)
    day = ["--day", yesterday.isoformat(), "--organization", "Nordlys"]
    put(measuring, [1.0 + n for n in range(48)], at(day=yesterday))
    assert run(*day) == f"Nordlys, {yesterday}: 1 sent, 1 held back (1 coverage).\n"
    assert run(*day) == f"Nordlys, {yesterday}: 0 sent, 0 held back.\n"
    put(measuring, [1.0 + n for n in range(48)], at(12, yesterday))
    assert run("--day", yesterday.isoformat(), "--again") == f"Nordlys, {yesterday}: 1 sent, 0 held back.\n"
    assert [one["data"]["property"] for one in sent()] == ["maximum", "mean"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--day", "2026-02-30"], "is no day"),
        (["--day", "yesterday"], "is no day"),
        (["--day", "{today}"], "is not over"),
        (["--day", "2026-01-05", "--organization", "Elsewhere"], "There is no organization 'Elsewhere'."),
        (["--day", "2026-01-05", "--organization", "Nordlys"], "The plan of Nordlys sends nothing."),
    ],
)
def test_what_it_refuses(measuring: Any, options: list[str], reason: str) -> None:
    measuring.organization.plan = Plan.BASIC
    measuring.organization.save()
    today = datetime.now(UTC).date().isoformat()
    with pytest.raises(CommandError, match=reason):
        run(*(option.format(today=today) for option in options))
    assert sent() == []
