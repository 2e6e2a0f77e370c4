"""`gatepost worker`, which writes down when each request crosses the line: `python -m tests.faults.timed_worker <log>`.

Between that and the first byte at the socket nothing else is done, and the monotonic clock is the same for all
processes, so the log of several workers is what left this machine. No background jobs run beside it.
"""

import asyncio
import os
import sys
import time
from pathlib import Path

from gatepost.cli import main
from gatepost.jobs import child
from gatepost.transport.line import Line


def write_down(path: str) -> None:
    log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    cross = Line.cross

    def timed(line: Line) -> None:
        cross(line)
        os.write(log, f"{os.getpid()} {time.monotonic()!r}\n".encode())

    Line.cross = timed  # type: ignore[method-assign]


async def no_jobs(_may_begin: asyncio.Event, stopping: asyncio.Event) -> None:
    await stopping.wait()


def read_written(path: Path) -> list[tuple[int, float]]:
    """The process and the moment of each request, in order."""
    lines = path.read_text("ascii").splitlines() if path.exists() else []
    return sorted(((int(pid), float(at)) for pid, at in map(str.split, lines)), key=lambda one: one[1])


if __name__ == "__main__":
    write_down(sys.argv[1])
    child.keep_running = no_jobs
    sys.argv = ["gatepost", "worker"]
    sys.exit(main())
