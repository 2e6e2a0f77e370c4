"""A real PostgreSQL 18 of our own, out of a pip wheel, for one machine.

    postgres = EmbeddedPostgres(Path("var"))
    postgres.start()
    connect(postgres.dsn)
    postgres.stop()

Everything it keeps is in the data folder: `postgres/` the cluster, `socket/`, `logs/postgres.log`, `keys/`.
Started as root it runs as the system user gatepost-pg; what that user cannot reach lives under /var/lib/gatepost, and
`notices` says so. No permission outside those folders is changed. A start finds a crashed server's leftovers and clears
them; a server that outlived its supervisor is taken over.
"""

import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal
from urllib.parse import quote

import psycopg
from psycopg import sql

from gatepost.processes.account import server_account
from gatepost.processes.cluster import ADMIN, SOCKET_PORT, Cluster, find_cluster, record_place, recorded_socket
from gatepost.processes.datadir import DataDir, FileLock
from gatepost.processes.errors import ProcessError
from gatepost.processes.private_files import last_lines
from gatepost.processes.server_files import ServerFiles, usable_server_files
from gatepost.processes.server_processes import PostmasterFile, ServerProcesses, Sleep, send_signal, wait_until
from gatepost.processes.spawn import die_with_parent

ROLE = "gatepost"
"""The role and the database Gatepost works with."""

StopMode = Literal["smart", "fast", "immediate"]

_STOP_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
_READY_TIMEOUT_S = 300.0
"""Long, because after a crash the server first replays its log."""
_CONNECT_TIMEOUT_S = 10
_LAST_RESORT_S = 10.0
_LOG_LIMIT_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Prepared:
    data: DataDir
    cluster: Cluster
    files: ServerFiles
    processes: ServerProcesses


class EmbeddedPostgres:
    """One cluster and its server. Not for use by several threads at once.

    `port`: also listen on 127.0.0.1 (with password); None, the default, is the private socket only.
    `unsafe_fast`: no fsync: for the throw-away cluster of a test-suite, never for data.
    `outlive_parent`: keep running when this process is killed; otherwise (Linux) the server then shuts down in order by
    itself, which it also does when the thread that called `start` ends.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        unsafe_fast: bool = False,
        outlive_parent: bool = False,
        on_step: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.data_dir = data_dir
        self.notices: list[str] = []
        self._port = port
        self._unsafe_fast = unsafe_fast
        self._outlive_parent = outlive_parent
        self._on_step = on_step
        self._prepared: _Prepared | None = None
        self._child: subprocess.Popen[str] | None = None
        self._pid: int | None = None
        self._locks = ExitStack()

    def __repr__(self) -> str:
        return f"EmbeddedPostgres({str(self.data_dir)!r}, pid={self._pid})"

    def __enter__(self) -> "EmbeddedPostgres":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def dsn(self) -> str:
        """The URL of Gatepost's database, password included: not for logs or command lines."""
        ready = self._ready()
        return _url(ready.data, ready.cluster.sockets, self._port or SOCKET_PORT)

    @property
    def log_file(self) -> Path:
        return self._ready().data.logs / "postgres.log"

    @property
    def pid(self) -> int | None:
        """The process id of the server, None when it does not run."""
        return self._pid if self.is_alive() else None

    def is_alive(self) -> bool:
        if self._pid is None or self._prepared is None:
            return False
        if self._child is not None:
            return self._child.poll() is None
        return self._prepared.processes.postmaster() == self._pid

    def start(self, sleep: Sleep = time.sleep) -> None:
        """Make the cluster if there is none, start or take over its server, wait until it answers.

        `sleep` is called while waiting, so that a supervisor can look after its other children. Raises ProcessError;
        then nothing is left running.
        """
        if self.is_alive():
            return
        try:
            if self._prepared is None:
                self._prepared = self._prepare()
            self._launch_or_adopt(sleep)
        except BaseException:
            self.stop("immediate")
            raise

    def restart_after_crash(self, sleep: Sleep = time.sleep) -> bool:
        """Start the server again if it died; whether it had. PostgreSQL itself restarts after a crashed backend."""
        if self.is_alive():
            return False
        self._child = self._pid = None
        self.start(sleep)
        return True

    def stop(
        self,
        mode: StopMode = "fast",
        *,
        timeout_s: float = 30.0,
        sleep: Sleep = time.sleep,
        is_urgent: Callable[[], bool] = lambda: False,
    ) -> None:
        """Stop the server and give the cluster free. Stopping twice is fine.

        `fast` ends sessions and writes a checkpoint; `smart` waits for sessions; `immediate` leaves the log to replay.
        After `timeout_s`, or as soon as `is_urgent()`, it becomes immediate, and at last a kill; no commit is lost.
        """
        try:
            if self._pid is not None and self.is_alive():
                self._signal_and_wait(_STOP_SIGNALS[mode], timeout_s, sleep, is_urgent)
        finally:
            if self._prepared is not None and self._prepared.cluster.sockets.parent != self._prepared.cluster.home:
                with suppress(OSError):
                    self._prepared.cluster.sockets.rmdir()
            self._child = self._pid = self._prepared = None
            self._locks.close()

    def rotate_log(self) -> None:
        """Keep one older log when the current one has passed 10 MiB. The server goes on writing to the same file."""
        log = self.log_file
        if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
            older = log.with_suffix(".log.1")
            older.unlink(missing_ok=True)
            older.touch(mode=0o600)
            shutil.copyfile(log, older)
            with log.open("r+b") as file:
                file.truncate()

    def _prepare(self) -> _Prepared:
        """Everything that is needed once: account, programs, folders, locks, the cluster itself."""
        account = server_account()
        data = DataDir.create(self.data_dir)
        what = f"the database in {data.path}"
        self._locks.enter_context(FileLock.claim(data.path / "postgres.lock", what))
        cluster, notices = find_cluster(data, account)
        if cluster.home != data.path:
            # A copied data folder names the same cluster.
            self._locks.enter_context(FileLock.claim(cluster.home / "postgres.lock", what))
        files, notice = usable_server_files(cluster.account)
        if not cluster.account.is_self:
            notices.insert(0, f"Started as root: PostgreSQL runs as the system user {cluster.account.name}.")
        self.notices = [*notices, *([notice] if notice else [])]
        for line in self.notices:
            self._on_step(line)
        record_place(data, cluster, self._port)
        if cluster.exists:
            cluster.check_version()
        else:
            self._on_step("Creating the database cluster")
            cluster.create(files, data.password("postgres-admin-password"), unsafe_fast=self._unsafe_fast)
        cluster.ensure_id()
        if not cluster.account.can_enter(cluster.path):
            raise ProcessError(
                "cluster_unreachable",
                f"The user {cluster.account.name}, who runs PostgreSQL, cannot reach {cluster.path}.",
                "Let that user pass through the folders above it (chmod o+x), as at the first start.",
            )
        return _Prepared(data, cluster, files, ServerProcesses(cluster.path, cluster.tag, cluster.account.uid))

    def _launch_or_adopt(self, sleep: Sleep) -> None:
        ready = self._ready()
        is_changed = ready.cluster.configure(port=self._port, unsafe_fast=self._unsafe_fast)
        living = ready.processes.postmaster()
        if living is not None and not is_changed and self._can_adopt(living):
            self._on_step("Taking over the PostgreSQL that is already running")
            return
        if living is not None:
            self._on_step("Stopping the PostgreSQL that an earlier start left behind")
            self._pid, self._child = living, None
            self._signal_and_wait(signal.SIGINT, 60.0, sleep, lambda: False)
        ready.processes.clear_leftovers(ready.cluster.sockets, sleep)
        self._on_step("Starting PostgreSQL")
        self.rotate_log()
        self._launch()
        self._await_ready(sleep)
        self._prepare_role()

    def _can_adopt(self, living: int) -> bool:
        """Take a living server over if it is ready, runs the same program and takes our password."""
        ready = self._ready()
        file = PostmasterFile.read(ready.cluster.path)
        if file is None or file.status == "stopping":
            return False
        try:
            with self._connect_as_admin() as connection:
                row = connection.execute("SELECT pg_read_file('postmaster.opts')").fetchone()
            if row is None or not str(row[0]).startswith(f"{ready.files.postgres} "):
                return False
            self._pid, self._child = living, None
            self._prepare_role()
        except psycopg.Error:
            return False
        return True

    def _launch(self) -> None:
        cluster, log = self._ready().cluster, self.log_file
        argv: list[str | Path] = [self._ready().files.postgres, "-D", cluster.path]
        argv += ["-c", f"config_file={cluster.config_file}", "-c", f"cluster_name={cluster.tag}"]
        with log.open("ab") as output:
            log.chmod(0o600)
            self._child = cluster.account.popen(
                argv,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=None if self._outlive_parent else die_with_parent(signal.SIGINT),
            )
        self._pid = self._child.pid

    def _await_ready(self, sleep: Sleep) -> None:
        cluster = self._ready().cluster
        began, last_said = time.monotonic(), 0

        def is_settled() -> bool:
            nonlocal last_said
            waited_s = int(time.monotonic() - began)
            if waited_s >= last_said + 5:
                last_said = waited_s
                self._on_step(f"PostgreSQL is still starting after {waited_s} s (replaying its log)")
            file = PostmasterFile.read(cluster.path)
            return not self.is_alive() or (file is not None and file.pid == self._pid and file.status == "ready")

        if wait_until(is_settled, _READY_TIMEOUT_S, sleep) and self.is_alive():
            return
        raise self._failure("postgres_did_not_start", "PostgreSQL did not start.")

    def _prepare_role(self) -> None:
        """The role and database that Gatepost uses; the password is set anew, so that a lost file heals itself."""
        role, password = sql.Identifier(ROLE), self._ready().data.password("postgres-password")
        try:
            with self._connect_as_admin() as connection:
                # Only the verifier travels: a password in a statement could reach a log.
                verifier = connection.pgconn.encrypt_password(password.encode(), ROLE.encode(), b"scram-sha-256")
                known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone()
                verb = sql.SQL("ALTER" if known else "CREATE")
                connection.execute(
                    sql.SQL("{} ROLE {} LOGIN CREATEDB PASSWORD {}").format(verb, role, sql.Literal(verifier.decode()))
                )
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [ROLE]).fetchone():
                    connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))
        except psycopg.Error as error:
            raise self._failure("postgres_refuses", f"PostgreSQL does not let us in: {str(error).strip()}") from None

    def _connect_as_admin(self) -> "psycopg.Connection[tuple[Any, ...]]":
        ready = self._ready()
        return psycopg.connect(
            host=str(ready.cluster.sockets),
            port=self._port or SOCKET_PORT,
            user=ADMIN,
            dbname="postgres",
            password=ready.data.password("postgres-admin-password"),
            connect_timeout=_CONNECT_TIMEOUT_S,
            autocommit=True,
        )

    def _signal_and_wait(
        self, number: signal.Signals, timeout_s: float, sleep: Sleep, is_urgent: Callable[[], bool]
    ) -> None:
        assert self._pid is not None
        send_signal(self._pid, number)
        wait_until(lambda: not self.is_alive() or is_urgent(), timeout_s, sleep)
        for harder in (signal.SIGQUIT, signal.SIGKILL):
            if self.is_alive():
                send_signal(self._pid, harder)
                wait_until(lambda: not self.is_alive(), _LAST_RESORT_S, sleep)
        if self.is_alive():
            raise self._failure("postgres_does_not_stop", f"PostgreSQL (process {self._pid}) does not end.")

    def _ready(self) -> _Prepared:
        if self._prepared is None:
            raise ProcessError("not_started", f"The database in {self.data_dir} is not started.", "Start it first.")
        return self._prepared

    def _failure(self, code: str, sentence: str) -> ProcessError:
        log = self.log_file
        return ProcessError(code, sentence, f"The last lines of {log} say why:", last_lines(log))


def running_dsn(data_dir: Path) -> str | None:
    """The URL of the database that another process keeps running in `data_dir`, None when there is none.

    Raises ProcessError when this user may not read its password.
    """
    data = DataDir(data_dir.expanduser().resolve())
    found = recorded_socket(data)
    if found is None or not (found[0] / f".s.PGSQL.{found[1]}").exists():
        return None
    return _url(data, *found)


def _url(data: DataDir, sockets: Path, port: int) -> str:
    password = quote(data.password("postgres-password"), safe="")
    return f"postgresql://{ROLE}:{password}@/{ROLE}?host={quote(str(sockets), safe='')}&port={port}"
