"""Holds the database server of one pytest session: `python postgres_keeper.py <folder> <process id of pytest>`.

A process of its own, because xdist's workers come and go: the server ends on SIGTERM, or by itself when pytest is gone,
however it went, and takes its folder along.
"""

import os
import shutil
import signal
import sys
import threading
from pathlib import Path

from gatepost.processes.postgres import EmbeddedPostgres
from gatepost.processes.private_files import write_atomically

_LOOK_EVERY_S = 0.25


def keep(folder: Path, owner_pid: int) -> None:
    is_over = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: is_over.set())
    try:
        with EmbeddedPostgres(folder / "cluster", unsafe_fast=True) as postgres:
            write_atomically(folder / "dsn", postgres.dsn)
            while not is_over.wait(_LOOK_EVERY_S) and _is_alive(owner_pid):
                pass
            postgres.stop("immediate")
    finally:
        if not _is_alive(owner_pid):
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    keep(Path(sys.argv[1]), int(sys.argv[2]))
