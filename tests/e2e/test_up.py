"""The first minute: one command, a curl line that works, a message that arrives, and an orderly end."""

import json
import os
import re
import shlex
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.support.processes import eventually, is_running
from tests.support.scratch import scratch_folder

from gatepost.processes.ports import free_port

pytestmark = pytest.mark.e2e

READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 40.0
DELIVERED_WITHIN_S = 3.0
CHILDREN = ["web", "worker", "simulators"]


@dataclass(slots=True, eq=False)
class Up:
    """`gatepost up --demo` as a process of its own, on a data folder."""

    data_dir: Path
    port: int
    variables: dict[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> "Up":
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEPOST_")}
        environment |= {"GATEPOST_DATA_DIR": str(self.data_dir), "GATEPOST_PORT": str(self.port), **self.variables}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gatepost", "up", "--demo"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        assert eventually(lambda: "Ctrl-C" in self.output or self.process.poll() is not None, READY_TIMEOUT_S)
        assert self.process.poll() is None, self.output
        return self

    @property
    def log(self) -> Path:
        return self.data_dir.parent / "up.log"

    @property
    def output(self) -> str:
        return self.log.read_text("utf-8")

    @property
    def demo(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.data_dir / "demo.json").read_text("utf-8"))
        return found

    def call(self, path: str, body: Any = None) -> tuple[int, Any]:
        request = urllib.request.Request(f"{self.demo['url']}{path}")
        request.add_header("Authorization", f"Bearer {self.demo['api_key']}")
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.loads(response.read())

    def state(self, message_id: str) -> str:
        return str(self.call(f"/api/v1/messages/{message_id}")[1]["state"])

    def family(self) -> list[int]:
        """Every process that descends from it."""
        assert self.process is not None
        return _descendants(self.process.pid)

    def interrupt(self) -> int:
        """Ctrl-C; the exit code."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGINT)
        return self.process.wait(STOP_TIMEOUT_S)

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.interrupt()


@pytest.fixture
def up() -> Iterator[Callable[..., Up]]:
    started: list[Up] = []
    # As root PostgreSQL runs as another user, who must be able to pass through.
    folder = scratch_folder("gatepost-up-")
    folder.chmod(0o711)

    def start(**variables: str) -> Up:
        port = started[0].port if started else free_port("127.0.0.1", 18_000 + os.getpid() % 10_000)
        started.append(Up(folder / "var", port, variables).start())
        return started[-1]

    yield start
    for each in started:
        each.end()


def test_the_printed_curl_line_gives_202_and_the_message_is_delivered(up: Callable[..., Up]) -> None:
    demo = up()
    line = next(line for line in demo.output.splitlines() if line.startswith("curl "))

    answer = subprocess.run(shlex.split(line), capture_output=True, text=True, timeout=20, check=True).stdout
    sent_at = time.monotonic()
    head, _, body = answer.replace("\r\n", "\n").partition("\n\n")

    assert re.match(r"HTTP/1\.1 202\b", head)
    message_id = json.loads(body)["id"]
    assert eventually(lambda: demo.state(message_id) == "delivered", DELIVERED_WITHIN_S), demo.state(message_id)
    assert time.monotonic() - sent_at < DELIVERED_WITHIN_S + 1


def test_the_demo_file_is_private_and_the_log_is_not_empty(up: Callable[..., Up]) -> None:
    demo = up()
    path = demo.data_dir / "demo.json"

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {"url", "api_key", "email", "password"} <= demo.demo.keys()
    assert demo.demo["url"] == f"http://127.0.0.1:{demo.port}"
    assert demo.demo["password"] not in demo.output

    def words() -> set[str]:
        return {item["word"] for item in demo.call("/api/v1/messages?limit=200")[1]["items"]}

    assert eventually(lambda: {"Sent", "Error", "Expired"} <= words(), 20), words()


def test_ctrl_c_stops_everything_in_order_and_the_next_start_keeps_the_data(up: Callable[..., Up]) -> None:
    first = up()
    status, answer = first.call("/api/v1/messages", {"to": "+447700900123", "text": "Keep me"})
    assert status == 202
    assert eventually(lambda: first.state(answer["id"]) == "delivered")
    family, known = first.family(), first.demo
    assert len(family) > len(CHILDREN)

    assert first.interrupt() == 0

    stopped = re.findall(r"^Stopping (\w+)$", first.output, re.MULTILINE)
    assert stopped == [*CHILDREN, "PostgreSQL"]
    assert eventually(lambda: not any(is_running(pid) for pid in family)), first.output
    second = up()
    assert second.demo == known
    assert second.state(answer["id"]) == "delivered"
    assert "Setting up the demo" not in second.output


def test_a_taken_port_moves_on_and_says_so(up: Callable[..., Up]) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        demo = up(GATEPOST_PORT=str(port))

        assert f"Port {port} is taken" in demo.output
        assert demo.demo["url"] != f"http://127.0.0.1:{port}"
        status, answer = demo.call("/api/v1/messages", {"to": "+447700900123", "text": "Elsewhere"})
        assert status == 202
        assert eventually(lambda: demo.state(answer["id"]) == "delivered")


def test_the_command_line_finds_the_demo_by_its_data_folder(up: Callable[..., Up]) -> None:
    demo = up()

    sent = _gatepost(demo, "send", "--to", "+447700900123", "--text", "From the terminal")
    refused = _gatepost(demo, "send", "--to", "+447700900001", "--text", "Not delivered")
    key = json.loads(_gatepost(demo, "keys", "create", "Mine", "--scope", "messages:read", "--json").stdout)
    revoked = _gatepost(demo, "keys", "revoke", str(key["id"]))
    checked = _gatepost(demo, "gateways", "check", "Warsaw", "--steps")
    examined = json.loads(_gatepost(demo, "doctor", "--json").stdout)

    assert sent.returncode == 0, sent.stdout
    assert sent.stdout.splitlines()[-1].endswith("delivered")
    assert refused.returncode == 1
    assert "undelivered" in refused.stdout
    assert key["token"].startswith("gp_")
    assert revoked.returncode == 0
    assert checked.returncode == 0
    assert "warsaw-demo-token" not in checked.stdout
    assert {finding["mark"] for finding in examined} <= {"ok", "warn"}


def _gatepost(up: Up, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEPOST_")}
    return subprocess.run(
        [sys.executable, "-m", "gatepost", *arguments],
        env=environment | {"GATEPOST_DATA_DIR": str(up.data_dir)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _descendants(pid: int) -> list[int]:
    """By /proc; a process that ends meanwhile is left out."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        parents.setdefault(parent, []).append(int(path.parent.name))
    found, todo = [], [pid]
    while todo:
        children = parents.get(todo.pop(), [])
        found += children
        todo += children
    return found
