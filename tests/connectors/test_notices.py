"""Notices: one for each thing that goes on, with a count, however many tell of it at once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection, transaction

from connectors.notice_models import Notice
from connectors.notices import LONGEST_TEXT, notify
from portal.tenants import scope
from tests.conftest import Tenant

pytestmark = [pytest.mark.django_db, pytest.mark.line(38)]

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_repeats_raise_the_count_and_keep_the_beginning(in_tenant: Tenant) -> None:
    organization = in_tenant.organization.id
    notify(organization, "failing", "connector:a", "503 since ten.", NOW)
    notify(organization, "failing", "connector:a", "Still 503.", NOW + MINUTE)
    notify(organization, "failing", "connector:b", "Another one.", NOW)
    notify(organization, "paused", "connector:a", "Paused.", NOW)
    told = Notice.objects.get(kind="failing", about="connector:a")
    assert (told.count, told.first_at, told.last_at, told.text) == (2, NOW, NOW + MINUTE, "Still 503.")
    assert Notice.objects.count() == 3


def test_each_organization_has_notices_of_its_own(in_tenant: Tenant, stranger: Tenant) -> None:
    for tenant in (in_tenant, stranger):
        notify(tenant.organization.id, "failing", "connector:a", "503.", NOW)
    assert [notice.count for notice in Notice.objects.all()] == [1]


def test_it_goes_with_the_transaction_of_its_cause(in_tenant: Tenant) -> None:
    with transaction.atomic():
        notify(in_tenant.organization.id, "failing", "connector:a", "503.", NOW)
        transaction.set_rollback(True)
    assert not Notice.objects.exists()


def test_any_text_can_be_told(in_tenant: Tenant) -> None:
    notify(in_tenant.organization.id, "failing", "a" * 5000, "zero\0byte" + "x" * 5000, NOW)
    (notice,) = Notice.objects.all()
    assert notice.text.startswith("zerobyte")
    assert len(notice.text) == LONGEST_TEXT


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_none_is_lost(tenant: Tenant) -> None:
    ready = threading.Barrier(2)

    def tell(organization: UUID) -> None:
        ready.wait(10)
        for _ in range(20):
            notify(organization, "failing", "connector:a", "503.", NOW)
        connection.close()

    threads = [threading.Thread(target=tell, args=[tenant.organization.id]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    with scope.organization(tenant.organization.id):
        assert [notice.count for notice in Notice.objects.all()] == [40]
