"""The page of daily aggregates: what a day came to, and why some of it was not sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from portal.lib.uuid7 import uuid7
from portal.tenants import scope
from tests.conftest import Tenant
from tests.triggers.scheduled.aggregating import DAY, at, make_aggregate, put, run
from tests.world import make_data_point, make_gateway
from triggers.models import Aggregate

PAGE = "/aggregates/"
MEAN = {
    "name": "pv.meanOfDay", "function": "mean", "minimum_coverage": "62.5", "holds_for": "15 min", "stuck_after": "0",
    "rests_at": "", "running_above": "0", "enabled": "on",
}  # fmt: skip


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
        put(tenant, [1.0], at(-30))
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


@pytest.fixture
def defined(in_tenant: Tenant) -> Aggregate:
    return make_aggregate("pv.peak", "maximum")


def stored() -> list[dict[str, Any]]:
    """All of them, whoever's."""
    return [dict(row) for row in Aggregate._base_manager.order_by("id").values()]


def test_an_aggregate_is_made_and_changed_from_what_it_is(owner: Client, defined: Aggregate) -> None:
    body = MEAN | {"data_point": str(defined.data_point_id)}
    page = owner.post(f"{PAGE}new/", body, follow=True).content.decode()
    for part in ("pv.meanOfDay is made", "62.5&nbsp;% of the day needed", "in W", "No company has opted in"):
        assert part in page
    expected = {
        "function": "mean", "minimum_coverage": 62.5, "holds_for": 900, "stuck_after": 0, "rests_at": None,
        "running_above": 0, "enabled": True,
    }  # fmt: skip
    before, made = stored()
    assert made | expected == made
    path = f"{PAGE}{made['id']}/"
    form = owner.get(path).context["form"]
    shown = {name: form[name].value() for name in form.fields}
    assert (shown["holds_for"], shown["stuck_after"], shown["rests_at"]) == ("15 min", "0 s", None)
    assert (shown["minimum_coverage"], str(shown["running_above"])) == (62.5, "0")
    as_shown = {name: "on" if value is True else value for name, value in shown.items() if value is not None}
    assert owner.post(path, as_shown)["Location"] == PAGE
    assert stored() == [before, made]
    owner.post(path, as_shown | {"name": "pv.availability", "function": "availability", "stuck_after": ""})
    changed = {"name": "pv.availability", "function": "availability", "stuck_after": None}
    assert stored() == [before, made | changed]


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"function": "energy"}, "function", "Energy is the growth of a counter; pv.power is a gauge."),
        ({"function": ""}, "function", "This field is required."),
        ({"function": "median"}, "function", "not one of the available choices"),
        ({"minimum_coverage": "101"}, "minimum_coverage", "less than or equal to 100"),
        ({"minimum_coverage": "nan"}, "minimum_coverage", "Enter a number."),
        ({"holds_for": "25 h"}, "holds_for", "At most 1 day."),
        ({"holds_for": "0.5 s"}, "holds_for", "At least 1 s."),
        ({"stuck_after": "-1"}, "stuck_after", "is no duration"),
        ({"running_above": ""}, "running_above", "This field is required."),
        ({"data_point": str(uuid7())}, "data_point", "not one of the available choices"),
        ({"name": "taken"}, "name", "Another aggregate has this name."),
        ({"name": ""}, "name", "This field is required."),
    ],
)
def test_what_is_refused_is_said_beside_its_field(
    owner: Client, defined: Aggregate, fields: dict[str, str], field: str, reason: str
) -> None:
    make_aggregate("taken", "mean")
    before = stored()
    body = MEAN | {"data_point": str(defined.data_point_id)} | fields
    for path in ("new", str(defined.id)):
        answer = owner.post(f"{PAGE}{path}/", body)
        errors = answer.context["form"].errors
        assert (list(errors), reason in str(errors[field])) == ([field], True)
        assert "Not saved yet" in answer.content.decode()
    assert stored() == before


def test_it_is_switched_off_and_on(owner: Client, defined: Aggregate) -> None:
    path = f"{PAGE}{defined.id}/switch/"
    for wanted, effect in (("false", "is no longer made"), ("true", "is made from the next run on")):
        answer = owner.post(path, {"enabled": wanted})
        assert f'aria-checked="{wanted}"' in answer.content.decode()
        assert effect in answer["HX-Trigger-After-Settle"]
        assert [one["enabled"] for one in stored()] == [wanted == "true"]


def test_deleting_asks_and_says_what_it_does(owner: Client, defined: Aggregate) -> None:
    path = f"{PAGE}{defined.id}/delete/"
    asked = owner.get(path).content.decode()
    assert "No further day is made of it; partners just get no pv.peak any more." in asked
    assert "switch it off instead" in asked
    assert len(stored()) == 1
    assert "pv.peak is deleted." in owner.post(path, follow=True).content.decode()
    assert stored() == []


def test_without_a_data_point_the_form_says_what_comes_first(owner: Client) -> None:
    assert "No data point yet" in owner.get(f"{PAGE}new/").content.decode()
    assert "None yet" in owner.get(PAGE).content.decode()


@pytest.mark.parametrize("who", ["viewer", "operator", "stranger"])
def test_who_may_not_changes_nothing(
    defined: Aggregate, stranger: Tenant, signed_in: Callable[[str], Client], who: str
) -> None:
    client, status = Client(), 404
    if who == "stranger":
        backend = "allauth.account.auth_backends.AuthenticationBackend"
        client.force_login(stranger.people["owner"], backend=backend)
    else:
        client, status = signed_in(who), 403
        page = client.get(PAGE).content.decode()
        assert "pv.peak" in page
        assert f"{PAGE}{defined.id}/" not in page
        assert client.post(f"{PAGE}new/", MEAN).status_code == 403
    before, body = stored(), MEAN | {"data_point": str(defined.data_point_id)}
    for path in ("", "delete/"):
        assert client.get(f"{PAGE}{defined.id}/{path}").status_code == status
    for path in ("", "delete/", "switch/"):
        assert client.post(f"{PAGE}{defined.id}/{path}", body).status_code == status
    if who == "stranger":  # nor can it measure with another's data point
        with scope.organization(stranger.organization.id):
            make_data_point("own")
        assert "data_point" in client.post(f"{PAGE}new/", body).context["form"].errors
    assert stored() == before
