"""`manage.py reseal_secrets`: after a new key was put in front of FIELD_ENCRYPTION_KEYS, seal everything with it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from tqdm import tqdm

from connectors.models import Connector, SigningSecret
from connectors.notice_models import NoticeChannel
from portal.lib import crypto
from portal.lib.crypto import SecretUnreadable
from portal.tenants import audit, scope


class Command(BaseCommand):
    help = "Seal every stored secret with the first of FIELD_ENCRYPTION_KEYS; the others can go afterwards."

    def handle(self, *_args: Any, **_options: Any) -> None:
        with scope.every_organization(), audit.acting("command:reseal_secrets"):
            connectors = Connector.objects.exclude(credentials="").values_list("id", flat=True)
            secrets = SigningSecret.objects.values_list("id", flat=True)
            work: list[tuple[Any, str, Any]] = [(Connector, "credentials", key) for key in connectors]
            work += [(SigningSecret, "sealed", key) for key in secrets]
            work += [(NoticeChannel, "sealed", key) for key in NoticeChannel.objects.values_list("id", flat=True)]
            for model, column, key in tqdm(work, desc="secrets", disable=None):
                self._reseal(model, column, key)
        self.stdout.write(f"{len(work)} secrets are sealed with the first key.")

    @transaction.atomic
    def _reseal(self, model: Any, column: str, key: Any) -> None:
        """One row, locked: a secret that is being changed meanwhile is not put back."""
        row = model.objects.select_for_update().filter(id=key).first()
        if row is None or not getattr(row, column):
            return
        try:
            sealed = crypto.reseal(getattr(row, column))
        except SecretUnreadable as error:
            raise CommandError(f"{model._meta.verbose_name} {key}: {error}. Keep the old keys.") from None
        model.objects.filter(id=key).update(**{column: sealed})
