"""Who owns which slice, on real PostgreSQL: nobody takes what is alive, and every take fences the former owner."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from uuid import UUID

import pytest
from django.db import connection, transaction
from psycopg.errors import IdleInTransactionSessionTimeout

from connectors import shards
from connectors.models import SHARDS, DeliveryWorker, Shard
from portal.lib.database import Cursor, batch_cursor, stage_cursor
from portal.lib.uuid7 import uuid7

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cursor(transactional_db: None) -> Iterator[Cursor]:
    Shard.objects.bulk_create([Shard(id=n) for n in range(SHARDS)], ignore_conflicts=True)
    Shard.objects.update(owner=None, epoch=0)
    with batch_cursor() as cursor:
        yield cursor


def let_die(cursor: Cursor, worker_id: UUID) -> None:
    cursor.execute("update connectors_deliveryworker set lease_until = now() where id = %b", [worker_id])


def test_a_take_raises_the_epoch(cursor: Cursor) -> None:
    worker = shards.join(cursor, "a")
    shards.take(cursor, worker, SHARDS)
    assert shards.owned(cursor, worker) == dict.fromkeys(range(SHARDS), 1)
    shards.release(cursor, worker, [3])
    shards.take(cursor, worker, 1)
    assert shards.owned(cursor, worker)[3] == 2, "what it still has to record from before is void"


def test_what_a_living_worker_owns_is_left_alone_and_what_a_dead_one_owned_is_taken(cursor: Cursor) -> None:
    first, second = shards.join(cursor, "first"), shards.join(cursor, "second")
    shards.take(cursor, first, 40)
    shards.take(cursor, second, SHARDS)
    assert (len(shards.owned(cursor, first)), len(shards.owned(cursor, second))) == (40, 24)
    let_die(cursor, first)
    shards.take(cursor, second, 30)
    assert len(shards.owned(cursor, second)) == 54
    assert len(shards.owned(cursor, first)) == 10, "until somebody takes them"


def test_the_share_is_even_and_counts_the_living(cursor: Cursor) -> None:
    workers = [shards.join(cursor, str(n)) for n in range(3)]
    assert shards.fair_share(cursor) == 22
    let_die(cursor, workers[0])
    assert shards.fair_share(cursor) == 32


def test_a_worker_whose_row_is_gone_has_to_join_anew(cursor: Cursor) -> None:
    worker = shards.join(cursor, "a")
    assert shards.renew(cursor, worker)
    let_die(cursor, worker)
    assert shards.renew(cursor, worker), "late, but nobody took anything yet"
    cursor.execute("update connectors_deliveryworker set lease_until = now() - interval '2 hours'")
    other = shards.join(cursor, "b")
    assert not shards.renew(cursor, worker)
    assert set(DeliveryWorker.objects.values_list("id", flat=True)) == {other}


def test_only_the_owner_can_release_or_leave(cursor: Cursor) -> None:
    first, second = shards.join(cursor, "first"), shards.join(cursor, "second")
    shards.take(cursor, first, SHARDS)
    shards.release(cursor, second, [1, 2])
    shards.leave(cursor, second)
    assert len(shards.owned(cursor, first)) == SHARDS
    shards.leave(cursor, first)
    assert not Shard.objects.filter(owner__isnull=False).exists()
    assert not DeliveryWorker.objects.exists()


def test_workers_that_take_at_the_same_moment_never_share(cursor: Cursor) -> None:
    """Many rounds: what one of them commits while another's statement is under way is taken twice only now and then."""
    rounds = 40

    def take(worker: UUID) -> None:
        try:
            with batch_cursor() as own:
                for _ in range(rounds):
                    start.wait(20)
                    shards.take(own, worker, 16)
                    done.wait(20)
        finally:
            connection.close()

    workers = [shards.join(cursor, str(n)) for n in range(4)]
    start, done = threading.Barrier(5), threading.Barrier(5)
    threads = [threading.Thread(target=take, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for number in range(1, rounds + 1):
        start.wait(20)
        done.wait(20)
        owners = Counter(Shard.objects.values_list("owner", flat=True))
        assert all(owners[worker] <= 16 for worker in workers)
        assert set(Shard.objects.filter(owner__isnull=False).values_list("epoch", flat=True)) == {number}
        Shard.objects.update(owner=None, epoch=number)
    for thread in threads:
        thread.join(20)


def test_a_take_passes_over_what_is_being_recorded(cursor: Cursor) -> None:
    """The recorder's fence holds its shards until the commit; a take-over comes after it, or takes others."""
    dead, heir = shards.join(cursor, "dead"), shards.join(cursor, "heir")
    shards.take(cursor, dead, SHARDS)
    let_die(cursor, dead)

    def take() -> None:
        try:
            with batch_cursor() as own:
                shards.take(own, heir, SHARDS)
        finally:
            connection.close()

    with transaction.atomic():
        cursor.execute("select id from connectors_shard where id < 10 for share")
        thread = threading.Thread(target=take)
        thread.start()
        thread.join(20)
        assert not thread.is_alive()
    assert len(shards.owned(cursor, heir)) == SHARDS - 10
    assert not shards.renew(cursor, uuid7())


def test_what_a_vanished_worker_was_recording_can_be_taken_once_the_server_ends_its_session(cursor: Cursor) -> None:
    """Cut off or frozen in mid-transaction, it sends no word, and the locks of its fence would stay."""
    vanished, heir = shards.join(cursor, "vanished"), shards.join(cursor, "heir")
    shards.take(cursor, vanished, SHARDS)
    let_die(cursor, vanished)
    locked, over, ended = threading.Event(), threading.Event(), threading.Event()

    def fall_silent() -> None:
        try:
            with stage_cursor() as own:
                own.execute("set idle_in_transaction_session_timeout = '500ms'")  # rather than its 5 s
                with transaction.atomic():
                    own.execute("select id from connectors_shard where id < 10 for share")
                    locked.set()
                    over.wait(20)
                    own.execute("select 1")
        except IdleInTransactionSessionTimeout:
            ended.set()
        finally:
            connection.close()

    thread = threading.Thread(target=fall_silent)
    thread.start()
    assert locked.wait(20)
    shards.take(cursor, heir, SHARDS)
    assert len(shards.owned(cursor, heir)) == SHARDS - 10
    end = time.monotonic() + 10
    while len(shards.owned(cursor, heir)) < SHARDS:
        assert time.monotonic() < end
        shards.take(cursor, heir, SHARDS)
        time.sleep(0.05)
    over.set()
    thread.join(20)
    assert ended.is_set(), "it learns of it when it comes back"
