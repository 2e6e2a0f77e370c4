"""The jobs of the slice."""

from gatepost.jobs.app import Work, job
from gatepost.routing import changes


@job("routing.keep_installation_default", every="*/5 * * * *")
def keep_installation_default(work: Work) -> None:
    """A setting of the process changes with a restart, when nobody is there to keep the change."""
    changes.keep_installation_default()
