"""System checks: settings that cannot work, contradict each other, or open more than they seem to.

Every `manage.py` command makes them, `migrate` at each start among them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as Caution
from django.http.request import validate_host

METADATA_ADDRESSES = tuple(map(ipaddress.ip_address, ("169.254.169.254", "fd00:ec2::254")))
"""Where cloud providers tell a machine its own credentials, without asking who asks."""


@register
def check_encryption_keys(**_: Any) -> list[CheckMessage]:
    """Names a bad key by its place: the text of a check goes to logs."""
    return [
        Error(
            f"FIELD_ENCRYPTION_KEYS: number {number} is not a Fernet key.",
            hint="A Fernet key is 32 random bytes as URL-safe base64: 44 characters that end in =.",
            id="tenants.E001",
        )
        for number, key in enumerate(settings.FIELD_ENCRYPTION_KEYS, start=1)
        if not _is_fernet_key(key)
    ]


def _is_fernet_key(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return True


@register
def check_request_rate(**_: Any) -> list[CheckMessage]:
    from portal.tenants.authentication import CallerThrottle

    try:
        CallerThrottle()
    except (ValueError, KeyError, IndexError):
        return [Error("API_RATE is not a rate.", hint="Such as 1200/min, or per s, h, d.", id="tenants.E002")]
    return []


@register
def check_egress(**_: Any) -> list[CheckMessage]:
    return list(_open_networks())


def _open_networks() -> Iterator[CheckMessage]:
    for network in settings.EGRESS_ALLOW:
        if network.prefixlen == 0:
            yield Caution(
                f"EGRESS_ALLOW has {network}: a connector may then reach every address of your networks.",
                hint="Name the networks that partners' systems are in.",
                id="tenants.W001",
            )
        elif any(address in network for address in METADATA_ADDRESSES):
            yield Caution(
                f"EGRESS_ALLOW has {network}, where cloud providers answer with a machine's credentials.",
                hint="Name a network without 169.254.169.254 and fd00:ec2::254.",
                id="tenants.W002",
            )


@register
def check_public_url(**_: Any) -> list[CheckMessage]:
    url = urlsplit(settings.PUBLIC_URL)
    found: list[CheckMessage] = []
    if url.scheme not in {"http", "https"} or not url.hostname:
        found.append(Error("PUBLIC_URL is not an http or https URL.", id="tenants.E003"))
    elif not validate_host(url.hostname if ":" not in url.hostname else f"[{url.hostname}]", settings.ALLOWED_HOSTS):
        found.append(
            Caution(
                f"PUBLIC_URL names {url.hostname}, which ALLOWED_HOSTS does not: its links will not work.",
                id="tenants.W003",
            )
        )
    if (url.scheme == "https") != settings.SECURE_SSL and url.scheme in {"http", "https"}:
        found.append(
            Caution(
                f"PUBLIC_URL is {url.scheme}, and SECURE_SSL is {settings.SECURE_SSL}.",
                hint="Behind a proxy that ends TLS, SECURE_SSL is true and PUBLIC_URL begins with https.",
                id="tenants.W004",
            )
        )
    return found
