"""`manage.py add_member`: how a further person gets into an organization, or another role there."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.tenants import audit
from portal.tenants.models import Role
from portal.tenants.onboard import Joined, OnboardError, add_member


class Command(BaseCommand):
    help = "Add a person to an organization, or change their role there. A new account's password is shown once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("organization", help="its name")
        parser.add_argument("email", help="an account is made if there is none")
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument("--json", action="store_true", help="print one JSON object, for other programs")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            with audit.acting("command:add_member"):
                joined = add_member(options["organization"], options["email"], options["role"])
        except OnboardError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(_as_json(joined) if options["json"] else _as_block(joined))


def _as_json(joined: Joined) -> str:
    return json.dumps(
        {
            "organization": str(joined.organization.id),
            "email": joined.person.email,
            "role": joined.role,
            "role_before": joined.role_before,
            "password": joined.password,
        }
    )


def _as_block(joined: Joined) -> str:
    before = f" (was {joined.role_before})" if joined.role_before else ""
    lines = [
        f"Organization: {joined.organization.name} ({joined.organization.id})",
        f"Person:       {joined.person.email}",
        f"Role:         {joined.role}{before}",
        f"Password:     {joined.password or 'as before: this person has an account'}",
    ]
    return "\n".join([*lines, "", "The password is not shown again."] if joined.password else lines)
