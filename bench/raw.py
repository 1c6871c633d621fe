"""The yardstick: how many requests a second one process makes with libcurl and nothing else.

64 at once over kept-alive connections; for each request a body of 1 KB and the headers of a signed delivery are set,
the same every time: nothing is rendered, signed, read from a database or recorded.
"""

from __future__ import annotations

import argparse
import sys

from bench import client, message
from bench.receiver import Receiver

AT_ONCE = 64
COUNT = 80_000


def measure(count: int = COUNT) -> float:
    """Requests per second, by a client and a receiver of its own."""
    content = message.body()
    with Receiver() as receiver:
        return client.measure(
            f"{receiver.url}/c/000", content, message.signed_headers(content), count=count, at_once=AT_ONCE
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="Requests per second of the raw client.")
    parser.add_argument("--count", type=int, default=COUNT)
    print(f"{measure(parser.parse_args().count):,.0f} requests/s")


if __name__ == "__main__":
    sys.exit(main())
