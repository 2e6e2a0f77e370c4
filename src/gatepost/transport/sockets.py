"""Names and sockets, both behind the address table.

The resolver checks every answer of a look-up, and the socket factory checks the very address that is about to be
connected to, whoever asked for it and however it was spelled. aiohttp connects to what the resolver returned and never
looks a name up again, so a name that changes its answer between check and use gains nothing.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from gatepost.transport.addresses import AllowList, Guarded, check_address

Lookup = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a name, in the order to be tried; raises OSError."""

PARALLEL_LOOKUPS = 16


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


class GuardedNames(AbstractResolver):
    """Look-ups and sockets of one client."""

    def __init__(self, lookup: Lookup, allow: AllowList) -> None:
        self._lookup = lookup
        self._allow = allow
        self._allowed_by_name: set[tuple[str, int]] = set()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """One forbidden answer forbids the name: a mixture is how rebinding looks."""
        ips = await self._lookup(host, port)
        if not ips:
            raise OSError(f"{host} has no address")
        for ip in ips:
            check_address(ip, port, host, self._allow)
        if (host.lower().rstrip("."), port) in self._allow.hosts:
            self._allowed_by_name.update((ip, port) for ip in ips)
        return [
            ResolveResult(
                hostname=host,
                host=ip,
                port=port,
                family=socket.AF_INET6 if ":" in ip else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for ip in ips
        ]

    async def check_behind_proxy(self, host: str, port: int) -> None:
        """Raise Guarded where the proxy would be asked for an address that is forbidden as far as we can see.

        The proxy looks the name up itself; a name that we cannot resolve is left to it.
        """
        try:
            await self.resolve(host, port)
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

    async def close(self) -> None:
        if isinstance(self._lookup, SystemLookup):
            self._lookup.close()
