"""Pages that refresh in parts: one view answers with the whole page, with its changing part, or with "no change"."""

from __future__ import annotations

import re
import zlib
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django_htmx.http import push_url, trigger_client_event

SEEN_HEADER = "X-Seen"
"""In which a polling fragment says what it shows: it carries the value in `hx-headers`."""

_PLACE = "seen-goes-here"
_MOVING_TIMES = re.compile(r"data-ago(?:=\"[a-z]+\")?>[^<]*<")


def is_fragment(request: HttpRequest) -> bool:
    """Whether htmx asks for a part; going back in the history is a request for the whole page."""
    htmx: Any = getattr(request, "htmx", None)
    return bool(htmx) and not htmx.history_restore_request


def answer(request: HttpRequest, page: str, part: str, context: dict[str, Any]) -> HttpResponse:
    """The template `page`, or for htmx its `part`; 204 when the asking part shows just this already.

    A part that polls writes `{{ seen }}` into its header SEEN_HEADER.
    """
    if is_fragment(request):
        html = render_to_string(part, {**context, "seen": _PLACE}, request)
        seen = digest(html)
        known = request.headers.get(SEEN_HEADER) == seen
        return HttpResponse(status=204) if known else HttpResponse(html.replace(_PLACE, seen))
    return HttpResponse(render_to_string(page, context, request))


def digest(html: str) -> str:
    """What a part shows, but for the words of its times, which move by themselves."""
    return f"{zlib.crc32(_MOVING_TIMES.sub('', html).encode()):08x}"


def at_address(request: HttpRequest, response: HttpResponse, query: str) -> HttpResponse:
    """Have the browser show this page's address with `query`, where a filter asked and not a poll."""
    if not is_fragment(request) or SEEN_HEADER in request.headers:
        return response
    return push_url(response, f"{request.path}?{query}" if query else request.path)


def toast(response: HttpResponse, text: str) -> HttpResponse:
    """Have the page say `text` in passing, once it has this answer."""
    return trigger_client_event(response, "toast", {"text": text}, after="settle")


def refused(words: str) -> HttpResponse:
    """409 in plain words, which the page shows in passing."""
    return HttpResponse(words, status=409, content_type="text/plain; charset=utf-8")
