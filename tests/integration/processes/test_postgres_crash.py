"""Whatever was killed, the next start works and no commit is lost."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest
from tests.support.ports import quiet_port
from tests.support.processes import Embedded, ask, eventually, is_running

from gatepost.processes.account import server_account
from gatepost.processes.errors import ProcessError
from gatepost.processes.postgres import EmbeddedPostgres
from gatepost.processes.server_processes import PostmasterFile

pytestmark = pytest.mark.faults

SUPERVISOR = """
import sys, time
from pathlib import Path
from gatepost.processes import cluster, server_files
from gatepost.processes.postgres import EmbeddedPostgres
for module in (cluster, server_files):
    module.SHARED_ROOT = Path(sys.argv[2])
postgres = EmbeddedPostgres(Path(sys.argv[1]), outlive_parent=sys.argv[3] == "outlive")
postgres.start()
print(postgres.pid, flush=True)
time.sleep(600)
"""


def kill_postmaster(postgres: EmbeddedPostgres) -> None:
    pid = postgres.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not postgres.is_alive())


def start_and_kill_the_supervisor(folder: Path, shared_root: Path, fate: str) -> int:
    """Start a server from a process of its own, kill that, and return the server's process id."""
    argv = [sys.executable, "-c", SUPERVISOR, str(folder / "data"), str(shared_root), fate]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        pid = int(supervisor.stdout.readline())
        supervisor.kill()
    return pid


def test_a_killed_server_with_a_busy_orphan_starts_again(embedded: Embedded) -> None:
    postgres = embedded()
    postgres.start()
    ask(postgres.dsn, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    # This query never looks up from its work, so it does not notice that the postmaster is gone.
    busy = psycopg.connect(postgres.dsn)
    orphan = busy.info.backend_pid

    def work() -> None:
        try:
            busy.execute("SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b")
        except psycopg.Error:
            busy.close()

    thread = threading.Thread(target=work)
    thread.start()
    at_work = f"SELECT 1 FROM pg_stat_activity WHERE pid = {orphan} AND state = 'active'"
    assert eventually(lambda: bool(ask(postgres.dsn, at_work)))
    old = postgres.pid
    kill_postmaster(postgres)
    assert is_running(orphan)
    assert (postgres.data_dir / "postgres" / "postmaster.pid").exists()
    assert list((postgres.data_dir / "socket").iterdir())
    assert postgres.restart_after_crash()
    assert not postgres.restart_after_crash()
    assert postgres.pid != old
    assert not is_running(orphan)
    assert ask(postgres.dsn, "SELECT count(*) FROM kept") == [(1000,)]
    thread.join(60)


def test_a_pid_file_that_names_another_living_program_does_not_block(embedded: Embedded) -> None:
    postgres = embedded()
    postgres.start()
    kill_postmaster(postgres)
    # The same user's, so that PostgreSQL by itself would believe it.
    other = server_account().popen(["/bin/sleep", "60"])
    try:
        pid_file = postgres.data_dir / "postgres" / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        pid_file.write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")
        (lock,) = (postgres.data_dir / "socket").glob("*.lock")
        lock.write_text("\n".join([str(other.pid), *lock.read_text().splitlines()[1:]]) + "\n")
        assert postgres.restart_after_crash()
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
    assert ask(postgres.dsn, "SELECT 1") == [(1,)]


def test_a_damaged_pid_file_does_not_block(embedded: Embedded) -> None:
    postgres = embedded()
    postgres.start()
    kill_postmaster(postgres)
    (postgres.data_dir / "postgres" / "postmaster.pid").write_text("\0\0\0")
    assert postgres.restart_after_crash()


def test_a_crashed_backend_is_postgresqls_own_business(embedded: Embedded) -> None:
    postgres = embedded()
    postgres.start()
    with psycopg.connect(postgres.dsn, autocommit=True) as victim:
        os.kill(victim.info.backend_pid, signal.SIGKILL)

        def answers() -> bool:
            try:
                return ask(postgres.dsn, "SELECT 1") == [(1,)]
            except psycopg.OperationalError:
                return False

        assert eventually(lambda: not is_running(victim.info.backend_pid))
        assert eventually(answers)
    assert not postgres.restart_after_crash()


def test_a_cluster_that_was_half_made_is_made_again(embedded: Embedded) -> None:
    postgres = embedded()
    postgres.start()
    postgres.stop()
    cluster = postgres.data_dir / "postgres"
    shutil.copytree(cluster / "global", postgres.data_dir / "postgres.new" / "global")
    shutil.rmtree(cluster)
    postgres.start()
    assert ask(postgres.dsn, "SELECT 1") == [(1,)]
    assert not (postgres.data_dir / "postgres.new").exists()


def test_a_server_that_outlived_its_supervisor_is_taken_over(
    embedded: Embedded, folder: Path, shared_root: Path
) -> None:
    survivor = start_and_kill_the_supervisor(folder, shared_root, "outlive")
    steps: list[str] = []
    postgres = embedded(on_step=steps.append)
    postgres.start()
    assert postgres.pid == survivor
    assert steps[-1] == "Taking over the PostgreSQL that is already running"
    assert ask(postgres.dsn, "SELECT 1") == [(1,)]
    postgres.stop()
    assert eventually(lambda: not is_running(survivor))
    postgres.start()
    assert postgres.pid != survivor


def test_an_adopted_server_that_dies_is_noticed(embedded: Embedded, folder: Path, shared_root: Path) -> None:
    survivor = start_and_kill_the_supervisor(folder, shared_root, "outlive")
    postgres = embedded()
    postgres.start()
    os.kill(survivor, signal.SIGKILL)
    assert eventually(lambda: not postgres.is_alive())
    assert postgres.restart_after_crash()
    assert ask(postgres.dsn, "SELECT 1") == [(1,)]


def test_a_survivor_with_other_settings_is_restarted(embedded: Embedded, folder: Path, shared_root: Path) -> None:
    survivor = start_and_kill_the_supervisor(folder, shared_root, "outlive")
    postgres = embedded(port=quiet_port())
    postgres.start()
    assert postgres.pid != survivor
    assert not is_running(survivor)
    assert ask(postgres.dsn, "SHOW listen_addresses") == [("127.0.0.1",)]


def test_a_survivor_that_does_not_answer_is_replaced(embedded: Embedded, folder: Path, shared_root: Path) -> None:
    survivor = start_and_kill_the_supervisor(folder, shared_root, "outlive")
    for path in (folder / "data" / "socket").iterdir():
        path.unlink()
    postgres = embedded()
    postgres.start()
    assert postgres.pid != survivor
    assert not is_running(survivor)


def test_by_default_the_server_shuts_down_when_its_supervisor_is_killed(
    embedded: Embedded, folder: Path, shared_root: Path
) -> None:
    server = start_and_kill_the_supervisor(folder, shared_root, "die")
    # At once: the old server may still be writing its last checkpoint.
    postgres = embedded()
    postgres.start()
    assert postgres.pid != server
    assert eventually(lambda: not is_running(server))
    assert ask(postgres.dsn, "SELECT 1") == [(1,)]


def test_server_and_supervisor_killed_together(embedded: Embedded, folder: Path, shared_root: Path) -> None:
    argv = [sys.executable, "-c", SUPERVISOR, str(folder / "data"), str(shared_root), "outlive"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        server = int(supervisor.stdout.readline())
        with pytest.raises(ProcessError) as refused:
            embedded().start()
        assert f"Process {supervisor.pid} " in refused.value.sentence
        os.kill(server, signal.SIGKILL)
        supervisor.kill()
    postgres = embedded()
    postgres.start()
    assert ask(postgres.dsn, "SELECT 1") == [(1,)]
    assert PostmasterFile.read(postgres.data_dir / "postgres") == PostmasterFile(postgres.pid or 0, "ready")


def test_a_copied_data_folder_leaves_the_original_alone(embedded: Embedded, folder: Path) -> None:
    postgres = embedded()
    postgres.start()
    ask(postgres.dsn, "CREATE TABLE kept AS SELECT 1 AS n")
    kept_pid = postgres.pid
    subprocess.run(["cp", "-a", folder / "data", folder / "copy"], check=True, timeout=60)
    copy = embedded(folder / "copy")
    copy.start()
    assert copy.pid != kept_pid
    assert postgres.pid == kept_pid
    assert ask(postgres.dsn, "SELECT n FROM kept") == [(1,)]
    ask(copy.dsn, "SELECT 1")
