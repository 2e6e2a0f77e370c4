"""From what a submit brought back to what is written of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gatepost.dispatch.decide import Attempt, Decision, decide
from gatepost.dispatch.driven import Driven
from gatepost.dispatch.store import Closing, Due, Recorded
from gatepost.messages import storable
from gatepost.sms.ids import to_ref
from gatepost.sms.outcomes import Kind, Outcome, unknown

NOT_MENTIONED = unknown("not mentioned in the answer")


def close(
    driven: Driven,
    submission_id: int,
    items: list[Due],
    outcomes: Mapping[str, Outcome],
    *,
    intent_at: datetime,
    now: datetime,
    is_resend: bool,
    status: int | None = None,
    latency_ms: float | None = None,
    traces: list[dict[str, Any]] | None = None,
) -> tuple[Closing, dict[int, Decision]]:
    """The closing of a submission, and the decision of each message by id."""
    decisions: dict[int, Decision] = {}
    messages = []
    for item in items:
        outcome = outcomes.get(to_ref(item.message_id, item.generation), NOT_MENTIONED)
        attempt = Attempt(
            message_id=item.message_id,
            attempts=min(item.attempts + 1, storable.MAX_SMALL),
            generation=item.generation,
            sender=item.sender_override or item.sender,
            expires_at=item.expires_at,
            intent_at=intent_at,
            accepted_at=item.accepted_at,
            is_resend=is_resend and item.is_unknown,
        )
        decision = decide(attempt, outcome, driven.conduct, now)
        decisions[item.message_id] = decision
        messages.append(_recorded(submission_id, item, attempt, outcome, decision))
    cause = next((storable.as_text(o.cause, storable.WORDS) for o in outcomes.values() if o.cause), None)
    closing = Closing(
        submission_id,
        cause,
        status,
        round(latency_ms) if latency_ms is not None else None,
        messages,
        [storable.as_json(trace) for trace in traces or []],
    )
    return closing, decisions


def _recorded(submission_id: int, item: Due, attempt: Attempt, outcome: Outcome, decision: Decision) -> Recorded:
    is_good = outcome.kind is Kind.ACCEPTED
    requeue = decision.requeue
    price = storable.as_price(outcome.price)
    detail = {**decision.detail, "submission": to_ref(submission_id)} if decision.event else None
    return Recorded(
        submission_id=submission_id,
        message_id=item.message_id,
        attempts=attempt.attempts,
        generation=item.generation,
        state=decision.state.value if decision.state else None,
        keys=tuple(storable.as_text(key, storable.KEY) for key in outcome.keys if key),
        segments=storable.as_count(outcome.segments),
        price=price.amount if price else None,
        unit=price.unit if price else None,
        refusal=outcome.refusal.value if outcome.refusal else None,
        code=None if is_good else storable.as_text(outcome.code, storable.CODE) or None,
        words=None if is_good else storable.as_text(outcome.words or outcome.cause, storable.WORDS) or None,
        used_sender=item.sender_override,
        due_at=requeue.due_at if requeue else None,
        again_generation=requeue.generation if requeue else 0,
        again_sender=(requeue.sender or item.sender_override) if requeue else None,
        again_key=_again_key(item, requeue.is_alone) if requeue else 0,
        again_of=submission_id if requeue and requeue.repeats else None,
        event=decision.event,
        detail=storable.as_json(detail),
    )


def _again_key(item: Due, is_alone: bool) -> int:
    """A message that is to go alone gets a key that no other has."""
    return item.message_id if is_alone else item.group_key
