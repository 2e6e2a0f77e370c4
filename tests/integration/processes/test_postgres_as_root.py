"""Started as root: another user runs the server, and nothing outside Gatepost's own folders changes."""

import os
import pwd
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.support.ports import quiet_port
from tests.support.processes import NOBODY, Embedded, as_other_user, ask
from tests.support.scratch import scratch_folder

from gatepost.processes import server_files
from gatepost.processes.account import ACCOUNT_NAME, server_account
from gatepost.processes.datadir import DataDir
from gatepost.processes.errors import ProcessError
from gatepost.processes.postgres import EmbeddedPostgres
from gatepost.processes.server_files import ServerFiles, installed_server_files

pytestmark = pytest.mark.usefixtures("as_root")

Access = dict[str, tuple[int, int, int]]


@pytest.fixture
def closed() -> Iterator[Path]:
    """A folder only root can enter, as /root is, in a place of its own."""
    path = scratch_folder("gp-closed-")
    (path / "home").mkdir(mode=0o700)
    yield path / "home"
    shutil.rmtree(path)


def access_of(*places: Path) -> Access:
    """Mode and owner of the places, their parents, and all that is below the last one."""
    paths = {parent for place in places for parent in (place, *place.parents)} | set(places[-1].rglob("*"))
    found = {path: path.lstat() for path in paths}
    return {str(path): (stat.S_IMODE(entry.st_mode), entry.st_uid, entry.st_gid) for path, entry in found.items()}


def owner_of(pid: int | None) -> str:
    return pwd.getpwuid(Path(f"/proc/{pid}").stat().st_uid).pw_name


def test_under_a_closed_folder_the_cluster_lives_elsewhere_and_nothing_is_opened(
    embedded: Embedded, closed: Path, shared_root: Path
) -> None:
    package = installed_server_files().bin.parent.parent
    before = access_of(closed, package.parent / f"{package.name}.libs", package)
    postgres = embedded(closed / "data")
    postgres.start()
    ask(postgres.dsn, "CREATE TABLE kept AS SELECT 1 AS n")
    assert owner_of(postgres.pid) == ACCOUNT_NAME
    (home,) = shared_root.iterdir()
    assert (home / "postgres" / "PG_VERSION").exists()
    assert not (closed / "data" / "postgres").exists()
    assert postgres.notices == [
        f"Started as root: PostgreSQL runs as the system user {ACCOUNT_NAME}.",
        f"The data folder {closed / 'data'} is out of reach of the user {ACCOUNT_NAME}: the database is in {home}.",
    ]
    postgres.stop()
    postgres.start()
    assert ask(postgres.dsn, "SELECT n FROM kept") == [(1,)]
    postgres.stop()
    assert access_of(closed, package.parent / f"{package.name}.libs", package) == before


def test_a_data_folder_that_is_already_there_keeps_its_mode(
    embedded: Embedded, folder: Path, shared_root: Path
) -> None:
    (folder / "data").mkdir(mode=0o700)
    before = access_of(folder / "data")
    postgres = embedded(is_new=True)
    postgres.start()
    postgres.stop()
    after = access_of(folder / "data")
    assert {path: after[path] for path in before} == before
    assert [path.name for path in shared_root.iterdir()]


def test_a_new_data_folder_lets_only_the_servers_group_pass(embedded: Embedded, folder: Path) -> None:
    postgres = embedded(is_new=True)
    postgres.start()
    top = (folder / "data").stat()
    assert (stat.S_IMODE(top.st_mode), top.st_uid, top.st_gid) == (0o710, 0, server_account().gid)
    assert owner_of(postgres.pid) == ACCOUNT_NAME
    assert (folder / "data" / "postgres" / "PG_VERSION").exists()


def test_a_second_user_gets_nowhere(embedded: Embedded, folder: Path) -> None:
    port = quiet_port()
    postgres = embedded(port=port)
    postgres.start()
    data, dsn = folder / "data", postgres.dsn
    assert stat.S_IMODE((data / "socket" / f".s.PGSQL.{port}").stat().st_mode) == 0o700
    assert as_other_user(os.getuid) == f"ok: {NOBODY}"
    for path in ("socket", "postgres/PG_VERSION", "keys/postgres-password", "logs/postgres.log"):
        assert as_other_user((data / path).stat).startswith("PermissionError")
    assert "Permission denied" in as_other_user(lambda: ask(dsn, "SELECT 1"))
    tcp = f"host=127.0.0.1 port={port} dbname=gatepost connect_timeout=5 user="
    for user in ("gatepost", "postgres", "nobody"):
        assert "no password supplied" in as_other_user(lambda user=user: psycopg.connect(tcp + user))  # type: ignore[misc]
        assert "authentication failed" in as_other_user(
            lambda user=user: psycopg.connect(f"{tcp}{user} password=guess")  # type: ignore[misc]
        )


def test_even_with_every_folder_open_the_password_stands(embedded: Embedded, folder: Path) -> None:
    postgres = embedded()
    postgres.start()
    sockets = folder / "data" / "socket"
    for path in (folder / "data", sockets, *sockets.glob(".s.PGSQL.5432")):
        path.chmod(0o777)
    bare = f"host={sockets} dbname=gatepost connect_timeout=5 user="
    for user in ("gatepost", "postgres", "nobody", ACCOUNT_NAME):
        assert "no password supplied" in as_other_user(lambda user=user: psycopg.connect(bare + user))  # type: ignore[misc]
    # The same from the server's own account: no peer or trust rule either.
    assert "no password supplied" in as_other_user(lambda: psycopg.connect(f"{bare}postgres"), server_account().uid)
    dsn = postgres.dsn
    assert as_other_user(lambda: ask(dsn, "SELECT 1")) == "ok: [(1,)]"


def test_programs_out_of_reach_are_copied_once_with_their_libraries(
    embedded: Embedded, closed: Path, shared_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = installed_server_files()
    package = real.bin.parent.parent
    for name in (f"{package.name}/pginstall18", f"{package.name}.libs"):
        shutil.copytree(package.parent / name, closed / name, symlinks=True, ignore=shutil.ignore_patterns("include"))
    hidden = ServerFiles(closed / package.name / "pginstall18" / "bin")
    # As installed under umask 077.
    for path in (closed / package.name).rglob("*"):
        path.chmod(stat.S_IMODE(path.stat().st_mode) & 0o700)
    before = access_of(closed)
    monkeypatch.setattr(server_files, "installed_server_files", lambda: hidden)
    postgres = embedded(closed / "data")
    postgres.start()
    (copy,) = shared_root.glob("server-18-*")
    assert f"using a copy in {copy}" in postgres.notices[-1]
    assert str(copy) in Path(f"/proc/{postgres.pid}/exe").readlink().as_posix()
    assert (copy / f"{package.name}.libs").is_dir()
    assert ask(postgres.dsn, "SELECT 1") == [(1,)]
    postgres.stop()
    made_at = copy.stat().st_mtime_ns
    postgres.start()
    assert copy.stat().st_mtime_ns == made_at
    after = access_of(closed)
    assert {path: after[path] for path in before} == before
    loose = {path for path in copy.rglob("*") if path.stat().st_uid != 0 or path.stat().st_mode & 0o022}
    assert not loose
    assert len(list(shared_root.iterdir())) == 2


def test_a_shared_root_that_others_can_change_is_refused(embedded: Embedded, closed: Path, shared_root: Path) -> None:
    shared_root.mkdir()
    shared_root.chmod(0o777)
    with pytest.raises(ProcessError) as refused:
        embedded(closed / "data").start()
    assert refused.value.code == "shared_root_unsafe"


def test_the_database_of_a_removed_data_folder_is_set_aside(
    embedded: Embedded, closed: Path, shared_root: Path
) -> None:
    postgres = embedded(closed / "data")
    postgres.start()
    ask(postgres.dsn, "CREATE TABLE kept AS SELECT 1 AS n")
    postgres.stop()
    shutil.rmtree(closed / "data")
    postgres.start()
    (aside,) = shared_root.glob("*.aside-*")
    assert (aside / "postgres" / "PG_VERSION").exists()
    assert f"set aside in {aside}" in postgres.notices[1]
    assert ask(postgres.dsn, "SELECT to_regclass('kept')") == [(None,)]


def test_two_copies_of_a_data_folder_cannot_run_one_cluster(embedded: Embedded, closed: Path) -> None:
    embedded(closed / "data").start()
    shutil.copytree(closed / "data", closed / "copy")
    with pytest.raises(ProcessError) as refused:
        embedded(closed / "copy").start()
    assert refused.value.code == "in_use"


def test_an_ordinary_user_needs_nothing_special(folder: Path) -> None:
    home = folder / "home"
    home.mkdir(mode=0o700)
    os.chown(home, NOBODY, NOBODY)

    def run() -> str:
        with EmbeddedPostgres(home / "data") as postgres:
            return f"{owner_of(postgres.pid)} {postgres.notices} {ask(postgres.dsn, 'SHOW fsync')}"

    assert as_other_user(run) == "ok: nobody [] [('on',)]"
    assert stat.S_IMODE((home / "data").stat().st_mode) == 0o700


def test_an_ordinary_users_cluster_started_by_root_runs_as_that_user(embedded: Embedded, folder: Path) -> None:
    home = folder / "home"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)

    def run() -> None:
        with EmbeddedPostgres(home / "data") as postgres:
            ask(postgres.dsn, "CREATE TABLE kept AS SELECT 1 AS n")

    assert as_other_user(run) == "ok: None"
    for name in ("data", "data/keys", "data/logs"):
        os.chown(home / name, 0, 0)
        (home / name).chmod(0o755)
    postgres = embedded(home / "data")
    postgres.start()
    assert owner_of(postgres.pid) == "nobody"
    assert ask(postgres.dsn, "SELECT n FROM kept") == [(1,)]


def test_roots_data_folder_is_refused_to_an_ordinary_user(embedded: Embedded, folder: Path) -> None:
    embedded().start()
    answer = as_other_user(EmbeddedPostgres(folder / "data").start)
    assert answer.startswith("ProcessError: The data folder")


def test_without_a_way_to_make_the_user_root_is_refused(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    def unknown(name: str) -> None:
        raise KeyError(name)

    monkeypatch.setattr(pwd, "getpwnam", unknown)
    monkeypatch.setattr(shutil, "which", lambda name, path: None)
    with pytest.raises(ProcessError) as refused:
        DataDir.create(folder / "data")
    assert refused.value.code == "no_server_account"
    assert "GATEPOST_DATABASE_URL" in refused.value.remedy
    with_own_database = DataDir.create(folder / "other", embedded_postgres=False)
    assert stat.S_IMODE(with_own_database.path.stat().st_mode) == 0o700


def test_the_account_is_a_system_user_without_a_shell() -> None:
    found = server_account()
    entry = pwd.getpwnam(ACCOUNT_NAME)
    assert (found.uid, found.gid, found.is_self) == (entry.pw_uid, entry.pw_gid, False)
    assert entry.pw_uid not in {0, NOBODY}
    assert entry.pw_shell.endswith("nologin")
