"""Values that outlive a flow: tokens, cookies, WSDLs. One sign-in serves all who wait for it."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from gatepost.providers.base import Gateway

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """A cached value; `expires` on the cache's clock."""

    value: Any = field(repr=False)
    expires: float


class Abandoned(Exception):  # the one who was fetching has been cancelled
    """Nobody fetches any more: try again."""


@dataclass(slots=True)
class FlowCache:
    """One per process. `clock` is monotonic, in seconds."""

    clock: Callable[[], float] = time.monotonic
    _entries: dict[Key, Entry] = field(default_factory=dict, init=False)
    _flights: dict[Key, asyncio.Future[Entry | Exception]] = field(default_factory=dict, init=False)

    async def get(self, key: Key, fetch: Callable[[], Awaitable[tuple[Any, float]]]) -> tuple[Entry, bool]:
        """The live entry, and whether this very call has fetched it.

        `fetch` brings (value, seconds to live). While it runs, others wait for its result, and for its failure too:
        a sign-in that failed for one is not tried by all who queue behind it.
        """
        while True:
            entry = self._entries.get(key)
            if entry is not None and entry.expires > self.clock():
                return entry, False
            flight = self._flights.get(key)
            if flight is None:
                return await self._fetch(key, fetch), True
            try:
                result = await asyncio.shield(flight)
            except Abandoned:
                continue
            if isinstance(result, Exception):
                raise result
            return result, False

    def forget(self, key: Key, entry: Entry | None = None) -> None:
        """Drop the value; with `entry`, only if it is still that one: another may have renewed it meanwhile."""
        if entry is None or self._entries.get(key) is entry:
            self._entries.pop(key, None)

    async def _fetch(self, key: Key, fetch: Callable[[], Awaitable[tuple[Any, float]]]) -> Entry:
        flight: asyncio.Future[Entry | Exception] = asyncio.get_running_loop().create_future()
        self._flights[key] = flight
        try:
            value, ttl_s = await fetch()
        except Exception as failure:
            flight.set_result(failure)
            raise
        else:
            self._drop_expired()
            entry = self._entries[key] = Entry(value, self.clock() + ttl_s)
            flight.set_result(entry)
            return entry
        finally:
            del self._flights[key]
            if not flight.done():
                flight.set_exception(Abandoned())
                flight.exception()

    def _drop_expired(self) -> None:
        now = self.clock()
        for key in [key for key, entry in self._entries.items() if entry.expires <= now]:
            del self._entries[key]


def account_of(gateway: Gateway) -> str:
    """Tells accounts apart without naming them: other settings, other account."""
    settings = sorted((name, repr(value)) for name, value in gateway.settings.items())
    return hashlib.sha256(repr((gateway.name, settings)).encode(errors="surrogatepass")).hexdigest()
