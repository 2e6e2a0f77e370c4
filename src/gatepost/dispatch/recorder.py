"""Writes outcomes down in groups. What cannot be written now is written when the database is back, unless the lease has
moved on meanwhile: then the new owner has already called it unknown."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import structlog
from psycopg_pool import AsyncConnectionPool

from gatepost.dispatch import detours, store
from gatepost.dispatch.driven import Driven
from gatepost.dispatch.statements import HAS_ORPHANS
from gatepost.dispatch.store import Closing
from gatepost.messages import receipts
from gatepost.sms.ids import IdSource, to_ref

log = structlog.get_logger()
MAX_GROUP = 500
LARGE_GROUP = 250
BREATH_S = 0.015
"""Groups begin so far apart, unless they are large: what a statement costs by itself is shared by more messages."""
RETRY_S = 0.25

Pool = AsyncConnectionPool[Any]


class Recorder:
    """The record buffer of one gateway's runner. `on_recorded` hears which submissions left the in-flight window."""

    def __init__(
        self,
        pool: Pool,
        fence: int,
        ids: IdSource,
        driven: Callable[[], Driven],
        on_recorded: Callable[[list[int]], None],
    ) -> None:
        self._pool = pool
        self._fence = fence
        self._ids = ids
        self._driven = driven
        self._on_recorded = on_recorded
        self._queue: asyncio.Queue[Closing] = asyncio.Queue()
        self._waiting = 0
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    def put(self, closing: Closing) -> None:
        self._is_idle.clear()
        self._waiting += len(closing.messages)
        self._queue.put_nowait(closing)

    async def drained(self) -> None:
        """Until everything that was put is on disk."""
        await self._is_idle.wait()

    async def run(self) -> None:
        """Until cancelled. Raises LeaseLost when the gateway belongs to another worker."""
        began_at = 0.0
        while True:
            group = [await self._queue.get()]
            early_s = began_at + BREATH_S - time.monotonic()
            if early_s > 0 and self._waiting < LARGE_GROUP:
                await asyncio.sleep(early_s)
            size = len(group[0].messages)
            while size < MAX_GROUP and not self._queue.empty():
                group.append(self._queue.get_nowait())
                size += len(group[-1].messages)
            self._waiting -= size
            began_at = time.monotonic()
            await self._write(group)
            self._on_recorded([closing.submission_id for closing in group])
            if self._queue.empty():
                self._is_idle.set()

    async def _write(self, group: list[Closing]) -> None:
        driven = self._driven()
        is_recorded = False
        while True:
            try:
                async with self._pool.connection() as connection:
                    if not is_recorded:
                        await store.record(connection, driven.id, self._fence, group, driven.asking)
                        is_recorded = True
                    await self._move_on(connection, driven, group)
                    await self._claim_receipts(connection, driven.id, group)
                return
            except store.AWAY as error:
                log.warning("record_waits_for_database", gateway=driven.id, cause=type(error).__name__)
                await asyncio.sleep(RETRY_S)

    async def _move_on(self, connection: store.Connection, driven: Driven, group: list[Closing]) -> None:
        """What goes elsewhere is in the queue again, and leaves it by the same way as any that is moved."""
        others = [other for closing in group for other in closing.detours]
        if others:
            parameters = detours.parameters(driven.id, driven.name, others, f"{driven.name} did not take it")
            async with connection.transaction():
                await connection.execute(detours.MOVE, parameters)
                await connection.execute(detours.WAKE, [sorted({other.way.gateway.id for other in others})])

    async def _claim_receipts(self, connection: store.Connection, gateway_id: int, group: list[Closing]) -> None:
        """Those that overtook our own record."""
        cursor = await connection.execute(HAS_ORPHANS, [gateway_id])
        row = await cursor.fetchone()
        if row and row[0]:
            messages = [message for closing in group for message in closing.messages]
            keys = [f"ref:{to_ref(message.message_id, message.generation)}" for message in messages]
            keys += [message.key for message in messages if message.key]
            keys += [key for closing in group for parts in closing.keys.values() for key in parts]
            await receipts.claim(connection, gateway_id, keys, self._ids)
