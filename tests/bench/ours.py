"""Gatepost as it is installed: `gatepost up` on a data folder of its own, with the embedded PostgreSQL and fsync.

Everything is on: an API key per request, validation, a suppression list, routing by the workspace's default gateway,
pacing (at a rate that nobody reaches), states and receipts.
"""

import http.client
import importlib.metadata
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
from tests.bench.processes import Started, command, cpu_seconds, descendants, memory_bytes
from tests.bench.seeding import seed
from tests.bench.sides import PREFIX, SENDER, TEXT, Setup, World, in_groups, number_of, request
from tests.bench.tools import BenchError, wait_until
from tests.support.ports import quiet_port

from gatepost.processes.postgres import running_dsn

FIRST_START_S = 180.0
START_S = 60.0
STOP_S = 60.0
LEASE_S = 60.0
WORKSPACE = "Bench"
PER_REQUEST = 1000
AT_ONCE = 32
AT_ONCE_SLOW = 2000
AT_ONCE_BATCHES = 8
RATE = 100_000
SUPPRESSED = 10_000
BATCH_SIZE = 1000
HOT_TABLES = (
    *("message", "message_part", "message_event", "orphan_receipt", "outbox", "submission", "exchange", "status_query"),
    "idempotency_key",
)
# By what stands in the command line, the first that fits.
ROLES = {
    "gatepost.intake.serving": "web",
    "gatepost worker": "worker",
    "gatepost.jobs": "jobs",
    "postgres": "PostgreSQL",
}

ONE_BY_ONE: dict[str, Any] = {
    "method": "GET",
    "body_format": "none",
    "query": ["to={{to}}", "from={{sender?}}", "text={{text}}"],
    "rules": ["body regex ^OK -> success"],
    "id_from": r"regex:^OK (\d+)",
    "dlr_enabled": True,
    "dlr_parse": "form",
    "dlr_id": "id",
    "dlr_status": "status",
}


class RunningOurs:
    """A started installation; see sides.Running. `start_s`: from the command to the first 200."""

    expect = 202
    receipt_expect = 200

    def __init__(self, world: World, up: Started, port: int, dsn: str, token: str, start_s: float) -> None:
        self._world = world
        self._up = up
        self.token = token
        self._after = 0
        self._gateways: list[int] = []
        self._others: list[int] = []
        self.port = port
        self.receipt_port = port
        self.dsn = dsn
        self.start_s = start_s
        self.receipt_path = ""

    def single(self, n: int, *, is_code: bool = False) -> bytes:
        return self._post(self._wish(n) | ({"priority": "code"} if is_code else {}))

    def bulk(self, ids: Sequence[int]) -> list[bytes]:
        return [
            self._post({"messages": [self._wish(n) | {"priority": "bulk"} for n in group]})
            for group in in_groups(ids, PER_REQUEST)
        ]

    def mark(self) -> None:
        """What was stored up to here does not count."""
        self._after = self.rows("select coalesce(max(id), 0) from message")[0][0]

    def wait_recorded(self, ids: Collection[int], timeout_s: float) -> int:
        deadline = time.monotonic() + timeout_s
        self._world.provider.wait_for(ids, timeout_s)
        with psycopg.connect(self.dsn, autocommit=True) as connection:

            def is_recorded() -> bool:
                found = connection.execute(
                    "select count(*) from message where id > %s and state = 'submitted'", [self._after]
                ).fetchone()
                return found is not None and found[0] >= len(ids)

            try:
                wait_until(is_recorded, max(deadline - time.monotonic(), 5.0), "all states recorded", poll_s=0.01)
            except BenchError as error:
                raise BenchError(f"{error}: {self.states()}, {self.causes()}") from None
        return time.monotonic_ns()

    def receipt(self, n: int) -> bytes:
        return request("GET", f"{self.receipt_path}?id={n:07d}&status=delivered")

    def wait_reported(self, ids: Collection[int], timeout_s: float) -> int:
        def is_reported() -> bool:
            return self.states().get("delivered", 0) >= len(ids)

        try:
            wait_until(is_reported, timeout_s, "all receipts recorded")
        except BenchError as error:
            raise BenchError(f"{error}: {self.states()}") from None
        return time.monotonic_ns()

    def states(self) -> dict[str, int]:
        """How many messages there are in each state."""
        return dict(self.rows("select state, count(*) from message where id > %s group by 1", self._after))

    def causes(self) -> dict[str, int]:
        """Why submissions did not end as they should, with how many."""
        return dict(self.rows("select cause, count(*) from submission where cause is not null group by 1"))

    def memory_bytes(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for pid, role in self._processes().items():
            found[role] = found.get(role, 0) + memory_bytes(pid)
        return {role: size for role, size in found.items() if role != "PostgreSQL"}

    def cpu_seconds(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for pid, role in self._processes().items():
            found[role] = found.get(role, 0.0) + cpu_seconds(pid)
        return found

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn, autocommit=True, connect_timeout=10) as connection:
            cursor = connection.execute(statement.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """A request to the API. Raises BenchError when it is refused."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status >= 300:
            raise BenchError(f"{method} {path}: {answer.status} {text[:500]!r}")
        return json.loads(text) if text else None

    def spread_over(self, gateways: list[int]) -> None:
        """Name these gateways in turn, message by message; none: leave it to the routing."""
        self._gateways = gateways

    def _wish(self, n: int) -> dict[str, str | int]:
        wish: dict[str, str | int] = {"to": number_of(n), "text": TEXT.format(n=n)}
        if self._gateways:
            wish["gateway"] = self._gateways[n % len(self._gateways)]
        return wish

    def _post(self, document: Mapping[str, Any]) -> bytes:
        headers = [("Authorization", f"Bearer {self.token}"), ("Content-Type", "application/json")]
        return request("POST", "/api/v1/messages", headers, json.dumps(document).encode())

    def watch(self, pid: int) -> None:
        """A process of ours that the supervisor did not start."""
        self._others.append(pid)

    def _processes(self) -> dict[int, str]:
        found = {}
        for pid in (*descendants(self._up.pid), *self._others):
            words = command(pid)
            role = next((role for sign, role in ROLES.items() if sign in words), "")
            if role:
                found[pid] = role
        return found


class Ours:
    """See sides.Side. One data folder serves the whole run; its messages go away before each measurement, unless it was
    `seeded` with so many, which stay. `more`: variables of its processes."""

    def __init__(
        self, world: World, name: str = "Gatepost", *, seeded: int = 0, more: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self._world = world
        self._seeded = seeded
        self._more = dict(more or {})
        self._data = world.folder / name.lower().replace(", ", "-")
        self._port = quiet_port()
        self._token = ""
        self._gateways: dict[bool, list[int]] = {False: [], True: []}

    def version(self) -> str:
        return f"Gatepost {importlib.metadata.version('gatepost')}"

    @contextmanager
    def running(self, setup: Setup, *, keeps_data: bool = False) -> Iterator[RunningOurs]:
        with self.started() as live, ExitStack() as others:
            gateways = self._arrange(live, setup)
            if not keeps_data and not self._seeded:
                tables = [row[0] for row in live.rows("select relname from pg_class where relkind in ('r', 'p')")]
                live.rows(f"truncate {', '.join(name for name in HOT_TABLES if name in tables)}")
            for number in range(1, setup.workers):
                worker = self._spawn(f"worker-{number}", "worker")
                others.callback(worker.stop, STOP_S)
                live.watch(worker.pid)
            driven = "select count(distinct worker_id) from gateway_lease where gateway_id = any(%s)"
            wait_until(
                lambda: live.rows(driven, gateways)[0][0] >= setup.workers,
                LEASE_S,
                f"{setup.workers} workers to drive {len(gateways)} gateways",
            )
            live.mark()
            try:
                yield live
            except BaseException:
                # What was not sent in time must not be sent in the next measurement.
                live.rows("truncate outbox")
                raise

    @contextmanager
    def started(self) -> Iterator[RunningOurs]:
        """`gatepost up`, as it was left by the last start."""
        if not self._token:
            self.prepare()
        with self._up(START_S) as (up, start_s):
            yield RunningOurs(self._world, up, self._port, self._dsn(), self._token, start_s)

    def command(self, *words: str) -> str:
        """What a command of the operator prints. Raises BenchError where it fails."""
        argv = [sys.executable, "-m", "gatepost", *words]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, env=self._environment(), check=False)
        if done.returncode != 0:
            raise BenchError(f"gatepost {words[0]}: {(done.stderr or done.stdout).strip()[-500:]}")
        return done.stdout

    @contextmanager
    def _up(self, timeout_s: float) -> Iterator[tuple[Started, float]]:
        began = time.monotonic()
        up = self._spawn("up", "up", "--port", str(self._port))
        try:

            def is_ready() -> bool:
                if not up.is_alive:
                    raise BenchError(f"gatepost up ended:\n{up.last_words()}")
                return self._is_ready()

            wait_until(is_ready, timeout_s, "gatepost up", poll_s=0.005)
            yield up, time.monotonic() - began
        finally:
            up.stop(STOP_S)

    def _spawn(self, name: str, *words: str) -> Started:
        argv = [sys.executable, "-m", "gatepost", *words]
        return Started.spawn(name, argv, self._world.folder, self._environment(), when_we_die=signal.SIGTERM)

    def prepare(self) -> None:
        """The first start: a workspace, a key, a gateway, and numbers that must not be sent to."""
        with self._up(FIRST_START_S) as (up, start_s):
            self.command("workspaces", "create", WORKSPACE, "--country", "PL")
            token = json.loads(self.command("keys", "create", "bench", "--json"))["token"]
            live = RunningOurs(self._world, up, self._port, self._dsn(), token, start_s)
            self._need_gateways(live, False, 1)
            live.rows(
                f"insert into suppression (digits, reason, source) select '{PREFIX}' || (9000000 + n), '', 'manual' "
                f"from generate_series(1, {SUPPRESSED}) n"
            )
            if self._seeded:
                workspace = live.rows("select id from workspace")[0][0]
                seed(live.dsn, self._seeded, workspace, self._gateways[False][0])
            self._token = token

    def _need_gateways(self, live: RunningOurs, is_batching: bool, count: int) -> list[int]:
        """So many gateways of a kind, made where they are missing."""
        known = self._gateways[is_batching]
        provider = f"http://127.0.0.1:{self._world.provider.port}"
        while len(known) < count:
            slug = "bulksms" if is_batching else "generic_http"
            settings = (
                {"base_url": provider, "login": "bench", "password": "bench-secret", "batch_size": BATCH_SIZE}
                if is_batching
                else ONE_BY_ONE | {"url": f"{provider}/one"}
            )
            new = {
                "name": f"{slug} {len(known) + 1}",
                "provider": slug,
                "settings": settings,
                "sender": SENDER,
                "requests_per_second": RATE,
            }
            known.append(live.call("POST", "/api/v1/gateways", new)["id"])
        return known[:count]

    def _arrange(self, live: RunningOurs, setup: Setup) -> list[int]:
        gateways = self._need_gateways(live, setup.is_batching, setup.gateways)
        for gateway in gateways:
            shown = live.call("PATCH", f"/api/v1/gateways/{gateway}", {"parallel": _at_once(setup)})
            live.receipt_path = "/" + shown["callback_urls"]["receipt"].split("/", 3)[3]
        live.call("PATCH", "/api/v1/workspace", {"default_gateway": gateways[0]})
        live.spread_over(gateways if len(gateways) > 1 else [])
        return gateways

    def _dsn(self) -> str:
        dsn = running_dsn(self._data)
        if not dsn:
            raise BenchError("the embedded database does not run")
        return dsn

    def _environment(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GATEPOST_")}
        allowed = f"127.0.0.1:{self._world.provider.port}"
        return clean | {"GATEPOST_EGRESS_ALLOW": allowed, "GATEPOST_DATA_DIR": str(self._data)} | self._more

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=2)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def _at_once(setup: Setup) -> int:
    """How many requests a gateway may have open."""
    if setup.is_batching:
        return AT_ONCE_BATCHES
    return AT_ONCE_SLOW if setup.is_slow else AT_ONCE
