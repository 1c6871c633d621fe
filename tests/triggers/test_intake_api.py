"""POST readings/ and events/ as a producer's program sees them: statuses, shapes, and nothing half done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from django.db import OperationalError
from django.test import Client

from portal.events.catalogue import CATALOGUE
from portal.events.models import Event, Reading
from tests.conftest import Tenant
from tests.world import make_connector, make_data_point, make_gateway, make_trigger

READINGS, EVENTS = "/api/v1/readings/", "/api/v1/events/"


@pytest.fixture
def site(in_tenant: Tenant) -> Tenant:
    make_gateway(company=in_tenant.company)
    make_data_point()
    make_data_point("hvac.mode", unit="", kind="state", threshold=0)
    make_trigger(make_connector("https://partner.example/hook"), "datapoint/value")
    return in_tenant


def ago(seconds: float) -> str:
    moment = datetime.now(UTC) - timedelta(seconds=seconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def item(value: Any = 100, **fields: Any) -> dict[str, Any]:
    return {
        "gateway": "GW-1",
        "appliance": "GW-1-INV",
        "property": "pv.power",
        "value": value,
        "time": ago(60),
        **fields,
    }


def post(
    tenant: Tenant, path: str, body: Any, *, scope: str = "ingest", media_type: str = "application/json", **headers: str
) -> Any:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    authorization = {"Authorization": f"Bearer {tenant.keys[scope]}"} if scope else {}
    return Client().post(path, raw, content_type=media_type, headers={**authorization, **headers})


def post_readings(tenant: Tenant, *items: Any, **options: Any) -> Any:
    return post(tenant, READINGS, {"readings": list(items)}, **options)


def test_the_answer_counts_what_happened_to_each_item(site: Tenant) -> None:
    good, again = item(100), item(7, time="yesterday")
    answer = post_readings(site, good, good, again, item(200, time=ago(30)))
    assert answer.status_code == 202
    assert answer.json() == {
        "accepted": 2,
        "duplicates": 1,
        "rejected": [
            {
                "index": 2,
                "errors": [
                    {
                        "pointer": "/time",
                        "detail": "A time with its zone is expected (RFC 3339), such as 2026-11-21T10:00:00.000Z.",
                    }
                ],
            },
        ],
    }
    assert Reading.objects.count() == 2


@pytest.mark.parametrize(
    ("bad", "pointer"),
    [
        ({"time": 1763719200000}, "/time"),
        ({"time": 1763719200}, "/time"),
        ({"time": "2026-11-21 10:00"}, "/time"),
        ({"time": "2026-11-21T10:00:00"}, "/time"),
        ({"time": "2019-01-01T00:00:00Z"}, "/time"),
        ({"time": "2099-01-01T00:00:00Z"}, "/time"),
        ({"time": None}, "/time"),
        ({"gateway": "GW-404"}, "/gateway"),
        ({"gateway": 7}, "/gateway"),
        ({"gateway": ""}, "/gateway"),
        ({"gateway": "GW\u0000"}, "/gateway"),
        ({"appliance": "nobody"}, "/appliance"),
        ({"property": "pv.colour"}, "/property"),
        ({"value": None}, "/value"),
        ({"value": [1]}, "/value"),
        ({"value": "warm"}, "/value"),
        ({"quality": "splendid"}, "/quality"),
        ({"colour": "red"}, "/colour"),
    ],
)
def test_a_bad_item_is_named_and_its_neighbours_are_taken(site: Tenant, bad: dict[str, Any], pointer: str) -> None:
    answer = post_readings(site, item(100), item(**bad), item(200, time=ago(30)))
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 2
    ((index, errors),) = [(entry["index"], entry["errors"]) for entry in answer.json()["rejected"]]
    assert (index, errors[0]["pointer"]) == (1, pointer)
    assert errors[0]["detail"]
    assert Reading.objects.count() == 2


def test_a_missing_field_is_named(site: Tenant) -> None:
    answer = post_readings(site, {"gateway": "GW-1"}, item())
    assert answer.json()["rejected"][0]["errors"][0]["pointer"] == "/property"


def test_items_that_are_no_objects_are_named(site: Tenant) -> None:
    answer = post_readings(site, 7, None, "x", [], item())
    assert [entry["index"] for entry in answer.json()["rejected"]] == [0, 1, 2, 3]
    assert answer.json()["accepted"] == 1


def test_all_refused_is_a_422_with_the_same_body(site: Tenant) -> None:
    answer = post_readings(site, item(gateway="GW-404"))
    assert answer.status_code == 422
    assert answer.json()["accepted"] == 0
    assert answer.json()["rejected"][0]["index"] == 0


@pytest.mark.parametrize("value", [7.5, -3, 0, 12345678901234567890, 1e-300])
def test_numbers_arrive_as_they_were_sent(site: Tenant, value: float) -> None:
    assert post_readings(site, item(value)).status_code == 202
    assert orjson.loads(Event.objects.get().body)["data"]["value"] == value


@pytest.mark.parametrize("value", [True, "heating", "ümläut \u2603", "nul \u0000 inside"])
def test_states_arrive_as_they_were_sent(site: Tenant, value: Any) -> None:
    assert post_readings(site, item(value, property="hvac.mode")).status_code == 202
    assert orjson.loads(Event.objects.get().body)["data"]["value"] == value


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b" ", 400),
        (b'{"readings": [{"value": NaN}]}', 400),
        (b'{"readings": [{"value": Infinity}]}', 400),
        (b'{"readings": ["\\ud800"]}', 400),
        (b"[" * 5000, 400),
        (b"[]", 400),
        (b"7", 400),
        (b'{"readings": []}', 400),
        (b'{"readings": {}}', 400),
        (b'{"reading": []}', 400),
        (b'{"readings": [], "more": 1}', 400),
        (orjson.dumps({"readings": [item() for _ in range(1001)]}), 400),
        (b" " * (4 * 1024 * 1024 + 1), 413),
    ],
)
def test_a_call_that_cannot_be_read_is_refused_as_a_whole(site: Tenant, body: bytes, status: int) -> None:
    answer = post(site, READINGS, body)
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"]
    assert Reading.objects.count() == 0


def test_media_types(site: Tenant) -> None:
    lines = b"\n".join(orjson.dumps(item(value, time=ago(90 - value))) for value in (1, 20, 40)) + b"\n\n"
    assert post(site, READINGS, lines, media_type="application/x-ndjson").json()["accepted"] == 3
    assert "Line 2 is not" in post(site, READINGS, b"{}\n{", media_type="application/x-ndjson").json()["detail"]
    assert post(site, READINGS, b"a=1", media_type="application/x-www-form-urlencoded").status_code == 415
    body = orjson.dumps({"readings": [item()]})
    assert post(site, READINGS, body, **{"Content-Encoding": "gzip"}).status_code == 415
    assert Reading.objects.count() == 3


@pytest.mark.parametrize(("scope", "status"), [("", 401), ("read", 403), ("manage", 403), ("admin", 403), ("all", 202)])
def test_only_a_key_for_sending_in_may_send_in(site: Tenant, scope: str, status: int) -> None:
    answer = post_readings(site, item(), scope=scope)
    assert answer.status_code == status
    assert Reading.objects.count() == (1 if status == 202 else 0)


def test_a_strangers_key_knows_nothing_of_our_gateways(site: Tenant, stranger: Tenant) -> None:
    assert post_readings(stranger, item()).status_code == 422
    assert Reading.objects.count() == 0


def test_a_wrong_key_is_a_401(site: Tenant) -> None:
    answer = Client().post(READINGS, b"{}", content_type="application/json", headers={"X-API-Key": "fk_00000000_x"})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_browser_session_needs_its_csrf_token(site: Tenant) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(site.people["admin"], backend="allauth.account.auth_backends.AuthenticationBackend")
    body = orjson.dumps({"readings": [item()]})
    assert browser.post(READINGS, body, content_type="application/json").status_code == 403
    browser.cookies["csrftoken"] = token = "a" * 32
    headers = {"X-CSRFToken": token}
    assert browser.post(READINGS, body, content_type="application/json", headers=headers).status_code == 202


def test_the_same_idempotency_key_gets_the_same_answer_and_adds_nothing(site: Tenant) -> None:
    body = {"readings": [item(100), item(7, gateway="GW-404")]}
    first = post(site, READINGS, body, **{"Idempotency-Key": "abc"})
    again = post(site, READINGS, body, **{"Idempotency-Key": "abc"})
    assert first.status_code == again.status_code == 202
    assert first.json() == again.json()
    assert again.json()["duplicates"] == 0
    other = post(site, READINGS, {"readings": [item(300, time=ago(10))]}, **{"Idempotency-Key": "abc"})
    assert other.status_code == 409
    assert Reading.objects.count() == 1


def test_events_come_in_with_a_producers_id(site: Tenant) -> None:
    event = {"id": "e-1", "type": "gateway/online", "gateway": "GW-1", "time": ago(5), "data": {}}
    answer = post(site, EVENTS, {"events": [event, {**event, "type": "no/such"}, {**event, "correlation_id": "7"}]})
    assert answer.json()["accepted"] == 1
    assert [entry["errors"][0]["pointer"] for entry in answer.json()["rejected"]] == ["/type", "/correlation_id"]
    assert post(site, EVENTS, {"events": [event]}).json() == {"accepted": 0, "duplicates": 1, "rejected": []}
    assert Event.objects.count() == 1


def test_huge_numbers_in_an_events_data_do_not_fail_the_batch(site: Tenant) -> None:
    event = b'{"type": "ev/control", "gateway": "GW-1", "appliance": "GW-1-INV", "data": {"payload": {"n": %s}}}'
    answer = post(site, EVENTS, b'{"events": [' + event % (b"9" * 30) + b"," + event % b"1" + b"]}")
    assert (answer.status_code, answer.json()["accepted"]) == (202, 2)
    assert Event.objects.count() == 2


def test_the_database_away_is_a_503_that_says_when_to_come_back(site: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr("triggers.intake_api.take_readings", away)
    monkeypatch.setattr("triggers.intake.configuration", away)
    answer = post_readings(site, item())
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert answer["Content-Type"] == "application/problem+json"


def test_readings_are_only_sent_in(site: Tenant) -> None:
    answer = Client().get(READINGS, headers={"Authorization": f"Bearer {site.keys['all']}"})
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
def test_an_address_that_is_not_there_is_a_404_for_any_method(site: Tenant, method: str) -> None:
    browser = Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {site.keys['all']}"})
    answer = getattr(browser, method)("/api/v1/nonsense/")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.line(13, 14)
@pytest.mark.parametrize("name", ["contract/status", "aggregate/daily", "system/heartbeat"])
def test_what_the_platform_alone_makes_cannot_be_sent_in(site: Tenant, name: str) -> None:
    """Nobody's key forges a contract's change, a settled day or a sign of life; what comes with it is taken."""
    forged = {"type": name, "gateway": "GW-1", "data": dict(CATALOGUE[name].sample)}
    honest = {"type": "appliance/offline", "gateway": "GW-1", "appliance": "GW-1-INV"}
    answer = post(site, EVENTS, {"events": [forged, honest]}, scope="all")
    assert answer.status_code == 202
    [refused] = answer.json()["rejected"]
    assert (refused["index"], refused["errors"][0]["pointer"]) == (0, "/type")
    assert "made by the platform alone" in refused["errors"][0]["detail"]
    assert [event.type for event in Event.objects.all()] == ["appliance/offline"]
    assert post(site, EVENTS, {"events": [forged]}, scope="all").status_code == 422
    assert Event.objects.count() == 1
