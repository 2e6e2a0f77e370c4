"""The load generator and the fake provider: C, built here with the system's compiler, and run as processes."""

import http.client
import json
import shutil
import struct
import subprocess
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.acceptlog import AcceptLog, prove, read
from tests.support.ports import quiet_port

from gatepost.processes.spawn import die_with_parent

SOURCES = Path(__file__).parent
COMPILER = ("cc", "-O2", "-Wall", "-Wextra", "-std=gnu11")
LATE_S = 15.0


class BenchError(Exception):
    """A measurement that cannot be made, or did not end as it must; the text goes into the row."""


@dataclass(frozen=True, slots=True)
class Played:
    """What the load generator saw. Times in ns on the monotonic clock; `per_request`: begin, end, status of each."""

    requests: int
    expected: int
    begin_ns: int
    end_ns: int
    cpu_s: float
    statuses: dict[str, int]
    first_bad: str
    percentiles_ms: dict[str, float] = field(default_factory=dict)
    per_request: tuple[tuple[int, int, int], ...] = ()

    @property
    def elapsed_s(self) -> float:
        return (self.end_ns - self.begin_ns) / 1e9


def wait_until(is_true: Callable[[], Any], timeout_s: float, what: str, poll_s: float = 0.02) -> Any:
    """What the condition gives once it is true. Raises BenchError when it is not in time."""
    deadline = time.monotonic() + timeout_s
    while not (found := is_true()):
        if time.monotonic() > deadline:
            raise BenchError(f"waited {timeout_s:.0f} s for {what}")
        time.sleep(poll_s)
    return found


def build(folder: Path) -> Path:
    """Compile both programs into a folder. Raises BenchError with the compiler's words."""
    if shutil.which(COMPILER[0]) is None:
        raise BenchError("There is no C compiler: install build-essential.")
    for name in ("load", "provider"):
        argv = [*COMPILER, "-o", str(folder / name), str(SOURCES / f"{name}.c")]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise BenchError(f"{name}.c does not compile: {done.stderr[:2000]}")
    return folder


def write_requests(path: Path, requests: Iterable[bytes]) -> Path:
    """Prepared requests in the form that load.c plays."""
    with path.open("wb") as file:
        for request in requests:
            file.write(struct.pack("=I", len(request)))
            file.write(request)
    return path


@dataclass(frozen=True, slots=True)
class Player:
    """A load generator at work; `finish` waits for its end."""

    popen: "subprocess.Popen[str]"
    times: Path
    timeout_s: float

    def finish(self) -> Played:
        """Raises BenchError when a request was not answered as expected, or not in time."""
        played = self.outcome()
        if played.expected != played.requests:
            raise BenchError(
                f"{played.requests - played.expected} of {played.requests} requests were not answered as they should "
                f"({played.statuses}): {played.first_bad[:200]}"
            )
        return played

    def outcome(self) -> Played:
        """Like `finish`, and leaves it to the caller what the answers are worth."""
        try:
            text, errors = self.popen.communicate(timeout=self.timeout_s + LATE_S)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.communicate()
            raise BenchError("the load generator did not end") from None
        if self.popen.returncode not in (0, 1):
            raise BenchError(errors.strip() or f"the load generator ended with {self.popen.returncode}")
        seen = json.loads(text)
        return Played(
            **{name: seen[name] for name in ("requests", "expected", "begin_ns", "end_ns", "cpu_s", "statuses")},
            first_bad=seen["first_bad"],
            percentiles_ms={name[:-3]: seen[name] for name in ("p50_ms", "p95_ms", "p99_ms") if name in seen},
            per_request=tuple(struct.iter_unpack("=QQQ", self.times.read_bytes())),
        )

    def stop(self) -> None:
        """Begin no more requests."""
        self.popen.terminate()

    def kill(self) -> None:
        """End it early."""
        self.popen.kill()
        self.popen.communicate()


@dataclass(frozen=True, slots=True)
class Tools:
    """The built programs and a folder for what they read and write."""

    programs: Path
    folder: Path

    def play(
        self,
        port: int,
        requests: Path,
        *,
        connections: int,
        expect: int,
        rate: float = 0.0,
        timeout_s: float = 120.0,
    ) -> Player:
        """Start playing requests against a port of this machine; `rate` per second, 0 as fast as answers come."""
        times = requests.with_suffix(".times")
        times.unlink(missing_ok=True)
        options = [f"expect={expect}", f"rate={rate:g}", f"timeout={timeout_s:g}", f"times={times}"]
        popen = subprocess.Popen(
            [str(self.programs / "load"), str(port), str(connections), str(requests), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent(9),  # noqa: PLW1509 - calls prctl only, see spawn.py
        )
        return Player(popen, times, timeout_s)


class FakeProvider:
    """provider.c as a process. Use as a context manager."""

    def __init__(self, tools: Tools) -> None:
        self.port = quiet_port()
        self._log = tools.folder / "accepted.log"
        self._argv = [str(tools.programs / "provider"), str(self.port), str(self._log)]
        self._popen: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "FakeProvider":
        self._popen = subprocess.Popen(self._argv)
        wait_until(self._answers, 5.0, "the fake provider")
        return self

    def __exit__(self, *_: object) -> None:
        if self._popen is not None:
            self._popen.kill()
            self._popen.wait()

    def reset(self, delay_ms: int = 0) -> None:
        """Forget what came so far; answer messages so late from now on."""
        self._ask("/_reset")
        self._ask(f"/_set?delay_ms={delay_ms}")

    def stats(self) -> dict[str, float]:
        """Counters since the last reset, and the CPU seconds since its start."""
        found: dict[str, float] = json.loads(self._ask("/_stats"))
        return found

    def log(self) -> AcceptLog:
        """What was taken since the last reset."""
        return read(self._log)

    def wait_for(self, ids: Collection[int], timeout_s: float) -> AcceptLog:
        """Once so many messages have come. Raises BenchError where they do not, Unproven where they are not these."""

        def has_all() -> bool:
            return self.stats()["accepted"] >= len(ids)

        try:
            wait_until(has_all, timeout_s, "all messages at the provider", poll_s=0.05)
        except BenchError as error:
            seen = self.stats()
            raise BenchError(f"{error}: {seen['accepted']:,.0f} came, {seen['odd']:.0f} not understood") from None
        log = self.log()
        prove(log, ids)
        return log

    def _answers(self) -> bool:
        try:
            return bool(self._ask("/_stats"))
        except OSError:
            return False

    def _ask(self, path: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().read()
        finally:
            connection.close()
