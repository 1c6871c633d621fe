"""Columns of a batch as PostgreSQL's binary arrays, written in one go.

psycopg writes a list item by item, each through its dumper: for a batch of events that was an eighth of the call.
The element's type is the statement's to say: `%b::uuid[]`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from uuid import UUID

from psycopg import postgres
from psycopg.adapt import Dumper
from psycopg.pq import Format

_UUID, _TEXT = postgres.types["uuid"].oid, postgres.types["text"].oid
_HEAD = struct.Struct("!5i")
"""Dimensions, whether there are nulls, the element's type, how many, and the number of the first."""
_EMPTY = struct.Struct("!3i")
_LENGTH = struct.Struct("!i").pack
_NULL = _LENGTH(-1)
_SIXTEEN = _LENGTH(16)


class Array(bytes):
    """An array as PostgreSQL reads it; portal.lib.database teaches its sessions to send it so."""


class ArrayDumper(Dumper):
    """Sends an Array as it is, without a type: the statement names it."""

    format = Format.BINARY

    def dump(self, obj: Array) -> Array:
        return obj


def uuids(values: Sequence[UUID | None]) -> Array:
    return _array(
        _UUID, len(values), [_NULL if one is None else _SIXTEEN + one.int.to_bytes(16, "big") for one in values]
    )


def texts(values: Iterable[str]) -> Array:
    return utf8([one.encode() for one in values])


def utf8(values: Sequence[bytes]) -> Array:
    """Texts that are encoded already. PostgreSQL refuses what is not UTF-8."""
    return _array(_TEXT, len(values), [part for one in values for part in (_LENGTH(len(one)), one)])


def _array(element: int, count: int, parts: list[bytes]) -> Array:
    head = _HEAD.pack(1, 1, element, count, 1) if count else _EMPTY.pack(0, 0, element)
    return Array(head + b"".join(parts))
