"""Processes that a run starts, and what the kernel says of them."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.tools import BenchError

from gatepost.processes.spawn import die_with_parent

TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Started:
    """A process in a session of its own, with a log."""

    name: str
    log: Path
    popen: "subprocess.Popen[bytes]"

    @classmethod
    def spawn(
        cls,
        name: str,
        argv: Sequence[str],
        folder: Path,
        env: Mapping[str, str] | None = None,
        *,
        when_we_die: signal.Signals = signal.SIGKILL,
    ) -> "Started":
        log = folder / f"{name}.log"
        with log.open("ab") as output:
            popen = subprocess.Popen(
                list(argv),
                cwd=folder,
                env=dict(env) if env is not None else None,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent(when_we_die),  # noqa: PLW1509 - calls prctl only, see spawn.py
            )
        return cls(name, log, popen)

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def is_alive(self) -> bool:
        return self.popen.poll() is None

    def kill(self) -> None:
        """SIGKILL for it and whatever is in its session's group."""
        if self.is_alive:
            os.killpg(self.pid, signal.SIGKILL)
        self.popen.wait(timeout=10)

    def stop(self, timeout_s: float) -> None:
        """SIGTERM, and SIGKILL for it and all of its descendants when it has not ended in time (BenchError)."""
        family = descendants(self.pid)
        if self.is_alive:
            self.popen.terminate()
        try:
            self.popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            for pid in (*family, self.pid):
                _kill(pid)
            self.popen.wait(timeout=10)
            raise BenchError(f"{self.name} did not stop in {timeout_s:.0f} s") from None

    def last_words(self) -> str:
        return self.log.read_text("utf-8", "replace")[-2000:]


def descendants(pid: int) -> list[int]:
    """All processes below this one, parents first."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        children = _children(waiting.pop())
        found += children
        waiting += children
    return found


def command(pid: int) -> str:
    """Its command line, empty where it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        return ""


def memory_bytes(pid: int) -> int:
    """What of its memory is in RAM, its share of each page that it shares with others (PSS); 0 where it is gone."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:")), 0)


def cpu_seconds(pid: int) -> float:
    """What it and its ended children have used so far; 0 where it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / TICK


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += map(int, task.read_text().split())
        except OSError:
            continue
    return found


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
