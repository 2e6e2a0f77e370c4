"""What follows from an outcome: a pure function from what happened to one message to what becomes of it."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gatepost.sms.ids import GENERATIONS
from gatepost.sms.outcomes import Kind, Outcome, Refusal
from gatepost.sms.states import State

BACKOFF_BASE_S = 2.0
BACKOFF_CAP_S = 900.0
MAX_FAULTS = 3
MAX_RESENDS = 5
UNDOCUMENTED_WINDOW_S = 3600
ADAPTER_FAULT = "adapter fault"
WORKER_LOST = "worker lost"
DATABASE_LOST = "database lost before sending"
LEASE_TOO_SHORT = "lease too short"
OVER_THE_PACE = "over the pace"
DETOUR_S = 2.0
"""How long a message that is to go elsewhere waits here, should the way there break off."""

Uniform = Callable[[float, float], float]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One message in one submission, as the decision needs it.

    `attempts` counts this one. `is_resend`: an earlier attempt ended unknown. `sender`: what was used.
    """

    message_id: int
    attempts: int
    generation: int
    sender: str
    expires_at: datetime
    intent_at: datetime
    accepted_at: datetime
    is_resend: bool = False


@dataclass(frozen=True, slots=True)
class Conduct:
    """How a gateway wants its outcomes treated.

    `is_protected`: the provider de-duplicates what we repeat, for `window_s`; with `repeats_request` only if the whole
    request is the same. `deadline_s`: after so long an old request cannot arrive any more. `reports`: the provider
    tells or can be asked what became of a message.
    """

    fallback_sender: str = ""
    is_protected: bool = False
    window_s: int | None = None
    repeats_request: bool = False
    prefers_duplicate: bool = False
    can_find: bool = False
    deadline_s: float = 60.0
    reports: bool = True


@dataclass(frozen=True, slots=True)
class Requeue:
    """Back to the outbox. `is_alone`: in a request of its own. `repeats`: the same submission once more.

    `elsewhere`: on its way to another gateway; should that come to nothing, it is tried here again.
    """

    due_at: datetime
    generation: int
    sender: str | None = None
    is_alone: bool = False
    repeats: bool = False
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """`state` None: it stays queued (or unknown). `find_at`: ask the provider whether it ever saw the message."""

    state: State | None
    requeue: Requeue | None = None
    find_at: datetime | None = None
    event: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


def backoff_s(attempts: int, uniform: Uniform = random.uniform) -> float:
    """Exponential with full jitter, in seconds; `attempts` counts from 1."""
    return uniform(0.0, min(BACKOFF_CAP_S, BACKOFF_BASE_S * 2.0 ** min(attempts - 1, 20)))


def decide(
    attempt: Attempt,
    outcome: Outcome,
    conduct: Conduct,
    now: datetime,
    uniform: Uniform = random.uniform,
    *,
    has_detour: bool = False,
) -> Decision:
    """What becomes of a message after `outcome`. `has_detour`: another gateway of its route takes it."""
    if outcome.kind is Kind.ACCEPTED:
        return Decision(accepted(outcome, conduct))
    if outcome.kind is Kind.UNKNOWN:
        return _unknown(attempt, outcome, conduct, now, uniform)
    if attempt.is_resend:
        return _still_unknown(attempt, outcome, conduct, now, uniform)
    if outcome.kind is Kind.REFUSED:
        return _refused(attempt, outcome, conduct, now, uniform, has_detour=has_detour)
    if has_detour:
        return _elsewhere(outcome, now, attempt.generation)
    # A limit of one recipient names the message, so the provider may call its reference a duplicate the next time.
    generation = min(attempt.generation + outcome.is_recipient_only, GENERATIONS - 1)
    return _again(attempt, outcome, now, uniform, generation)


def accepted(outcome: Outcome, conduct: Conduct) -> State:
    """The state of a message that the provider took."""
    state = outcome.state or State.SUBMITTED
    if state is State.SUBMITTED and not conduct.reports:
        return State.UNCONFIRMED
    return state


def _elsewhere(outcome: Outcome, now: datetime, generation: int) -> Decision:
    requeue = Requeue(now + timedelta(seconds=DETOUR_S), generation, elsewhere=True)
    return Decision(None, requeue, event=outcome.kind.value, detail=_said(outcome))


def _refused(
    attempt: Attempt, outcome: Outcome, conduct: Conduct, now: datetime, uniform: Uniform, *, has_detour: bool
) -> Decision:
    policy = outcome.policy
    assert policy is not None
    next_generation = min(attempt.generation + 1, GENERATIONS - 1)
    fallback = conduct.fallback_sender
    if policy.tries_fallback_sender and fallback and attempt.sender != fallback:
        requeue = Requeue(now, next_generation, sender=fallback)
        return Decision(None, requeue, event="fallback sender", detail={**_said(outcome), "sender": fallback})
    if has_detour:
        return _elsewhere(outcome, now, next_generation)
    if policy.retries:
        return _again(attempt, outcome, now, uniform, next_generation)
    return Decision(policy.final, event="refused", detail=_said(outcome))


def _again(attempt: Attempt, outcome: Outcome, now: datetime, uniform: Uniform, generation: int) -> Decision:
    if outcome.cause == ADAPTER_FAULT and attempt.attempts >= MAX_FAULTS:
        return Decision(State.REJECTED, event="set aside", detail=_said(outcome))
    wait_s = outcome.retry_after_s if outcome.retry_after_s is not None else backoff_s(attempt.attempts, uniform)
    due_at = now + timedelta(seconds=wait_s)
    if due_at >= attempt.expires_at:
        return Decision(State.EXPIRED, event="expired", detail=_said(outcome))
    # The message that an adapter stumbles over must not take those down that shared its request.
    requeue = Requeue(due_at, generation, is_alone=outcome.is_alone or outcome.cause == ADAPTER_FAULT)
    return Decision(None, requeue, event=outcome.kind.value, detail={**_said(outcome), "again_at": due_at.isoformat()})


def _unknown(attempt: Attempt, outcome: Outcome, conduct: Conduct, now: datetime, uniform: Uniform) -> Decision:
    """Never repeated without consent: the provider's protection, a look-up, or the operator's setting."""
    safe_at = max(now, attempt.intent_at + timedelta(seconds=conduct.deadline_s))
    resend_at = safe_at + timedelta(seconds=backoff_s(attempt.attempts, uniform))
    # What takes its worker down each time must not do so for ever.
    tries = MAX_FAULTS - 1 if outcome.cause == WORKER_LOST else MAX_RESENDS
    is_in_time = resend_at < attempt.expires_at and attempt.attempts <= tries
    may_repeat = is_in_time and _remembers(attempt, conduct, resend_at)
    prefers = is_in_time and conduct.prefers_duplicate
    if may_repeat or prefers:
        repeats = may_repeat and conduct.repeats_request
        requeue = Requeue(resend_at, attempt.generation, is_alone=not repeats, repeats=repeats)
        why = "the provider de-duplicates" if may_repeat else "this gateway prefers a duplicate over a loss"
        detail = {**_said(outcome), "again_at": resend_at.isoformat(), "why": why}
        return Decision(State.UNKNOWN, requeue, event="unknown", detail=detail)
    find_at = safe_at if conduct.can_find else None
    return Decision(State.UNKNOWN, find_at=find_at, event="unknown", detail=_said(outcome))


def _remembers(attempt: Attempt, conduct: Conduct, at: datetime) -> bool:
    """Whether the provider will still know at that time what it may have seen of the message.

    It counts from the first attempt that it saw. Of a repetition we only know that this was after acceptance.
    """
    first = attempt.accepted_at if attempt.is_resend else attempt.intent_at
    window_s = conduct.window_s if conduct.window_s is not None else UNDOCUMENTED_WINDOW_S
    return conduct.is_protected and at < first + timedelta(seconds=window_s)


def _still_unknown(attempt: Attempt, outcome: Outcome, conduct: Conduct, now: datetime, uniform: Uniform) -> Decision:
    """A repetition was refused or not sent: that says nothing of the attempt before it, and uses up no consent."""
    wait_s = outcome.retry_after_s if outcome.retry_after_s is not None else backoff_s(attempt.attempts, uniform)
    due_at = now + timedelta(seconds=wait_s)
    is_in_time = due_at < attempt.expires_at and attempt.attempts <= MAX_RESENDS
    has_lapsed = conduct.is_protected and not conduct.prefers_duplicate and not _remembers(attempt, conduct, due_at)
    again = outcome.is_repeatable and is_in_time and not has_lapsed
    requeue = Requeue(due_at, attempt.generation, repeats=True) if again else None
    return Decision(State.UNKNOWN, requeue, event="repeat failed", detail=_said(outcome))


def _said(outcome: Outcome) -> dict[str, Any]:
    values = {
        "class": outcome.refusal.value if outcome.refusal else "",
        "code": outcome.code,
        "words": outcome.words,
        "cause": outcome.cause,
    }
    return {name: value for name, value in values.items() if value}


def pauses_gateway(outcome: Outcome) -> bool:
    """Whether the outcome counts towards pausing the gateway instead of burning its queue."""
    return outcome.refusal in (Refusal.AUTH, Refusal.NO_CREDIT, Refusal.CONFIG)
