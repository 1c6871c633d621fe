from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.checks import run_checks

from portal.tenants.authentication import CallerThrottle

KEY = Fernet.generate_key().decode()


def found() -> set[str]:
    return {message.id or "" for message in run_checks() if (message.id or "").startswith("tenants.")}


def networks(*names: str) -> list[Any]:
    return [ipaddress.ip_network(name) for name in names]


@pytest.fixture(autouse=True)
def quiet(settings: Any) -> None:
    settings.PUBLIC_URL, settings.SECURE_SSL, settings.ALLOWED_HOSTS = "http://127.0.0.1:8000", False, ["127.0.0.1"]
    settings.EGRESS_ALLOW = []


@pytest.mark.parametrize(
    ("keys", "bad"), [([KEY], 0), ([], 0), ([KEY, KEY], 0), (["hunter2"], 1), ([KEY, KEY[:-2]], 1), (["é", ""], 2)]
)
def test_keys_that_are_none_are_counted_and_not_shown(settings: Any, keys: list[str], bad: int) -> None:
    settings.FIELD_ENCRYPTION_KEYS = keys
    messages = [message for message in run_checks() if message.id == "tenants.E001"]
    assert len(messages) == bad
    assert "hunter2" not in str(messages)


@pytest.mark.parametrize(
    ("allowed", "warnings"),
    [
        (networks("127.0.0.1/32", "10.0.0.0/8", "fd12::/16"), set()),
        (networks("0.0.0.0/0"), {"tenants.W001"}),
        (networks("10.0.0.0/8", "::/0"), {"tenants.W001"}),
        (networks("169.254.0.0/16"), {"tenants.W002"}),
        (networks("fd00::/8"), {"tenants.W002"}),
    ],
)
def test_networks_that_open_more_than_they_seem_to(settings: Any, allowed: Any, warnings: set[str]) -> None:
    settings.EGRESS_ALLOW = allowed
    assert found() == warnings


@pytest.mark.parametrize("rate", ["lots", "1200", "/min", "many/min", "1200/", "1200/fortnight"])
def test_a_rate_that_is_none(monkeypatch: pytest.MonkeyPatch, rate: str) -> None:
    monkeypatch.setattr(CallerThrottle, "THROTTLE_RATES", {"caller": rate})
    assert found() == {"tenants.E002"}


@pytest.mark.parametrize(
    ("url", "secure", "messages"),
    [
        ("http://127.0.0.1:8000", False, set()),
        ("https://feeder.example", True, set()),
        ("https://feeder.example", False, {"tenants.W004"}),
        ("http://feeder.example", True, {"tenants.W004"}),
        ("https://other.example", True, {"tenants.W003"}),
        ("http://[::1]:8000", False, set()),
        ("feeder.example", True, {"tenants.E003"}),
        ("ftp://feeder.example", False, {"tenants.E003"}),
    ],
)
def test_the_public_address_fits_the_rest(settings: Any, url: str, secure: bool, messages: set[str]) -> None:
    settings.PUBLIC_URL, settings.SECURE_SSL = url, secure
    settings.ALLOWED_HOSTS = ["127.0.0.1", ".feeder.example", "[::1]"]
    assert found() == messages
