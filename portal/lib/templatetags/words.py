"""How times, durations and answers read on a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal.lib import clock

register = template.Library()

_STEPS = ((60, 1, "s"), (3600, 60, "min"), (172_800, 3600, "h"))
_DAY = 86_400


@register.simple_tag
def ago(moment: datetime | None, css: str = "when") -> SafeString | str:
    """`12 s ago`, with the exact time on hover; the page's script keeps it true."""
    if moment is None:
        return "–"
    words = relative((clock.now() - moment).total_seconds())
    return format_html(
        '<time class="{}" datetime="{}" title="{} UTC" data-ago>{}</time>',
        css,
        clock.rfc3339(moment),
        f"{moment:%Y-%m-%d %H:%M:%S}",
        words,
    )


@register.simple_tag
def age(moment: datetime) -> SafeString:
    """How long something has lasted, such as `12 s`; the page's script keeps it true."""
    return format_html(
        '<time datetime="{}" title="since {} UTC" data-ago="age">{}</time>',
        clock.rfc3339(moment),
        f"{moment:%Y-%m-%d %H:%M:%S}",
        span((clock.now() - moment).total_seconds()),
    )


@register.simple_tag
def due(moment: datetime) -> SafeString:
    """`in 5 min`, or `due` from then on; the page's script keeps it true."""
    seconds = (moment - clock.now()).total_seconds()
    return format_html(
        '<time datetime="{}" title="{} UTC" data-ago="due">{}</time>',
        clock.rfc3339(moment),
        f"{moment:%Y-%m-%d %H:%M:%S}",
        relative(-seconds) if seconds > 0 else "due",
    )


def relative(seconds: float) -> str:
    """How long ago, or `in …` for a time ahead; the script `live.js` says it with the same words."""
    return f"in {span(-seconds)}" if seconds < 0 else f"{span(seconds)} ago"


@register.filter
def span(seconds: float | None) -> str:
    """A length of time in its largest whole unit, such as `40 s` or `3 h`."""
    if seconds is None:
        return "–"
    for limit, unit, name in _STEPS:
        if seconds < limit:
            return f"{int(seconds // unit)} {name}"
    return f"{int(seconds // _DAY)} d"


@register.simple_tag
def answer(status: int | None, error: str | None) -> SafeString | str:
    """The status a partner answered with, coloured by its class, or the kind of failure where there was none."""
    if status is not None:
        return format_html('<span class="code c{}">{}</span>', status // 100, status)
    return format_html('<span class="code error">{}</span>', error) if error else ""


@register.filter
def lookup(values: Mapping[Any, Any], key: Any) -> Any:
    """The value of a key that is itself a variable; None where there is none."""
    return values.get(key)


@register.filter
def took(start: datetime, end: datetime | None) -> str:
    """The time between two moments: `182 ms`, or its largest whole unit from ten seconds on."""
    if end is None:
        return "–"
    seconds = max(0.0, (end - start).total_seconds())
    return f"{milliseconds(seconds * 1000)} ms" if seconds < 10 else span(seconds)


@register.filter
def initials(name: str) -> str:
    """Up to two letters that stand for a name or an e-mail address."""
    words = [word for word in name.replace("@", " ").replace(".", " ").replace("-", " ").split() if word]
    return "".join(word[0] for word in words[:2]).upper()


@register.filter
def pretty(body: str) -> str:
    """JSON with indentation; what is no JSON as it is."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body


@register.filter
def milliseconds(value: float | None) -> str:
    """A duration given in ms: `0.8`, `42`, `1,250`."""
    if value is None:
        return "–"
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


@register.filter
def short_time(ms: float) -> str:
    """A duration given in ms as a figure of at most four digits; `short_unit` says of what."""
    if ms < 10_000:
        return milliseconds(ms)
    return f"{ms / 1000:.1f}" if ms < 100_000 else span(ms / 1000).split(" ")[0]


@register.filter
def short_unit(ms: float) -> str:
    if ms < 10_000:
        return "ms"
    return "s" if ms < 100_000 else span(ms / 1000).split(" ")[1]
