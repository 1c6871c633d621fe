"""`manage.py aggregate`: the daily aggregates of a day that is over, again or for the first time."""

from argparse import ArgumentParser, ArgumentTypeError
from collections import Counter
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError
from django.db.models import Q
from tqdm import tqdm

from portal.lib import clock
from portal.tenants import audit, scope
from portal.tenants.models import Organization, Plan
from triggers import daily_aggregates
from triggers.daily_aggregates import Done


class Command(BaseCommand):
    help = (
        "Make the daily aggregates of a past day that are missing, and send them. What was sent is never sent again; "
        "what was held back stays so, unless --again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--day", type=_day, required=True, metavar="YYYY-MM-DD", help="a UTC day that is over")
        parser.add_argument("--organization", metavar="NAME|ID", help="default: all of them")
        parser.add_argument("--again", action="store_true", help="judge anew what was held back")

    def handle(self, *_args: Any, **options: Any) -> None:
        now = clock.now()
        if options["day"] >= now.date():
            raise CommandError(f"{options['day']} is not over: it ends at midnight UTC.")
        try:
            for organization in _organizations(options["organization"]):
                with scope.organization(organization.id), audit.acting("command:aggregate"):
                    self._aggregate(organization, options["day"], now, again=options["again"])
        except (OperationalError, InterfaceError):
            raise CommandError(
                "The database is not available. What was sent stays so: run the same command again later, "
                "it adds what is missing."
            ) from None

    def _aggregate(self, organization: Organization, day: date, now: datetime, *, again: bool) -> None:
        sent, held = 0, Counter[str]()
        total = daily_aggregates.count_gateways(organization.id)
        with tqdm(total=total, unit=" gateways", desc=organization.name, disable=None) as bar:
            done = Done()
            while (done := daily_aggregates.decide(organization.id, day, done.last, now, again=again)).last:
                sent += done.sent
                held += done.held
                bar.update(done.gateways)
        self.stdout.write(f"{organization}, {day}: {sent} sent, {held.total()} held back{_reasons(held)}.")


def _reasons(held: Counter[str]) -> str:
    listed = ", ".join(f"{count} {reason}" for reason, count in held.most_common())
    return f" ({listed})" if listed else ""


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no day; write it as in 2026-11-20.") from None


def _organizations(name_or_id: str | None) -> list[Organization]:
    if name_or_id is None:
        return list(Organization.objects.filter(plan=Plan.DATASTREAMS).order_by("name"))
    found = Organization.objects.filter(Q(name=name_or_id) | Q(id=_as_id(name_or_id))).first()
    if found is None:
        raise CommandError(f"There is no organization {name_or_id!r}.")
    if found.plan != Plan.DATASTREAMS:
        raise CommandError(f"The plan of {found} sends nothing.")
    return [found]


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
