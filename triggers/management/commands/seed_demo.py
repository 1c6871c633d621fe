"""`manage.py seed_demo`: an organization to look around in; `up --demo` calls it at each start."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from portal.lib import clock
from portal.tenants import audit
from triggers.simulation import demo


class Command(BaseCommand):
    help = "Make the demo organization with its fleet and connectors. Later runs leave it as it is."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object, for other programs")

    def handle(self, *_args: Any, **options: Any) -> None:
        with audit.acting("command:seed_demo"):
            made = demo.seed(clock.now())
        self.stdout.write(_as_json(made) if options["json"] else _as_block(made))


def _as_json(made: demo.Demo) -> str:
    return json.dumps(
        {
            "organization": str(made.organization.id),
            "email": made.email,
            "password": made.password,
            "api_key": made.api_key,
        }
    )


def _as_block(made: demo.Demo) -> str:
    lines = [
        f"Organization: {made.organization.name} ({made.organization.id})",
        f"Sign in:      {made.email}",
        f"Password:     {made.password or 'as set at the first run'}",
    ]
    if made.api_key:
        lines += [f"API key:      {made.api_key}", "", "Neither the password nor the key is shown again."]
    return "\n".join(lines)
