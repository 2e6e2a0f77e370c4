"""What an adapter made of an answer, weighed against what the status of the answer allows.

After bytes left, 408 and 5xx prove nothing: whatever would lead to a repetition becomes `unknown`, unless the provider
documents that it processed nothing. 429 is `throttled`. Definite words in the body (a key, a bad number) stand.
"""

from collections.abc import Mapping
from dataclasses import replace

from gatepost.providers.base import Batch, Context, Gateway
from gatepost.providers.kit.answers import retry_after
from gatepost.providers.registry import Provider
from gatepost.providers.wire import Response
from gatepost.sms.outcomes import Kind, Outcome, Refusal, accepted, refused, throttled, unknown


def weigh(
    results: Mapping[str, Outcome],
    missing: Outcome,
    answer: Response | None,
    batch: Batch,
    provider: Provider,
    gateway: Gateway,
    ctx: Context,
) -> dict[str, Outcome]:
    """An outcome for every message of the batch and for no other.

    `missing` is for messages that the adapter did not mention; `answer` is what came back to the `Send`, if anything.
    """
    status = answer.status if answer is not None else 200
    if status < 400 and not ctx.is_resend:
        return {ref: results.get(ref) or missing for ref in batch.refs}
    weighed = {ref: results.get(ref) for ref in batch.refs}
    if answer is not None and status == 429:
        weighed = {ref: _throttled(outcome, missing, answer, ctx) for ref, outcome in weighed.items()}
    elif status == 408 or status >= 500:
        is_unprocessed = status in provider.manifest_for(gateway.settings).unprocessed_statuses
        judge = _unprocessed if is_unprocessed else _doubted
        weighed = {ref: judge(outcome, missing, status) for ref, outcome in weighed.items()}
    return {ref: _resent(outcome or missing, provider, gateway, ctx) for ref, outcome in weighed.items()}


def _throttled(outcome: Outcome | None, missing: Outcome, answer: Response, ctx: Context) -> Outcome:
    wait_s = retry_after(answer, ctx.now)
    if outcome is None:
        return throttled(wait_s, answer.status, missing.words)
    if outcome.refusal is Refusal.TEMPORARY:
        return throttled(wait_s, outcome.code or answer.status, outcome.words)
    if outcome.kind is Kind.THROTTLED and outcome.retry_after_s is None:
        return replace(outcome, retry_after_s=wait_s)
    return outcome


def _doubted(outcome: Outcome | None, missing: Outcome, status: int) -> Outcome:
    if outcome is not None and _is_definite(outcome):
        return outcome
    told = outcome or missing
    return unknown(f"HTTP {status}", told.code or status, told.words)


def _is_definite(outcome: Outcome) -> bool:
    if outcome.kind is Kind.ACCEPTED:
        return bool(outcome.keys)
    return outcome.kind is Kind.UNKNOWN or (outcome.kind is Kind.REFUSED and outcome.refusal is not Refusal.TEMPORARY)


def _unprocessed(outcome: Outcome | None, missing: Outcome, status: int) -> Outcome:
    return outcome or refused(Refusal.TEMPORARY, status, missing.words or missing.cause)


def _resent(outcome: Outcome, provider: Provider, gateway: Gateway, ctx: Context) -> Outcome:
    """A repetition of what may have arrived, refused as a duplicate: the first one did arrive."""
    if not ctx.is_resend or outcome.refusal is not Refusal.DUPLICATE:
        return outcome
    dedupe = provider.manifest_for(gateway.settings).dedupe
    is_proof = dedupe is not None and dedupe.answers == "refuses" and dedupe.protects(gateway.settings)
    return accepted() if is_proof else outcome
