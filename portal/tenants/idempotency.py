"""A POST with an Idempotency-Key: the same key and body get the same answer for a day, and do nothing twice.

In a transaction, the work and its answer commit together: a crash in between leaves neither. A call that talks to a
partner may hold no transaction meanwhile (invariant 4); its row alone then says that it is under way.

    with transaction.atomic():
        stored = begin(access, key, digest)
        if stored is None:
            ...
            finish(access, key, 201, body)
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, models, transaction
from django.http import HttpRequest

from portal.lib import clock, crypto
from portal.lib.problem import Conflict
from portal.tenants.access import Access
from portal.tenants.models import IdempotentAnswer

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
ABANDONED = timedelta(minutes=2)
"""No call lasts this long: one still without an answer then has died, and its key is free again."""
LONGEST_KEY = 255

UNDER_WAY = "A call with this Idempotency-Key is still under way. Ask again for its answer."
OTHER_BODY = "This Idempotency-Key was used for another request in the last 24 hours."


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    """What the first call answered: the status, and the body's exact text."""

    status: int
    body: str


def key_of(request: HttpRequest) -> str | None:
    """The request's Idempotency-Key, or None. Raises ValueError with the reason for one that cannot be used."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not 1 <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise ValueError(f"{HEADER} must be 1 to {LONGEST_KEY} printable ASCII characters.")
    return key


def digest_of(request: HttpRequest) -> bytes:
    """What makes two requests the same: address, media type and body."""
    head = f"{request.method} {request.get_full_path()}\n{request.content_type}\n"
    return hashlib.sha256(head.encode() + request.body).digest()


def begin(access: Access, key: str, digest: bytes, now: datetime | None = None) -> StoredAnswer | None:
    """Claim the key: None for the first call, the stored answer for a repeat.

    Raises Conflict while the first call is under way, and for a key that was used for another request.
    """
    now = now or clock.now()
    with transaction.atomic():
        if not _lock(access, key):
            raise Conflict(UNDER_WAY)
        found = _rows(access, key).first()
        if found is not None and _is_over(found, now):
            found.delete()
            found = None
        if found is None:
            _claim(access, key, digest)
            return None
        if bytes(found.request_digest) != digest:
            raise Conflict(OTHER_BODY)
        if found.answer is None or found.status is None:
            raise Conflict(UNDER_WAY)
        body = crypto.unseal(found.answer, bound_to=_seal_name(access, key))
        return StoredAnswer(status=found.status, body=body)


def finish(access: Access, key: str, status: int, body: str) -> None:
    """Keep the answer for repeats. A failure on our side is not kept: the call may be tried again."""
    if status >= 500:
        _rows(access, key).delete()
        return
    sealed = crypto.seal(body, bound_to=_seal_name(access, key))
    _rows(access, key).update(status=status, answer=sealed)


def _caller(access: Access) -> str:
    if access.key is not None:
        return f"key:{access.key.pk}"
    return f"user:{access.user.pk}" if access.user is not None else access.who[:80]


def _rows(access: Access, key: str) -> models.QuerySet[IdempotentAnswer]:
    return IdempotentAnswer.objects.filter(organization_id=access.organization.id, caller=_caller(access), key=key)


def _claim(access: Access, key: str, digest: bytes) -> None:
    IdempotentAnswer.objects.create(
        organization_id=access.organization.id, caller=_caller(access), key=key, request_digest=digest
    )


def _is_over(row: IdempotentAnswer, now: datetime) -> bool:
    return row.created_at <= now - (ABANDONED if row.answer is None else KEPT)


def _lock(access: Access, key: str) -> bool:
    """Held until the transaction ends: a second call with the key finds it taken and does not wait."""
    name = f"{access.organization.id} {_caller(access)} {key}"
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_xact_lock(%s)", [number])
        row: tuple[bool] = cursor.fetchone()
        return row[0]


def _seal_name(access: Access, key: str) -> str:
    return f"idempotency:{_caller(access)}:{key}"
