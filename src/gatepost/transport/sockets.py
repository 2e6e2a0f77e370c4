"""Names and sockets, both behind the address table.

Every answer of a look-up is checked, and so is the very address that is about to be connected to, whoever asked for it
and however it was spelled. What was checked is what is connected to: a name is not looked up again in between, so one
that changes its answer between check and use gains nothing.
"""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from aiohappyeyeballs import start_connection

from gatepost.transport.addresses import AllowList, Guarded, check_address

Lookup = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a name, in the order to be tried; raises OSError."""

PARALLEL_LOOKUPS = 16
NEXT_ADDRESS_S = 0.25
"""When an address does not answer, the next one is tried beside it."""
NAMES_KEPT_S = 10.0


class SystemLookup:
    """The system's resolver, in threads of its own: a name server that hangs must not hold anything else up."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(PARALLEL_LOOKUPS, thread_name_prefix="lookup")

    async def __call__(self, host: str, port: int) -> list[str]:
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return list(dict.fromkeys(str(address[0]) for *_, address in found))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


@dataclass(slots=True)
class _Known:
    """The addresses of a name, or somebody who is looking them up."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    until: float = 0.0
    ips: list[str] = field(default_factory=list)


class GuardedNames:
    """Look-ups and sockets of one client. `kept_s`: how long the answer of a look-up is used again."""

    def __init__(self, lookup: Lookup, allow: AllowList, kept_s: float = NAMES_KEPT_S) -> None:
        self._lookup = lookup
        self._allow = allow
        self._kept_s = kept_s
        self._known: dict[tuple[str, int], _Known] = {}
        self._allowed_by_name: set[tuple[str, int]] = set()

    async def addresses(self, host: str, port: int) -> list[str]:
        """Every address of the name. Raises Guarded and OSError; one forbidden answer forbids the name: a mixture is
        how rebinding looks."""
        known = self._known.get((host, port))
        if known is None:
            self._forget_old()
            known = self._known[host, port] = _Known()
        async with known.lock:
            if known.until <= time.monotonic():
                known.ips = await self._looked_up(host, port)
                known.until = time.monotonic() + self._kept_s
        return known.ips

    async def connect(self, ips: list[str], port: int) -> socket.socket:
        """A socket connected to the first of these that answers; raises Guarded and OSError."""
        targets = [
            (socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (ip, port))
            for ip in ips
        ]
        return await start_connection(
            targets, happy_eyeballs_delay=NEXT_ADDRESS_S, interleave=1, socket_factory=self.open_socket
        )

    async def check_behind_proxy(self, host: str, port: int) -> None:
        """Raise Guarded where the proxy would be asked for an address that is forbidden as far as we can see.

        The proxy looks the name up itself; a name that we cannot resolve is left to it.
        """
        try:
            await self.addresses(host, port)
        except Guarded:
            raise
        except OSError:
            return

    def open_socket(self, target: tuple[Any, ...]) -> socket.socket:
        """A socket for the address that is about to be connected to; raises Guarded. Nothing else opens any."""
        family, kind, protocol, _, address = target
        ip, port = address[0], address[1]
        if (ip, port) not in self._allowed_by_name:
            check_address(ip, port, ip, self._allow)
        return socket.socket(family, kind, protocol)

    def close(self) -> None:
        if isinstance(self._lookup, SystemLookup):
            self._lookup.close()

    async def _looked_up(self, host: str, port: int) -> list[str]:
        ips = await self._lookup(host, port)
        if not ips:
            raise OSError(f"{host} has no address")
        for ip in ips:
            check_address(ip, port, host, self._allow)
        if (host.lower().rstrip("."), port) in self._allow.hosts:
            self._allowed_by_name.update((ip, port) for ip in ips)
        return ips

    def _forget_old(self) -> None:
        now = time.monotonic()
        for name in [name for name, known in self._known.items() if known.until <= now and not known.lock.locked()]:
            del self._known[name]
