"""From what a submit brought back to what is written of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gatepost.dispatch.decide import Attempt, Decision, accepted, decide
from gatepost.dispatch.driven import Driven
from gatepost.dispatch.store import Closing, Due, Recorded
from gatepost.messages import storable
from gatepost.messages.detour import Detour
from gatepost.sms.ids import to_ref
from gatepost.sms.outcomes import Kind, Outcome
from gatepost.sms.states import State

NO_DETOURS: Mapping[int, Detour] = {}


def close(
    driven: Driven,
    submission_id: int,
    items: list[Due],
    outcomes: Sequence[Outcome],
    *,
    intent_at: datetime,
    now: datetime,
    is_resend: bool,
    status: int | None = None,
    latency_ms: float | None = None,
    traces: list[dict[str, Any]] | None = None,
    detours: Mapping[int, Detour] = NO_DETOURS,
) -> Closing:
    """The closing of a submission: what its messages become. `outcomes`: of the items, in their order.

    `detours`: other ways of those that may have one.
    """
    closing = Closing(
        submission_id,
        next((storable.as_text(o.cause, storable.WORDS) for o in outcomes if o.cause), None),
        status,
        round(latency_ms) if latency_ms is not None else None,
        traces=[storable.as_json(trace) for trace in traces or []],
    )
    for item, outcome in zip(items, outcomes, strict=True):
        attempts = min(item.attempts + 1, storable.MAX_SMALL)
        if outcome.kind is Kind.ACCEPTED:
            _note_taken(closing, item, outcome, attempts, accepted(outcome, driven.conduct))
            continue
        attempt = Attempt(
            message_id=item.message_id,
            attempts=attempts,
            generation=item.generation,
            sender=item.sender_override or item.sender,
            expires_at=item.expires_at,
            intent_at=intent_at,
            accepted_at=item.accepted_at,
            is_resend=is_resend and item.is_unknown,
        )
        other = detours.get(item.message_id)
        decision = decide(attempt, outcome, driven.conduct, now, has_detour=other is not None)
        if other is not None and decision.requeue and decision.requeue.elsewhere:
            closing.detours.append(other)
        _note(closing, item, attempts, outcome, decision)
    return closing


def _note_taken(closing: Closing, item: Due, outcome: Outcome, attempts: int, state: State) -> None:
    """The short way, which nearly every message takes."""
    keys = _keys(closing, item, outcome)
    price = storable.as_price(outcome.price) if outcome.price else None
    closing.messages.append(
        Recorded(
            closing.submission_id,
            item.message_id,
            attempts,
            item.generation,
            state.value,
            keys[0] if keys else None,
            storable.as_count(outcome.segments),
            price.amount if price else None,
            price.unit if price else None,
            used_sender=item.sender_override,
        )
    )


def _note(closing: Closing, item: Due, attempts: int, outcome: Outcome, decision: Decision) -> None:
    keys = _keys(closing, item, outcome)
    requeue = decision.requeue
    price = storable.as_price(outcome.price)
    if decision.event:
        detail = storable.as_json({**decision.detail, "submission": to_ref(closing.submission_id)})
        closing.events.append((item.message_id, decision.event, detail))
    closing.messages.append(
        Recorded(
            submission_id=closing.submission_id,
            message_id=item.message_id,
            attempts=attempts,
            generation=item.generation,
            state=decision.state.value if decision.state else None,
            key=keys[0] if keys else None,
            segments=storable.as_count(outcome.segments),
            price=price.amount if price else None,
            unit=price.unit if price else None,
            refusal=outcome.refusal.value if outcome.refusal else None,
            code=storable.as_text(outcome.code, storable.CODE) or None,
            words=storable.as_text(outcome.words or outcome.cause, storable.WORDS) or None,
            used_sender=item.sender_override,
            due_at=requeue.due_at if requeue else None,
            again_generation=requeue.generation if requeue else None,
            again_sender=(requeue.sender or item.sender_override) if requeue else None,
            again_key=_again_key(item, requeue.is_alone) if requeue else None,
            again_of=closing.submission_id if requeue and requeue.repeats else None,
            to_find=True if decision.find_at else None,
        )
    )


def _keys(closing: Closing, item: Due, outcome: Outcome) -> tuple[str, ...]:
    """The provider's ids of the message; several are its parts'."""
    keys = tuple([storable.as_text(key, storable.KEY) for key in outcome.keys if key])
    if len(keys) > 1:
        closing.keys[item.message_id] = keys
    return keys


def _again_key(item: Due, is_alone: bool) -> int:
    """A message that is to go alone gets a key that no other has."""
    return item.message_id if is_alone else item.group_key
