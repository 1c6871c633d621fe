"""Durations as people write and read them, such as `1 h 30 min` or `2 days`; everywhere else they are seconds."""

from __future__ import annotations

import re
from typing import Final

_SECONDS: Final = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "day": 86_400, "days": 86_400}
_PART: Final = r"(\d{1,9}(?:\.\d{1,9})?)\s*(s|min|h|days|day|d)\b"
_WHOLE: Final = re.compile(rf"(?:{_PART}\s*)+", re.ASCII | re.IGNORECASE)
_ONE: Final = re.compile(_PART, re.ASCII | re.IGNORECASE)
LONGEST_TEXT: Final = 60


def read(text: str) -> float:
    """Seconds. Raises ValueError with the reason."""
    if text.strip() == "0":
        return 0.0
    if len(text) > LONGEST_TEXT or not _WHOLE.fullmatch(text.strip()):
        raise ValueError(f"“{text[:30]}” is no duration: write 30 s, 5 min, 2 h or 1 day.")
    return sum(float(count) * _SECONDS[unit.lower()] for count, unit in _ONE.findall(text))


def written(seconds: float) -> str:
    """Exactly, in the largest unit of which there is a whole number."""
    for unit, size in (("day", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''}"
    return f"{seconds:.9f}".rstrip("0").rstrip(".") + " s"
