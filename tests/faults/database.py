"""A PostgreSQL that can be crashed: a cluster of its own, as durable as an operator's, that listens on loopback."""

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from tests.support.ports import quiet_port
from tests.support.scratch import scratch_folder

from gatepost.processes.postgres import EmbeddedPostgres

PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Outage:
    """When the database went and when it answered again, in seconds since 1970."""

    down_at: float
    up_at: float


@dataclass(slots=True)
class CrashingDatabase:
    """The server lives as long as the thread that starts it, so one thread does all of it."""

    postgres: EmbeddedPostgres
    port: int
    outages: list[Outage] = field(default_factory=list)
    dsn: str = ""
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))

    def start(self) -> None:
        self._thread.submit(self.postgres.start).result()
        self.dsn = self.through(self.port)

    def through(self, port: int) -> str:
        """Its URL by a port on loopback: its own, or that of a proxy."""
        address = urlsplit(self.postgres.dsn)
        return f"postgresql://{address.username}:{address.password}@127.0.0.1:{port}{address.path}"

    def crash(self) -> Outage:
        """As `pg_ctl stop -m immediate`, and the start that the supervisor makes of it: nothing is finished, the log is
        replayed."""
        return self._thread.submit(self._crash).result()

    def end(self) -> None:
        self._thread.submit(self.postgres.stop, "immediate").result()
        self._thread.shutdown()

    def _crash(self) -> Outage:
        down_at = time.time()
        deadline = time.monotonic() + PATIENCE_S
        assert self.postgres.pid is not None
        # Its lock is kept meanwhile: given up, it would still be held by whatever another thread forks just then.
        os.kill(self.postgres.pid, signal.SIGQUIT)
        while self.postgres.is_alive():
            assert time.monotonic() < deadline, "the database did not crash"
            time.sleep(0.005)
        self.postgres.restart_after_crash()
        while not self._answers():
            assert time.monotonic() < deadline, "the database did not come back"
            time.sleep(0.02)
        outage = Outage(down_at, time.time())
        self.outages.append(outage)
        return outage

    def _answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.dsn, connect_timeout=5):
            return True
        return False


@contextmanager
def crashing_database() -> Iterator[CrashingDatabase]:
    # Its own user must be able to enter, and names of sockets must be short.
    folder = scratch_folder("gp-")
    folder.chmod(0o755)
    port = quiet_port()
    database = CrashingDatabase(EmbeddedPostgres(Path(folder), port=port), port)
    try:
        database.start()
        yield database
    finally:
        database.end()
        shutil.rmtree(folder, ignore_errors=True)
