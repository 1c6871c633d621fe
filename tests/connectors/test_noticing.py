"""What people are told of, and that they are told once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.health import FAILING_AFTER
from connectors.models import Connector, ConnectorHealth
from connectors.notice_models import Notice
from connectors.noticing import look_ahead, notice_expiring, notice_health
from connectors.pausing import pause_if_failing
from connectors.receiver_gone import receiver_gone
from portal.lib import clock
from portal.tenants.models import ApiKey
from tests.conftest import Tenant
from tests.connectors.auth.samples import SIGNATURE
from tests.connectors.test_pausing import health
from tests.world import make_connector

pytestmark = [pytest.mark.django_db, pytest.mark.line(38)]

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
DAY = timedelta(days=1)
URL = "https://partner.example/hook"


def told() -> list[tuple[str, str]]:
    return list(Notice.objects.order_by("id").values_list("kind", "about"))


def fare(connector: Connector, **fields: Any) -> None:
    ConnectorHealth.objects.filter(connector_id=connector.id).update(**fields)


def test_it_fails_and_recovers_and_each_is_told_once(in_tenant: Tenant) -> None:
    connector = make_connector(URL)
    health(connector, NOW, FAILING_AFTER - 1)
    notice_health(NOW)
    assert told() == []
    fare(connector, failures_in_a_row=FAILING_AFTER)
    for _ in range(3):
        notice_health(NOW)
    about = f"connector:{connector.id}"
    assert told() == [("failing", about)]
    text = "Partner fails. All 10 attempts since 21 November 2026, 10:00 UTC failed; the last one was answered 503."
    assert Notice.objects.get().text == text
    fare(connector, failures_in_a_row=0, failing_since=None, last_success_at=NOW)
    for _ in range(3):
        notice_health(NOW + DAY)
    assert told() == [("failing", about), ("recovered", about)]
    assert Notice.objects.get(kind="recovered").text == "Partner works again."
    assert {notice.count for notice in Notice.objects.all()} == {1}


def test_who_is_off_or_paused_is_not_told_of_as_failing(in_tenant: Tenant) -> None:
    health(make_connector(URL, enabled=False), NOW, 50)
    health(make_connector(URL, name="Second", paused_at=NOW, paused_reason="manual"), NOW, 50)
    notice_health(NOW)
    assert told() == []


def test_a_pause_for_only_failures_is_told_once(in_tenant: Tenant) -> None:
    connector = make_connector(URL)
    health(connector, NOW - 10 * DAY, 100)
    for _ in range(2):
        pause_if_failing({connector.id}, NOW)
    notice_health(NOW)
    assert told() == [("paused", f"connector:{connector.id}")]
    assert "Partner is paused, and what comes for it waits. All 100 attempts since" in Notice.objects.get().text


def test_a_receiver_that_is_gone_is_told(in_tenant: Tenant) -> None:
    connector = make_connector(URL)
    receiver_gone(connector.id)
    assert told() == [("disabled", f"connector:{connector.id}")]
    assert Notice.objects.get().text == "The receiver of Partner answered that it is gone: it is switched off."


def test_keys_that_end_are_told_of_two_weeks_and_two_days_before(in_tenant: Tenant) -> None:
    ApiKey.objects.all().delete()
    for name, made, left in (("Rooftop", 100, 20), ("Revoked", 100, 20), ("Short", 0, 1)):
        key = ApiKey(name=name, prefix=name, digest=name, scopes=["read"], expires_at=NOW + left * DAY)
        key.revoked_at = NOW if name == "Revoked" else None
        key.save()
        ApiKey.objects.filter(id=key.id).update(created_at=NOW - made * DAY)
    found = []
    for day in range(25):
        for _ in range(2):
            notice_expiring(NOW + day * DAY)
        found.append(Notice.objects.count())
    assert [found.index(count) for count in (1, 2)] == [6, 18]
    assert found[-1] == 2
    text = "The API key Rooftop (fk_Rooftop) expires on 11 December 2026, 10:00 UTC."
    assert {notice.text for notice in Notice.objects.all()} == {text}


def test_a_ready_made_token_that_ends_is_told_of(in_tenant: Tenant) -> None:
    soon = NOW + 10 * DAY
    for name, end, enabled in (("Soon", soon, True), ("Late", NOW + 40 * DAY, True), ("Off", soon, False)):
        connector = make_connector("https://box.blob.core.windows.net/in", name=name, enabled=enabled)
        connector.auth_type, connector.auth_public = "azure_sas", {"service": "blob"}
        connector.set_credentials({"token": f"sv=2024-11-04&sr=c&sp=cw&se={end:%Y-%m-%dT%H:%M:%SZ}&sig={SIGNATURE}"})
        connector.save()
    for _ in range(2):
        notice_expiring(NOW)
    (notice,) = Notice.objects.filter(about__startswith="connector:")
    assert notice.text == "The token of Soon expires on 1 December 2026, 10:00 UTC: its messages fail then."


def test_old_notices_are_forgotten(in_tenant: Tenant) -> None:
    ApiKey.objects.all().delete()
    now = clock.now()
    for days in (1, 91):
        at = now - days * DAY
        Notice.objects.create(kind="failing", about=str(days), text="x", first_at=at, last_at=at)
    look_ahead()
    assert [notice.about for notice in Notice.objects.all()] == ["1"]
