"""A scripted partner on 127.0.0.1 (or on `host`), for every test that needs a real socket.

    with Receiver() as receiver:                       # answers 200 with an empty body
        ... send to receiver.url + "/hook" ...
        first, = receiver.wait_for(1)                  # AssertionError after 10 s
        assert first.json()["type"] == "gateway/online"
        assert receiver.connections == 1               # kept alive

A script is a function from the Received request to an Answer; `receiver.script` may be replaced meanwhile.
`received.number` counts from 1, so "fail twice, then work" is

    Receiver(lambda r: Answer(503 if r.number <= 2 else 200))

It runs in a thread of its own and takes several thousand requests a second over kept-alive connections.
HTTP/1.1 with Content-Length bodies only (which is what the product sends); `tls` makes it https.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from socket import SO_LINGER, SOL_SOCKET
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request as it arrived at time.time() `at`; `headers` by lower-case name, `header_list` as sent."""

    number: int
    at: float
    method: str
    path: str
    headers: dict[str, str]
    header_list: tuple[tuple[str, str], ...]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """What to do with one request. The first of these that is set decides:

    `hang`: never answer · `reset`: drop the connection with a TCP reset, after `raw` if given · `raw`:
    exactly these bytes instead of a response · else a proper response. `delay` waits first; `drip` sends the
    bytes one by one, that many seconds apart; `close` ends the connection after the answer.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    delay: float = 0.0
    drip: float = 0.0
    raw: bytes | None = None
    hang: bool = False
    reset: bool = False
    close: bool = False

    def encoded(self) -> bytes:
        if self.raw is not None:
            return self.raw
        lines = [f"HTTP/1.1 {self.status} Scripted", *(f"{name}: {value}" for name, value in self.headers)]
        if self.status not in (204, 304):
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


Script = Callable[[Received], Answer]


def _answer_200(_: Received) -> Answer:
    return Answer()


class Receiver:
    """`requests` in order of arrival, `answered` = (number, status), `connections` accepted so far."""

    def __init__(
        self, script: Script = _answer_200, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
    ) -> None:
        self.script = script
        self.host = host
        self.connections = 0
        self.answered: list[tuple[int, int]] = []
        self._received: list[Received] = []
        self._arrived = threading.Condition()
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._links: set[_Link] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.AbstractServer | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        starting = self._loop.create_server(lambda: _Link(self), self.host, 0, ssl=self._tls, backlog=1024)
        self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result(10)
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.url = f"{'https' if self._tls else 'http'}://{self.host}:{self.port}"
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def requests(self) -> list[Received]:
        with self._arrived:
            return list(self._received)

    def wait_for(self, count: int, timeout: float = 10.0) -> list[Received]:
        """The requests so far, once there are at least `count`."""
        with self._arrived:
            enough = self._arrived.wait_for(lambda: len(self._received) >= count, timeout)
            assert enough, f"{len(self._received)} of {count} requests arrived within {timeout:g} s"
            return list(self._received)

    def clear(self) -> None:
        """Forget what arrived; numbers start at 1 again."""
        with self._arrived:
            self._received.clear()
            self.answered.clear()

    def drop_connections(self) -> None:
        """Close every kept-alive connection, as a restarted partner does."""
        self._loop.call_soon_threadsafe(self._close_links)

    def _record(self, head: bytes, body: bytes) -> Received:
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
        lowered = {name.lower(): value for name, value in headers}
        with self._arrived:
            received = Received(
                number=len(self._received) + 1,
                at=time.time(),
                method=method,
                path=path,
                headers=lowered,
                header_list=headers,
                body=body,
            )
            self._received.append(received)
            self._arrived.notify_all()
        return received

    def _close_links(self) -> None:
        for link in list(self._links):
            link.transport.abort()

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        self._close_links()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)


class _Link(asyncio.Protocol):
    """One connection: requests in, answers out, one after another."""

    transport: asyncio.Transport

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._buffer = b""
        self._slow: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._receiver.connections += 1
        self._receiver._links.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        self._receiver._links.discard(self)
        if self._slow is not None:
            self._slow.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._slow is None and self._one_request():
            pass

    def _one_request(self) -> bool:
        if self._buffer and not self._buffer[:1].isalpha():  # TLS spoken to a plain port
            return self._send(Answer(raw=b"HTTP/1.1 400 Bad Request\r\n\r\n", close=True))
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return False
        position = head.lower().find(b"content-length:")
        length = int(head[position + 15 :].split(b"\r\n", 1)[0]) if position >= 0 else 0
        if len(rest) < length:
            return False
        self._buffer = rest[length:]
        received = self._receiver._record(head, rest[:length])
        answer = self._receiver.script(received)
        self._receiver.answered.append((received.number, answer.status))
        if answer.delay or answer.drip or answer.hang:
            self._slow = asyncio.get_running_loop().create_task(self._answer_slowly(answer))
            return False
        return self._send(answer)

    def _send(self, answer: Answer) -> bool:
        """False when the connection is over."""
        if answer.raw is not None or not answer.reset:
            self.transport.write(answer.encoded())
        if answer.reset:
            raw_socket = self.transport.get_extra_info("socket")
            raw_socket.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()
        elif answer.close:
            self.transport.close()
        return not (answer.reset or answer.close)

    async def _answer_slowly(self, answer: Answer) -> None:
        await asyncio.sleep(answer.delay)
        if answer.hang:
            await asyncio.get_running_loop().create_future()
        for position in range(len(answer.encoded()) if answer.drip else 0):
            self.transport.write(answer.encoded()[position : position + 1])
            await asyncio.sleep(answer.drip)
        self._slow = None
        alive = self._send(Answer(raw=b"", reset=answer.reset, close=answer.close) if answer.drip else answer)
        while alive and self._slow is None and self._one_request():
            pass
