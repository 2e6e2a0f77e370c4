"""A real PostgreSQL for the tests: one throw-away cluster per pytest session, shared by xdist's workers.

A pytest plugin (`pytest_plugins = ["tests.support.database"]` in the top conftest) with three functions:

    template = template_database("migrated", build)   # build(dsn) runs once per session
    dsn = clone_database(template)                     # some 40 ms
    drop_database(dsn)

The server starts with the first call, so that a run of unit tests never pays for it, and is gone when pytest ends.
"""

import contextlib
import fcntl
import os
import re
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from tests.support.scratch import scratch_parent

_FOLDER_VARIABLE = "TEST_DATABASE_FOLDER"
_START_TIMEOUT_S = 180.0
_STOP_TIMEOUT_S = 60.0
_POLL_S = 0.02
_KEY = pytest.StashKey[tuple[Path, str | None]]()


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        return
    # Only named here: a session that needs no database, or is killed before it does, leaves nothing.
    folder = scratch_parent() / f"gatepost-test-{os.getpid()}-{secrets.token_hex(8)}"
    config.stash[_KEY] = (folder, os.environ.get(_FOLDER_VARIABLE))
    os.environ[_FOLDER_VARIABLE] = str(folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    if _KEY not in config.stash:
        return
    folder, outer = config.stash[_KEY]
    if outer is None:
        os.environ.pop(_FOLDER_VARIABLE, None)
    else:
        os.environ[_FOLDER_VARIABLE] = outer
    if folder.exists():
        with _locked(folder / "start.lock"):
            _stop_keeper(folder)
            shutil.rmtree(folder)


def server_dsn() -> str:
    """The URL of the session's server (database `gatepost`, a role that may create databases); starts it if need be."""
    folder = _folder()
    dsn_file = folder / "dsn"
    with _locked(folder / "start.lock"):
        if not dsn_file.exists():
            _start_keeper(folder)
    return dsn_file.read_text("utf-8")


def template_database(name: str, build: Callable[[str], None]) -> str:
    """The name of a database that `build(dsn)` fills once per session, whoever asks first; it leaves no connection."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", name):
        raise ValueError(f"not a name for a template: {name}")
    database = f"template_{name}"
    with _locked(_folder() / f"{database}.lock"):
        done = _folder() / f"{database}.done"
        if not done.exists():
            dsn = _create(database)
            try:
                build(dsn)
            except BaseException:
                drop_database(dsn)
                raise
            done.touch()
    return database


def clone_database(template: str = "template1") -> str:
    """The URL of a new database that is a copy of `template`."""
    return _create(f"test_{secrets.token_hex(6)}", template)


def drop_database(dsn: str) -> None:
    """Drop it, ending what is still connected."""
    statement = sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(urlsplit(dsn).path.lstrip("/")))
    with psycopg.connect(server_dsn(), autocommit=True) as connection:
        try:
            connection.execute(statement + sql.SQL(" WITH (FORCE)"))
        except psycopg.errors.InsufficientPrivilege:
            # Autovacuum is at work there: a superuser's process, which only the plain statement may end.
            connection.execute(statement)


def _create(name: str, template: str = "template1") -> str:
    server = server_dsn()
    # Copying files beats copying through the log twice over: without fsync its checkpoints cost nothing.
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
    return urlsplit(server)._replace(path=f"/{name}").geturl()


def _folder() -> Path:
    try:
        folder = Path(os.environ[_FOLDER_VARIABLE])
    except KeyError:
        raise RuntimeError("the plugin tests.support.database is not loaded") from None
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        # As root the server runs as another user, who must pass through to its cluster.
        folder.chmod(0o711)
    return folder


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _start_keeper(folder: Path) -> None:
    log = folder / "keeper.log"
    keeper = Path(__file__).with_name("postgres_keeper.py")
    # Not subprocess: the keeper outlives the worker that happened to need it first.
    pid = os.posix_spawn(
        sys.executable,
        [sys.executable, str(keeper), str(folder), str(_owner_pid(folder))],
        os.environ,
        setsid=True,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
    )
    (folder / "keeper.pid").write_text(str(pid))
    deadline = time.monotonic() + _START_TIMEOUT_S
    while not (folder / "dsn").exists():
        if not _is_alive(pid) or time.monotonic() > deadline:
            raise RuntimeError(f"the test database did not start:\n{log.read_text('utf-8')}")
        time.sleep(_POLL_S)


def _owner_pid(folder: Path) -> int:
    return int(folder.name.split("-")[2])


def _stop_keeper(folder: Path) -> None:
    try:
        pid = int((folder / "keeper.pid").read_text())
    except FileNotFoundError:
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_TIMEOUT_S
    while _is_alive(pid):
        if time.monotonic() > deadline:
            raise RuntimeError(f"the test database (process {pid}) does not stop")
        time.sleep(_POLL_S)


def _is_alive(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
