"""The jobs of the slice."""

from gatepost.audience import importing
from gatepost.jobs.app import Work, job


@job(importing.JOB)
def run_import(work: Work, *, import_id: int) -> None:
    importing.run(work, import_id)


@job("audience.forget_unstarted_imports", every="37 3 * * *")
def forget_unstarted_imports(work: Work) -> None:
    importing.forget_unstarted()
