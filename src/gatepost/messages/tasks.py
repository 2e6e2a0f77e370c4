"""The jobs of the slice."""

from gatepost.jobs.app import Work, job
from gatepost.messages import idempotency


@job("messages.forget_idempotency_keys", every="17 * * * *")
def forget_idempotency_keys(work: Work) -> None:
    idempotency.forget_old(work.check)
