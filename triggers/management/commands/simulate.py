"""`manage.py simulate`: a fleet that sends what its devices measure through the REST API, as a real one would."""

import os
import signal
from argparse import ArgumentParser, ArgumentTypeError
from threading import Event
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from portal.lib import clock
from triggers.simulation.client import Client, RefusedError, StoppedError
from triggers.simulation.feed import Feed
from triggers.simulation.fleet import DEMO_GATEWAYS, gateways

SAY_EVERY_SECONDS = 5.0


def positive(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise ArgumentTypeError("must be a number above 0")
    return number


class Command(BaseCommand):
    help = (
        "Send the readings and events of a simulated fleet to the product, until stopped. "
        "Gateways that the organization does not have are created over REST."
    )
    requires_system_checks = ()
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--gateways", type=int, default=DEMO_GATEWAYS, help="how many (default: %(default)s)")
        parser.add_argument(
            "--speed", type=positive, default=60.0, help="simulated seconds in a real one (default: %(default)s)"
        )
        parser.add_argument("--url", default=_own_url(), help="of the product (default: %(default)s)")
        parser.add_argument("--api-key", default=os.environ.get("FEEDER_API_KEY"), help="or FEEDER_API_KEY")
        parser.add_argument("--duration", type=positive, metavar="SECONDS", help="end by itself after that long")
        parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same values")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not options["api_key"]:
            raise CommandError("An API key is needed: --api-key, or FEEDER_API_KEY in the environment.")
        if options["gateways"] < 1:
            raise CommandError("--gateways must be 1 or more.")
        stop = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        try:
            self._run(options, stop)
        except RefusedError as error:
            raise CommandError(str(error)) from None
        except StoppedError:
            self.stdout.write("Stopped; the last batch was not answered.")

    def _run(self, options: dict[str, Any], stop: Event) -> None:
        client = Client(options["url"], options["api_key"], stop, say=self._say, host_header=_host(options["url"]))
        feed = Feed(
            client,
            gateways(options["gateways"]),
            speed=options["speed"],
            seed=options["seed"],
            stop=stop,
            now=clock.now,
            say=self._say,
        )
        try:
            feed.run(options["duration"], SAY_EVERY_SECONDS)
        finally:
            client.close()

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _own_url() -> str:
    """Where this machine's own product listens."""
    host, port = settings.INBOX_ADDRESS
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _host(url: str) -> str | None:
    """The first name of ALLOWED_HOSTS, for calls to this machine's own product: it may listen to no address."""
    named = [host.lstrip(".") for host in settings.ALLOWED_HOSTS if host != "*"]
    return named[0] if named and url == _own_url() else None
