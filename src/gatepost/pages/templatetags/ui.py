"""Small pieces that every page uses."""

from datetime import datetime
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from gatepost.sms.ids import to_ref
from gatepost.sms.states import WORDS, State

register = template.Library()

SHORTEST_NUMBER = 8
"""Digits; what is shorter is a short code."""

TONES = {
    "New": "calm",
    "Sending": "busy",
    "Sent": "good",
    "Error": "bad",
    "Expired": "bad",
    "Cancelled": "calm",
}


@register.simple_tag
def icon(name: str) -> SafeString:
    """A picture of the sprite; the words stand beside it, so screen readers skip it."""
    sprite = static("pages/icons.svg")
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', sprite, name)


@register.simple_tag
def state_badge(state: str) -> SafeString:
    """The state with its tone; delivered is told apart from merely sent."""
    word = WORDS[State(state)]
    return format_html('<span class="badge {}" title="{}">{}</span>', TONES[word], word, state)


@register.filter
def ref(message_id: int) -> str:
    return to_ref(message_id)


@register.filter
def code_point(character: str) -> str:
    """The number of a character in hexadecimal: it travels where the character itself might not."""
    return f"{ord(character):x}"


@register.filter
def can_be_written_to(sender: str) -> bool:
    """Whether it is a number in E.164, and not a short code or a name."""
    return len(sender) >= SHORTEST_NUMBER and sender.isascii() and sender.isdigit()


@register.filter
def phone_number(digits: str) -> str:
    """A number as people write it; names and short codes stay as they are."""
    return f"+{digits}" if can_be_written_to(digits) else digits


@register.filter
def moment(value: datetime | None) -> SafeString | str:
    """A time as people read it, exact on hover; the browser shows it in the reader's own zone."""
    if value is None:
        return "–"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        value.isoformat(),
        value.strftime("%Y-%m-%d %H:%M:%S UTC"),
        value.strftime("%Y-%m-%d %H:%M:%S"),
    )


@register.filter
def thousands(count: int) -> str:
    """A count as people read it: 12,345."""
    return f"{count:,}"


@register.filter
def duration(seconds: float) -> str:
    """A length of time in its two largest units: 2.3 s, 25 s, 1 min 5 s, 3 h, 2 d 4 h."""
    if seconds < 60:
        return f"{seconds:.{0 if seconds >= 10 else 1}f} s"
    rest = int(seconds)
    parts: list[tuple[int, str]] = []
    for length, unit in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, rest = divmod(rest, length)
        parts += [(count, unit)] if count or parts else []
    return " ".join(f"{count} {unit}" for count, unit in parts[:2] if count)


@register.simple_tag(takes_context=True)
def query(context: Any, **changes: object) -> str:
    """The query of this page with changes; an empty value takes a parameter out."""
    params = context["request"].GET.copy()
    for name, value in changes.items():
        if value in (None, ""):
            params.pop(name, None)
        else:
            params[name] = str(value)
    return f"?{params.urlencode()}" if params else "?"
