"""`manage.py import_readings`: measurements from a CSV file into one gateway's data points."""

import re
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q
from tqdm import tqdm

from portal.fleet import happenings
from portal.fleet.models import Appliance, DataPoint, DataPointKind, Gateway, System
from portal.lib import clock
from portal.tenants import audit, scope
from portal.tenants.models import Organization
from triggers.importing import Contents, FileError, Plan, Report, import_file, look_into, parse_column, parse_zone
from triggers.scheduled import retention

ORGANIZATIONS_NAMED = 10


class Command(BaseCommand):
    help = (
        "Import a CSV file of measurements, one column per data point, through the intake. "
        "Repeating an import adds nothing. The exit code is 1 when anything was refused."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        # argparse takes -07:00 for an option unless told that it is a negative number, and has no public way to.
        parser._negative_number_matcher = re.compile(r"-\d[\d.:]*")  # noqa: SLF001
        parser.add_argument("file", type=Path, help="CSV with a header line, comma-separated, UTF-8")
        parser.add_argument("--organization", required=True, metavar="NAME|ID")
        parser.add_argument("--gateway", required=True, metavar="SERIAL", help="serial number, or id")
        parser.add_argument("--appliance", metavar="SERIAL", help="absent: the gateway itself measured this")
        parser.add_argument(
            "--map",
            action="append",
            required=True,
            dest="columns",
            metavar="COLUMN=property[:unit]",
            help="which column is which data point; once for each",
        )
        parser.add_argument("--time-column", metavar="NAME", help="default: the first column")
        parser.add_argument(
            "--time-format",
            metavar="FORMAT",
            help="as of strptime, such as %%d.%%m.%%Y %%H:%%M; default: ISO 8601, or month/day/year hour:minute",
        )
        parser.add_argument(
            "--timezone", metavar="ZONE", help="of times without offset: America/Denver, or an offset such as -07:00"
        )
        parser.add_argument("--bad-if", metavar="COLUMN", help="rows where it is true are stored as of bad quality")
        parser.add_argument("--create", action="store_true", help="make a missing gateway, appliance or data point")
        parser.add_argument("--batch", type=int, default=500, help="readings per transaction (default: %(default)s)")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["batch"] < 1:
            raise CommandError("--batch must be 1 or more.")
        try:
            plan = _plan(options)
            contents = look_into(plan, retention.readings_kept_from(clock.now()))
            organization = _organization(options["organization"])
            with scope.organization(organization.id), audit.acting("command:import_readings"):
                report = self._import(organization, plan, contents, options)
        except FileError as error:
            raise CommandError(str(error)) from None
        except (OperationalError, InterfaceError):
            raise CommandError(
                "The database is not available. What was imported stays: run the same command again later, "
                "it adds what is missing."
            ) from None
        self._tell(report)
        if report.rejected:
            raise SystemExit(1)

    def _import(self, organization: Organization, plan: Plan, contents: Contents, options: dict[str, Any]) -> Report:
        gateway, kinds = _prepare(organization, plan, contents, create=options["create"])
        if gateway.sharing != "active":
            self.stdout.write(f"Note: the values of {gateway} are stored but not sent: {gateway.sharing}.")
        if contents.expired:
            self.stdout.write(
                f"Note: {contents.expired} of {contents.readings} readings are older than RETENTION_READINGS_DAYS, "
                f"which is {settings.RETENTION_READINGS_DAYS}: within the hour they are deleted again. "
                f"To keep them, press Ctrl-C and raise it first."
            )
        with tqdm(total=contents.rows, unit=" rows", desc=plan.path.name, disable=None) as bar:
            return import_file(organization.id, plan, kinds, clock.now(), batch=options["batch"], moved_on=bar.update)

    def _tell(self, report: Report) -> None:
        self.stdout.write(f"{report.accepted} accepted, {report.duplicates} duplicates, {report.rejected} refused.")
        for reason in report.reasons:
            self.stdout.write(f"  {reason}")
        if report.rejected > len(report.reasons):
            self.stdout.write(f"  and {report.rejected - len(report.reasons)} more")


def _plan(options: dict[str, Any]) -> Plan:
    columns = tuple(parse_column(text) for text in options["columns"])
    properties = [column.property for column in columns]
    for name in properties:
        if properties.count(name) > 1:
            raise FileError(f"Two columns are mapped to {name!r}; a data point has one value at a time.")
    return Plan(
        path=options["file"],
        gateway=options["gateway"],
        appliance=options["appliance"],
        columns=columns,
        time_column=options["time_column"],
        time_format=options["time_format"],
        zone=parse_zone(options["timezone"]) if options["timezone"] else None,
        bad_if=options["bad_if"],
    )


def _organization(name_or_id: str) -> Organization:
    found = Organization.objects.filter(Q(name=name_or_id) | Q(id=_as_id(name_or_id))).first()
    if found is None:
        names = list(Organization.objects.order_by("name").values_list("name", flat=True)[:ORGANIZATIONS_NAMED])
        there = f"There are: {', '.join(names)}." if names else "There is none; make one with create_organization."
        raise FileError(f"There is no organization {name_or_id!r}. {there}")
    return found


def _prepare(
    organization: Organization, plan: Plan, contents: Contents, *, create: bool
) -> tuple[Gateway, dict[str, DataPointKind]]:
    """The gateway, and the kind of each property. All that is missing is made, or nothing is."""
    with transaction.atomic():
        gateway = _gateway(organization, plan.gateway, create=create)
        if plan.appliance is not None:
            _appliance(gateway, plan.appliance, create=create)
        return gateway, _data_points(plan, contents, create=create)


def _gateway(organization: Organization, reference: str, *, create: bool) -> Gateway:
    known = Gateway.objects.select_related("company")
    found = known.filter(Q(serial_number=reference) | Q(id=_as_id(reference))).first()
    if found is not None:
        return found
    if not create:
        raise FileError(f"{organization} has no gateway {reference!r}; --create makes it.")
    system = System.objects.create(name=reference)
    gateway = Gateway.objects.create(system=system, serial_number=reference, name=reference)
    happenings.gateway_came(gateway, clock.now())
    return gateway


def _appliance(gateway: Gateway, reference: str, *, create: bool) -> None:
    if gateway.appliances.filter(Q(serial_number=reference) | Q(id=_as_id(reference))).exists():
        return
    if not create:
        raise FileError(f"Gateway {gateway} has no appliance {reference!r}; --create makes it.")
    appliance = Appliance.objects.create(gateway=gateway, serial_number=reference, name=reference)
    happenings.appliance_came(appliance, clock.now())


def _data_points(plan: Plan, contents: Contents, *, create: bool) -> dict[str, DataPointKind]:
    names = [column.property for column in plan.columns]
    present = {point.name: point for point in DataPoint.objects.filter(name__in=names)}
    missing = [column for column in plan.columns if column.property not in present]
    if missing and not create:
        listed = ", ".join(column.property for column in missing)
        raise FileError(f"There is no data point named {listed}; --create makes what is missing.")
    for column in missing:
        kind = contents.kinds.get(column.name, DataPointKind.GAUGE)
        point = DataPoint.objects.create(name=column.property, unit=column.unit or "", kind=kind)
        happenings.quantity_came(point, clock.now())
        present[column.property] = point
    for column in plan.columns:
        unit = present[column.property].unit
        if column.unit is not None and column.unit != unit:
            raise FileError(f"{column.property} is in {unit or 'no unit'}, not in {column.unit or 'no unit'}.")
    return {name: DataPointKind(present[name].kind) for name in names}


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
