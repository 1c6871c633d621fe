"""The conformance table says what the tests say, and leaves no line out."""

from __future__ import annotations

from tests.conformance import table

LINES = {number for section in table.sections() for number in section.lines}


def test_every_line_is_named_once() -> None:
    assert set(range(1, 268)) == LINES


def test_every_line_has_a_test_or_a_reason_and_not_both() -> None:
    shown, why_not = set(table.tests_by_line()), set(table.reasons())
    assert LINES - shown - why_not == set(), "neither a test nor a reason"
    assert shown & why_not == set(), "has a test by now: the reason goes"


def test_no_test_names_a_line_that_there_is_not() -> None:
    assert set(table.tests_by_line()) - LINES == set()


def test_the_document_is_up_to_date() -> None:
    text = table.document(table.tests_by_line(), table.reasons())
    assert table.DOCUMENT.read_text() == text, "python -m tests.conformance.table --write"
