"""A request as it is before its authentication, and checking a configuration on the way to using it."""

from __future__ import annotations

from typing import Any

from connectors import auth
from connectors.message import Request

URL = "https://partner.example/in"
BODY = b'[{"a":1}]'


def request(url: str = URL, *, method: str = "POST", body: bytes = BODY, **headers: str) -> Request:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Request(method=method, url=url, headers=named, body=body, timeout=5.0)


def prepared(config: dict[str, Any], url: str = URL) -> auth.Prepared:
    """Of a configuration that must be one that can be stored, for this URL."""
    assert auth.check(config) == {}
    assert auth.check_url(config, url) is None
    return auth.prepare(config)
