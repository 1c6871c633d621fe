from __future__ import annotations

import json
from typing import Any

import pytest

from portal.lib.strict_json import DEEPEST, BadJSON, read


@pytest.mark.parametrize(
    "value",
    [
        {"a": [{"a": 1}, {"a": '2"'}], "b": {"a": "\\"}},
        ["\\u0022", '"', '\\"', '":', "ü\u2028"],
        {'"': 1, '\\"': 2, "": 3, "\x00": 4},
        {"value": 1, "Value": 2, "väl": 3},
        [[], {}, None, True, 1.5, -0.0, 2**63],
        "text",
    ],
)
def test_what_is_in_order_is_read_however_it_is_written(value: Any) -> None:
    ways: list[dict[str, Any]] = [{}, {"ensure_ascii": False}, {"indent": 2}, {"separators": (" ,", " :")}]
    written = [json.dumps(value, **way) for way in ways]
    assert [read(text.encode()) for text in written] == [value] * len(written)


def test_a_quotation_mark_may_be_written_as_its_number() -> None:
    assert read(b'{"\\u0022": 1, "a": "\\u0022", "\\\\u0022": 2}') == {'"': 1, "a": '"', "\\u0022": 2}


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a" : 1,\n\t"a" : {}}',
        b'{"a":1,"\\u0061":2}',
        b'{"\\"":1,"\\u0022":2}',
        b'{"\\u0022\\u0022\\u0022":"", "a":1, "a":2}',
        b'[{"b":{"a":[],"a":"\\u0022\\u0022"}}]',
    ],
)
def test_a_name_twice_in_one_object_is_refused(text: bytes) -> None:
    with pytest.raises(BadJSON, match="twice in one object"):
        read(text)


@pytest.mark.parametrize("text", [b"", b"{", b"NaN", b"[Infinity]", b'"\\ud800"', b"\xff", b"'a'", b"[1,]", b"01"])
def test_what_is_no_json_is_refused(text: bytes) -> None:
    with pytest.raises(BadJSON, match="is not valid JSON"):
        read(text)


def test_nesting_has_an_end() -> None:
    assert read(b"[" * DEEPEST + b"]" * DEEPEST)
    for depth in (DEEPEST + 1, 1_000, 100_000):
        with pytest.raises(BadJSON):
            read(b"[" * depth + b"]" * depth)
