"""The jobs of the slice."""

from gatepost.jobs.app import Work, job
from gatepost.links import services


@job("links.forget_old", every="23 3 * * *")
def forget_old_links(work: Work) -> None:
    services.forget_old(work.check)
