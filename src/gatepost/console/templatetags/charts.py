"""Charts drawn on the server as SVG: no script, and a table of the same figures for screen readers."""

from typing import Any

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from gatepost.console.dashboard import Figures
from gatepost.pages.access import routes
from gatepost.pages.templatetags.ui import TONES, icon, thousands
from gatepost.sms.states import Word

register = template.Library()

BAR, GAP, HEIGHT = 20, 7, 120
LEFT, TOP, BELOW = 40, 8, 24
EVERY = 3
"""So many hours lie between two that are named; a phone has room for half of those."""
ORDER = (Word.SENT, Word.SENDING, Word.NEW, Word.CANCELLED, Word.EXPIRED, Word.ERROR)
STEPS = (1, 2, 4, 10)
"""The heights of a scale, up to powers of ten: each has a half, but for one message."""


@register.simple_tag
def hour_chart(figures: Figures) -> SafeString:
    """Stacked bars, one per hour, with a scale; below them what their colours mean."""
    highest = _scale(figures.highest_hour)
    rows = format_html_join(
        "", "<tr><td>{}</td><td>{}</td></tr>", ((f"{hour.at:%H}:00", hour.total) for hour in figures.hours)
    )
    width = LEFT + len(figures.hours) * (BAR + GAP)
    return format_html(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="Messages per hour (UTC)">{}{}{}</svg>{}'
        '<table class="sr"><caption>Messages per hour (UTC)</caption><tbody>{}</tbody></table>',
        width,
        TOP + HEIGHT + BELOW,
        _lines(highest, width),
        _bars(figures, highest),
        _hours(figures),
        _legend(figures),
        rows,
    )


def _scale(highest: int) -> int:
    """The next height from there on that reads well."""
    power: int = 10 ** (len(str(highest)) - 1)
    return next(step * power for step in STEPS if step * power >= highest)


def _lines(highest: int, width: int) -> SafeString:
    marks = sorted({0, highest // 2, highest})
    return format_html_join(
        "",
        '<line x1="{}" y1="{}" x2="{}" y2="{}"/><text class="scale" x="{}" y="{}">{}</text>',
        (
            (LEFT, f"{y:.1f}", width, f"{y:.1f}", LEFT - 6, f"{y + 3.5:.1f}", thousands(mark))
            for mark in marks
            for y in [TOP + HEIGHT * (1 - mark / highest)]
        ),
    )


def _bars(figures: Figures, highest: int) -> SafeString:
    bars: list[tuple[str, int, str, int, str, str]] = []
    for position, hour in enumerate(figures.hours):
        top = float(TOP + HEIGHT)
        for word in ORDER:
            count = hour.counts.get(word, 0)
            height = HEIGHT * count / highest
            if count:
                top -= height
                title = f"{hour.at:%H}:00 UTC, {word}: {thousands(count)}"
                bars.append((TONES[word], _left_of(position), f"{top:.1f}", BAR, f"{height:.1f}", title))
    return format_html_join(
        "", '<rect class="fill-{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>', bars
    )


def _hours(figures: Figures) -> SafeString:
    return format_html_join(
        "",
        '<text class="{}" x="{}" y="{}">{}</text>',
        (
            (
                "minor" if position % (2 * EVERY) else "",
                _left_of(position) + BAR / 2,
                TOP + HEIGHT + 18,
                f"{hour.at:%H}:00",
            )
            for position, hour in enumerate(figures.hours)
            if position % EVERY == 0
        ),
    )


def _legend(figures: Figures) -> SafeString:
    shown = ((TONES[word], word, thousands(figures.counts[word])) for word in ORDER if figures.counts[word])
    entries = format_html_join("", '<li><span class="badge {}">{}</span> {}</li>', shown)
    if not entries:
        return entries
    return format_html('<ul class="legend" aria-label="Messages by state">{}</ul>', entries)


def _left_of(position: int) -> int:
    return LEFT + GAP // 2 + position * (BAR + GAP)


@register.simple_tag(takes_context=True)
def page_link(context: Any, name: str, words: str, picture: str) -> SafeString:
    """A button to a page, for those who may see it; nothing for others."""
    asker = context["request"].asker
    right = next((route.right for route in routes() if route.name == name), None)
    try:
        url = reverse(name, kwargs={"workspace": asker.workspace.pk})
    except NoReverseMatch:
        return SafeString()
    if right is not None and not asker.has(right):
        return SafeString()
    return format_html('<a class="button" href="{}">{} {}</a>', url, icon(picture), words)
