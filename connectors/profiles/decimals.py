"""Measured values as Withthegrid writes numbers (S1 lines 62, 82-84, and B2).

A value is its significand times ten to its order of magnitude. By decimal digits and never by floating point: what was
written as 230.41 is 23041 and -2.
"""

from __future__ import annotations

import decimal
from decimal import Decimal
from typing import TypeAlias

Value: TypeAlias = float | int | bool | str | None

SIGNIFICANDS = (-(2**31), 2**31 - 1)
ORDERS_OF_MAGNITUDE = (-128, 127)

_EXACT = decimal.Context(prec=400)
"""More digits than any float or 64-bit integer has: nothing is rounded by accident."""
_ROUNDED = tuple(decimal.Context(prec=digits, rounding=decimal.ROUND_HALF_EVEN) for digits in (10, 9))
"""Ten digits fit a significand only when they are small enough; nine always do."""


def as_decimal(value: Value) -> Decimal | None:
    """The number that was measured, digit by digit as it was written. True is 1 and false 0; a text is no number."""
    if value is None or isinstance(value, str):
        return None
    number = Decimal(int(value)) if isinstance(value, bool) else Decimal(repr(value))
    return number or abs(number)


def significand_and_order(number: Decimal) -> tuple[int, int] | None:
    """Exact with every digit as written where the vendor's limits allow it, else the nearest that they do.

    None for what is larger than any significand at the highest order.
    """
    lowest, highest = ORDERS_OF_MAGNITUDE
    for context in _ROUNDED:
        rounded = context.plus(number)
        order = min(max(int(rounded.as_tuple().exponent), lowest), highest)
        significand = int(rounded.scaleb(-order, _EXACT).to_integral_value(decimal.ROUND_HALF_EVEN, _EXACT))
        if SIGNIFICANDS[0] <= significand <= SIGNIFICANDS[1]:
            return significand, order
    return None


def formatted(value: Value) -> str:
    """For people: with thousands separators, all digits as measured, and never in powers of ten."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    number = as_decimal(value)
    return "" if number is None else format(number, ",f")
