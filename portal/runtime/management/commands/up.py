"""`manage.py up`: the whole product with one command."""

import os
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from portal.runtime.program import StartError
from portal.runtime.programs import Address
from portal.runtime.run import Options, up
from portal.runtime.supervisor import Console


class Command(BaseCommand):
    help = "Start everything: PostgreSQL and Redis where none are named, web, workers, scheduler."
    requires_system_checks = ()
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--demo", action="store_true", help="with an organization and a simulated fleet")
        parser.add_argument(
            "--port", type=_whole(1, 65_535), default=settings.PORT, help="of the web pages and the API"
        )
        parser.add_argument("--workers", type=_whole(1, 64), default=settings.WORKERS, help="Celery worker processes")

    def handle(self, *_args: Any, **options: Any) -> None:
        wanted = Options(
            data_dir=settings.DATA_DIR.resolve(),
            address=Address(host=settings.HOST, port=options["port"]),
            demo=options["demo"],
            workers=options["workers"],
        )
        try:
            up(wanted, os.environ, Console())
        except StartError as error:
            self.stderr.write(str(error))
            sys.exit(1)


def _whole(lowest: int, highest: int) -> Callable[[str], int]:
    """For argparse, which turns the error into one sentence."""

    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not lowest <= int(text) <= highest:
            raise ArgumentTypeError(f"a whole number from {lowest} to {highest} is expected, not {text!r}")
        return int(text)

    return parse
