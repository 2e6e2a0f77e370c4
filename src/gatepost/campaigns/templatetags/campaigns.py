"""Small pieces of the pages of campaigns."""

from collections.abc import Mapping

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from gatepost.channels.base import CHANNELS
from gatepost.pages.templatetags.ui import thousands
from gatepost.sms.states import WORDS, State

register = template.Library()

TONES = {
    State.DELIVERED: "good",
    State.SUBMITTED: "busy",
    State.UNCONFIRMED: "calm",
    State.SUBMITTING: "busy",
    State.QUEUED: "calm",
    State.CANCELLED: "calm",
    State.UNKNOWN: "warn",
    State.EXPIRED: "bad",
    State.UNDELIVERED: "bad",
    State.REJECTED: "bad",
    State.BLOCKED: "bad",
}
"""In the order of the bar. Delivered looks other than handed over without a report."""
WIDTH, HEIGHT = 600, 18


@register.filter
def channel_label(name: str) -> str:
    """The name of a channel as people read it."""
    return CHANNELS[name].label


@register.simple_tag
def state_bar(states: Mapping[State, int], total: int) -> SafeString:
    """One bar of the states of many messages, and the same in words and numbers."""
    shown = [(state, states.get(state, 0)) for state in TONES if states.get(state, 0)]
    whole = max(total, sum(count for _, count in shown), 1)
    bars, x = [], 0.0
    for state, count in shown:
        width = WIDTH * count / whole
        bars.append((TONES[state], f"{x:.1f}", f"{max(width, 1.5):.1f}", HEIGHT, f"{state.capitalize()}: {count}"))
        x += width
    drawn = format_html_join(
        "", '<rect class="fill-{}" x="{}" y="0" width="{}" height="{}"><title>{}</title></rect>', bars
    )
    legend = format_html_join(
        "",
        '<li><span class="badge {}" title="{}">{}</span> {}</li>',
        ((TONES[state], WORDS[state], state.capitalize(), thousands(count)) for state, count in shown),
    )
    return format_html(
        '<svg class="bar" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
        '<ul class="legend" aria-label="Messages by state">{}</ul>',
        WIDTH,
        HEIGHT,
        drawn,
        legend,
    )
