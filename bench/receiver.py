"""The partner that all measurements send to: the leanest HTTP/1.1 receiver, a process of its own.

One thread around epoll, kept-alive connections, requests with a Content-Length; each is answered with the same 200 and
an empty body. Counting costs one add; what the parent reads lies in shared memory, so that asking costs nothing:

    with Receiver(timed=1000) as receiver:
        ... something posts to receiver.url + "/c/007", with "seq=00000042" in the body ...
        receiver.count                  # requests so far, answered or hanging
        receiver.arrived_at(42)         # time.monotonic() when message 42 came first, or None
        receiver.hang_below(30)         # from now on /c/000 to /c/029 are never answered

`time.monotonic()` is one clock for all processes of a machine (CLOCK_MONOTONIC), so times may be compared.
"""

from __future__ import annotations

import argparse
import mmap
import os
import select
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, MutableSequence
from pathlib import Path
from typing import Any, Self

from bench.process import Process, python

HEADER_WORDS = 4
COUNT, PORT, HANG_BELOW, CONNECTIONS = range(HEADER_WORDS)
"""The first 64-bit words of the shared memory; behind them, one arrival time for each number that is timed."""

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
PATH_AT = len(b"POST /c/")
READ = 65_536
BACKLOG = 4096
HOSTS = 66
"""Loopback addresses on which it listens, from 127.0.0.1 on: partners have hosts of their own."""
START_SECONDS = 30.0


class Receiver:
    """Runs the receiver until the end of the block. `timed` is how many numbers get an arrival time."""

    def __init__(self, *, timed: int = 0) -> None:
        self._timed = timed

    def __enter__(self) -> Self:
        descriptor, self._file = tempfile.mkstemp(prefix="feeder-bench-receiver-")
        os.ftruncate(descriptor, 8 * (HEADER_WORDS + self._timed))
        self._map = mmap.mmap(descriptor, 0)
        os.close(descriptor)
        self._words = memoryview(self._map).cast("q")
        self._times = memoryview(self._map).cast("d")
        self._process = Process("receiver", python("-m", "bench.receiver", self._file)).start()
        try:
            self._wait_for_port()
        except BaseException:
            self._close()
            raise
        self.port = self._words[PORT]
        self.url = f"http://{host(0)}:{self.port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _wait_for_port(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._words[PORT]:
            if time.monotonic() > deadline or self._process.ended:
                raise RuntimeError("the receiver did not start")
            time.sleep(0.01)

    def _close(self) -> None:
        self._process.stop()
        self._words.release()
        self._times.release()
        self._map.close()
        Path(self._file).unlink()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def count(self) -> int:
        return self._words[COUNT]

    @property
    def connections(self) -> int:
        """Accepted since the start."""
        return self._words[CONNECTIONS]

    def hang_below(self, number: int) -> None:
        self._words[HANG_BELOW] = number

    def arrived_at(self, number: int) -> float | None:
        return self._times[HEADER_WORDS + number] or None


def main() -> None:
    parser = argparse.ArgumentParser(description="Receive until stopped; the parent process reads FILE.")
    parser.add_argument("file", type=Path, help="shared memory, made by Receiver")
    with parser.parse_args().file.open("r+b") as file:
        shared = mmap.mmap(file.fileno(), 0)
    words, times = memoryview(shared).cast("q"), memoryview(shared).cast("d")
    listeners = listen()
    words[PORT] = listeners[0].getsockname()[1]
    serve(listeners, words, times)


def listen() -> list[socket.socket]:
    """One socket for each address, all on one port that is free on the first."""
    first = socket.create_server((host(0), 0), backlog=BACKLOG)
    port = first.getsockname()[1]
    return [first, *(socket.create_server((host(number), port), backlog=BACKLOG) for number in range(1, HOSTS))]


def host(number: int) -> str:
    return f"127.0.0.{1 + number % HOSTS}"


class _Links:
    """The open connections by their descriptor: how to read from one, how to write to it."""

    def __init__(self, listeners: Iterable[socket.socket]) -> None:
        self.listeners = {listener.fileno(): listener for listener in listeners}
        self._sockets: dict[int, socket.socket] = {}
        self.receive: dict[int, Callable[[int], bytes]] = {}
        self.send: dict[int, Callable[[bytes], int]] = {}
        self.begun: dict[int, bytes] = {}
        """What has come so far of requests that came in pieces."""
        self.epoll = select.epoll()
        for listener in self.listeners.values():
            listener.setblocking(False)
            self.epoll.register(listener, select.EPOLLIN)

    def accept(self, listener: socket.socket) -> int:
        accepted = 0
        while True:
            try:
                link, _ = listener.accept()
            except BlockingIOError:
                return accepted
            link.setblocking(False)
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            number = link.fileno()
            self._sockets[number], self.receive[number], self.send[number] = link, link.recv, link.send
            self.epoll.register(link, select.EPOLLIN)
            accepted += 1

    def drop(self, number: int) -> None:
        self.begun.pop(number, None)
        del self.receive[number], self.send[number]
        self._sockets.pop(number).close()


def serve(listeners: Iterable[socket.socket], words: MutableSequence[int], times: MutableSequence[float]) -> None:
    """For ever. A client sends its next request when it has the answer to the last: no more than one is read ahead."""
    links = _Links(listeners)
    listening, receive, send, begun = links.listeners, links.receive, links.send, links.begun
    count = 0
    while True:
        for number, _ in links.epoll.poll():
            if number in listening:
                words[CONNECTIONS] += links.accept(listening[number])
                continue
            try:
                data = receive[number](READ)
                if begun and number in begun:
                    data = begun.pop(number) + data if data else b""
                if not data:
                    links.drop(number)
                elif not is_whole(data):
                    begun[number] = data
                else:
                    count += 1
                    if not hangs(data, words, times):
                        send[number](ANSWER)
            except OSError:
                links.drop(number)
        words[COUNT] = count


def is_whole(data: bytes) -> bool:
    head = data.find(b"\r\n\r\n")
    if head < 0:
        return False
    length = data.find(b"ontent-Length: ", 0, head)
    if length < 0:
        length = data.lower().find(b"ontent-length: ", 0, head)
    return length < 0 or len(data) >= head + 4 + int(data[length + 15 : data.find(b"\r", length)])


def hangs(data: bytes, words: Any, times: Any) -> bool:
    """Whether this request stays without an answer; also notes its arrival, where its number is timed."""
    if len(times) > HEADER_WORDS:
        at = data.find(b"seq=")
        number = HEADER_WORDS + int(data[at + 4 : at + 12]) if at >= 0 else len(times)
        if number < len(times) and not times[number]:
            times[number] = time.monotonic()
    return bool(words[HANG_BELOW]) and int(data[PATH_AT : PATH_AT + 3]) < words[HANG_BELOW]


if __name__ == "__main__":
    sys.exit(main())
