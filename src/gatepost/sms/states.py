"""Message states, the moves between them, and the plain word an operator filters by."""

from enum import StrEnum


class State(StrEnum):
    """Where a message stands.

    `submitting` is never stored: a message is submitting while it is in an open submission.
    `unknown` is not final: bytes left for the provider and no trustworthy answer came.
    `unconfirmed` is final: accepted, and no further report will come.
    """

    QUEUED = "queued"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    REJECTED = "rejected"
    EXPIRED = "expired"
    UNCONFIRMED = "unconfirmed"
    CANCELLED = "cancelled"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


class Word(StrEnum):
    """The six words of the log's filter; every state has exactly one."""

    NEW = "New"
    SENDING = "Sending"
    SENT = "Sent"
    ERROR = "Error"
    EXPIRED = "Expired"
    CANCELLED = "Cancelled"


WORDS: dict[State, Word] = {
    State.QUEUED: Word.NEW,
    State.SUBMITTING: Word.SENDING,
    State.SUBMITTED: Word.SENT,
    State.DELIVERED: Word.SENT,
    State.UNCONFIRMED: Word.SENT,
    State.UNDELIVERED: Word.ERROR,
    State.REJECTED: Word.ERROR,
    State.BLOCKED: Word.ERROR,
    State.UNKNOWN: Word.ERROR,
    State.EXPIRED: Word.EXPIRED,
    State.CANCELLED: Word.CANCELLED,
}

REPORTED = frozenset(
    {State.DELIVERED, State.UNDELIVERED, State.REJECTED, State.EXPIRED, State.UNCONFIRMED, State.BLOCKED}
)
FINAL = REPORTED | {State.CANCELLED}

# A receipt may overtake our own record of the submit, so every state before a final one can meet a reported one.
MOVES: dict[State, frozenset[State]] = {
    State.QUEUED: REPORTED | {State.SUBMITTING, State.CANCELLED, State.SUBMITTED},
    State.SUBMITTING: REPORTED | {State.QUEUED, State.SUBMITTED, State.UNKNOWN, State.CANCELLED},
    State.SUBMITTED: REPORTED,
    State.UNKNOWN: REPORTED | {State.QUEUED, State.SUBMITTED},
    **{state: frozenset[State]() for state in FINAL},
}


def is_final(state: State) -> bool:
    return state in FINAL


def may_move(old: State, new: State) -> bool:
    """Whether `old -> new` is a move of the state machine; staying is not a move."""
    return new in MOVES[old]


def after_receipt(current: State, reported: State) -> State:
    """The state after a receipt: never back from a final state, never from submitted to an earlier one.

    A provider only knows of what it was given, so it can report nothing else than submitted or a reported state.
    """
    if reported in MOVES[current] and (reported in REPORTED or reported is State.SUBMITTED):
        return reported
    return current
