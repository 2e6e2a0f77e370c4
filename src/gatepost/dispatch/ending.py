"""Ends tasks for good."""

import asyncio
from typing import Any

AGAIN_S = 2.0


async def end(*tasks: asyncio.Task[Any]) -> list[Any]:
    """Cancel tasks until they have ended; their results and exceptions, in order.

    Once is not always enough: before Python 3.12 `asyncio.wait_for` loses a cancellation when what it waits for comes
    at the same moment, and the task goes on as if nothing had been said.
    """
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=AGAIN_S)
    return await asyncio.gather(*tasks, return_exceptions=True)
