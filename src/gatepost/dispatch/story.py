"""What happened to a message, in words that people understand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.utils.dateparse import parse_datetime

from gatepost.dispatch.causes import why
from gatepost.messages.log import Moment, Standing, submission_of
from gatepost.messages.models import Message
from gatepost.messages.preview import SENDER_REASONS
from gatepost.sms.outcomes import POLICIES, Kind, Refusal
from gatepost.sms.states import FINAL, State
from gatepost.transport.driver import OUR_CAUSES

Detail = Mapping[str, Any]
GATEWAY: Final = "{gateway}"
GONE: Final = "a gateway that is gone"
MOVES: Final = frozenset({"moved", "failed over"})
"""From one gateway to another."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the timeline. `words`: sentences below its title; `raw`: what a provider reported, field by field.

    `again_at`: when it is tried again. `submission`: the request that it is about.
    """

    at: datetime
    title: str
    words: tuple[str, ...] = ()
    again_at: datetime | None = None
    submission: int | None = None
    raw: tuple[tuple[str, str], ...] = field(default=())


def told(message: Message, moments: list[Moment]) -> list[Line]:
    """The timeline of a message; a kind of event that nobody has words for is shown as it is."""
    return [_line(message, moment, name) for moment, name in zip(moments, _gateways(message, moments), strict=True)]


def standing_in_words(message: Message, standing: Standing) -> str:
    """What the message is waiting for, or what its state means."""
    if standing.held:
        return f"It waits: {standing.held}."
    if standing.state is State.QUEUED and message.attempts:
        return "It waits for the next attempt."
    if standing.state is State.QUEUED and standing.due_at and standing.due_at > message.created_at:
        return "It is scheduled."
    return _MEANINGS[standing.state]


def is_moving(standing: Standing) -> bool:
    """Whether news may come by itself."""
    return standing.state not in FINAL


def _gateways(message: Message, moments: list[Moment]) -> list[str]:
    """The gateway that had the message at each of these moments."""
    name = message.gateway.name if message.gateway else GONE
    names = []
    for moment in reversed(moments):
        if moment.what in MOVES:
            name = str(moment.detail.get("from") or GONE)
        names.append(name)
    return names[::-1]


def _line(message: Message, moment: Moment, gateway: str) -> Line:
    title, tell = _KINDS.get(moment.what, (moment.what.capitalize(), _as_it_is))
    detail = moment.detail
    if moment.what == Kind.NOT_SENT:
        title = why(moment.what, detail).title
    again = detail.get("again_at")
    return Line(
        at=moment.at,
        title=title.replace(GATEWAY, str(detail.get("gateway") or gateway)),
        words=tuple(words for words in tell(message, detail) if words),
        again_at=parse_datetime(again) if isinstance(again, str) else None,
        submission=submission_of(moment),
        raw=_raw(detail) if moment.what == "receipt" else (),
    )


def _accepted(message: Message, detail: Detail) -> list[str]:
    count = detail["segments"]
    encoding = "GSM-7" if detail["encoding"] == "gsm7" else "Unicode"
    return [by_whom(message), f"{count} segment{'' if count == 1 else 's'}, {encoding}."]


def by_whom(message: Message) -> str:
    """Who asked for the message, in a sentence; empty where nobody is named."""
    if message.api_key is not None:
        return f"Through the API, with the key {message.api_key.name} ({message.api_key.prefix}…)."
    if message.user is not None:
        return f"From {message.user.email}, in the console."
    return ""


def _attempt(_message: Message, detail: Detail) -> list[str]:
    return [f"Attempt {detail['attempt']}."] if detail.get("attempt") else []


def _taken(_message: Message, detail: Detail) -> list[str]:
    answer = [f"HTTP status {detail['status']}"] if detail.get("status") else []
    answer += [f"after {detail['latency_ms']} ms"] if detail.get("latency_ms") is not None else []
    reference = detail.get("provider_ref")
    return [f"It answered {' '.join(answer)}." if answer else "", f"Its id there: {reference}" if reference else ""]


def _said(_message: Message, detail: Detail) -> list[str]:
    """The provider's words and code, else the cause that we found, and what it means for us."""
    words, code, cause = (str(detail.get(name, "")) for name in ("words", "code", "cause"))
    # What is added to a cause of our own is our system's, and not the provider's.
    quoted = words if cause in OUR_CAUSES else f"“{words}”"
    said = f"{cause}: {quoted}" if words and cause else quoted if words else cause
    said = said[:1].upper() + said[1:]
    refusal = detail.get("class")
    policy = POLICIES[Refusal(refusal)] if refusal in list(Refusal) else None
    return [
        f"{said} (code {code})" if said and code else said or (f"Code {code}" if code else ""),
        f"On the side of the {policy.side.value}: {policy.advice}" if policy else "",
    ]


def _set_aside(message: Message, detail: Detail) -> list[str]:
    return [*_said(message, detail), "On our side: report it as a fault of the adapter, with the id of the message."]


def _fallback(message: Message, detail: Detail) -> list[str]:
    return [*_said(message, detail), f"Tried once more as {detail.get('sender', '')}."]


def _unknown(message: Message, detail: Detail) -> list[str]:
    why = detail.get("why")
    follows = f"It is sent again, because {why}." if why else "It is not sent again by itself, for it may have arrived."
    return [*_said(message, detail), follows]


def _receipt(_message: Message, detail: Detail) -> list[str]:
    state = detail.get("state")
    status, words = str(detail.get("status", "")), str(detail.get("words", ""))
    said = f"“{status}”" if status else ""
    if words and words != status:
        said = f"{said} {words}".strip()
    meaning = f"read as {state}" if state else "not recognised, so it changed nothing"
    before = "The message had left this gateway before." if detail.get("gateway") else ""
    return [f"{said}: {meaning}." if said else f"{meaning.capitalize()}.", before]


def _by(_message: Message, detail: Detail) -> list[str]:
    why = detail.get("why")
    return [f"By {detail['by']}." if detail.get("by") else "", f"{str(why).capitalize()}." if why else ""]


def _left(message: Message, detail: Detail) -> list[str]:
    return [*_by(message, detail), "Nothing is sent again; a late receipt still settles it."]


def _moved(_message: Message, detail: Detail) -> list[str]:
    return [f"From {detail.get('from', '')} to {detail.get('to', '')}: {detail.get('why', '')}."]


def _as_it_is(_message: Message, detail: Detail) -> list[str]:
    return [f"{name}: {value}" for name, value in detail.items() if name not in ("submission", "again_at")]


def _raw(detail: Detail) -> tuple[tuple[str, str], ...]:
    return tuple((name, " ".join(map(str, v)) if isinstance(v, list) else str(v)) for name, v in detail.items())


Teller = Callable[[Message, Detail], list[str]]
_KINDS: Final[Mapping[str, tuple[str, Teller]]] = {
    "accepted": ("Accepted", _accepted),
    "submitting": ("Handed to {gateway}", _attempt),
    "sent again": ("Handed to {gateway} once more", _attempt),
    "submitted": ("{gateway} took it", _taken),
    "refused": ("The provider refused it", _said),
    "fallback sender": ("The provider refused the sender ID", _fallback),
    "throttled": ("The provider asked for a slower pace", _said),
    "not_sent": ("Not sent", _said),
    "unknown": ("No answer that can be trusted", _unknown),
    "repeat failed": ("The repetition did not go through", _said),
    "set aside": ("Set aside: no request could be made of it", _set_aside),
    "expired": ("Expired: its time ran out", _said),
    "blocked": ("Not sent: the number must not be sent to", _said),
    "receipt": ("Report from {gateway}", _receipt),
    "unconfirmed": ("No report will come", _by),
    "cancelled": ("Cancelled", _by),
    "send again": ("Sent again", _by),
    "not sent again": ("Not sent again after all", _by),
    "left": ("Left as it is", _left),
    "moved": ("Moved to another gateway", _moved),
    "failed over": ("Taken over by another gateway", _moved),
}

_MEANINGS: Final[Mapping[State, str]] = {
    State.QUEUED: "It waits for its turn.",
    State.SUBMITTING: "It is being handed to the provider.",
    State.SUBMITTED: "The provider has it; the report from the handset is awaited.",
    State.DELIVERED: "The handset has it.",
    State.UNDELIVERED: "The network could not deliver it.",
    State.REJECTED: "It was refused.",
    State.EXPIRED: "Its time ran out before it was delivered.",
    State.UNCONFIRMED: "The provider took it; no report will come.",
    State.CANCELLED: "It was taken out of the queue before it was sent.",
    State.BLOCKED: "The number must not be sent to.",
    State.UNKNOWN: "It left for the provider, and no trustworthy answer came: it may have arrived, or not.",
}


def sender_in_words(message: Message) -> str:
    """Why it has the sender ID that it has."""
    return SENDER_REASONS.get(message.sender_reason, message.sender_reason)
