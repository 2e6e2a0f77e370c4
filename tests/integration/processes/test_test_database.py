"""The database of the test-suite itself: shared, cloned, and gone when pytest is."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.processes import eventually

ROOT = Path(__file__).parents[3]

SUITE = """
import os, time
from pathlib import Path
import psycopg, pytest
from tests.support.database import clone_database, drop_database, template_database

HERE = Path(__file__).parent

def build(dsn):
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS n")
    (HERE / f"built-{os.getpid()}").touch()

def test_broken_template_leaves_nothing():
    def broken(dsn):
        raise RuntimeError("no")
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no"):
            template_database("broken", broken)

@pytest.mark.parametrize("number", range(6))
def test_clones_are_apart(number):
    dsn = clone_database(template_database("t", build))
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT n FROM t").fetchall() == [(1,)]
        connection.execute("INSERT INTO t VALUES (2)")
    (HERE / f"folder-{os.environ['TEST_DATABASE_FOLDER'].replace('/', '!')}").touch()
    if (HERE / "hang").exists():
        (HERE / "hanging").touch()
        time.sleep(600)
    drop_database(dsn)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(dsn)
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    (tmp_path / "test_suite.py").write_text(SUITE)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def start(suite: Path, *options: str) -> "subprocess.Popen[str]":
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "tests.support.database", "-p", "xdist", *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.Popen(
        [*argv, "-p", "no:cacheprovider", str(suite)],
        cwd=suite,
        env={
            **environment,
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
        # What a shell starts in the background ignores Ctrl-C, and so would everything below it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
    )


def folder_of(suite: Path) -> Path:
    (found,) = suite.glob("folder-*")
    return Path(found.name.removeprefix("folder-").replace("!", "/"))


def processes_that_mention(text: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            title = path.read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        if text in title and path.parent.name != str(os.getpid()):
            found.append(title)
    return found


@pytest.mark.parametrize("workers", ["0", "2"])
def test_one_server_for_all_workers_and_nothing_left(suite: Path, workers: str) -> None:
    with start(suite, "-n", workers) as process:
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert "7 passed" in output
    assert len(list(suite.glob("built-*"))) == 1
    folder = folder_of(suite)
    assert folder.name.startswith("gatepost-test-")
    assert not folder.exists()
    assert processes_that_mention(str(folder)) == []


@pytest.mark.faults
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_however_pytest_ends(suite: Path, end: signal.Signals) -> None:
    (suite / "hang").touch()
    with start(suite, "-n", "0") as process:
        assert eventually((suite / "hanging").exists, 180)
        folder = folder_of(suite)
        assert processes_that_mention(str(folder))
        os.killpg(process.pid, end)
        try:
            process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode != 0
    assert eventually(lambda: not folder.exists() and not processes_that_mention(str(folder)))
