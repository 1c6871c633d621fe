"""The only place that opens a socket to a partner: libcurl under the egress guard, within a total deadline.

`Sender` is the engine of the delivery worker: one thread, many exchanges at once, connections kept alive.
`send_now` is one exchange by the same code, for the test button and for ping.

How it waits: libcurl is driven by `perform`, which costs half of what its socket callbacks cost from Python,
and each partner socket is put into our own epoll, edge-triggered, when the guard opens it. So nothing is
registered per request, descriptors above 1,023 work (libcurl's own wait is select), and a thread can wake us.

Connections are kept per host, port and kind of TLS, and shared by all connectors to it: what tells them apart, and
proves who sends, is in each request and never in the connection.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
import threading
from collections import deque
from time import monotonic, perf_counter
from typing import Any, Self

import pycurl

from connectors.egress import REFUSED, EgressPolicy
from connectors.headers import header_lines, lines_template, response_headers
from connectors.message import RESPONSE_BODY_CAP, Certificate, ErrorClass, Headers, Outcome, Request
from connectors.names import KEPT_SECONDS, LOOKUP_SECONDS, Addresses, Find, Name, Names, find
from connectors.target import check_url, name_and_port

USER_AGENT = "Feeder/0.1"
CONNECT_TIMEOUT = 10.0
"""Seconds for TCP and TLS together; the total deadline of the request ends it earlier."""

IDLE_CONNECTION = 60
"""Seconds after which a kept-alive connection is closed, or up to a quarter later."""

CONNECTION_LIFETIME = 600
"""Seconds after which even a busy connection is replaced, so that a change in a partner's DNS is followed."""

_RESPONSE_LINES_CAP = 256
_RECHECK = 0.1  # seconds; should an edge ever be lost, an exchange stalls no longer than this
_LARGE_BODY = 8 * 1024  # bytes; above it, a body is watched while it is sent and not held afterwards
_DETAIL_CAP = 200  # characters of libcurl's own words
_CACHE_CAP = 10_000  # entries of each memo below, which is emptied when full
_EDGES = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_METHODS = _WITH_BODY | {"GET", "DELETE", "OPTIONS"}

_NOT_LATIN_1 = "a header holds characters that cannot be sent"  # never the value itself: it may be a secret
_TOO_LARGE = 100  # CURLE_TOO_LARGE, which pycurl has no name for
_TLS_CODES = frozenset(
    {
        pycurl.E_SSL_CONNECT_ERROR,
        pycurl.E_PEER_FAILED_VERIFICATION,
        pycurl.E_SSL_CERTPROBLEM,
        pycurl.E_SSL_CIPHER,
        pycurl.E_SSL_CACERT_BADFILE,
        pycurl.E_SSL_ISSUER_ERROR,
        pycurl.E_SSL_INVALIDCERTSTATUS,
    }
)
_PROTOCOL_CODES = frozenset(
    {
        pycurl.E_UNSUPPORTED_PROTOCOL,
        pycurl.E_FTP_WEIRD_SERVER_REPLY,
        pycurl.E_BAD_CONTENT_ENCODING,
        _TOO_LARGE,
    }
)
_PROTOCOL_WORDS = ("header", "chunk", "hexadecimal", "HTTP/")


class Sender:
    """Many exchanges at once, from one thread. Only `wake` may be called from another one.

    `max_sockets` guards memory and file descriptors: what is submitted beyond it waits here, and its deadline
    starts only when it leaves. `ca_file` replaces the system's trusted roots, `find` its resolver.
    """

    def __init__(
        self, policy: EgressPolicy, *, max_sockets: int, ca_file: str | None = None, find: Find = find
    ) -> None:
        self._max_sockets = max_sockets
        self._ca_file = ca_file
        self._guard = _Guard(policy)
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, max_sockets)
        self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._guard.epoll.register(self._wake_fd, select.EPOLLIN | select.EPOLLET)
        self._wake_lock = threading.Lock()
        self._woken = False
        self._idle: list[_Exchange] = []
        self._running: dict[pycurl.Curl, _Exchange] = {}
        self._uploading: set[_Exchange] = set()
        self._waiting: deque[tuple[Request, Any, float]] = deque()
        self._names: Names[tuple[Request, Any, float]] = Names(answered=self.wake, find=find)
        self._housekeeper = _housekeeper()
        self._next_sweep = monotonic() + IDLE_CONNECTION / 4
        self._done: list[tuple[Any, Outcome]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def in_flight(self) -> int:
        """Requests submitted whose outcome `poll` has not handed out yet."""
        return len(self._running) + len(self._waiting) + self._names.waiting + len(self._done)

    def submit(self, request: Request, key: Any) -> None:
        """Start this request, never blocking. One that cannot be sent has its outcome at the next poll."""
        if len(self._running) >= self._max_sockets:
            self._waiting.append((request, key, 0.0))
        else:
            self._start(request, key, 0.0)

    def poll(self, timeout: float) -> list[tuple[Any, Outcome]]:
        """The outcomes since the last call. Waits up to `timeout` seconds for one, or for `wake`."""
        deadline = monotonic() + timeout
        while True:
            if self._names.busy:
                self._go_on_with_names()
            if self._running:
                self._drive()
            left = deadline - monotonic()
            if self._done or self._woken or left <= 0:
                self._woken = False
                done, self._done = self._done, []
                return done
            self._wait(left)

    def wake(self) -> None:
        """End the current poll, or else the next one, at once. From any thread, also after `close`."""
        with self._wake_lock:
            self._woken = True
            if self._wake_fd >= 0:
                os.eventfd_write(self._wake_fd, 1)

    def close(self) -> None:
        """Drop everything, also what is in flight: its outcomes never come."""
        for curl in self._running:
            self._multi.remove_handle(curl)
        self._multi.close()
        for exchange in (*self._running.values(), *self._idle):
            exchange.curl.close()
        self._housekeeper.close()
        self._running.clear()
        self._idle.clear()
        self._guard.close()
        with self._wake_lock:
            os.close(self._wake_fd)
            self._wake_fd = -1

    def _start(self, request: Request, key: Any, waited: float) -> None:
        """`waited` are the seconds of its time that the request spent on its name."""
        problem, name = self._guard.judge_url(request)
        if problem:
            self._done.append((key, _failure(ErrorClass.BLOCKED, problem)))
        elif name is not None and not self._names.is_fresh(name):
            self._names.wait_for(name, (request, key, monotonic() - waited), request.timeout - waited)
        else:
            self._launch(request, key, waited)

    def _launch(self, request: Request, key: Any, waited: float) -> None:
        exchange = self._idle.pop() if self._idle else _Exchange(self._guard, self._ca_file)
        try:
            exchange.prepare(request, key, self._guard.lines(request.headers), waited)
            self._multi.add_handle(exchange.curl)
        except (pycurl.error, ValueError, TypeError) as error:
            self._idle.append(exchange)
            detail = _NOT_LATIN_1 if isinstance(error, UnicodeError) else str(error)
            self._done.append((key, _failure(ErrorClass.RENDER, detail)))
            return
        self._running[exchange.curl] = exchange
        if len(request.body) > _LARGE_BODY:
            self._uploading.add(exchange)

    def _go_on_with_names(self) -> None:
        for name, addresses, waiters, serves in self._names.found():
            if addresses:
                self._remember_addresses(name, addresses)
            for waiter in waiters:
                self._go_on(waiter, serves, "the host name did not resolve")
        for waiter, serves in self._names.expired():
            waited = min(LOOKUP_SECONDS, waiter[0].timeout)
            self._go_on(waiter, serves, f"the host name did not resolve within {waited:g} s")

    def _go_on(self, waiter: tuple[Request, Any, float], serves: bool, problem: str) -> None:
        request, key, since = waiter
        waited = monotonic() - since
        if not serves:
            self._done.append((key, _failure(ErrorClass.DNS, problem, waited)))
        elif len(self._running) >= self._max_sockets:
            self._waiting.append((request, key, waited))
        else:
            self._launch(request, key, waited)

    def _remember_addresses(self, name: Name, addresses: Addresses) -> None:
        self._housekeeper.setopt(pycurl.RESOLVE, [f"+{name[0]}:{name[1]}:{','.join(addresses)}"])
        self._keep_house()

    def _keep_house(self) -> None:
        """Let libcurl do what it only does when a request begins: learn addresses, close what was idle for long."""
        self._multi.add_handle(self._housekeeper)
        self._multi.perform()
        self._multi.remove_handle(self._housekeeper)

    def _drive(self) -> None:
        self._multi.perform()
        self._guard.close_handed_over()
        left = 1
        while left:
            left, succeeded, failed = self._multi.info_read(1000)
            for curl in succeeded:
                self._finish(curl, pycurl.E_OK, "")
            for curl, code, message in failed:
                self._finish(curl, code, message)

    def _finish(self, curl: pycurl.Curl, code: int, message: str) -> None:
        self._multi.remove_handle(curl)
        exchange = self._running.pop(curl)
        self._done.append((exchange.key, exchange.outcome(code, message)))
        self._idle.append(exchange)
        self._uploading.discard(exchange)
        while self._waiting and len(self._running) < self._max_sockets:
            self._start(*self._waiting.popleft())

    def _wait(self, seconds: float) -> None:
        now = monotonic()
        if now >= self._next_sweep:
            self._next_sweep = now + IDLE_CONNECTION / 4
            self._keep_house()
        seconds = max(0.0, min(seconds, self._names.next_expiry - now))
        if self._running:
            timer = self._multi.timeout()  # milliseconds; -1 for none
            seconds = min(seconds, _RECHECK if timer < 0 else timer / 1000, _RECHECK)
            if any(exchange.sent_more() for exchange in self._uploading):
                seconds = 0
        self._guard.epoll.poll(seconds, 64)


def send_now(request: Request, policy: EgressPolicy, *, ca_file: str | None = None, find: Find = find) -> Outcome:
    """One exchange, blocking until its outcome: at most the request's timeout."""
    with Sender(policy, max_sockets=1, ca_file=ca_file, find=find) as sender:
        sender.submit(request, None)
        while True:
            for _, outcome in sender.poll(1.0):
                return outcome


class _Guard:
    """What is decided once for all exchanges of a sender and remembered: URLs, header names, addresses."""

    def __init__(self, policy: EgressPolicy) -> None:
        self.epoll = select.epoll()
        self._policy = policy
        self._urls: dict[tuple[str, tuple[str, int] | None], tuple[str, Name | None]] = {}
        self._templates: dict[tuple[str, ...], str] = {}
        self._addresses: dict[str, bool] = {}
        self._handed_over: list[socket.socket] = []

    def judge_url(self, request: Request) -> tuple[str, Name | None]:
        """Why this URL is not sent to, or an empty string; then the name to look up, if its host is one."""
        known = self._urls.get((request.url, request.exempt))
        if known is None:
            problem = " ".join(check_url(request.url, self._policy, exempt=request.exempt))
            known = problem, None if problem else name_and_port(request.url)
            _remember(self._urls, (request.url, request.exempt), known)
        return known

    def lines(self, headers: Headers) -> list[bytes]:
        """Header lines for libcurl. ValueError if one of them must not be sent."""
        names, values = zip(*headers, strict=True) if headers else ((), ())
        template = self._templates.get(names)
        if template is None:
            template = lines_template(names)
            _remember(self._templates, names, template)
        return header_lines(template, values)

    def permits(self, request: Request, ip: str, port: int) -> bool:
        if request.exempt is not None:
            if request.exempt == (ip, port):
                return True
            if not self._policy.allow_http and not request.url.lower().startswith("https:"):
                return False
        known = self._addresses.get(ip)
        if known is None:
            known = self._policy.permits(ip)
            _remember(self._addresses, ip, known)
        return known

    def open(self, address: Any) -> socket.socket:
        """A socket whose events wake the poll. libcurl duplicates it, and the duplicate keeps it in epoll."""
        opened = socket.socket(address.family, address.socktype, address.protocol)
        self._handed_over.append(opened)
        self.epoll.register(opened, _EDGES)
        return opened

    def close_handed_over(self) -> None:
        for opened in self._handed_over:
            opened.close()
        self._handed_over.clear()

    def close(self) -> None:
        self.close_handed_over()
        self.epoll.close()


class _Exchange:
    """One easy handle and what its callbacks gather, reused for one request after another."""

    def __init__(self, guard: _Guard, ca_file: str | None) -> None:
        self._guard = guard
        self._lines: deque[bytes] = deque(maxlen=_RESPONSE_LINES_CAP)
        self._body: list[bytes] = []
        self._method: str | None = None
        self._url = ""
        self._timeout = -1.0
        self._reusable = True
        self._certificate: Certificate | None = None
        self.curl = pycurl.Curl()
        _set_constant_options(self.curl, ca_file)
        self.curl.setopt(pycurl.OPENSOCKETFUNCTION, self._open_socket)
        self.curl.setopt(pycurl.HEADERFUNCTION, self._lines.append)
        self.curl.setopt(pycurl.WRITEFUNCTION, self._take)

    def prepare(self, request: Request, key: Any, lines: list[bytes], waited: float) -> None:
        """Set what differs from the handle's last request. ValueError or pycurl.error: it cannot be sent.

        `waited` are the seconds that the request spent on its name.
        """
        self._request = request
        self.key = key
        self._room = RESPONSE_BODY_CAP
        self._sent = 0
        self._opened = self._refused = self._truncated = False
        if request.url != self._url:
            self.curl.setopt(pycurl.URL, request.url)
            self._url = request.url
        timeout = request.timeout - waited
        if timeout != self._timeout:
            self.curl.setopt(pycurl.TIMEOUT_MS, max(1, int(timeout * 1000)))
            self._timeout = timeout
        if request.method != self._method:
            self._set_method(request.method)
        if request.certificate is not self._certificate:
            self._set_certificate(request.certificate)
        if (request.exempt is None) != self._reusable:
            self._set_reusable(request.exempt is None)
        if request.body or request.method in _WITH_BODY:
            self.curl.setopt(pycurl.POSTFIELDS, request.body)
        self.curl.setopt(pycurl.HTTPHEADER, lines)
        self._started = perf_counter() - waited

    def _set_method(self, method: str) -> None:
        if method not in _METHODS:
            raise ValueError("the method is not one that is sent")
        self.curl.setopt(pycurl.HTTPGET, 1)  # forgets the last body
        self.curl.setopt(pycurl.CUSTOMREQUEST, method)
        self._method = method

    def _set_certificate(self, certificate: Certificate | None) -> None:
        """libcurl keeps connections with one client certificate apart from those with another or none."""
        if certificate is None:
            for option in (pycurl.SSLCERT_BLOB, pycurl.SSLKEY_BLOB):
                self.curl.unsetopt(option)
        else:
            self.curl.setopt(pycurl.SSLCERT_BLOB, certificate.certificate.encode())
            self.curl.setopt(pycurl.SSLKEY_BLOB, certificate.private_key.encode())
        self._certificate = certificate

    def _set_reusable(self, reusable: bool) -> None:
        """A connection opened under an exemption is closed after use, or a later request would inherit it."""
        self.curl.setopt(pycurl.FORBID_REUSE, int(not reusable))
        self._reusable = reusable

    def _open_socket(self, _purpose: int, address: Any) -> Any:
        ip, port = address.addr[0], address.addr[1]
        if address.family not in (socket.AF_INET, socket.AF_INET6) or not self._guard.permits(self._request, ip, port):
            self._refused = True
            return pycurl.SOCKET_BAD
        self._opened = True
        return self._guard.open(address)

    def _take(self, chunk: bytes) -> int | None:
        """Keep what fits. A chunk not wholly taken makes libcurl end the exchange and the connection."""
        if len(chunk) <= self._room:
            self._room -= len(chunk)
            self._body.append(chunk)
            return None
        self._body.append(chunk[: self._room])
        self._truncated = True
        return 0

    def sent_more(self) -> bool:
        """Whether some of a large body left since the last call.

        libcurl writes one buffer at a time and then wants to hear that the socket is writable. Only a full
        socket has an edge to come; after progress there is none, and it must be driven at once.
        """
        before, self._sent = self._sent, self.curl.getinfo(pycurl.SIZE_UPLOAD_T)
        return self._sent > before

    def outcome(self, code: int, message: str) -> Outcome:
        """What came of the request; afterwards the handle is ready for the next one."""
        duration = perf_counter() - self._started
        if len(self._request.body) > _LARGE_BODY:
            self.curl.setopt(pycurl.POSTFIELDS, b"")
            self._method = None
        lines, body = b"".join(self._lines), b"".join(self._body)
        self._lines.clear()
        self._body.clear()
        if code == pycurl.E_OK or self._truncated:
            return Outcome(
                status=self.curl.getinfo(pycurl.RESPONSE_CODE),
                error=None,
                detail="",
                headers=response_headers(lines),
                body=body,
                truncated=self._truncated,
                duration=duration,
            )
        error, detail = self._judge(code, message)
        return _failure(error, detail, duration)

    def _judge(self, code: int, message: str) -> tuple[ErrorClass, str]:
        if self._refused and not self._opened:
            return ErrorClass.BLOCKED, REFUSED
        if code == pycurl.E_OPERATION_TIMEDOUT:
            if message.startswith("Connection"):
                within = min(CONNECT_TIMEOUT, self._request.timeout)
                return ErrorClass.TIMEOUT, f"no connection within {within:g} s"
            return ErrorClass.TIMEOUT, f"no complete answer within {self._request.timeout:g} s"
        if code == pycurl.E_COULDNT_RESOLVE_HOST:
            return ErrorClass.DNS, "the host name did not resolve"
        if code == pycurl.E_COULDNT_CONNECT:
            errno = self.curl.getinfo(pycurl.OS_ERRNO)
            return ErrorClass.CONNECTION, f"could not connect: {os.strerror(errno) if errno else 'no answer'}"
        detail = message[:_DETAIL_CAP] or f"the exchange failed (libcurl error {code})"
        if code in _TLS_CODES or (self._certificate is not None and code == pycurl.E_BAD_FUNCTION_ARGUMENT):
            return ErrorClass.TLS, detail
        if code in _PROTOCOL_CODES or any(word in message for word in _PROTOCOL_WORDS):
            return ErrorClass.PROTOCOL, detail
        return ErrorClass.CONNECTION, detail


def _set_constant_options(curl: pycurl.Curl, ca_file: str | None) -> None:
    """What holds for every request. Redirects are not followed, and nothing comes from the environment."""
    trusted = ssl.get_default_verify_paths()
    options: dict[int, Any] = {
        pycurl.NOSIGNAL: 1,
        pycurl.PROXY: "",
        pycurl.NETRC: pycurl.NETRC_IGNORED,
        pycurl.FOLLOWLOCATION: 0,
        pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
        pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
        pycurl.HTTP09_ALLOWED: 0,
        pycurl.PATH_AS_IS: 1,
        pycurl.SSL_VERIFYPEER: 1,
        pycurl.SSL_VERIFYHOST: 2,
        pycurl.SSLVERSION: pycurl.SSLVERSION_TLSv1_2,
        pycurl.CONNECTTIMEOUT_MS: int(CONNECT_TIMEOUT * 1000),
        pycurl.MAXAGE_CONN: IDLE_CONNECTION,
        pycurl.MAXLIFETIME_CONN: CONNECTION_LIFETIME,
        pycurl.DNS_CACHE_TIMEOUT: int(KEPT_SECONDS + LOOKUP_SECONDS) + 60,
        pycurl.USERAGENT: USER_AGENT,
    }
    for option, value in options.items():
        curl.setopt(option, value)
    if cafile := ca_file or trusted.cafile:
        curl.setopt(pycurl.CAINFO, cafile)
    if trusted.capath and not ca_file:
        curl.setopt(pycurl.CAPATH, trusted.capath)


def _housekeeper() -> pycurl.Curl:
    """A handle whose request begins and goes nowhere: no socket is opened for it."""
    curl = pycurl.Curl()
    _set_constant_options(curl, None)
    curl.setopt(pycurl.OPENSOCKETFUNCTION, lambda *_: pycurl.SOCKET_BAD)
    curl.setopt(pycurl.URL, "http://127.0.0.1:9/")
    return curl


def _failure(error: ErrorClass, detail: str, duration: float = 0.0) -> Outcome:
    return Outcome(status=None, error=error, detail=detail, headers=(), body=b"", truncated=False, duration=duration)


def _remember(memo: dict[Any, Any], key: Any, value: Any) -> None:
    if len(memo) >= _CACHE_CAP:
        memo.clear()
    memo[key] = value
