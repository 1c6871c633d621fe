"""Rotation of the field key: new key first, reseal, old key gone, and every secret still opens."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from connectors.models import Connector, SigningSecret
from connectors.notice_models import NoticeChannel
from portal.lib.crypto import SecretUnreadable
from portal.tenants import scope
from tests.conftest import Tenant
from tests.world import SECRET, make_connector

HOOK = "https://hooks.example/a/secret/path"


@pytest.fixture
def sealed(tenant: Tenant, stranger: Tenant) -> None:
    for organization in (tenant.organization, stranger.organization):
        with scope.organization(organization.id):
            connector = make_connector("https://partner.example/", auth_type="bearer")
            connector.set_credentials({"token": "t0ken"})
            connector.save()
            channel = NoticeChannel(kind="slack", shown="hooks.example")
            channel.set_address(HOOK)
            channel.save()


def opened() -> list[object]:
    with scope.every_organization():
        credentials = [connector.get_credentials() for connector in Connector.objects.all()]
        channels = [channel.get_address() for channel in NoticeChannel.objects.all()]
        return [*credentials, *(secret.get_secret() for secret in SigningSecret.objects.all()), *channels]


def test_the_old_key_can_go_afterwards(sealed: None, settings: Any) -> None:
    old, new = settings.FIELD_ENCRYPTION_KEYS[0], Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEYS = [new, old]
    call_command("reseal_secrets")
    settings.FIELD_ENCRYPTION_KEYS = [new]
    assert opened() == [{"token": "t0ken"}] * 2 + [SECRET] * 2 + [HOOK] * 2
    settings.FIELD_ENCRYPTION_KEYS = [old]
    with pytest.raises(SecretUnreadable):
        opened()


def test_a_secret_that_cannot_be_opened_stops_it_and_is_named(sealed: None, settings: Any) -> None:
    before = settings.FIELD_ENCRYPTION_KEYS
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(CommandError, match="Keep the old keys"):
        call_command("reseal_secrets")
    settings.FIELD_ENCRYPTION_KEYS = before
    assert len(opened()) == 6
