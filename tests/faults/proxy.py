"""A TCP proxy between two parties, for what networks do to them.

    with running_proxy(folder, "127.0.0.1", 5432) as proxy:
        connect(proxy.port)
        proxy.do(latency_s=0.2)     # each piece is that much later in each direction
        proxy.do(is_frozen=True)    # half-open: connections stand, nothing passes
        proxy.do(is_open=False)     # new connections are turned away
        proxy.do(cut=True)          # whatever is connected is reset

A process of its own: what happens to others while it waits must not wait with it.
"""

import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.installation import Process, spawn, wait_until

ROOT = Path(__file__).parents[2]


def module_env() -> dict[str, str]:
    """For processes that run a module of the tests."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))}


@dataclass(slots=True)
class Proxy:
    """A running proxy. Thread-safe."""

    process: Process
    port: int
    control_port: int
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def do(self, **wanted: Any) -> None:
        """Change how it behaves; what is not named stays."""
        with self._lock, socket.create_connection(("127.0.0.1", self.control_port), timeout=60) as control:
            control.sendall(json.dumps(wanted).encode() + b"\n")
            assert control.recv(16) == b"done\n"

    def heal(self) -> None:
        """As at the start."""
        self.do(latency_s=0.0, is_frozen=False, is_open=True)


@contextmanager
def running_proxy(folder: Path, host: str, port: int, name: str = "proxy") -> Iterator[Proxy]:
    argv = [sys.executable, "-m", "tests.faults.relay", host, str(port)]
    process = spawn(name, argv, folder, module_env())
    try:
        wait_until(lambda: process.last_words().endswith("\n") or not process.is_alive, 60, "the proxy")
        ports = process.last_words().split()
        yield Proxy(process, int(ports[0]), int(ports[1]))
    finally:
        process.kill()
