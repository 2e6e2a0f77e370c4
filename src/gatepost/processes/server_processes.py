"""Which processes belong to one cluster, and getting rid of those that outlived their postmaster.

The process table is asked instead of `postmaster.pid` alone: after a crash or a reboot the number in that file may be
another program's, and backends may live on after their postmaster.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gatepost.processes.errors import ProcessError

Sleep = Callable[[float], None]

_POLL_S = 0.02
_LEAVE_BY_THEMSELVES_S = 3.0
_DIE_S = 10.0
_STATUS_LINE = 7


@dataclass(frozen=True, slots=True)
class PostmasterFile:
    """`postmaster.pid` of a running or crashed server. `status` is "starting", "ready", "stopping" or ""."""

    pid: int
    status: str

    @classmethod
    def read(cls, cluster: Path) -> "PostmasterFile | None":
        try:
            lines = (cluster / "postmaster.pid").read_text("utf-8", "replace").splitlines()
            return cls(abs(int(lines[0])), lines[_STATUS_LINE].strip() if len(lines) > _STATUS_LINE else "")
        except (OSError, ValueError, IndexError):
            return None


@dataclass(frozen=True, slots=True)
class ServerProcesses:
    """The processes of one cluster, told by the `cluster_name` that stands in all their titles."""

    cluster: Path
    tag: str
    uid: int

    def postmaster(self) -> int | None:
        """The process id of the living server of this cluster."""
        file = PostmasterFile.read(self.cluster)
        return file.pid if file is not None and file.pid in self.pids() else None

    def pids(self) -> set[int]:
        """Every living process of the cluster: postmaster, its helpers and backends."""
        marks = (f"cluster_name={self.tag}", f"postgres: {self.tag}: ")
        return {
            pid
            for pid, uid, title in _process_table()
            if uid == self.uid and (marks[0] in title.split("\0") or title.startswith(marks[1]))
        }

    def clear_leftovers(self, sockets: Path, sleep: Sleep = time.sleep) -> None:
        """Make way for a new postmaster where there is none: orphans end, stale lock files go.

        Orphans notice that their postmaster is gone and leave, but not in the middle of a long query; a new server
        would refuse to start as long as they hold the shared memory. Killing them loses nothing: what they committed
        is in the log that the new server replays.
        """
        if not wait_until(lambda: not self.pids(), _LEAVE_BY_THEMSELVES_S, sleep):
            for pid in self.pids():
                send_signal(pid, signal.SIGKILL)
            if not wait_until(lambda: not self.pids(), _DIE_S, sleep):
                raise ProcessError(
                    "orphans",
                    f"Processes of a crashed PostgreSQL do not end: {sorted(self.pids())}.",
                    "Wait for the disk they wait for, or restart the machine.",
                )
        for stale in (self.cluster / "postmaster.pid", *sockets.glob(".s.PGSQL.*")):
            stale.unlink(missing_ok=True)


def wait_until(is_done: Callable[[], bool], timeout_s: float, sleep: Sleep = time.sleep) -> bool:
    """Whether `is_done` became true within `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not is_done():
        if time.monotonic() >= deadline:
            return False
        sleep(_POLL_S)
    return True


def send_signal(pid: int, number: signal.Signals) -> None:
    """Send a signal; a process that has just ended is fine."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _process_table() -> Iterator[tuple[int, int, str]]:
    """Process id, effective user id and command line (arguments end with NUL) of what runs on this machine."""
    return _process_table_of_linux() if sys.platform == "linux" else _process_table_of_ps()


def _process_table_of_linux() -> Iterator[tuple[int, int, str]]:
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError, IndexError):
            folder = Path(entry.path)
            # A zombie has no command line: it holds neither memory nor files.
            title = (folder / "cmdline").read_bytes().decode("utf-8", "replace")
            if "postgres" in title:
                status = (folder / "status").read_text("utf-8", "replace")
                uids = next(line for line in status.splitlines() if line.startswith("Uid:")).split()
                yield int(entry.name), int(uids[2]), title


def _process_table_of_ps() -> Iterator[tuple[int, int, str]]:
    listing = subprocess.run(
        ["/bin/ps", "-axww", "-o", "pid=,uid=,command="], capture_output=True, text=True, timeout=10, check=True
    )
    for line in listing.stdout.splitlines():
        pid, uid, title = line.split(None, 2)
        yield int(pid), int(uid), title if title.startswith("postgres: ") else title.replace(" ", "\0")
