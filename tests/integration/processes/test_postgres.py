import os
import re
import socket
import stat
import subprocess
from pathlib import Path

import psycopg
import pytest
from tests.support.ports import quiet_port
from tests.support.processes import Embedded, ask

from gatepost.processes.account import Account, server_account
from gatepost.processes.errors import ProcessError
from gatepost.processes.postgres import EmbeddedPostgres, running_dsn
from gatepost.processes.server_files import installed_server_files, programs_of_major


def test_a_cluster_is_durable_private_and_of_the_declared_kind(embedded: Embedded) -> None:
    postgres = embedded(is_new=True)
    postgres.start()
    names = ("fsync", "full_page_writes", "synchronous_commit", "data_checksums", "listen_addresses", "jit")
    values = [ask(postgres.dsn, f"SHOW {name}")[0][0] for name in names]
    assert values == ["on", "on", "on", "on", "", "off"]
    assert str(ask(postgres.dsn, "SHOW server_version")[0][0]).startswith("18.")
    kind = "SELECT datlocprovider, datlocale, pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'gatepost'"
    assert ask(postgres.dsn, kind) == [("b", "C.UTF-8", "UTF8")]
    role = "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user"
    assert ask(postgres.dsn, role) == [(False, True, False)]
    data = postgres.data_dir
    for path in (data / "socket", data / "postgres", data / "keys", data / "logs"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    for path in (*(data / "keys").iterdir(), *(data / "logs").iterdir(), *data.glob("*.json")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not list(data.glob("postgres.password"))


def test_data_and_passwords_survive_a_stop(embedded: Embedded) -> None:
    postgres = embedded()
    postgres.start()
    before = postgres.dsn
    ask(before, "CREATE TABLE kept AS SELECT 7 AS n")
    postgres.stop()
    postgres.stop()
    assert postgres.pid is None
    postgres.start()
    postgres.start()
    assert postgres.dsn == before
    assert ask(postgres.dsn, "SELECT n FROM kept") == [(7,)]


def test_an_immediate_stop_loses_no_commit(embedded: Embedded) -> None:
    postgres = embedded()
    postgres.start()
    ask(postgres.dsn, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    postgres.stop("immediate")
    postgres.start()
    assert ask(postgres.dsn, "SELECT count(*) FROM kept") == [(1000,)]


def test_an_impatient_stop_does_not_wait_for_sessions(embedded: Embedded) -> None:
    postgres = embedded()
    postgres.start()
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute("SELECT 1")
        postgres.stop("smart", timeout_s=60, is_urgent=lambda: True)
        assert not postgres.is_alive()


def test_passwords_are_in_no_argument_no_error_and_no_repr(embedded: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    original = Account.popen

    def record(self: Account, argv: list[object], **options: object) -> "subprocess.Popen[str]":
        started.extend(str(part) for part in argv)
        return original(self, argv, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Account, "popen", record)
    postgres = embedded(is_new=True)
    postgres.start()
    secrets = [path.read_text() for path in (postgres.data_dir / "keys").iterdir()]
    assert len(secrets) == 2
    log = postgres.log_file.read_text()
    wrong = postgres.dsn.replace("gatepost:", "nobody-known:")
    with pytest.raises(psycopg.OperationalError) as refused:
        psycopg.connect(wrong)
    (postgres.data_dir / "keys" / "postgres-admin-password").write_text("not the password")
    postgres.stop()
    with pytest.raises(ProcessError) as failure:
        postgres.start()
    assert failure.value.code == "postgres_refuses"
    assert not postgres.is_alive()
    assert any("initdb" in part for part in started)
    for text in (*started, log, repr(postgres), str(failure.value), repr(failure.value), str(refused.value)):
        assert not any(secret in text for secret in secrets)


def test_the_log_holds_no_statement_and_no_row(embedded: Embedded) -> None:
    postgres = embedded()
    postgres.start()
    ask(postgres.dsn, "CREATE TABLE unique_text (body text PRIMARY KEY)")
    ask(postgres.dsn, "INSERT INTO unique_text VALUES ('meet me at the harbour')")
    with pytest.raises(psycopg.errors.UniqueViolation):
        ask(postgres.dsn, "INSERT INTO unique_text VALUES ('meet me at the harbour')")
    log = postgres.log_file.read_text()
    assert "duplicate key" in log
    assert "harbour" not in log


def test_a_second_start_names_the_process_that_has_the_folder(embedded: Embedded) -> None:
    embedded().start()
    with pytest.raises(ProcessError) as refused:
        embedded().start()
    assert refused.value.code == "in_use"
    assert f"Process {os.getpid()} " in refused.value.sentence


def test_a_cluster_of_another_major_version_is_refused_with_the_remedy(embedded: Embedded, folder: Path) -> None:
    old = programs_of_major(16)
    assert Path(old).parent.parent == installed_server_files().bin.parent.parent
    account = server_account()
    postgres = embedded()
    postgres.start()
    postgres.stop()
    cluster = postgres.data_dir / "postgres"
    cluster.rename(folder / "cluster-of-18")
    argv: list[str | Path] = [
        f"{old}/initdb",
        "-D",
        folder / "cluster-of-16",
        "--no-sync",
        "--auth=scram-sha-256",
        "--username=postgres",
    ]
    password = folder / "password"
    password.write_text("x")
    password.chmod(0o644)
    (folder / "cluster-of-16").mkdir()
    if account.owner:
        os.chown(folder / "cluster-of-16", *account.owner)
    code, output = account.run([*argv, "--pwfile", password], 60)
    assert code == 0, output
    (folder / "cluster-of-16").rename(cluster)
    before = sorted((str(path), path.stat().st_mtime_ns) for path in cluster.rglob("*"))
    with pytest.raises(ProcessError) as refused:
        postgres.start()
    assert refused.value.code == "other_major_version"
    assert "PostgreSQL 16" in refused.value.sentence
    assert f"{old}/pg_dumpall" in refused.value.remedy
    assert f"{installed_server_files().bin}/pg_upgrade --old-bindir {old}" in refused.value.remedy
    assert sorted((str(path), path.stat().st_mtime_ns) for path in cluster.rglob("*")) == before


@pytest.mark.parametrize("name", ["a" * 100, 'it\'s, "quoted"', "zażółć gęślą", "back\\slash and $HOME %d"])
def test_any_path_will_do(embedded: Embedded, folder: Path, name: str) -> None:
    postgres = embedded(folder / name)
    postgres.start()
    assert ask(postgres.dsn, "SELECT current_user") == [("gatepost",)]
    sockets = Path(psycopg.conninfo.conninfo_to_dict(postgres.dsn)["host"])  # type: ignore[arg-type]
    assert len(bytes(sockets)) + len("/.s.PGSQL.5432") <= 107
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    postgres.stop()
    assert sockets.is_relative_to(folder) or not sockets.exists()


def test_a_squatted_socket_folder_is_refused(embedded: Embedded, folder: Path, as_root: None) -> None:
    postgres = embedded(folder / ("a" * 100))
    postgres.start()
    sockets = Path(psycopg.conninfo.conninfo_to_dict(postgres.dsn)["host"])  # type: ignore[arg-type]
    postgres.stop()
    sockets.mkdir()
    os.chown(sockets, 65534, 65534)
    try:
        with pytest.raises(ProcessError) as refused:
            postgres.start()
        assert refused.value.code == "not_our_folder"
    finally:
        sockets.rmdir()


def test_a_port_is_on_loopback_and_asks_for_the_password(embedded: Embedded) -> None:
    port = quiet_port()
    postgres = embedded(port=port)
    postgres.start()
    password = psycopg.conninfo.conninfo_to_dict(postgres.dsn)["password"]
    tcp = f"host=127.0.0.1 port={port} user=gatepost dbname=gatepost connect_timeout=5"
    assert ask(f"{tcp} password={password}", "SHOW listen_addresses") == [("127.0.0.1",)]
    assert ask(postgres.dsn, "SELECT 1") == [(1,)]
    for bad in (tcp, f"{tcp} password=guess", f"{tcp} user=postgres"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(bad)


def test_without_a_port_nothing_listens_on_tcp(embedded: Embedded) -> None:
    postgres = embedded()
    postgres.start()
    assert ask(postgres.dsn, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'") == [(1,)]
    inodes = {
        line.split()[9] for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    }
    files = Path(f"/proc/{postgres.pid}/fd")
    opened = {re.sub(r"\D", "", str(link.readlink())) for link in files.iterdir() if "socket:" in str(link.readlink())}
    assert opened
    assert not opened & inodes


def test_only_an_explicit_wish_turns_fsync_off(embedded: Embedded) -> None:
    postgres = embedded(unsafe_fast=True)
    postgres.start()
    assert ask(postgres.dsn, "SHOW fsync") == [("off",)]
    postgres.stop()
    durable = embedded()
    durable.start()
    assert ask(durable.dsn, "SHOW fsync") == [("on",)]


def test_other_commands_find_the_running_database(embedded: Embedded) -> None:
    postgres = embedded()
    assert running_dsn(postgres.data_dir) is None
    postgres.start()
    assert running_dsn(postgres.data_dir) == postgres.dsn
    postgres.stop()
    assert running_dsn(postgres.data_dir) is None


def test_a_lost_password_of_the_role_heals_itself(embedded: Embedded) -> None:
    postgres = embedded()
    postgres.start()
    before = postgres.dsn
    postgres.stop()
    (postgres.data_dir / "keys" / "postgres-password").unlink()
    postgres.start()
    assert postgres.dsn != before
    assert ask(postgres.dsn, "SELECT 1") == [(1,)]
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(before)


def test_a_setting_that_cannot_work_is_reported_with_the_servers_words(embedded: Embedded) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        postgres = embedded(port=taken.getsockname()[1])
        with pytest.raises(ProcessError) as failure:
            postgres.start()
    assert failure.value.code == "postgres_did_not_start"
    assert "Address already in use" in failure.value.log
    postgres.start()
    assert postgres.is_alive()


def test_the_log_is_bounded_while_the_server_runs(embedded: Embedded) -> None:
    postgres = embedded()
    postgres.start()
    with postgres.log_file.open("ab") as log:
        log.write(b"x" * (11 * 1024 * 1024))
    postgres.rotate_log()
    assert postgres.log_file.stat().st_size == 0
    assert stat.S_IMODE(postgres.log_file.with_suffix(".log.1").stat().st_mode) == 0o600
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(postgres.dsn.replace("gatepost:", "nobody-known:"))
    assert 0 < postgres.log_file.stat().st_size < 10_000


def test_steps_are_reported(embedded: Embedded) -> None:
    steps: list[str] = []
    postgres: EmbeddedPostgres = embedded(is_new=True, on_step=steps.append)
    postgres.start()
    assert steps[-2:] == ["Creating the database cluster", "Starting PostgreSQL"]
    assert steps[:-2] == postgres.notices
