"""Why a message failed, and what to do: by the class that the provider's answer was read as, else by how it ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gatepost.dispatch.causes import why
from gatepost.messages.log import Moment, refusal_of, submission_of
from gatepost.messages.models import Message
from gatepost.routing import health
from gatepost.sms.outcomes import POLICIES, Refusal, Side
from gatepost.sms.states import State

KINDS: Final[Mapping[str, str]] = {
    **health.WORDS,
    Refusal.BAD_RECIPIENT: "the number is refused",
    Refusal.BAD_CONTENT: "the text is refused",
    Refusal.DUPLICATE: "the provider had it before",
    Refusal.BLOCKED: "the number must not be sent to",
    Refusal.PERMANENT: "the message is refused",
    "undelivered": "not delivered",
    "rejected": "not taken",
    "expired": "too late",
    "adapter_fault": "a fault of ours",
}
"""Each `refusal` for people; of gateways in the words that their health uses."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a message failed. `refusal`: the class, or how it ended where nobody named one. `charged`: what is known of
    the money."""

    refusal: str
    code: str
    words: str
    side: str
    charged: str
    advice: str

    @property
    def kind(self) -> str:
        """The refusal in words."""
        said = KINDS[self.refusal]
        return said[0].upper() + said[1:]


@dataclass(frozen=True, slots=True)
class _Ending:
    """How a message may end without a class. `words`: what happened; `is_all`: what the provider said adds nothing."""

    name: str
    words: str
    side: Side
    advice: str
    is_all: bool = False


_REPORTED: Final[Mapping[State, _Ending]] = {
    State.UNDELIVERED: _Ending(
        "undelivered",
        "The network could not deliver it",
        Side.RECIPIENT,
        "Check the number, and whether its phone is on and can be reached; then send it again.",
    ),
    State.REJECTED: _Ending(
        "rejected",
        "The provider, or a network behind it, did not take it",
        Side.PROVIDER,
        "Ask the provider why, with its id of the message; repeating it as it is will hardly help.",
    ),
    State.BLOCKED: _Ending(
        "blocked",
        "The number must not be sent to",
        POLICIES[Refusal.BLOCKED].side,
        POLICIES[Refusal.BLOCKED].advice,
    ),
    State.EXPIRED: _Ending(
        "expired",
        "Its time ran out at the provider",
        Side.RECIPIENT,
        "The phone was off or out of reach for all of that time: send it again later.",
    ),
}
_NEVER_TRIED: Final = _Ending(
    "expired",
    "Its time ran out before it was handed to a provider",
    Side.OURS,
    "See what it waited for: sending switched off, a paused gateway, no worker, or a pace below what is sent. Then "
    "send it again.",
)
_AGAIN: Final[Mapping[Side, str]] = {
    Side.OURS: "See what held it up, and in the worker's log; then send it again.",
    Side.GATEWAY: "Correct the gateway's settings, press Check, and send it again.",
    Side.PROVIDER: "See by Check whether the gateway works; then send it again, or through another gateway.",
    Side.RECIPIENT: "Send it again later.",
}
"""What to do where time ran out."""


def failure_of(message: Message, state: State, moments: Sequence[Moment], charged: str) -> Failure | None:
    """Why it failed; None for a message that did not. `moments`: its timeline."""
    refusal = refusal_of(message)
    if refusal is not None and state not in (State.DELIVERED, State.SUBMITTED):
        # Only as long as it is tried again there is nothing to do.
        is_over = state is State.EXPIRED and refusal["class"] == Refusal.TEMPORARY
        advice = _AGAIN[Side.PROVIDER] if is_over else refusal["advice"]
        return Failure(
            refusal["class"], refusal["code"], refusal["words"], refusal["side"], charged=charged, advice=advice
        )
    ending = _ending(state, moments)
    if ending is None:
        return None
    said = "" if ending.is_all else message.words or ""
    return Failure(
        refusal=ending.name,
        code=message.code or "",
        words=f"{ending.words}: {said}" if said else f"{ending.words}.",
        side=ending.side.value,
        charged=charged,
        advice=ending.advice,
    )


def _ending(state: State, moments: Sequence[Moment]) -> _Ending | None:
    """How it ended. What a provider reported counts before what we made of it."""
    if state not in _REPORTED:
        return None
    if any(moment.what == "receipt" and moment.detail.get("state") == state for moment in moments):
        return _REPORTED[state]
    last = next((moment for moment in reversed(moments) if submission_of(moment) is not None), None)
    if last is not None and last.what == "set aside":
        error = str(last.detail.get("words", ""))
        words = f"No request could be made of it{f' ({error})' if error else ''}; it was tried as often as is sensible"
        advice = "Report it as a fault of the provider's adapter, with the id of this message."
        return _Ending("adapter_fault", words, Side.OURS, advice, is_all=True)
    if state is not State.EXPIRED:
        return _REPORTED[state]
    return _NEVER_TRIED if last is None else _too_late(last)


def _too_late(last: Moment) -> _Ending:
    """Time ran out after an attempt."""
    found = why(last.what, last.detail)
    return _Ending("expired", f"Its time ran out; at the last attempt {found.reason}", found.side, _AGAIN[found.side])
