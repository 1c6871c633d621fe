"""Host names to addresses: looked up in threads of our own, each name once at a time, for a bounded wait.

A lookup cannot be interrupted, and libcurl has 20 threads for all of them: one partner whose name server is silent
would fill these, and every other partner's new connection would wait behind it. Here it holds one thread, its own
requests end after LOOKUP_SECONDS, and no stop of the process waits for it.
"""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from time import monotonic
from typing import Generic, TypeAlias, TypeVar

LOOKUP_SECONDS = 5.0
"""How long a request waits for its name; the request's own deadline ends it earlier."""

FRESH_SECONDS = 60.0
"""How long a name is not asked for again; libcurl's own figure."""

KEPT_SECONDS = 600.0
"""How long a name's addresses still serve when the lookup fails: an outage of DNS alone need not stop deliveries."""

MOST_LOOKUPS = 100
"""Threads at once. More names than this that hang at the same time do delay the others."""

_NAMES_CAP = 10_000

Name: TypeAlias = tuple[str, int]
"""Host and port: libcurl remembers addresses by both."""

Addresses: TypeAlias = tuple[str, ...]
Find: TypeAlias = Callable[[str], Addresses]
Item = TypeVar("Item")


def find(host: str) -> Addresses:
    """Ask the system's resolver. OSError or UnicodeError: there is no such name, or no answer."""
    found = socket.getaddrinfo(host.encode("ascii"), None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))


class Names(Generic[Item]):
    """What waits for names, and for how long. For one thread; `answered` is called from the lookups' threads."""

    def __init__(self, *, answered: Callable[[], None], find: Find = find) -> None:
        self._answered = answered
        self._find = find
        self._fresh_until: dict[Name, float] = {}
        self._kept_until: dict[Name, float] = {}
        self._waiting: dict[Name, list[tuple[float, Item]]] = {}
        self._queued: deque[Name] = deque()
        self._under_way: set[Name] = set()
        self._answers: SimpleQueue[tuple[Name, Addresses]] = SimpleQueue()
        self.waiting = 0
        self.next_expiry = float("inf")

    @property
    def busy(self) -> bool:
        """Whether anything can come of `found` and `expired`."""
        return bool(self._under_way)

    def is_fresh(self, name: Name) -> bool:
        return self._fresh_until.get(name, 0.0) > monotonic()

    def wait_for(self, name: Name, item: Item, seconds: float) -> None:
        """Keep this item until its name is found, or for as many seconds and at most LOOKUP_SECONDS."""
        until = monotonic() + min(seconds, LOOKUP_SECONDS)
        if name not in self._waiting:
            self._waiting[name] = []
            self._queued.append(name)
            self._look_up()
        self._waiting[name].append((until, item))
        self.waiting += 1
        self.next_expiry = min(self.next_expiry, until)

    def found(self) -> Iterator[tuple[Name, Addresses, list[Item], bool]]:
        """The lookups that ended, what waited for them, and whether it can go on: older addresses may serve too."""
        while not self._answers.empty():
            name, addresses = self._answers.get_nowait()
            self._under_way.discard(name)
            self._look_up()
            items = [item for _, item in self._waiting.pop(name)]
            self.waiting -= len(items)
            yield name, addresses, items, self._serves(name, addresses)

    def expired(self) -> list[tuple[Item, bool]]:
        """What waited long enough, and whether it can go on with older addresses."""
        now = monotonic()
        if now < self.next_expiry:
            return []
        expired = []
        for name, waiting in self._waiting.items():
            over = [item for until, item in waiting if until <= now]
            if over:
                serves = self._serves(name, ())
                expired += [(item, serves) for item in over]
                self._waiting[name] = [(until, item) for until, item in waiting if until > now]
        self.waiting -= len(expired)
        left = [until for waiting in self._waiting.values() for until, _ in waiting]
        self.next_expiry = min(left, default=float("inf"))
        return expired

    def _serves(self, name: Name, addresses: Addresses) -> bool:
        now = monotonic()
        if addresses:
            if len(self._kept_until) >= _NAMES_CAP:
                self._fresh_until.clear()
                self._kept_until.clear()
            self._kept_until[name] = now + KEPT_SECONDS
        serves = bool(addresses) or self._kept_until.get(name, 0.0) > now
        if serves:
            self._fresh_until[name] = now + FRESH_SECONDS
        return serves

    def _look_up(self) -> None:
        while self._queued and len(self._under_way) < MOST_LOOKUPS:
            name = self._queued.popleft()
            self._under_way.add(name)
            threading.Thread(target=self._run, args=(name,), name="lookup", daemon=True).start()

    def _run(self, name: Name) -> None:
        addresses: Addresses = ()
        try:
            addresses = self._find(name[0])
        except (OSError, UnicodeError):
            pass
        finally:
            self._answers.put((name, addresses))
            self._answered()
