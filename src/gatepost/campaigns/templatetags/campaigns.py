"""Small pieces of the pages of campaigns."""

from collections.abc import Mapping

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from gatepost.channels.base import CHANNELS
from gatepost.pages.templatetags.ui import TONES, thousands
from gatepost.sms.states import Word

register = template.Library()

ORDER = (Word.SENT, Word.SENDING, Word.NEW, Word.CANCELLED, Word.EXPIRED, Word.ERROR)
WIDTH, HEIGHT = 600, 18


@register.filter
def channel_label(name: str) -> str:
    """The name of a channel as people read it."""
    return CHANNELS[name].label


@register.simple_tag
def state_bar(words: Mapping[Word, int], total: int) -> SafeString:
    """One bar of the states of many messages, and the same in words and numbers."""
    shown = [(word, words.get(word, 0)) for word in ORDER if words.get(word, 0)]
    whole = max(total, sum(count for _, count in shown), 1)
    bars, x = [], 0.0
    for word, count in shown:
        width = WIDTH * count / whole
        bars.append((TONES[word], f"{x:.1f}", f"{max(width, 1.5):.1f}", HEIGHT, f"{word}: {count}"))
        x += width
    drawn = format_html_join(
        "", '<rect class="fill-{}" x="{}" y="0" width="{}" height="{}"><title>{}</title></rect>', bars
    )
    legend = format_html_join(
        "",
        '<li><span class="badge {}">{}</span> {}</li>',
        ((TONES[word], word, thousands(count)) for word, count in shown),
    )
    return format_html(
        '<svg class="bar" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
        '<ul class="legend" aria-label="Messages by state">{}</ul>',
        WIDTH,
        HEIGHT,
        drawn,
        legend,
    )
