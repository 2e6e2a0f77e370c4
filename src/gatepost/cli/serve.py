"""`gatepost web`, `worker` and `migrate`: the processes of a node, for clusters; `gatepost up` runs them by itself."""

import asyncio
import gc
import os
import resource
import signal
import sys
from typing import Annotated

import typer

from gatepost import logs
from gatepost.cli import schema
from gatepost.cli.installation import Installation, find, needs_database, open_django
from gatepost.cli.options import DataDirOption
from gatepost.cli.terminal import Refusal, out

WEB_STOP_TIMEOUT_S = 10
FILES = 65_536
YOUNG_OBJECTS = 20_000
"""How many new objects a worker lets come before it looks for garbage among them."""


def web(
    host: Annotated[str | None, typer.Option(help="Address to listen on. [GATEPOST_HOST]", show_default=False)] = None,
    port: Annotated[int | None, typer.Option(help="Port. [GATEPOST_PORT]", show_default=False)] = None,
    data_dir: DataDirOption = None,
) -> None:
    """Serve the API, callbacks and console. Run as many nodes as wanted on one database."""
    if host:
        os.environ["GATEPOST_HOST"] = host
    if port:
        os.environ["GATEPOST_PORT"] = str(port)
    installation = find(data_dir)
    _require_schema(installation)
    settings = installation.settings
    argv = web_argv(settings["HOST"], settings["PORT"])
    os.execv(argv[0], argv)  # noqa: S606 - the server takes our place, so that it gets our signals


def worker(data_dir: DataDirOption = None) -> None:
    """Send what is queued and do background jobs. Run as many nodes as wanted: they share all of it, and take over."""
    installation = find(data_dir)
    open_django(installation)
    _require_schema(installation)
    logs.configure(installation.settings["LOG_LEVEL"])
    _allow_many_connections()
    import uvloop

    # What is loaded by now stays: looking through it for garbage would take time from the messages.
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 20)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_work(installation))


def migrate(data_dir: DataDirOption = None) -> None:
    """Bring the database to the schema of this version. Safe to run on several nodes at once, and again."""
    installation = find(data_dir, needs_keys=False)
    open_django(installation)
    with needs_database():
        count = schema.migrate(installation.dsn, installation.data_dir)
    out.print(f"{count} migrations applied." if count else "The database is up to date.")


def web_argv(host: str, port: int) -> list[str]:
    """The command line of the web server. One process: it shares snapshots and commits in groups."""
    return [sys.executable, "-m", "gatepost.intake.serving", host, str(port), str(WEB_STOP_TIMEOUT_S)]


async def _work(installation: Installation) -> None:
    from gatepost.dispatch.worker import Worker
    from gatepost.inbox.arrivals import Arrivals
    from gatepost.jobs import child as jobs
    from gatepost.transport.addresses import parse_allow_list
    from gatepost.transport.client import Client
    from gatepost.transport.driver import Driver

    settings = installation.settings
    async with Client(allow=parse_allow_list(settings["EGRESS_ALLOW"])) as client:
        running = Worker(
            installation.dsn,
            Driver(client),
            Arrivals(),
            provider_limits=settings["PROVIDER_LIMITS"],
            is_sending=settings["SENDING_ENABLED"],
        )
        stopping = asyncio.Event()
        # The engine first: starting the other process takes a second of a processor.
        doing_jobs = asyncio.create_task(jobs.keep_running(running.has_begun, stopping))

        def stop() -> None:
            running.stop()
            stopping.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop)
        try:
            await running.run()
        finally:
            stopping.set()
            await doing_jobs


def _allow_many_connections() -> None:
    """Systems start processes with 1,024 open files, fewer than a fast gateway has connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _require_schema(installation: Installation) -> None:
    with needs_database():
        if schema.is_current(installation.dsn, installation.data_dir):
            return
        open_django(installation)
        missing = schema.missing()
        if missing:
            raise Refusal(f"The database misses {missing} migrations.", "Run `gatepost migrate` first.")
