import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from tests.support.processes import Embedded, ask, eventually, is_running

from gatepost.processes.errors import ProcessError
from gatepost.processes.readiness import answers_200
from gatepost.processes.supervisor import Child, StopRequested, Supervisor

PYTHON = (sys.executable, "-S", "-u", "-c")

DIARY = """
import signal, sys, time
def say(text):
    with open({diary!r}, "a") as file: file.write(text + "\\n")
def stop(number, frame):
    say("{name} stopping"); time.sleep(0.2); say("{name} stopped"); sys.exit(0)
signal.signal(signal.SIGTERM, stop)
say("{name} up")
print("{name} is up")
time.sleep(600)
"""

STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    print("grandchild", os.getpid())
    time.sleep(600)
print("child", os.getpid())
time.sleep(600)
"""

SUPERVISED = """
import sys
from pathlib import Path
from gatepost.processes.supervisor import Child, Supervisor
logs, grace_s, *codes = sys.argv[1:]
with Supervisor(Path(logs), grace_s=float(grace_s), on_step=lambda text: print(text, flush=True)) as supervisor:
    for number, code in enumerate(codes):
        log = Path(logs) / f"child{number}.log"
        ready = lambda log=log: log.exists() and log.read_text() != ""
        supervisor.start(Child(f"child{number}", [sys.executable, "-S", "-u", "-c", code], is_ready=ready))
    print("all up", *supervisor.pids().values(), flush=True)
    supervisor.run()
print("orderly end", flush=True)
"""


@pytest.fixture
def steps() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, steps: list[str]) -> Iterator[Supervisor]:
    with Supervisor(tmp_path, grace_s=5, on_step=steps.append) as supervisor:
        yield supervisor


def diary_child(name: str, diary: Path, log: Path) -> Child:
    code = DIARY.format(diary=str(diary), name=name)
    return Child(name, [*PYTHON, code], is_ready=lambda: log.exists() and "is up" in log.read_text())


def numbers_in(log: Path) -> list[int]:
    return [int(word) for word in log.read_text().split() if word.isdigit()]


def supervise(logs: Path, grace_s: float, *codes: str) -> "subprocess.Popen[str]":
    """A supervisor of its own, in its own process group, whose children are up."""
    argv = [sys.executable, "-c", SUPERVISED, str(logs), str(grace_s), *codes]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, process_group=0)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("all up"):
            break
    return process


def test_output_becomes_private_whole_lines(supervisor: Supervisor, tmp_path: Path) -> None:
    code = "import os, sys; print('one'); print('two', file=sys.stderr); os.write(1, 'zażółć'.encode())"
    supervisor.run_to_end(Child("talker", [*PYTHON, code]), timeout_s=60)
    log = tmp_path / "talker.log"
    assert log.read_text() == "one\ntwo\nzażółć\n"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_child_gets_exactly_its_environment_and_no_terminal(supervisor: Supervisor, tmp_path: Path) -> None:
    code = "import os; print(sorted(os.environ), os.read(0, 1), os.getsid(0) == os.getpid())"
    child = Child("env", [*PYTHON, code], env={"ONLY": "this", "LC_ALL": "C.UTF-8"})
    supervisor.run_to_end(child, timeout_s=60)
    assert (tmp_path / "env.log").read_text() == "['LC_ALL', 'ONLY'] b'' True\n"
    assert "this" not in repr(child)


def test_a_task_that_fails_or_hangs_is_reported_with_its_last_lines(supervisor: Supervisor) -> None:
    with pytest.raises(ProcessError) as failed:
        supervisor.run_to_end(Child("migrate", [*PYTHON, "print('no such table'); raise SystemExit(3)"]), timeout_s=60)
    assert failed.value.sentence == "migrate ended with code 3."
    assert failed.value.log == "no such table"
    with pytest.raises(ProcessError, match=r"hang did not end within 0\.5 s"):
        supervisor.run_to_end(Child("hang", [*PYTHON, "import time; time.sleep(600)"]), timeout_s=0.5)
    with pytest.raises(ProcessError, match="No such file"):
        supervisor.run_to_end(Child("missing", ["/nonexistent/program"]), timeout_s=1)
    assert supervisor.pids() == {}


def test_a_child_that_never_gets_ready_is_reported_and_gone(supervisor: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(ProcessError, match="web ended with code 4 before it was ready") as died:
        supervisor.start(Child("web", [*PYTHON, "print('bad setting'); raise SystemExit(4)"], is_ready=lambda: False))
    assert died.value.log == "bad setting"
    slow = Child("slow", [*PYTHON, STUBBORN.replace("SIG_IGN", "SIG_DFL")], is_ready=lambda: False, ready_timeout_s=5)
    with pytest.raises(ProcessError, match="slow was not ready within 5 s"):
        supervisor.start(slow)
    pids = numbers_in(tmp_path / "slow.log")
    assert len(pids) == 2
    assert eventually(lambda: not any(is_running(pid) for pid in pids))


def test_children_stop_in_reverse_order_each_after_the_other(tmp_path: Path, steps: list[str]) -> None:
    diary = tmp_path / "diary"
    with Supervisor(tmp_path, on_step=steps.append) as supervisor:
        for name in ("web", "worker", "simulators"):
            supervisor.start(diary_child(name, diary, tmp_path / f"{name}.log"))
        supervisor.request_stop()
        supervisor.run()
    expected = [f"{name} up" for name in ("web", "worker", "simulators")]
    expected += [f"{name} {what}" for name in ("simulators", "worker", "web") for what in ("stopping", "stopped")]
    assert diary.read_text().splitlines() == expected
    assert steps[-3:] == ["Stopping simulators", "Stopping worker", "Stopping web"]


def test_a_child_that_dies_starts_again_with_growing_pauses(tmp_path: Path) -> None:
    seen: list[str] = []
    began: list[float] = []

    def on_step(text: str) -> None:
        seen.append(text)
        began.append(time.monotonic())
        if len(seen) == 4:
            watching.request_stop()

    with Supervisor(tmp_path, on_step=on_step) as watching:
        watching.start(Child("worker", [*PYTHON, "import os; print('up'); os.kill(os.getpid(), 9)"]))
        watching.run()
    assert seen[1:] == [
        f"worker ended by signal SIGKILL; starting it again {when}" for when in ("now", "in 0.5 s", "in 1 s")
    ]
    assert began[3] - began[2] >= 0.5
    assert (tmp_path / "worker.log").read_text() == "up\n" * 3


def test_what_a_dead_child_left_running_goes_too(supervisor: Supervisor, tmp_path: Path) -> None:
    code = "import os, sys, time\nif os.fork() == 0:\n    print(os.getpid()); time.sleep(600)\ntime.sleep(0.3)"
    supervisor.run_to_end(Child("parent", [*PYTHON, code]), timeout_s=60)
    (orphan,) = numbers_in(tmp_path / "parent.log")
    assert eventually(lambda: not is_running(orphan))


def test_a_full_disk_does_not_stop_the_children(supervisor: Supervisor, tmp_path: Path, steps: list[str]) -> None:
    (tmp_path / "talker.log").mkdir()
    supervisor.run_to_end(Child("talker", [*PYTHON, "print('one'); print('two')"]), timeout_s=60)
    assert [text for text in steps if "are lost" in text] == [
        f"Lines for {tmp_path / 'talker.log'} are lost: Is a directory"
    ]


def test_a_stop_while_starting_leaves_the_block_quietly(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.request_stop()
        supervisor.start(Child("web", [*PYTHON, "print('never')"]))
        pytest.fail("the block goes on")
    assert not (tmp_path / "web.log").exists()
    with Supervisor(tmp_path) as supervisor:
        supervisor.request_stop()
        with pytest.raises(StopRequested):
            supervisor.run_to_end(Child("migrate", [*PYTHON, "print('never')"]), timeout_s=1)


@pytest.mark.faults
def test_ctrl_c_reaches_only_the_supervisor_which_stops_in_order(tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    codes = [DIARY.format(diary=str(diary), name=name) for name in ("first", "second")]
    with supervise(tmp_path, 10, *codes) as process:
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0
    assert output.splitlines() == ["Stopping child1", "Stopping child0", "orderly end"]
    stops = diary.read_text().splitlines()[2:]
    assert stops == ["second stopping", "second stopped", "first stopping", "first stopped"]


@pytest.mark.faults
def test_a_stubborn_child_is_killed_with_its_own_children_after_the_grace(tmp_path: Path) -> None:
    with supervise(tmp_path, 0.5, STUBBORN) as process:
        assert eventually(lambda: len(numbers_in(tmp_path / "child0.log")) == 2)
        process.terminate()
        output, _ = process.communicate(timeout=60)
    assert "child0 does not end: killing it" in output
    assert eventually(lambda: not any(is_running(pid) for pid in numbers_in(tmp_path / "child0.log")))


@pytest.mark.faults
def test_a_second_ctrl_c_does_not_wait_for_the_grace(tmp_path: Path) -> None:
    with supervise(tmp_path, 600, STUBBORN, STUBBORN) as process:
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        assert process.stdout.readline() == "Stopping child1\n"
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0
    assert "orderly end" in output
    pids = numbers_in(tmp_path / "child0.log") + numbers_in(tmp_path / "child1.log")
    assert eventually(lambda: not any(is_running(pid) for pid in pids))


@pytest.mark.faults
def test_children_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    with supervise(tmp_path, 10, DIARY.format(diary=str(diary), name="child")) as process:
        process.kill()
        process.communicate(timeout=60)
    assert eventually(lambda: diary.read_text().splitlines()[-1] == "child stopped")


@pytest.mark.faults
def test_postgres_is_watched_and_stops_last(embedded: Embedded, tmp_path: Path) -> None:
    postgres = embedded()
    diary = tmp_path / "diary"
    seen: list[str] = []

    def on_step(text: str) -> None:
        seen.append(text)
        if text.startswith("PostgreSQL ended"):
            watching.request_stop()

    with Supervisor(tmp_path, postgres=postgres, on_step=on_step) as watching:
        postgres.start()
        killed = postgres.pid
        assert killed
        watching.start(diary_child("web", diary, tmp_path / "web.log"))
        threading.Timer(1.0, os.kill, (killed, signal.SIGKILL)).start()
        watching.run()
        assert postgres.pid not in {None, killed}
        assert ask(postgres.dsn, "SELECT 1") == [(1,)]
    assert not postgres.is_alive()
    assert seen[-3:] == ["PostgreSQL ended unexpectedly; starting it again", "Stopping web", "Stopping PostgreSQL"]


def test_handlers_are_given_back(tmp_path: Path) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
    before = [signal.getsignal(number) for number in numbers]
    with Supervisor(tmp_path):
        assert signal.getsignal(signal.SIGTERM) is not before[1]
    assert [signal.getsignal(number) for number in numbers] == before


@pytest.mark.parametrize(
    "url", ["http://example.com/", "https://127.0.0.1/", "http://10.0.0.1/", "http://127.0.0.1.example/"]
)
def test_readiness_is_asked_on_this_machine_only(url: str) -> None:
    with pytest.raises(ValueError, match="not an http URL of this machine"):
        answers_200(url)


def test_ready_is_200_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(int(self.path.strip("/")))
            self.send_header("Location", "/200")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
        base = f"http://127.0.0.1:{server.server_port}"
        answers = {code: answers_200(f"{base}/{code}")() for code in (200, 204, 302, 404, 503)}
        server.shutdown()
    assert answers == {200: True, 204: False, 302: False, 404: False, 503: False}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert not answers_200(f"http://127.0.0.1:{port}/")()
