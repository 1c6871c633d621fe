"""Fills a rival's database, and its queue: `python -m bench.rivals.fill --url … --deliveries N` prints an API token."""

import argparse
import sys

import django

from bench import message

BATCH = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description="Fill a rival's database and queue.")
    parser.add_argument("--url", required=True, help="of the receiver")
    parser.add_argument("--deliveries", type=int, default=0)
    options = parser.parse_args()
    django.setup()
    print(fill(options.url, options.deliveries))


def fill(url: str, deliveries: int) -> str:
    from django.contrib.auth.models import User
    from rest_framework.authtoken.models import Token

    from bench.rivals.models import Delivery, Event, Receiver
    from bench.rivals.tasks import deliver

    deliver.app.control.purge()
    receiver = Receiver.objects.create(url=f"{url}/c/000")
    for first in range(0, deliveries, BATCH):
        numbers = range(first, min(deliveries, first + BATCH))
        events = Event.objects.bulk_create(
            Event(type="system/action", gateway="GW-000", payload=message.document(number)) for number in numbers
        )
        made = Delivery.objects.bulk_create(Delivery(event=event, receiver=receiver) for event in events)
        for delivery in made:
            deliver.delay(delivery.pk)
    return str(Token.objects.create(user=User.objects.create_user("bench")).key)


if __name__ == "__main__":
    sys.exit(main())
