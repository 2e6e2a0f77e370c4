"""What became of one submit: one type, whose attributes say what the caller should do.

accepted   the provider took it and named it
refused    the provider said no, with a class, its code and its words
throttled  the provider said "slower", nothing was processed
not_sent   provably no byte of the message left (DNS, connect, TLS, guard): safe to repeat anywhere
unknown    bytes left and no trustworthy answer came: never repeated without consent
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from gatepost.sms.states import State
from gatepost.sms.values import quick_dataclass


class Refusal(StrEnum):
    """Why a message was refused; each class says once, in POLICIES, what follows from it."""

    BAD_RECIPIENT = "bad_recipient"
    BAD_SENDER = "bad_sender"
    BAD_CONTENT = "bad_content"
    AUTH = "auth"
    NO_CREDIT = "no_credit"
    CONFIG = "config"
    DUPLICATE = "duplicate"
    BLOCKED = "blocked"
    PERMANENT = "permanent"
    TEMPORARY = "temporary"


class Side(StrEnum):
    """Whose move it is."""

    OURS = "ours"
    GATEWAY = "gateway"
    PROVIDER = "provider"
    RECIPIENT = "recipient"


@dataclass(frozen=True, slots=True)
class Policy:
    """What follows from a refusal class.

    `retries`: the same gateway may be tried again later. `fails_over`: another gateway may be tried.
    `tries_fallback_sender`: the gateway's fallback sender ID is tried once. `pauses_gateway`: several in a row
    pause the gateway instead of burning its queue.
    """

    retries: bool
    fails_over: bool
    tries_fallback_sender: bool
    pauses_gateway: bool
    side: Side
    final: State
    advice: str


POLICIES: dict[Refusal, Policy] = {
    Refusal.BAD_RECIPIENT: Policy(
        False,
        False,
        False,
        False,
        Side.RECIPIENT,
        State.REJECTED,
        "Check the number, or ask the recipient for another one.",
    ),
    Refusal.BAD_SENDER: Policy(
        False,
        True,
        True,
        False,
        Side.GATEWAY,
        State.REJECTED,
        "Register this sender ID at the provider, or choose one that is registered.",
    ),
    Refusal.BAD_CONTENT: Policy(
        False,
        False,
        False,
        False,
        Side.OURS,
        State.REJECTED,
        "Change the text: the provider does not take it as it is.",
    ),
    Refusal.AUTH: Policy(
        True, True, False, True, Side.GATEWAY, State.REJECTED, "Replace the gateway's credentials, then press Check."
    ),
    Refusal.NO_CREDIT: Policy(
        True, True, False, True, Side.GATEWAY, State.REJECTED, "Top up the account at the provider."
    ),
    Refusal.CONFIG: Policy(
        True, True, False, True, Side.GATEWAY, State.REJECTED, "Correct the gateway's settings, then press Check."
    ),
    Refusal.DUPLICATE: Policy(
        False,
        False,
        False,
        False,
        Side.OURS,
        State.REJECTED,
        "The provider has seen this reference before; nothing was sent again.",
    ),
    Refusal.BLOCKED: Policy(
        False,
        False,
        False,
        False,
        Side.RECIPIENT,
        State.BLOCKED,
        "The recipient has opted out; do not send to this number.",
    ),
    Refusal.PERMANENT: Policy(
        False, True, False, False, Side.PROVIDER, State.REJECTED, "Read the provider's words; repeating will not help."
    ),
    Refusal.TEMPORARY: Policy(
        True, True, False, False, Side.PROVIDER, State.REJECTED, "Nothing to do: it is tried again until it expires."
    ),
}


class Kind(StrEnum):
    ACCEPTED = "accepted"
    REFUSED = "refused"
    THROTTLED = "throttled"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"


@quick_dataclass(frozen=True, slots=True)
class Price:
    """What the provider says it charges, in the provider's own unit (a currency code, "points", "credits")."""

    amount: Decimal
    unit: str


@quick_dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one message in one submit. Build it with the functions below, never directly.

    `keys`: the provider's ids for the message, one per part where the provider names parts; empty where it names none.
    `is_recipient_only`: a throttling that concerns this recipient, not the gateway's pace. `is_alone`: the next try
    goes in a request of its own, because something in this one was refused as a whole.
    `segments`: how many the provider counted. `state`: set where an accepted message is already further than submitted.
    """

    kind: Kind
    keys: tuple[str, ...] = ()
    segments: int | None = None
    price: Price | None = None
    state: State | None = None
    refusal: Refusal | None = None
    code: str = ""
    words: str = ""
    retry_after_s: float | None = None
    cause: str = ""
    is_alone: bool = False
    is_recipient_only: bool = False

    @property
    def policy(self) -> Policy | None:
        return POLICIES[self.refusal] if self.refusal else None

    @property
    def is_repeatable(self) -> bool:
        """Whether the same message may be submitted again without asking anyone."""
        if self.kind in (Kind.NOT_SENT, Kind.THROTTLED):
            return True
        return self.policy is not None and self.policy.retries


def accepted(
    *keys: str, segments: int | None = None, price: Price | None = None, state: State = State.SUBMITTED
) -> Outcome:
    """The provider took the message. `keys` are its ids for it (several: one per part), in the provider's order."""
    return Outcome(Kind.ACCEPTED, keys=keys, segments=segments, price=price, state=state)


def refused(refusal: Refusal, code: str | int = "", words: str = "") -> Outcome:
    """The provider said no. `code` and `words` are the provider's own."""
    return Outcome(Kind.REFUSED, refusal=refusal, code=str(code), words=words)


def throttled(
    retry_after_s: float | None = None, code: str | int = "", words: str = "", *, is_recipient_only: bool = False
) -> Outcome:
    """The provider asks for a slower pace (to this recipient only, or altogether); nothing was processed."""
    return Outcome(
        Kind.THROTTLED,
        retry_after_s=retry_after_s,
        code=str(code),
        words=words,
        is_recipient_only=is_recipient_only,
    )


def not_sent(cause: str, *, retry_after_s: float | None = None, is_alone: bool = False) -> Outcome:
    """Provably nothing of the message was processed: no byte left, or the provider says so of the whole request."""
    return Outcome(Kind.NOT_SENT, cause=cause, retry_after_s=retry_after_s, is_alone=is_alone)


def unknown(cause: str, code: str | int = "", words: str = "") -> Outcome:
    """Bytes left and no trustworthy answer came."""
    return Outcome(Kind.UNKNOWN, cause=cause, code=str(code), words=words)
