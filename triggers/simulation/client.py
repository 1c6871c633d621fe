"""The fleet's HTTP client: one kept-alive connection to the REST API, and patience.

What was handed to `send` arrives, or the run ends: while the product restarts, is overloaded or asks to wait, the
same bytes are sent again. Readings are known by their time and events by their id, so a repeat adds nothing.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import orjson

ANSWER_SECONDS = 30.0
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
LONGEST_ASKED_PAUSE_SECONDS = 60.0
"""Of what `Retry-After` asks for, at most this much is waited."""
TRY_AGAIN = frozenset({429, 500, 502, 503, 504})


class RefusedError(Exception):
    """The API will not take this, however often it is asked; the text is the sentence that the operator reads."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


class StoppedError(Exception):
    """The run was ended while a call had not been answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A JSON answer; `retry_after` in seconds, where the server asks to wait."""

    status: int
    body: Any
    retry_after: float | None


class Client:
    """`host_header` is sent instead of the address, for a product that only listens to its public name.

    `say` is told, in a line for people, when a call has to be repeated for longer than a moment.
    """

    def __init__(
        self,
        url: str,
        api_key: str,
        stop: Event,
        *,
        say: Callable[[str], None],
        host_header: str | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise RefusedError(f"{url!r} is not an http address.", 0)
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=ANSWER_SECONDS)
        self._path = parts.path.rstrip("/") + "/api/v1/"
        self._headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
        if host_header:
            self._headers["Host"] = host_header
        self._stop = stop
        self._say = say

    def send(self, method: str, resource: str, body: dict[str, Any] | None = None) -> Any:
        """The answer's JSON. Raises RefusedError, or StoppedError when the run ends first."""
        content = None if body is None else orjson.dumps(body)
        pause = FIRST_PAUSE_SECONDS
        while True:
            answer = self._exchange(method, self._path + resource, content)
            if answer is not None and answer.status not in TRY_AGAIN:
                return _judged(answer, f"{method} {resource}")
            if pause >= LONGEST_PAUSE_SECONDS:
                said = f"the answer is {answer.status}" if answer else "no answer"
                self._say(f"{method} {resource}: {said}; trying until it is taken.")
            asked = answer.retry_after if answer else None
            if self._stop.wait(pause if asked is None else min(asked, LONGEST_ASKED_PAUSE_SECONDS)):
                raise StoppedError
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def listed(self, resource: str) -> list[dict[str, Any]]:
        """Every object of a resource, page by page."""
        found: list[dict[str, Any]] = []
        query: str | None = "limit=200"
        while query:
            page = self.send("GET", f"{resource}?{query}")
            found += page["results"]
            query = urlsplit(page["next"]).query if page["next"] else None
        return found

    def close(self) -> None:
        self._connection.close()

    def _exchange(self, method: str, path: str, content: bytes | None) -> Answer | None:
        """None where no answer came; the next exchange then opens a new connection."""
        try:
            self._connection.request(method, path, content, self._headers)
            response = self._connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return None
        return Answer(
            status=response.status, body=_json(text), retry_after=_seconds(response.headers.get("Retry-After"))
        )


def _json(text: bytes) -> Any:
    try:
        return orjson.loads(text) if text else None
    except orjson.JSONDecodeError:
        return None


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isascii() and text.isdigit() else None


def _judged(answer: Answer, what: str) -> Any:
    """422 is an answer too: each item of the batch was looked at and refused."""
    body = answer.body
    if answer.status < http.client.MULTIPLE_CHOICES or (isinstance(body, dict) and "rejected" in body):
        return body
    detail = body.get("detail") if isinstance(body, dict) else None
    errors = body.get("errors") or [] if isinstance(body, dict) else []
    more = "".join(f" {error['pointer']}: {error['detail']}" for error in errors[:3])
    raise RefusedError(f"{what} was refused with {answer.status}: {detail or 'no reason given'}{more}", answer.status)
