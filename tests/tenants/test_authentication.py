from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.lib.uuid7 import uuid7
from portal.tenants import authentication, scope
from portal.tenants.authentication import BadKey, CallerThrottle, key_access, recent_key_access
from portal.tenants.models import ApiKey, Company
from tests.conftest import Tenant

GATEWAYS = "/api/v1/gateways/"
COMPANIES = "/api/v1/companies/"
NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


def get(key: str, **headers: str) -> Any:
    return Client().get(GATEWAYS, headers={"X-API-Key": key, **headers})


def change(tenant: Tenant, name: str, **fields: Any) -> str:
    with scope.organization(tenant.organization.id):
        ApiKey.objects.filter(name=name).update(**fields)
    return tenant.keys[name]


def stored(tenant: Tenant, name: str = "read") -> ApiKey:
    with scope.organization(tenant.organization.id):
        return ApiKey.objects.get(name=name)


@pytest.mark.parametrize("header", ["Bearer {}", "bearer {}", "BEARER {}", "Bearer   {}"])
def test_by_the_authorization_header(tenant: Tenant, header: str) -> None:
    answer = Client().get(GATEWAYS, headers={"Authorization": header.format(tenant.keys["read"])})
    assert answer.status_code == 200


def test_by_the_header_of_its_own_and_beside_a_proxys_password(tenant: Tenant) -> None:
    assert get(tenant.keys["read"]).status_code == 200
    assert get(tenant.keys["read"], Authorization="Basic cHJveHk6cGFzcw==").status_code == 200


def test_the_bearer_decides_where_both_are_given(tenant: Tenant) -> None:
    assert get(tenant.keys["read"], Authorization="Bearer fk_00000000_wrong").status_code == 401
    assert get("wrong", Authorization=f"Bearer {tenant.keys['read']}").status_code == 200


def test_what_is_wrong_with_a_key_is_not_told(tenant: Tenant) -> None:
    keys = {
        "unknown": f"fk_{'0' * 8}_{'x' * 43}",
        "wrong secret": tenant.keys["read"][:-1] + "!",
        "expired": change(tenant, "ingest", expires_at=datetime.now(UTC) - timedelta(seconds=1)),
        "revoked": change(tenant, "manage", revoked_at=datetime.now(UTC)),
    }
    answers, costs = {}, {}
    for what, key in keys.items():
        with CaptureQueriesContext(connection) as captured:
            answer = get(key)
        answers[what] = (answer.status_code, answer.content, answer["WWW-Authenticate"])
        costs[what] = len(captured)
    assert len(set(answers.values())) == 1
    assert answers["unknown"][0] == 401
    assert set(costs.values()) == {1}


@pytest.mark.parametrize(
    "key", ["", "fk", "fk_", "fk__", "fk_a", "fk_a_", "xx_{prefix}_{secret}", "{prefix}_{secret}", "fk_{prefix}",
            "fk_{prefix}_", "fk_\x00_x", "fk_{prefix}\x00_{secret}", "fk_é_x", "fk_{prefix}_{secret} ", "fk_%_x",
            "fk_{prefix}_{secret}_", "fk_" + "a" * 100_000 + "_x"],
)  # fmt: skip
def test_what_is_no_key(tenant: Tenant, key: str) -> None:
    _, prefix, secret = tenant.keys["read"].split("_", 2)
    with pytest.raises(BadKey, match=r"^The API key is unknown, revoked or expired\.$"):
        key_access(key.replace("{prefix}", prefix).replace("{secret}", secret), datetime.now(UTC))


def test_a_key_ends_to_the_second(tenant: Tenant) -> None:
    change(tenant, "read", expires_at=NOW)
    assert key_access(tenant.keys["read"], NOW - timedelta(microseconds=1)).permissions == {"read"}
    with pytest.raises(BadKey):
        key_access(tenant.keys["read"], NOW)


def test_only_a_digest_is_stored(tenant: Tenant) -> None:
    secret = tenant.keys["read"].split("_", 2)[2]
    with connection.cursor() as cursor:
        cursor.execute("select row_to_json(k)::text from tenants_apikey k")
        assert secret not in str(cursor.fetchall())


def test_using_a_key_is_written_down_once_a_minute(tenant: Tenant) -> None:
    change(tenant, "read", expires_at=NOW + timedelta(days=1))
    uses = {0: 0, 30: 0, 60: 0, 61: 61, 100: 61, 3600: 3600}
    for seconds, expected in uses.items():
        moment = NOW + timedelta(seconds=seconds)
        with CaptureQueriesContext(connection) as captured:
            key_access(tenant.keys["read"], moment)
        assert stored(tenant).last_used_at == NOW + timedelta(seconds=expected)
        assert sum("UPDATE" in one["sql"] for one in captured) == (seconds == expected)


def test_a_refused_key_was_not_used(tenant: Tenant) -> None:
    change(tenant, "read", revoked_at=NOW)
    assert get(tenant.keys["read"]).status_code == 401
    assert stored(tenant).last_used_at is None


def test_a_revoked_key_is_refused_at_once(tenant: Tenant) -> None:
    assert get(tenant.keys["read"]).status_code == 200
    change(tenant, "read", revoked_at=datetime.now(UTC))
    assert get(tenant.keys["read"]).status_code == 401


def test_a_caller_that_comes_often_is_looked_up_twice_a_second(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([100.0, 100.2, 100.4, 100.6])
    monkeypatch.setattr(authentication, "monotonic", lambda: next(moments))
    key = tenant.keys["read"]
    known = recent_key_access(key, NOW)
    with CaptureQueriesContext(connection) as captured:
        assert recent_key_access(key, NOW) is known
    assert len(captured) == 0
    change(tenant, "read", revoked_at=NOW)
    assert recent_key_access(key, NOW) is known
    with pytest.raises(BadKey):
        recent_key_access(key, NOW)


def test_a_key_that_expires_meanwhile_does_not_work_longer(tenant: Tenant) -> None:
    change(tenant, "read", expires_at=NOW + timedelta(milliseconds=1))
    assert recent_key_access(tenant.keys["read"], NOW).permissions == {"read"}
    with pytest.raises(BadKey):
        recent_key_access(tenant.keys["read"], NOW + timedelta(milliseconds=1))


def test_a_wrong_secret_is_refused_beside_the_right_one(tenant: Tenant) -> None:
    recent_key_access(tenant.keys["read"], NOW)
    for _ in range(2):
        with pytest.raises(BadKey):
            recent_key_access(tenant.keys["read"][:-1] + "!", NOW)


def test_only_so_many_callers_are_kept(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "MOST_RECENT", 1)
    monkeypatch.setattr(authentication, "_recent", {})
    for name in ("read", "manage"):
        recent_key_access(tenant.keys[name], NOW)
    assert [access.permissions for _, access in authentication._recent.values()] == [{"read", "operate", "manage"}]


@pytest.fixture
def three_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    cache.clear()
    monkeypatch.setattr(CallerThrottle, "THROTTLE_RATES", {"caller": "3/min"})


def test_a_caller_too_fast_waits_and_the_others_do_not(tenant: Tenant, stranger: Tenant, three_a_minute: None) -> None:
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        assert [get(tenant.keys["read"]).status_code for _ in range(4)] == [200, 200, 200, 429]
        clock.shift(20)
        answer = get(tenant.keys["read"])
        assert (answer.status_code, answer["Retry-After"]) == (429, "40")
        assert answer["Content-Type"] == "application/problem+json"
        assert get(tenant.keys["manage"]).status_code == get(stranger.keys["read"]).status_code == 200
        clock.shift(41)
        assert get(tenant.keys["read"]).status_code == 200


def test_many_callers_do_not_push_each_other_out_of_the_count(tenant: Tenant, three_a_minute: None) -> None:
    codes = [get(tenant.keys["read"]).status_code for _ in range(3)]
    for _ in range(2_000):
        cache.set(f"throttle:{uuid7()}", [1.0], 60)
    assert (codes, get(tenant.keys["read"]).status_code) == ([200] * 3, 429)


@pytest.fixture
def browser(tenant: Tenant) -> Client:
    client = Client(enforce_csrf_checks=True)
    client.force_login(tenant.people["owner"], backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def test_a_session_changes_something_only_with_its_csrf_token(browser: Client, tenant: Tenant) -> None:
    body = {"name": "New"}
    refused = browser.post(COMPANIES, body, content_type="application/json")
    assert (refused.status_code, refused["Content-Type"]) == (403, "application/problem+json")
    assert "CSRF" in refused.json()["detail"]
    with scope.organization(tenant.organization.id):
        assert not Company.objects.filter(name="New").exists()
    assert browser.get(COMPANIES).status_code == 200
    browser.get("/")  # whose page carries the token
    headers = {"X-CSRFToken": browser.cookies["csrftoken"].value}
    assert browser.post(COMPANIES, body, content_type="application/json", headers=headers).status_code == 201


def test_a_key_needs_no_csrf_token_even_beside_a_session(browser: Client, tenant: Tenant) -> None:
    headers = {"X-API-Key": tenant.keys["manage"]}
    assert browser.post(COMPANIES, {"name": "New"}, content_type="application/json", headers=headers).status_code == 201


def test_a_session_does_not_save_a_wrong_key(browser: Client) -> None:
    assert browser.get(GATEWAYS, headers={"X-API-Key": "fk_00000000_wrong"}).status_code == 401
