"""Significand, order of magnitude and formatted value: by decimal digits, within the vendor's limits."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.profiles.decimals import as_decimal, formatted, significand_and_order

numbers = st.one_of(
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-1e6, 1e6).map(lambda number: round(number, 3)),
)


@pytest.mark.line(62, 82, 83, 84)
@pytest.mark.parametrize(
    ("text", "significand", "order", "shown"),
    [
        ("230.41", 23041, -2, "230.41"),  # the vendor's own example has order 0 here, against its own definition
        ("7827000", 7827000, 0, "7,827,000"),
        ("7827e3", 78270000, -1, "7,827,000.0"),
        ("0", 0, 0, "0"),
        ("0.0", 0, -1, "0.0"),
        ("-0.0", 0, -1, "0.0"),
        ("-12345.6", -123456, -1, "-12,345.6"),
        ("0.1", 1, -1, "0.1"),
        ("100", 100, 0, "100"),
        ("100.0", 1000, -1, "100.0"),
        ("2147483647", 2147483647, 0, "2,147,483,647"),
        ("2147483648", 214748365, 1, "2,147,483,648"),
        ("-2147483648", -2147483648, 0, "-2,147,483,648"),
        ("-2147483649", -214748365, 1, "-2,147,483,649"),
        ("5000000000", 500000000, 1, "5,000,000,000"),
        ("0.30000000000000004", 300000000, -9, "0.30000000000000004"),
        ("1.0000000005", 1000000000, -9, "1.0000000005"),
        ("1e22", 1, 22, "10,000,000,000,000,000,000,000"),
        ("1e-7", 1, -7, "0.0000001"),
        ("18446744073709551615", 1844674407, 10, "18,446,744,073,709,551,615"),
    ],
)
def test_a_number_as_it_was_written_in_json(text: str, significand: int, order: int, shown: str) -> None:
    value = json.loads(text)
    number = as_decimal(value)
    assert number is not None
    assert significand_and_order(number) == (significand, order)
    assert formatted(value) == shown


@pytest.mark.line(82, 83)
@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("1e127", (1, 127)),
        ("1e130", (1000, 127)),
        ("2147483647e127", (2147483647, 127)),
        ("2147483648e127", None),
        ("-1e308", None),
        ("1e-128", (1, -128)),
        ("15e-129", (2, -128)),
        ("5e-324", (0, -128)),
    ],
)
def test_at_the_limits_of_the_order(number: str, expected: tuple[int, int] | None) -> None:
    assert significand_and_order(Decimal(number)) == expected


@pytest.mark.line(62, 82, 83)
@given(value=numbers)
def test_the_pair_is_the_value_itself_or_the_nearest_within_the_limits(value: float) -> None:
    number = as_decimal(value)
    assert number is not None
    pair = significand_and_order(number)
    if pair is None:
        assert abs(number) > Decimal("2147483647e127")
        return
    significand, order = pair
    assert -(2**31) <= significand < 2**31
    assert -128 <= order <= 127
    shown = Decimal(significand).scaleb(order)
    digits = number.normalize().as_tuple()
    if abs(int("".join(map(str, digits.digits)))) < 10**9 and -128 <= int(digits.exponent) <= 127:
        assert shown == number
    else:
        assert abs(shown - number) <= max(abs(number) * Decimal("5.1e-9"), Decimal("0.5e-128"))


@pytest.mark.line(84)
@given(value=numbers)
def test_the_formatted_value_reads_back_as_the_value(value: float) -> None:
    shown = formatted(value)
    assert "e" not in shown.lower()
    read = float(shown.replace(",", "")) if isinstance(value, float) else int(shown.replace(",", ""))
    assert read == value


@pytest.mark.line(84)
@given(value=st.integers(0, 2**64 - 1))
def test_thousands_are_set_apart(value: int) -> None:
    first, *others = formatted(value).split(",")
    assert 1 <= len(first) <= 3
    assert all(len(group) == 3 for group in others)


@pytest.mark.parametrize(
    ("value", "number", "shown"),
    [
        (True, Decimal(1), "true"),
        (False, Decimal(0), "false"),
        ("open", None, "open"),
        ("12", None, "12"),
        (None, None, ""),
    ],
)
def test_what_is_no_number(value: bool | str | None, number: Decimal | None, shown: str) -> None:
    assert as_decimal(value) == number
    assert formatted(value) == shown
