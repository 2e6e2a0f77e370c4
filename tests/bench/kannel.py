"""Kannel as a peer: bearerbox and smsbox, a store of type `file` (it never fsyncs), an HTTP SMSC of type `generic`."""

import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from tests.bench.processes import Started, cpu_seconds, memory_bytes
from tests.bench.sides import PREFIX, SENDER, TEXT, Setup, World, in_groups, number_of, request
from tests.bench.tools import BenchError, wait_until
from tests.support.ports import quiet_port

SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
PROGRAMS = ("bearerbox", "smsbox")
PASSWORD = "foobar"
PER_REQUEST = 100
AT_ONCE = 100
AT_ONCE_SLOW = 500
DELIVERED = 1
READY_S = 15.0

CONFIG = """\
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = {password}
smsbox-port = {smsbox}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
store-type = file
store-location = "{folder}/store"
sms-resend-freq = 1

group = smsc
smsc = http
smsc-id = bench
system-type = generic
smsc-username = tester
smsc-password = {password}
port = {receipts}
connect-allow-ip = 127.0.0.1
send-url = "http://127.0.0.1:{provider}/one?to=%p&from=%P&text=%b"
status-success-regex = "OK"
generic-foreign-id-regex = "OK ([0-9]+)"
max-pending-submits = {parallel}

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {smsbox}
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1

group = sendsms-user
username = tester
password = {password}
max-messages = 10

group = sms-service
keyword = default
text = "-"
max-messages = 0
"""


class RunningKannel:
    """A started Kannel; see sides.Running."""

    expect = 202
    receipt_expect = 202

    start_s = 0.0

    def __init__(self, world: World, ports: dict[str, int], started: list[Started]) -> None:
        self._world = world
        self._ports = ports
        self._started = started
        self._open_before = 0
        self.port = ports["sendsms"]
        self.receipt_port = ports["receipts"]

    def single(self, n: int, *, is_code: bool = False) -> bytes:
        return request("GET", self._sendsms(number_of(n), TEXT.format(n=n), "&priority=3" if is_code else ""))

    def bulk(self, ids: Sequence[int]) -> list[bytes]:
        """With as many recipients in a request as it handles well; they share the text."""
        return [
            request("GET", self._sendsms(" ".join(map(number_of, group)), TEXT.format(n=group[0])))
            for group in in_groups(ids, PER_REQUEST)
        ]

    def mark(self) -> None:
        """Receipts that were open before do not count."""
        self._open_before = self.open_receipts()

    def wait_recorded(self, ids: Collection[int], timeout_s: float) -> int:
        """It records nothing but what it waits for: a receipt per message, once the provider has answered."""
        log = self._world.provider.wait_for(ids, timeout_s)
        wanted = self._open_before + len(ids)
        wait_until(lambda: self.open_receipts() >= wanted, READY_S, "Kannel's entry for each receipt")
        return log.last_ns

    def receipt(self, n: int) -> bytes:
        target = f"/?username=tester&password={PASSWORD}&from={PREFIX}{n:07d}&to={SENDER}"
        return request("GET", f"{target}&dlr-mask={DELIVERED}&dlr-mid={n:07d}")

    def wait_reported(self, ids: Collection[int], timeout_s: float) -> int:
        """Once none is waited for any more, and each was told to its URL."""
        wait_until(lambda: self.open_receipts() <= self._open_before, timeout_s, "Kannel to match every receipt")
        return time.monotonic_ns()

    def memory_bytes(self) -> dict[str, int]:
        return {one.name: memory_bytes(one.pid) for one in self._started}

    def cpu_seconds(self) -> dict[str, float]:
        return {one.name: cpu_seconds(one.pid) for one in self._started}

    def open_receipts(self) -> int:
        """How many messages wait for a receipt, as its status page says."""
        found = re.search(r"DLR: (\d+) queued", self._status())
        return int(found[1]) if found else 0

    def _status(self) -> str:
        url = f"http://127.0.0.1:{self._ports['admin']}/status.txt?password={PASSWORD}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return str(answer.read().decode("utf-8", "replace"))

    def is_ready(self) -> bool:
        """Whether sendsms answers (without a login: with a refusal) and the SMSC is online."""
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/cgi-bin/sendsms", timeout=1)
        except urllib.error.HTTPError:
            return "(on-line" in self._status()
        except OSError:
            return False
        return True

    def _sendsms(self, to: str, text: str, more: str = "") -> str:
        sink = quote(f"http://127.0.0.1:{self._world.provider.port}/sink?s=%d", safe="")
        return (
            f"/cgi-bin/sendsms?username=tester&password={PASSWORD}&from={SENDER}&to={quote(to)}&text={quote(text)}"
            f"&dlr-mask=3&dlr-url={sink}{more}"
        )


class Kannel:
    """See sides.Side."""

    name = "Kannel"

    def __init__(self, world: World) -> None:
        self._world = world
        self._runs = 0
        missing = [name for name in PROGRAMS if _path(name) is None]
        if missing:
            raise BenchError(f"{' and '.join(missing)} not found: install the package kannel")

    def version(self) -> str:
        words = subprocess.run([str(_path("bearerbox")), "--version"], capture_output=True, text=True, check=False)
        found = re.search(r"bearerbox version `?([\w.]+)", words.stdout + words.stderr)
        return f"Kannel {found[1]}" if found else "Kannel"

    @contextmanager
    def running(self, setup: Setup, *, keeps_data: bool = False) -> Iterator[RunningKannel]:
        """A new store each time: Kannel keeps nothing of what it has sent."""
        self._runs += 1
        folder = self._world.folder / f"kannel-{self._runs}"
        folder.mkdir()
        ports = {name: quiet_port() for name in ("admin", "smsbox", "receipts", "sendsms")}
        config = folder / "kannel.conf"
        config.write_text(
            CONFIG.format(
                folder=folder,
                password=PASSWORD,
                parallel=AT_ONCE_SLOW if setup.is_slow else AT_ONCE,
                provider=self._world.provider.port,
                **ports,
            )
        )
        started: list[Started] = []
        live = RunningKannel(self._world, ports, started)
        began = time.monotonic()
        try:
            for name in PROGRAMS:
                started.append(Started.spawn(name, [str(_path(name)), "--verbosity", "4", str(config)], folder))
                if name == "bearerbox":
                    wait_until(lambda: _listens(ports["smsbox"]), READY_S, "bearerbox", poll_s=0.005)
            wait_until(live.is_ready, READY_S, "Kannel", poll_s=0.005)
            live.start_s = time.monotonic() - began
            yield live
        finally:
            for one in reversed(started):
                one.kill()
            shutil.rmtree(folder, ignore_errors=True)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _path(name: str) -> Path | None:
    found = shutil.which(name, path=SYSTEM_PATH)
    return Path(found) if found else None
