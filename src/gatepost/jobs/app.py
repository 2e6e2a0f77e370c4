"""The one way for background jobs: Procrastinate on the installation's PostgreSQL.

A slice writes its jobs in `tasks.py`, which is found by itself, and asks for one in the transaction that makes it
necessary:

    @job("audience.import")
    def run_import(work: Work, *, import_id: int) -> None: ...

    defer("audience.import", lock=f"import {import_id}", import_id=import_id)

A job may be interrupted at any moment and is then run again from its beginning: it commits what it has done together
with where it is, and looks at `work.check()` between its steps. An interruption is no failure, however many there were:
what gives up at the last attempt lets JobAborted pass. The arguments are written to the log: ids, no secrets.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from procrastinate import JobContext, RetryDecision
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.exceptions import AlreadyEnqueued, JobAborted
from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy

__all__ = ["ATTEMPTS", "JobAborted", "Work", "app", "defer", "job"]

ATTEMPTS: Final = 5
"""How often a job that fails is tried."""
LONGEST_WAIT_S: Final = 300


class Work:
    """What a running job knows of its surroundings."""

    def __init__(self, context: JobContext) -> None:
        self._context = context

    @property
    def is_last_attempt(self) -> bool:
        """Whether nobody tries again when this attempt fails."""
        return self._context.job.attempts + 1 >= ATTEMPTS

    def check(self) -> None:
        """Raises JobAborted when the process is to stop; the job is then taken up again by another."""
        if self._context.should_abort():
            raise JobAborted


class _Retry(BaseRetryStrategy):
    """A job that was interrupted goes on at once; one that failed waits longer each time, and is given up at last."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if isinstance(exception, JobAborted):
            return RetryDecision(retry_in={"seconds": 0})
        if job.attempts + 1 >= ATTEMPTS:
            return None
        return RetryDecision(retry_in={"seconds": min(3 ** (job.attempts + 1), LONGEST_WAIT_S)})


def job(name: str, *, priority: int = 0, every: str = "") -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Declare a job; `name` is stable, since jobs that wait in the database carry it. Higher priorities go first.

    `every`: when it is done without being asked for, as five fields of cron in UTC; once, however many processes there
    are, and not while the one before waits or runs.
    """

    def declare(function: Callable[..., None]) -> Callable[..., None]:
        def run(context: JobContext, /, **arguments: Any) -> None:
            if every:
                del arguments["timestamp"]
            function(Work(context), **arguments)

        task: Any = app.task(name=name, priority=priority, retry=_Retry(), pass_context=True)(run)
        if every:
            app.periodic(cron=every, lock=name, queueing_lock=name)(task)
        return function

    return declare


def defer(
    name: str, *, lock: str | None = None, only_once: str | None = None, at: datetime | None = None, **arguments: Any
) -> bool:
    """Have the job done once the present transaction has committed.

    `lock`: of the jobs with the same one, one runs at a time, in order. `only_once`: while a job with the same one
    waits, this one is not added, which False tells. `at` (aware): not before.
    """
    # The unique index of the table decides; asked before, it need not refuse, and the server logs no error.
    if only_once is not None and ProcrastinateJob.objects.filter(queueing_lock=only_once, status="todo").exists():
        return False
    asked = app.configure_task(
        name, lock=lock, queueing_lock=only_once, schedule_at=at, priority=app.tasks[name].priority
    )
    try:
        # A savepoint: the refusal must not end the caller's transaction.
        with transaction.atomic():
            asked.defer(**arguments)
    except AlreadyEnqueued:
        return False
    return True
