"""`manage.py create_organization`: how a tenant begins."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.lib import clock
from portal.tenants import audit
from portal.tenants.onboard import Onboarded, OnboardError, onboard


class Command(BaseCommand):
    help = "Make an organization with its owner and an API key of all scopes. Key and password are shown once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="of the organization; no other may have it")
        parser.add_argument("--owner", required=True, metavar="EMAIL", help="an account is made if there is none")
        parser.add_argument("--json", action="store_true", help="print one JSON object, for other programs")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            with audit.acting("command:create_organization"):
                made = onboard(options["name"], options["owner"], clock.now())
        except OnboardError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(_as_json(made) if options["json"] else _as_block(made))


def _as_json(made: Onboarded) -> str:
    return json.dumps(
        {
            "organization": str(made.organization.id),
            "api_key": made.api_key,
            "owner": made.owner.email,
            "password": made.password,
        }
    )


def _as_block(made: Onboarded) -> str:
    return "\n".join(
        [
            f"Organization: {made.organization.name} ({made.organization.id})",
            f"Owner:        {made.owner.email}",
            f"Password:     {made.password or 'as before: this person has an account'}",
            f"API key:      {made.api_key}",
            "",
            "Neither the password nor the key is shown again.",
        ]
    )
