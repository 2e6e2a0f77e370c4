"""Charts drawn on the server as SVG: no script, and a table of the same figures for screen readers."""

from typing import Any

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from gatepost.console.dashboard import Figures
from gatepost.pages.access import routes
from gatepost.pages.templatetags.ui import TONES, icon
from gatepost.sms.states import Word

register = template.Library()

BAR, GAP, HEIGHT = 22, 6, 120
ORDER = (Word.SENT, Word.SENDING, Word.NEW, Word.CANCELLED, Word.EXPIRED, Word.ERROR)


@register.simple_tag
def hour_chart(figures: Figures) -> SafeString:
    """Stacked bars, one per hour."""
    bars: list[tuple[str, int, float, float, str]] = []
    for position, hour in enumerate(figures.hours):
        top = float(HEIGHT)
        for word in ORDER:
            count = hour.counts.get(word, 0)
            height = HEIGHT * count / figures.highest_hour
            if count:
                top -= height
                title = f"{hour.at:%H}:00 UTC, {word}: {count}"
                bars.append((TONES[word], position * (BAR + GAP), top, height, title))
    drawn = format_html_join(
        "",
        '<rect class="fill-{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
        ((tone, x, f"{y:.1f}", BAR, f"{height:.1f}", title) for tone, x, y, height, title in bars),
    )
    labels = format_html_join(
        "",
        '<text x="{}" y="{}">{}</text>',
        (
            (position * (BAR + GAP) + BAR / 2, HEIGHT + 16, f"{hour.at:%H}")
            for position, hour in enumerate(figures.hours)
            if position % 3 == 0
        ),
    )
    rows = format_html_join(
        "", "<tr><td>{}</td><td>{}</td></tr>", ((f"{hour.at:%H}:00", hour.total) for hour in figures.hours)
    )
    width = len(figures.hours) * (BAR + GAP)
    return format_html(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="Messages per hour (UTC)">{}{}</svg>'
        '<table class="sr"><caption>Messages per hour (UTC)</caption><tbody>{}</tbody></table>',
        width,
        HEIGHT + 22,
        drawn,
        labels,
        rows,
    )


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
