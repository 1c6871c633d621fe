"""Charts as SVG, drawn on the server: they need no script, they print, and style sheets give them their colours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

SPARK_WIDTH, SPARK_HEIGHT = 132, 32
DAY_HEIGHT = 100
"""Height of the day chart in its own units: one of them is one per cent of the axis."""

_GRID_LINES = 4
_MOST_LABELS = 6


def sparkbars(good: Sequence[int], bad: Sequence[int], label: str) -> SafeString:
    """A row of small stacked bars, as wide as its place; `label` says in words what it shows."""
    top = max((a + b for a, b in zip(good, bad, strict=True)), default=0)
    if not top:
        return format_html(
            '<svg class="spark" viewBox="0 0 {0} {1}" preserveAspectRatio="none" role="img" aria-label="{2}: none">'
            '<line class="spark-none" x1="0" x2="{0}" y1="{3}" y2="{3}"/></svg>',
            SPARK_WIDTH,
            SPARK_HEIGHT,
            label,
            SPARK_HEIGHT - 1,
        )
    step = SPARK_WIDTH / len(good)
    bars = [
        bar
        for index, (a, b) in enumerate(zip(good, bad, strict=True))
        for bar in _spark(index * step, step - 1.6, a / top, b / top)
    ]
    return format_html(
        '<svg class="spark" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}: {} delivered, '
        '{} failed">{}</svg>',
        SPARK_WIDTH,
        SPARK_HEIGHT,
        label,
        f"{sum(good):,}",
        f"{sum(bad):,}",
        format_html_join("", '<rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="1"/>', bars),
    )


def _spark(x: float, width: float, good: float, bad: float) -> list[tuple[str, str, str, str, str]]:
    """The bars of one hour; what is there at all is at least a line high, so that one failure in 10,000 shows."""
    room = SPARK_HEIGHT - 2
    high_good, high_bad = (max(room * good, 1.5) if good else 0.0), (max(room * bad, 2.0) if bad else 0.0)
    gap = 0.8 if good else 0.0
    bars = [
        ("spark-ok", SPARK_HEIGHT - high_good, high_good),
        ("spark-bad", SPARK_HEIGHT - high_good - high_bad - gap, high_bad),
    ]
    return [(name, f"{x:.1f}", f"{y:.1f}", f"{width:.1f}", f"{high:.1f}") for name, y, high in bars if high]


def daychart(good: Sequence[int], bad: Sequence[int], start: datetime) -> SafeString:
    """Stacked bars per hour from `start` on, in a stretched SVG; its labels are HTML, so they keep their size."""
    top = max((a + b for a, b in zip(good, bad, strict=True)), default=0)
    step = _axis_step(top)
    hours = len(good)
    lines = [(hours * 10, DAY_HEIGHT * k / _GRID_LINES) for k in range(_GRID_LINES + 1)]
    columns = [
        _column(index, a, b, DAY_HEIGHT / (step * _GRID_LINES), start + timedelta(hours=index))
        for index, (a, b) in enumerate(zip(good, bad, strict=True))
    ]
    every = max(1, hours // _MOST_LABELS)
    labels = [(f"{start + timedelta(hours=index):%H:%M}",) for index in range(0, hours, every)]
    return format_html(
        '<div class="daychart"><div class="ys" aria-hidden="true">{}</div><svg viewBox="0 0 {} {}" '
        'preserveAspectRatio="none" role="img" aria-label="Deliveries per hour: {} delivered, {} failed">{}{}</svg>'
        '<div class="xs" aria-hidden="true">{}</div></div>',
        format_html_join("", "<span>{}</span>", ((_short(step * k),) for k in range(_GRID_LINES, -1, -1))),
        hours * 10,
        DAY_HEIGHT,
        f"{sum(good):,}",
        f"{sum(bad):,}",
        format_html_join(
            "",
            '<line class="gridline" x1="0" x2="{0}" y1="{1}" y2="{1}" vector-effect="non-scaling-stroke"/>',
            lines,
        ),
        SafeString("".join(columns)),
        format_html_join("", "<span>{}</span>", labels),
    )


def _column(index: int, good: int, bad: int, scale: float, hour: datetime) -> SafeString:
    high_good, high_bad = good * scale, (max(bad * scale, 1.2) if bad else 0.0)
    bars = [("spark-ok", DAY_HEIGHT - high_good, high_good), ("spark-bad", DAY_HEIGHT - high_good - high_bad, high_bad)]
    rects = [(name, f"{index * 10 + 1.8:g}", f"{y:.2f}", f"{high:.2f}") for name, y, high in bars if high]
    return format_html(
        '<g class="bar"><title>{} UTC: {} delivered, {} failed</title>'
        '<rect class="hit" x="{}" y="0" width="10" height="{}"/>{}</g>',
        f"{hour:%H:%M}",
        f"{good:,}",
        f"{bad:,}",
        index * 10,
        DAY_HEIGHT,
        format_html_join("", '<rect class="{}" x="{}" y="{}" width="6.4" height="{}"/>', rects),
    )


def _axis_step(top: int) -> int:
    """The distance of two grid lines: the smallest round number of which _GRID_LINES reach the top."""
    wanted = max(1, -(-top // _GRID_LINES))
    magnitude = 10 ** (len(str(wanted)) - 1)
    rounds = (1, 2, 5, 10) if magnitude == 1 else (1, 2.5, 5, 10)
    return next(int(round_ * magnitude) for round_ in rounds if round_ * magnitude >= wanted)


def _short(value: int) -> str:
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"
