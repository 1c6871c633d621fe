from __future__ import annotations

import time

import psycopg
import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from portal.lib.database import batch_cursor, stage_cursor
from portal.lib.uuid7 import uuid7
from portal.tenants.models import ConfigVersion


def plan_settings() -> set[str]:
    names = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin")
    with connection.cursor() as cursor:
        found = set()
        for name in names:
            cursor.execute(f"show {name}")
            found.add(cursor.fetchone()[0])
    return found


def lose_the_connection_in_mid_batch() -> None:
    other = psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None})
    with other, transaction.atomic(), batch_cursor() as cursor:
        (pid,) = cursor.execute("select pg_backend_pid()").fetchone() or ()
        other.execute("select pg_terminate_backend(%s, 5000)", [pid])
        cursor.execute("select 1")


def fall_silent_in_mid_transaction() -> None:
    with stage_cursor() as cursor:
        cursor.execute("set idle_in_transaction_session_timeout = '100ms'")
        with transaction.atomic():
            cursor.execute("select 1")
            time.sleep(0.5)
            cursor.execute("select 1")


@pytest.mark.django_db
def test_a_batch_is_part_of_the_open_transaction_and_takes_binary_arrays() -> None:
    keys = [uuid7() for _ in range(3)]
    with transaction.atomic():
        with batch_cursor() as cursor:
            cursor.execute("insert into tenants_configversion select unnest(%b::uuid[]), 1", [keys])
        assert ConfigVersion.objects.filter(organization_id__in=keys).count() == 3
        transaction.set_rollback(True)
    assert not ConfigVersion.objects.filter(organization_id__in=keys).exists()


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_was_lost_while_idle_is_made_anew() -> None:
    with batch_cursor() as cursor:
        (pid,) = cursor.execute("select pg_backend_pid()").fetchone() or ()
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as other:
        other.execute("select pg_terminate_backend(%s, 5000)", [pid])
    connection.close_if_unusable_or_obsolete()  # as at the start of each request
    with batch_cursor() as cursor:
        assert cursor.execute("select 1").fetchone() == (1,)


@pytest.mark.django_db
def test_errors_of_a_batch_are_djangos() -> None:
    key = uuid7()
    with pytest.raises(IntegrityError) as raised, transaction.atomic(), batch_cursor() as cursor:
        cursor.execute("insert into tenants_configversion select unnest(%b::uuid[]), 1", [[key, key]])
    assert isinstance(raised.value.__cause__, psycopg.errors.UniqueViolation)


@pytest.mark.django_db(transaction=True)
def test_a_connection_lost_in_mid_batch_is_the_database_away_and_the_next_use_finds_it_again() -> None:
    with pytest.raises(OperationalError):
        lose_the_connection_in_mid_batch()
    connection.close_if_unusable_or_obsolete()
    with batch_cursor() as cursor:
        assert cursor.execute("select 1").fetchone() == (1,)


@pytest.mark.django_db(transaction=True)
def test_a_stage_only_uses_index_plans_on_each_connection_it_is_given() -> None:
    connection.close()
    assert plan_settings() == {"on"}
    for _ in range(2):
        with stage_cursor():
            assert plan_settings() == {"off"}
        connection.close()
    assert plan_settings() == {"on"}


@pytest.mark.django_db(transaction=True)
def test_the_server_soon_ends_a_stage_that_is_silent_in_mid_transaction_and_the_next_use_begins_anew() -> None:
    with stage_cursor() as cursor:
        assert cursor.execute("show idle_in_transaction_session_timeout").fetchone() == ("5s",)
        assert cursor.execute("show tcp_keepalives_count").fetchone() == ("3",), "a peer that is gone, likewise"
    with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
        fall_silent_in_mid_transaction()
    connection.close_if_unusable_or_obsolete()
    with stage_cursor() as cursor:
        assert cursor.execute("show idle_in_transaction_session_timeout").fetchone() == ("5s",)
    connection.close()
