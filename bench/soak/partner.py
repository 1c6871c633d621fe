"""The partners: one process that takes messages, answers them, and remembers in a few bytes what it answered 200.

The path of a connector's URL names the partner and how it behaves: `/a`, `/b/slow-50` (answers after 50 ms),
`/c/hang` (never answers), `/d/garbage` (200 with bytes that are no text), `/e/refuse-once` (500 to the first try of
each). A message is known by the number in its event's data; the same number again must be the same message: the same id
and the same bytes. Its signature must be of this time, by this process's clock.
"""

from __future__ import annotations

import asyncio
import json
import re
import resource
import subprocess
import sys
import time
import urllib.request
import zlib
from array import array
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

NUMBER = re.compile(rb'"limit_w":(\d+)')
MESSAGE_ID = re.compile(rb"\r\nwebhook-id: ?([^\r]+)", re.IGNORECASE)
SIGNED_AT = re.compile(rb"\r\nwebhook-timestamp: ?(\d+)", re.IGNORECASE)
LENGTH = re.compile(rb"\r\ncontent-length: ?(\d+)", re.IGNORECASE)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
REFUSED = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
NO_TEXT = b"\x00\xff\xfe\x80 not text \x00"
GARBAGE = b"HTTP/1.1 200 OK\r\nX-Odd: \xff\xfe\r\nContent-Length: %d\r\n\r\n%b" % (len(NO_TEXT), NO_TEXT)
CONTROL = b"/-/"
UNTIMELY_SECONDS = 60.0
TICK = 0.1
"""Seconds of one cell in the record of how many answers were given when."""


@dataclass(slots=True)
class Ledger:
    """What one partner answered 200: per number how often, when first (monotonic seconds), and a checksum.

    `untimely` counts requests whose signature is of another time.
    """

    counts: bytearray = field(default_factory=bytearray)
    first: array[float] = field(default_factory=lambda: array("d"))
    sums: array[int] = field(default_factory=lambda: array("I"))
    arrived: int = 0
    answered: int = 0
    distinct: int = 0
    unequal: int = 0
    untimely: int = 0
    refused: set[int] = field(default_factory=set)

    def note(self, number: int, checksum: int, now: float) -> None:
        while len(self.counts) <= number:
            more = max(1024, len(self.counts))
            self.counts.extend(bytes(more))
            self.first.frombytes(bytes(8 * more))
            self.sums.frombytes(bytes(self.sums.itemsize * more))
        self.answered += 1
        if self.counts[number]:
            self.unequal += self.sums[number] != checksum
        else:
            self.distinct += 1
            self.first[number], self.sums[number] = now, checksum
        self.counts[number] = min(255, self.counts[number] + 1)


@dataclass(slots=True)
class Ledgers:
    by_name: dict[bytes, Ledger] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    ticks: array[int] = field(default_factory=lambda: array("I"))

    def of(self, path: bytes) -> Ledger:
        name = path.split(b"/", 2)[1]
        ledger = self.by_name.get(name)
        if ledger is None:
            ledger = self.by_name[name] = Ledger()
        return ledger

    def tick(self, now: float) -> None:
        cell = int((now - self.began) / TICK)
        while len(self.ticks) <= cell:
            self.ticks.append(0)
        self.ticks[cell] += 1

    def answer(self, question: bytes) -> bytes:
        """To `/-/state`, `/-/ticks`, `/-/counts/NAME` and `/-/first/NAME`."""
        what, _, name = question.removeprefix(CONTROL).partition(b"/")
        if what == b"ticks":
            return self.ticks.tobytes()
        if what in {b"counts", b"first"}:
            ledger = self.by_name.get(name) or Ledger()
            return bytes(ledger.counts) if what == b"counts" else ledger.first.tobytes()
        state = {
            name.decode(): {
                "arrived": ledger.arrived,
                "answered": ledger.answered,
                "distinct": ledger.distinct,
                "unequal": ledger.unequal,
                "untimely": ledger.untimely,
            }
            for name, ledger in self.by_name.items()
        }
        return json.dumps({"began": self.began, "partners": state}).encode()


class Link(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    transport: asyncio.Transport

    def __init__(self, ledgers: Ledgers) -> None:
        self._ledgers = ledgers
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._buffer and self._take_request():
            pass

    def _take_request(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = self._buffer[: end + 2]
        found = LENGTH.search(head)
        whole = end + 4 + (int(found[1]) if found else 0)
        if len(self._buffer) < whole:
            return False
        body, self._buffer = self._buffer[end + 4 : whole], self._buffer[whole:]
        path = head.split(b" ", 2)[1]
        if path.startswith(CONTROL):
            said = self._ledgers.answer(path)
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(said), said))
        else:
            self._take_message(path, head, body)
        return True

    def _take_message(self, path: bytes, head: bytes, body: bytes) -> None:
        ledger = self._ledgers.of(path)
        ledger.arrived += 1
        behaviour = path.rpartition(b"/")[2]
        if behaviour == b"hang":
            return
        found, message_id, signed_at = NUMBER.search(body), MESSAGE_ID.search(head), SIGNED_AT.search(head)
        ledger.untimely += signed_at is not None and abs(int(signed_at[1]) - time.time()) > UNTIMELY_SECONDS
        number = int(found[1]) if found else 0
        if behaviour == b"refuse-once" and number not in ledger.refused:
            ledger.refused.add(number)
            self.transport.write(REFUSED)
            return
        checksum = zlib.crc32(body, zlib.crc32(message_id[1] if message_id else b""))
        answer = GARBAGE if behaviour == b"garbage" else OK
        if behaviour.startswith(b"slow-"):
            wait = int(behaviour[5:]) / 1000
            asyncio.get_running_loop().call_later(wait, self._answer, ledger, number, checksum, answer)
        else:
            self._answer(ledger, number, checksum, answer)

    def _answer(self, ledger: Ledger, number: int, checksum: int, answer: bytes) -> None:
        """Counted only where somebody is still there to be answered."""
        if not self.transport.is_closing():
            self.transport.write(answer)
            now = time.monotonic()
            ledger.note(number, checksum, now)
            self._ledgers.tick(now)


async def serve() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    ledgers = Ledgers()
    server = await asyncio.get_running_loop().create_server(lambda: Link(ledgers), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.read)  # whoever started it has ended


class Partner:
    """`with Partner() as partner:` in the process that drives the test."""

    def __enter__(self) -> Self:
        words = [sys.executable, "-m", "bench.soak.partner"]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603
        said = self._process.stdout.readline() if self._process.stdout else ""
        self.url = f"http://127.0.0.1:{int(said)}"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._process.communicate(timeout=30)

    def counts(self, name: str) -> bytes:
        """Per number, how often it was answered 200."""
        return self._ask(f"counts/{name}")

    def first(self, name: str) -> array[float]:
        """Per number, when it was first answered 200 (monotonic seconds)."""
        times = array("d")
        times.frombytes(self._ask(f"first/{name}"))
        return times

    def state(self) -> dict[str, dict[str, int]]:
        """Per partner, how many requests arrived, were answered 200, were new, differed from the first, and more."""
        found: dict[str, dict[str, int]] = json.loads(self._ask("state"))["partners"]
        return found

    def longest_silence(self, since: float, until: float) -> float:
        """The longest time in seconds without any answer, between two times (monotonic)."""
        began: float = json.loads(self._ask("state"))["began"]
        ticks = array("I")
        ticks.frombytes(self._ask("ticks"))
        longest = silent = 0
        for cell in range(max(0, int((since - began) / TICK)), int((until - began) / TICK)):
            silent = 0 if cell < len(ticks) and ticks[cell] else silent + 1
            longest = max(longest, silent)
        return longest * TICK

    def _ask(self, question: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/-/{question}", timeout=60) as answer:  # noqa: S310 - loopback
            return answer.read()


if __name__ == "__main__":
    asyncio.run(serve())
