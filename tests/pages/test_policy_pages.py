"""Retry policies in the browser: read by everybody, made and changed by an admin, told in words beside each choice."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from connectors.models import Connector, RetryPolicy, SigningSecret
from connectors.policy_form import read_schedule, written
from tests.conftest import Tenant, make_tenant
from tests.pages.conftest import AsWhom
from tests.pages.test_connector_pages import NEW
from tests.world import make_connector

PAGE = "/connectors/policies/"
NIGHT = {
    "name": "Night shift", "schedule": "10 s, 5 min, 3 x 1 h", "timeout": "15", "success": "2xx", "transient": "",
    "gone": "410, 404", "pause_days": "2",
}  # fmt: skip


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def policies() -> list[RetryPolicy]:
    return list(RetryPolicy._base_manager.all())


@pytest.mark.parametrize(
    ("text", "waits"),
    [
        ("10 s, 5 min,2h, 1 day, 3 days", [10, 300, 7200, 86_400, 3 * 86_400]),
        ("1 h 4 min", [3840]),
        ("50 x 1 min", [60] * 50),
        ("2X 30 S , 1 d", [30, 30, 86_400]),
        ("", []),
    ],
)
def test_waits_in_words(text: str, waits: list[int]) -> None:
    assert read_schedule(text) == waits
    assert read_schedule(written(waits)) == waits


@pytest.mark.parametrize("text", ["soon", "10", "5 m", "1 min 2", "x 1 min", "-5 s", "1.5 h", "१ s"])
def test_what_is_no_wait(text: str) -> None:
    with pytest.raises(ValueError, match="is no wait"):
        read_schedule(text)


def test_the_page_tells_each_policy(owner: Client) -> None:
    text = text_of(owner.get(PAGE))
    for part in (
        "None yet.", "gridX", "6 tries over about 85 min", "At once, then 50 times every 1 min", "not used",
    ):  # fmt: skip
        assert part in text


def test_an_own_policy_is_made_chosen_changed_and_deleted(owner: Client, tenant: Tenant) -> None:
    assert "Night shift is made" in text_of(owner.post(f"{PAGE}new/", NIGHT, follow=True))
    (policy,) = policies()
    assert (policy.schedule, policy.gone, policy.transient) == ([10, 300, 3600, 3600, 3600], [404, 410], None)
    assert (policy.timeout, policy.pause_after, policy.expires) == (15, 2 * 86_400, False)
    assert "Night shift: 6 tries over about 3 h" in text_of(owner.get("/connectors/new/"))
    owner.post("/connectors/new/", NEW | {"retry_policy": "Night shift"})
    connector = Connector._base_manager.get(name="Alarm line")
    assert connector.own_retry_policy_id == policy.id
    shown = text_of(owner.get(f"/connectors/{connector.id}/"))
    assert "Retries: Night shift" in shown
    assert "At once, then after 10 s and 5 min, then 3 times every 1 h" in shown
    assert '<option value="Night shift" selected>' in text_of(owner.get(f"/connectors/{connector.id}/change/"))

    change = f"{PAGE}{policy.id}/"
    text = text_of(owner.get(change))
    assert "It counts at once for Alarm line" in text
    assert 'value="10 s, 5 min, 3 x 1 h"' in text
    assert "is changed" in text_of(owner.post(change, NIGHT | {"schedule": "1 min", "expires": "on"}, follow=True))
    policy.refresh_from_db(from_queryset=RetryPolicy._base_manager.all())
    assert (policy.schedule, policy.expires) == ([60], True)

    refused = text_of(owner.post(f"{change}delete/", follow=True))
    assert "Night shift stays. Connectors have this policy: Alarm line." in refused
    assert len(policies()) == 1
    owner.post(f"/connectors/{connector.id}/change/", NEW | {"retry_policy": "gridx", "signing": "standard_webhooks"})
    assert "Delete Night shift?" in text_of(owner.get(f"{change}delete/"))
    assert len(policies()) == 1
    assert "Night shift is deleted" in text_of(owner.post(f"{change}delete/", follow=True))
    assert policies() == []


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"name": "gridx"}, "A built-in policy has this name."),
        ({"schedule": "soon"}, "is no wait"),
        ({"schedule": ""}, "This field is required"),
        ({"schedule": "5 s, 8 days"}, "Wait 2: From 1 s to 7 days"),
        ({"schedule": "5 x 7 days"}, "All waits together: at most 30 days."),
        ({"success": "1xx"}, "is neither a status"),
        ({"transient": "410"}, "Also in another list: 410."),
        ({"timeout": "61"}, "less than or equal to 60"),
        ({"pause_days": "0"}, "greater than or equal to 1"),
    ],
)
def test_what_is_refused_is_said_beside_its_field(owner: Client, fields: dict[str, str], reason: str) -> None:
    text = text_of(owner.post(f"{PAGE}new/", NIGHT | fields))
    assert "Not saved yet" in text
    assert reason in text
    assert policies() == []


def test_two_policies_do_not_share_a_name(owner: Client) -> None:
    owner.post(f"{PAGE}new/", NIGHT)
    assert "Another policy has this name." in text_of(owner.post(f"{PAGE}new/", NIGHT))
    assert len(policies()) == 1


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_a_teammate_reads_and_changes_nothing(owner: Client, signed_in: AsWhom, role: str) -> None:
    owner.post(f"{PAGE}new/", NIGHT)
    (policy,) = policies()
    teammate = signed_in(role)
    text = text_of(teammate.get(PAGE))
    assert "Night shift" in text
    assert f"{PAGE}{policy.id}/" not in text
    for path in ("new/", f"{policy.id}/", f"{policy.id}/delete/"):
        assert teammate.post(f"{PAGE}{path}", NIGHT | {"timeout": "9"}).status_code == 403
    assert [one.timeout for one in policies()] == [15]


def test_a_stranger_finds_nothing(owner: Client, db: None) -> None:
    owner.post(f"{PAGE}new/", NIGHT)
    (policy,) = policies()
    stranger = Client()
    person = make_tenant("Fremd").people["owner"]
    stranger.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert "Night shift" not in text_of(stranger.get(PAGE))
    for path in (f"{policy.id}/", f"{policy.id}/delete/"):
        assert stranger.post(f"{PAGE}{path}", NIGHT).status_code == 404
        assert stranger.get(f"{PAGE}{path}").status_code == 404
    assert len(policies()) == 1


def test_nobody_signed_out_sees_them(client: Client, db: None) -> None:
    assert client.get(PAGE).status_code == 302


def test_a_rotation_without_overlap_says_so(owner: Client, in_tenant: Tenant) -> None:
    connector = make_connector("https://partner.example/in", signing="github")
    text = text_of(owner.get(f"/connectors/{connector.id}/secret/"))
    assert "The receiver must change over at once" in text
    assert SigningSecret._base_manager.filter(connector=connector).count() == 1
