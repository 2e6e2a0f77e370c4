"""The jobs of the slice."""

from gatepost.campaigns import expanding, leftovers, planning, watching
from gatepost.jobs.app import Work, job


@job(expanding.JOB)
def expand(work: Work, *, campaign_id: int) -> None:
    expanding.run(work, campaign_id)


@job(planning.JOB, priority=1)
def plan(work: Work, *, campaign_id: int, version: int) -> None:
    planning.run(work, campaign_id, version)


@job(leftovers.JOB)
def forget_attachment(work: Work, *, attachment_id: int) -> None:
    leftovers.run(attachment_id)


@job(watching.JOB, priority=2)
def watch(work: Work, *, campaign_id: int) -> None:
    watching.run(campaign_id)
