from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import DataError, transaction

from portal.lib import arrays
from portal.lib.arrays import Array
from portal.lib.database import batch_cursor

ONE, TWO = UUID(int=1), UUID(int=2**127 + 5)  # the same in every run, for they are in the names of the tests
COLUMNS = [
    ("uuid", arrays.uuids([ONE, None, TWO]), [ONE, None, TWO]),
    ("uuid", arrays.uuids([]), []),
    ("uuid", arrays.uuids([None]), [None]),
    ("text", arrays.texts(["", "Ä €", 'a "b", {c} \\ NULL']), ["", "Ä €", 'a "b", {c} \\ NULL']),
    ("text", arrays.texts([]), []),
    ("text", arrays.utf8(["Öl".encode()]), ["Öl"]),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("element", "column", "values"), COLUMNS)
def test_postgresql_reads_what_was_meant(element: str, column: Array, values: list[Any]) -> None:
    with batch_cursor() as cursor:
        assert cursor.execute(f"select %b::{element}[]", [column]).fetchone() == (values,)
        cursor.execute(f"select * from unnest(%b::{element}[])", [column])
        assert cursor.fetchall() == [(value,) for value in values]


@pytest.mark.django_db
@pytest.mark.parametrize("text", [b"\xff", b"a\x00b"])
def test_what_is_no_text_is_refused(text: bytes) -> None:
    with pytest.raises(DataError) as raised, transaction.atomic(), batch_cursor() as cursor:
        cursor.execute("select %b::text[]", [arrays.utf8([text])])
    assert isinstance(raised.value.__cause__, psycopg.errors.CharacterNotInRepertoire)
