"""The process that runs the jobs: `python -m gatepost.jobs`, started and watched by each worker (child.py).

It is a process of its own, and a nicer one, because a job that computes would make the engine wait for the interpreter.
Any number of them share the jobs of one database; what one that died was at is taken up by another or its successor.
"""

import asyncio
import copy
import os
import signal
from typing import Final

import structlog
from procrastinate import App
from procrastinate.exceptions import ProcrastinateException, UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from procrastinate.psycopg_connector import PsycopgConnector
from psycopg import OperationalError
from psycopg_pool import PoolTimeout

CONCURRENCY: Final = 4
CONNECTIONS: Final = 4
POLL_S: Final = 2.0
HEARTBEAT_S: Final = 2.0
STALLED_S: Final = 10.0
"""Without a heartbeat for so long, a process is taken for dead, and its jobs are done by others."""
GRACE_S: Final = 0.5
RECONNECT_S: Final = 1.0
CONNECT_S: Final = 5.0
KEPT_H: Final = 24 * 7
"""How long jobs that failed are kept for those who ask why."""
CLEAN_EVERY_S: Final = 3600.0

log = structlog.get_logger()

Lost = (ProcrastinateException, OperationalError, PoolTimeout, OSError)


async def run(dsn: str, stopping: asyncio.Event) -> None:
    """Run jobs until `stopping`; jobs that are in the middle of something are left to the next process."""
    while not stopping.is_set():
        working = asyncio.create_task(_work(dsn))
        waiting = asyncio.create_task(stopping.wait())
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
        working.cancel()
        waiting.cancel()
        [result, _] = await asyncio.gather(working, waiting, return_exceptions=True)
        if stopping.is_set():
            return
        if isinstance(result, Exception) and not isinstance(result, Lost):
            raise result
        log.warning("jobs_wait_for_database", cause=type(result).__name__)
        await asyncio.sleep(RECONNECT_S)


async def _work(dsn: str) -> None:
    """Run jobs until cancelled, or until the database is lost."""
    from procrastinate.contrib.django.db_cleanup import close_db_connections

    app = _app(dsn)
    async with app.open_async():
        keeping = asyncio.create_task(_keep_order(app))
        try:
            await app.run_worker_async(
                name=f"jobs {os.getpid()}",
                concurrency=CONCURRENCY,
                fetch_job_polling_interval=POLL_S,
                abort_job_polling_interval=POLL_S,
                shutdown_graceful_timeout=GRACE_S,
                update_heartbeat_interval=HEARTBEAT_S,
                stalled_worker_timeout=STALLED_S,
                delete_jobs="successful",
                install_signal_handlers=False,
                task_middleware=[close_db_connections],
            )
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)


async def _keep_order(app: App) -> None:
    """Take up again what a process that died was at, and forget what failed long ago."""
    manager = app.job_manager
    loop = asyncio.get_running_loop()
    cleaned_at = loop.time() - CLEAN_EVERY_S
    while True:
        try:
            for stalled in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_S):
                await _take_up_again(manager, stalled)
            if loop.time() - cleaned_at >= CLEAN_EVERY_S:
                await manager.delete_old_jobs(KEPT_H, include_failed=True, include_cancelled=True, include_aborted=True)
                cleaned_at = loop.time()
        except Lost as error:
            # Another process was quicker, or the database is away; the next round knows.
            log.info("jobs_not_looked_through", cause=type(error).__name__)
        await asyncio.sleep(POLL_S)


async def _take_up_again(manager: JobManager, stalled: Job) -> None:
    log.warning("job_taken_up_again", job=stalled.task_name, id=stalled.id)
    try:
        await manager.retry_job(stalled)
    except UniqueViolation:
        # One that does the same was asked for meanwhile and waits for its lock: that one does it.
        await manager.finish_job(stalled, Status.ABORTED, delete_job=True)


def _app(dsn: str) -> App:
    """Procrastinate with connections of its own: jobs ask for more jobs in Django's transactions."""
    from gatepost.jobs.app import app as declared

    connector = PsycopgConnector(
        conninfo=dsn,
        min_size=1,
        max_size=CONNECTIONS,
        timeout=CONNECT_S,
        reconnect_timeout=RECONNECT_S,
        kwargs={"application_name": "gatepost jobs"},
    )
    running = App(connector=connector)
    running.tasks = declared.tasks
    for periodic in declared.periodic_registry.periodic_tasks.values():
        # Asked for over the connections from here, which outlive a crash of the database; Django's would not.
        task = copy.copy(periodic.task)
        task.blueprint = running
        options = periodic.configure_kwargs.copy()
        running.periodic_registry.register_task(task, periodic.cron, periodic.periodic_id, options)
    return running


async def _main(dsn: str) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await run(dsn, stopping)


def main() -> None:
    """Of the installation that the environment names, as the worker sees it."""
    import django

    from gatepost import config, logs

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gatepost.settings")
    settings = config.load()
    logs.configure(settings["LOG_LEVEL"])
    django.setup()
    asyncio.run(_main(settings["DATABASE_URL"]))
