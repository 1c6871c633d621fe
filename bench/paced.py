"""A steady load on an intake, one event per call, and the time from just before each call to the event's arrival."""

from __future__ import annotations

import http.client
import json
import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from bench.receiver import Receiver

SENDERS = 4
"""Threads, each with a kept-alive connection; a call takes a few milliseconds."""
ARRIVAL_SECONDS = 60.0


class IntakeRefused(RuntimeError):
    """The intake did not answer 202."""


def send(
    url: str, headers: Mapping[str, str], numbers: Sequence[int], rate: float, event: Callable[[int], dict[str, Any]]
) -> dict[int, float]:
    """Send `event(number)` for each of the numbers, `rate` per second; time.monotonic() just before each call."""
    sent: dict[int, float] = {}
    failed: list[Exception] = []
    begin = time.monotonic() + 0.1

    def sender(place: int) -> None:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        try:
            for turn in range(place, len(numbers), SENDERS):
                body = json.dumps({"events": [event(numbers[turn])]}).encode()
                time.sleep(max(0.0, begin + turn / rate - time.monotonic()))
                sent[numbers[turn]] = time.monotonic()
                connection.request("POST", parts.path, body, dict(headers))
                answer = connection.getresponse()
                text = answer.read()
                if answer.status != http.HTTPStatus.ACCEPTED:
                    raise IntakeRefused(f"{url} answered {answer.status}: {text[:500]!r}")
        except (OSError, http.client.HTTPException, IntakeRefused) as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=sender, args=(place,)) for place in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return sent


def latencies(receiver: Receiver, sent: Mapping[int, float]) -> list[float]:
    """Milliseconds from each call to its event's arrival. TimeoutError: one did not arrive at all."""
    deadline = time.monotonic() + ARRIVAL_SECONDS
    found = []
    for number, at in sent.items():
        while (arrived := receiver.arrived_at(number)) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"event {number} did not arrive")
            time.sleep(0.01)
        found.append(1000 * (arrived - at))
    return found


def percentiles(values: Sequence[float]) -> dict[str, float]:
    cut = statistics.quantiles(values, n=100, method="inclusive")
    return {"p50": cut[49], "p99": cut[98]}
