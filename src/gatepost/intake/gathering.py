"""Reports that are pushed to us, recorded in groups: those of a gateway that arrive while one group commits form the
next one. Nobody waits longer than two commits take."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg_pool import AsyncConnectionPool

from gatepost.inbox.store import Arrival, store_items
from gatepost.intake.http import AWAY
from gatepost.providers.base import Item, Receipt
from gatepost.sms.ids import IdSource

MAX_GROUP = 1000
STORE_TIMEOUT_S = 2.0


@dataclass(slots=True, eq=False)
class _Call:
    """One callback's items; `stored` is done once they are on disk, or fails as storing them did."""

    arrival: Arrival
    items: Sequence[Item]
    stored: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Gathering:
    """Stores what callbacks bring."""

    def __init__(self, pool: AsyncConnectionPool[Any], ids: IdSource) -> None:
        self._pool = pool
        self._ids = ids
        self._waiting: dict[int, deque[_Call]] = {}
        self._lanes: dict[int, asyncio.Task[None]] = {}

    async def store(self, arrival: Arrival, items: Sequence[Item]) -> None:
        """On disk when this returns. Raises what storing raises: one of AWAY while the database is away."""
        if not all(isinstance(item, Receipt) for item in items):
            # What people write takes locks of its own, and is too rare to gain by company.
            await self._store(arrival, items)
            return
        call = _Call(arrival, items)
        self._waiting.setdefault(arrival.gateway_id, deque()).append(call)
        if arrival.gateway_id not in self._lanes:
            self._lanes[arrival.gateway_id] = asyncio.create_task(self._run(arrival.gateway_id))
        await call.stored

    async def stop(self) -> None:
        """Store what waits."""
        await asyncio.gather(*self._lanes.values(), return_exceptions=True)

    async def _run(self, gateway_id: int) -> None:
        waiting = self._waiting[gateway_id]
        try:
            while waiting:
                await self._store_group(_next_group(waiting))
        finally:
            del self._lanes[gateway_id], self._waiting[gateway_id]

    async def _store_group(self, group: list[_Call]) -> None:
        """What is to blame for a failure fails alone."""
        try:
            await self._store(group[0].arrival, [item for call in group for item in call.items])
        except Exception as error:
            if len(group) > 1 and not isinstance(error, AWAY):
                for call in group:
                    await self._store_group([call])
                return
            for call in group:
                if not call.stored.done():
                    call.stored.set_exception(error)
        else:
            for call in group:
                if not call.stored.done():
                    call.stored.set_result(None)

    async def _store(self, arrival: Arrival, items: Sequence[Item]) -> None:
        async with self._pool.connection(timeout=STORE_TIMEOUT_S) as connection:
            await store_items(connection, arrival, items, self._ids)


def _next_group(waiting: deque[_Call]) -> list[_Call]:
    group = [waiting.popleft()]
    size = len(group[0].items)
    while waiting and size + len(waiting[0].items) <= MAX_GROUP:
        group.append(waiting.popleft())
        size += len(group[-1].items)
    return group
