"""An installation as operators run it: `gatepost web` and `gatepost worker` as processes on a database of their own.

    with installation(folder, egress=["127.0.0.1:9100"]) as gatepost:
        gatepost.start_web()
        worker = gatepost.start_worker()
        worker.kill()

What the processes print is in `folder`. They die with the thread that started them, so start them from the test's.
"""

import asyncio
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from tests.support.django_database import own_database
from tests.support.ports import quiet_port

from gatepost.cli import schema
from gatepost.processes.readiness import answers_200
from gatepost.processes.spawn import die_with_parent
from gatepost.workspaces import services
from gatepost.workspaces.models import Workspace
from gatepost.workspaces.permissions import Scope

READY_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 60.0


@dataclass(slots=True, eq=False)
class Process:
    """A process in a session of its own, with a log."""

    name: str
    log: Path
    popen: "subprocess.Popen[bytes]"

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def is_alive(self) -> bool:
        return self.popen.poll() is None

    def kill(self) -> None:
        """SIGKILL for it and whatever it started."""
        if self.is_alive:
            os.killpg(self.pid, signal.SIGKILL)
        self.popen.wait()

    def freeze(self) -> None:
        os.killpg(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.killpg(self.pid, signal.SIGCONT)

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> float:
        """SIGTERM; how many seconds it took to end. Fails where it does not end, or not with code 0."""
        started = time.monotonic()
        self.popen.terminate()
        code = self.popen.wait(timeout_s)
        assert code == 0, f"{self.name} ended with {code}:\n{self.last_words()}"
        return time.monotonic() - started

    def last_words(self) -> str:
        return self.log.read_text("utf-8", "replace")[-4000:]


def spawn(name: str, argv: Sequence[str], folder: Path, env: dict[str, str] | None = None) -> Process:
    """Start a process that writes to `<folder>/<name>-<n>.log`."""
    log = folder / f"{name}-{len(list(folder.glob(f'{name}-*.log'))) + 1}.log"
    with log.open("wb") as output:
        popen = subprocess.Popen(
            list(argv),
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509 - calls prctl only, see spawn.py
        )
    return Process(name, log, popen)


def wait_until(condition: Callable[[], object], timeout_s: float, what: str) -> None:
    """Fails with `what` when the condition does not hold in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout_s:g} s for: {what}"
        time.sleep(0.02)


async def until(condition: Callable[[], object], timeout_s: float, what: str) -> None:
    """Like `wait_until`, for tests with an event loop."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout_s:g} s for: {what}"
        await asyncio.sleep(0.02)


@dataclass(slots=True)
class Installation:
    """One workspace with an API key, its processes and its database."""

    folder: Path
    dsn: str
    port: int
    workspace: Workspace
    token: str
    env: dict[str, str]
    processes: list[Process] = field(default_factory=list)
    _connection: "psycopg.Connection[Any] | None" = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def start_web(self) -> Process:
        """A web process; returns once it takes messages."""
        web = self.spawn_web()
        is_ready = answers_200(f"http://127.0.0.1:{self.port}/health/ready")
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not is_ready():
            assert web.is_alive, web.last_words()
            assert time.monotonic() < deadline, f"not ready in time:\n{web.last_words()}"
            time.sleep(0.02)
        return web

    def spawn_web(self) -> Process:
        """A web process; returns at once."""
        return self._spawn("web")

    def start_worker(self) -> Process:
        """A worker process; returns at once."""
        return self._spawn("worker")

    def _spawn(self, name: str) -> Process:
        process = spawn(name, [sys.executable, "-m", "gatepost", name], self.folder, self.env)
        self.processes.append(process)
        return process

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """A request to the API: the status and the document. Raises OSError or HTTPException while web is down."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            content = json.dumps(body).encode() if body is not None else None
            fixed = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
            connection.request(method, path, content, fixed | headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        finally:
            connection.close()

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Thread-safe. Raises OperationalError while the database is away."""
        with self._lock:
            # One connection is kept: signing in takes longer than a query.
            if self._connection is None or self._connection.closed:
                self._connection = psycopg.connect(self.dsn, autocommit=True, connect_timeout=5)
            cursor = self._connection.execute(statement.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def end(self) -> None:
        for process in self.processes:
            process.kill()
        if self._connection is not None:
            self._connection.close()


@contextmanager
def installation(
    folder: Path,
    egress: Sequence[str] = (),
    *,
    database: AbstractContextManager[str] | None = None,
    entrance: str = "",
    **settings: str,
) -> Iterator[Installation]:
    """An installation without any process yet; `egress`: the host:port that gateways may call. Django, which must be
    allowed to reach the database, works on the same one inside the block.

    `database`: gives the URL of a migrated one that Django is connected to, instead of one of the session's server.
    `entrance`: the URL by which the processes reach it, if that is another.
    """
    port = quiet_port()
    with database or own_database() as dsn:
        workspace = services.create_workspace("Loopback", default_country="PL", actor="test")
        _, token = services.create_api_key(workspace, "test", list(Scope), actor="test")
        env = os.environ | {
            "GATEPOST_DATABASE_URL": entrance or dsn,
            "GATEPOST_DATA_DIR": str(folder),
            "GATEPOST_PORT": str(port),
            "GATEPOST_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "GATEPOST_EGRESS_ALLOW": ",".join(egress),
            **settings,
        }
        # Processes then see at a glance that the schema is theirs.
        schema.stamp(dsn, folder)
        running = Installation(folder, dsn, port, workspace, token, env)
        try:
            yield running
        finally:
            running.end()
