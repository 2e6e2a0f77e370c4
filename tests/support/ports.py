"""Ports for what a test starts."""

import os
import secrets

from gatepost.processes.ports import free_port

LOWEST, HIGHEST = 12_000, 31_000
TRIES = 50

_given: set[int] = set()


def quiet_port() -> int:
    """A free port on loopback, below those that the system gives to outgoing connections: none of them takes it before
    its listener comes. Nor does anybody else: each test process draws from a range of its own, and no port twice. Not
    from `random`, whose seed the test processes share."""
    lowest, highest = _range()
    while True:
        port = free_port("127.0.0.1", lowest + secrets.randbelow(highest - lowest - TRIES), tries=TRIES)
        if port not in _given:
            _given.add(port)
            return port


def _range() -> tuple[int, int]:
    """Of this process among those of pytest-xdist; whoever is none of them has it all."""
    width = (HIGHEST - LOWEST) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    lowest = LOWEST + width * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return lowest, lowest + width
