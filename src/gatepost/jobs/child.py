"""The worker's side of the process that runs the jobs: it starts it, starts it anew when it dies, and stops it."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from typing import Final

import structlog

from gatepost.processes.spawn import die_with_parent

ARGV: Final = (sys.executable, "-m", "gatepost.jobs")
NICE: Final = 5
STOP_S: Final = 8.0
"""How long jobs have to come to a point where they can be left."""
AGAIN_S: Final = 1.0

log = structlog.get_logger()


async def keep_running(may_begin: asyncio.Event, stopping: asyncio.Event) -> None:
    """From `may_begin` until `stopping`; then the process is stopped in order, or killed where that takes too long;
    jobs survive it."""
    await _first_of(may_begin, stopping)
    while not stopping.is_set():
        process = await asyncio.create_subprocess_exec(*ARGV, preexec_fn=_behind_the_engine())
        ended = asyncio.create_task(process.wait())
        told = asyncio.create_task(stopping.wait())
        await asyncio.wait({ended, told}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if not ended.done():
            await _stop(process)
        elif not stopping.is_set():
            log.error("jobs_process_died", code=ended.result())
            await asyncio.sleep(AGAIN_S)


def _behind_the_engine() -> Callable[[], None]:
    """A `preexec_fn`: its start, too, takes only what the engine leaves."""
    dies_with_us = die_with_parent(signal.SIGKILL)

    def begin() -> None:
        os.nice(NICE)
        if dies_with_us is not None:
            dies_with_us()

    return begin


async def _first_of(*events: asyncio.Event) -> None:
    waiting = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()


async def _stop(process: asyncio.subprocess.Process) -> None:
    try:
        process.terminate()
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except ProcessLookupError:
        return
    except TimeoutError:
        log.warning("jobs_process_killed")
        process.kill()
        await process.wait()
