"""Names of the objects that are put into a cloud store: one for each request (S1 lines 43, 55, 57).

The vendor does not say what its `{timestamp}` is. Ours is the UTC milliseconds since 1970, a hyphen and 16 random hex
digits: the stores overwrite without a word (B2), and two batches of one millisecond must both be kept. What is sent
again because the store's answer was lost is there twice, as every receiver must expect.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from connectors.target import URL_CAP

LONGEST_NAME = len("/2026/11/21/1763737563123-0123456789abcdef.json")

TOO_LONG = f"With what each request adds the URL would be longer than {URL_CAP} characters."


def object_url(url: str, now: datetime, *, suffix: str = "") -> str:
    """The URL with `{YYYY}/{MM}/{DD}/{timestamp}` after its path."""
    moment = now.astimezone(UTC)
    milliseconds = int(moment.timestamp()) * 1000 + moment.microsecond // 1000
    path, mark, query = url.partition("?")
    name = f"{moment:%Y/%m/%d}/{milliseconds}-{secrets.token_hex(8)}{suffix}"
    return f"{path.rstrip('/')}/{name}{mark}{query}"
