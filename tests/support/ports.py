"""Ports for what a test starts."""

import secrets

from gatepost.processes.ports import free_port

LOWEST, HIGHEST = 12_000, 31_000


def quiet_port() -> int:
    """A free port on loopback, below those that the system gives to outgoing connections: none of them takes it before
    its listener comes. Not from `random`, whose seed the test processes share."""
    return free_port("127.0.0.1", LOWEST + secrets.randbelow(HIGHEST - LOWEST))
