"""Long lists on pages, newest first: a stretch at a time, turned by the ids at its ends. For REST: `portal.lib.paging`.

Unlike numbered pages, a stretch stays the same while new rows come in above it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from django.db import models

M = TypeVar("M", bound=models.Model)
T = TypeVar("T")


class Fetch(Protocol[T]):
    """Up to `limit` rows, newest first: below the id `before`, or the ones next above the id `after`."""

    def __call__(self, *, before: UUID | None = None, after: UUID | None = None, limit: int) -> list[T]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch(Generic[T]):
    """`newest` tells that nothing lies above it, so that it may follow what comes."""

    rows: list[T]
    newest: bool
    older: bool


def stretch(fetch: Fetch[T], asked: Mapping[str, Any], size: int, prefix: str = "") -> Stretch[T]:
    """The one that `before` or `after` in the address asks for, both with the list's `prefix`; else the newest."""
    before, after = uuid_of(asked.get(f"{prefix}before")), uuid_of(asked.get(f"{prefix}after"))
    if after is not None:
        rows = fetch(after=after, limit=size + 1)
        if len(rows) > size:
            return Stretch(rows=rows[-size:], newest=False, older=True)
        before = None
    rows = fetch(before=before, limit=size + 1)
    return Stretch(rows=rows[:size], newest=before is None, older=len(rows) > size)


def by_id(queryset: models.QuerySet[M]) -> Fetch[M]:
    """Of rows whose ids sort by time."""

    def fetch(*, before: UUID | None = None, after: UUID | None = None, limit: int) -> list[M]:
        if after is not None:
            return list(queryset.filter(id__gt=after).order_by("id")[:limit])[::-1]
        rows = queryset if before is None else queryset.filter(id__lt=before)
        return list(rows.order_by("-id")[:limit])

    return fetch


def uuid_of(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None
