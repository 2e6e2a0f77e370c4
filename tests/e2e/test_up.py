"""The first minute: one command, a curl line that works, a message that arrives, and an orderly end."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.ports import quiet_port
from tests.support.processes import eventually, is_running
from tests.support.scratch import scratch_folder

pytestmark = pytest.mark.e2e

READY_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 90.0
CHILDREN = ["web", "worker", "simulators"]


@dataclass(slots=True, eq=False)
class Up:
    """`gatepost up --demo` as a process of its own, on a data folder."""

    data_dir: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> "Up":
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEPOST_")}
        environment |= {"GATEPOST_DATA_DIR": str(self.data_dir), "GATEPOST_PORT": str(self.port)}
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
        with urllib.request.urlopen(request, timeout=60) as response:
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


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    # As root PostgreSQL runs as another user, who must be able to pass through.
    path = scratch_folder("gatepost-up-")
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def demo(folder: Path) -> Iterator[Up]:
    """A demo that the tests share and leave running."""
    (folder / "shared").mkdir(mode=0o711)
    running = Up(folder / "shared" / "var", quiet_port()).start()
    yield running
    running.end()


@pytest.fixture
def own(folder: Path) -> Iterator[Up]:
    """A demo that is not started yet."""
    (folder / "own").mkdir(mode=0o711)
    startable = Up(folder / "own" / "var", quiet_port())
    yield startable
    startable.end()


def test_the_printed_curl_line_gives_202_and_the_message_is_delivered(demo: Up) -> None:
    line = next(line for line in demo.output.splitlines() if line.startswith("curl "))

    answer = subprocess.run(shlex.split(line), capture_output=True, text=True, timeout=60, check=True).stdout
    head, _, body = answer.replace("\r\n", "\n").partition("\n\n")

    assert re.match(r"HTTP/1\.1 202\b", head)
    message_id = json.loads(body)["id"]
    assert eventually(lambda: demo.state(message_id) == "delivered"), demo.state(message_id)


def test_the_printed_command_sends_when_it_is_copied(demo: Up) -> None:
    line = next(line for line in demo.output.splitlines() if line.startswith("or: ")).removeprefix("or: ")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEPOST_")}

    answer = subprocess.run(
        ["/bin/sh", "-c", f"{line} --json"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_the_demo_file_is_private_and_has_what_one_needs(demo: Up) -> None:
    path = demo.data_dir / "demo.json"

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {"url", "api_key", "email", "password"} <= demo.demo.keys()
    assert demo.demo["password"] not in demo.output
    assert demo.demo["simulators"]["token"] not in demo.output


def test_the_log_shows_every_kind_of_outcome_from_the_beginning(demo: Up) -> None:
    def words() -> set[str]:
        return {item["word"] for item in demo.call("/api/v1/messages?limit=200")[1]["items"]}

    assert eventually(lambda: {"Sent", "Error", "Expired"} <= words()), words()


def test_the_sign_in_link_leads_to_a_page(demo: Up) -> None:
    found = re.search(r"Sign in \(once\): (http\S+)", demo.output)

    assert found is not None, demo.output
    with urllib.request.urlopen(found[1], timeout=60) as response:
        assert response.status == 200


def test_ctrl_c_stops_in_order_and_the_next_start_keeps_the_data_and_finds_a_free_port(own: Up) -> None:
    own.start()
    status, answer = own.call("/api/v1/messages", {"to": "+447700900123", "text": "Keep me"})
    assert status == 202
    assert eventually(lambda: own.state(answer["id"]) == "delivered")
    family, known = own.family(), own.demo
    assert len(family) > len(CHILDREN)

    assert own.interrupt() == 0

    stopped = re.findall(r"^Stopping (\w+)$", own.output, re.MULTILINE)
    assert stopped == [*CHILDREN, "PostgreSQL"]
    assert eventually(lambda: not any(is_running(pid) for pid in family)), own.output

    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", own.port))
        taken.listen()
        own.start()

        assert f"Port {own.port} is taken" in own.output
        assert own.demo["url"] != known["url"]
        assert own.demo | {"url": known["url"]} == known
        assert "Setting up the demo" not in own.output
        assert own.state(answer["id"]) == "delivered"
        # The simulators report to the new address.
        status, again = own.call("/api/v1/messages", {"to": "+447700900123", "text": "Elsewhere"})
        assert status == 202
        assert eventually(lambda: own.state(again["id"]) == "delivered")


def test_send_shows_the_states_and_ends_with_the_outcome(demo: Up) -> None:
    sent = _gatepost(demo, "send", "--to", "+447700900123", "--text", "From the terminal")
    refused = _gatepost(demo, "send", "--to", "+447700900001", "--text", "Not delivered")

    assert sent.returncode == 0, sent.stdout
    assert [line.split()[-1] for line in sent.stdout.splitlines()][-1] == "delivered"
    assert refused.returncode == 1
    assert "undelivered" in refused.stdout


def test_the_operator_of_the_machine_needs_no_key(demo: Up) -> None:
    key = json.loads(_gatepost(demo, "keys", "create", "Mine", "--scope", "messages:read", "--json").stdout)
    listed = _gatepost(demo, "messages", "--limit", "1", "--json", GATEPOST_API_KEY=key["token"])
    revoked = _gatepost(demo, "keys", "revoke", str(key["id"]))
    refused = _gatepost(demo, "messages", "--limit", "1", GATEPOST_API_KEY=key["token"])

    assert json.loads(listed.stdout)["items"]
    assert revoked.returncode == 0
    assert key["token"] not in _gatepost(demo, "keys", "list").stdout
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr


def test_a_gateway_is_added_checked_and_deleted_without_its_secret_being_shown(demo: Up, tmp_path: Path) -> None:
    accounts = {"warsaw": demo.demo["simulators"]["ports"]["warsaw"]}
    (tmp_path / "token").write_text("warsaw-demo-token\n")
    url = f"http://127.0.0.1:{accounts['warsaw']}"

    added = _gatepost(
        *(demo, "gateways", "add", "smsapi", "--name", "Second"),
        *("--set", f"base_url={url}", "--set", "auth_mode=token", "--secret-file", f"api_token={tmp_path / 'token'}"),
    )
    checked = _gatepost(demo, "gateways", "check", "second", "--steps")
    deleted = _gatepost(demo, "gateways", "delete", "Second", "--yes")

    assert added.returncode == 0, added.stderr
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert deleted.returncode == 0, deleted.stderr
    assert "warsaw-demo-token" not in added.stdout + checked.stdout


def test_the_doctor_finds_nothing_wrong(demo: Up) -> None:
    examined = json.loads(_gatepost(demo, "doctor", "--json").stdout)

    assert len(examined) > 10
    assert {finding["mark"] for finding in examined} <= {"ok", "warn"}


def _gatepost(up: Up, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEPOST_")}
    return subprocess.run(
        [sys.executable, "-m", "gatepost", *arguments],
        env=environment | {"GATEPOST_DATA_DIR": str(up.data_dir), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
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
