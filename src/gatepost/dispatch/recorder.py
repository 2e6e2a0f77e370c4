"""Writes outcomes down in groups. What cannot be written now is written when the database is back, unless the lease has
moved on meanwhile: then the new owner has already called it unknown."""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from psycopg_pool import AsyncConnectionPool

from gatepost.dispatch import store
from gatepost.dispatch.decide import Decision
from gatepost.dispatch.driven import Driven
from gatepost.dispatch.statements import ASK_LATER, HAS_ORPHANS
from gatepost.dispatch.store import Closing
from gatepost.messages import receipts
from gatepost.sms.ids import IdSource, to_ref
from gatepost.sms.states import State

log = structlog.get_logger()
MAX_GROUP = 500
RETRY_S = 0.25

Pool = AsyncConnectionPool[Any]
Entry = tuple[Closing, dict[int, Decision]]


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
        self._queue: asyncio.Queue[Entry] = asyncio.Queue()
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    def put(self, entry: Entry) -> None:
        self._is_idle.clear()
        self._queue.put_nowait(entry)

    async def drained(self) -> None:
        """Until everything that was put is on disk."""
        await self._is_idle.wait()

    async def run(self) -> None:
        """Until cancelled. Raises LeaseLost when the gateway belongs to another worker."""
        while True:
            group = [await self._queue.get()]
            size = len(group[0][0].messages)
            while size < MAX_GROUP and not self._queue.empty():
                group.append(self._queue.get_nowait())
                size += len(group[-1][0].messages)
            await self._write(group)
            self._on_recorded([closing.submission_id for closing, _ in group])
            if self._queue.empty():
                self._is_idle.set()

    async def _write(self, group: list[Entry]) -> None:
        gateway_id = self._driven().id
        closings = [closing for closing, _ in group]
        is_recorded = False
        while True:
            try:
                async with self._pool.connection() as connection:
                    if not is_recorded:
                        await store.record(connection, gateway_id, self._fence, closings)
                        is_recorded = True
                    await self._follow_up(connection, gateway_id, group)
                return
            except store.AWAY as error:
                log.warning("record_waits_for_database", gateway=gateway_id, cause=type(error).__name__)
                await asyncio.sleep(RETRY_S)

    async def _follow_up(self, connection: store.Connection, gateway_id: int, group: list[Entry]) -> None:
        messages = [message for closing, _ in group for message in closing.messages]
        await self._ask_later(connection, gateway_id, group)
        cursor = await connection.execute(HAS_ORPHANS, [gateway_id])
        row = await cursor.fetchone()
        if row and row[0]:
            keys = [f"ref:{to_ref(message.message_id, message.generation)}" for message in messages]
            keys += [key for message in messages for key in message.keys]
            await receipts.claim(connection, gateway_id, keys, self._ids)

    async def _ask_later(self, connection: store.Connection, gateway_id: int, group: list[Entry]) -> None:
        driven = self._driven()
        submitted = [
            message.message_id
            for closing, _ in group
            for message in closing.messages
            if message.state == State.SUBMITTED.value
        ]
        uncertain = [message_id for _, decisions in group for message_id, d in decisions.items() if d.find_at]
        asks = []
        if submitted and driven.can_ask:
            asks.append((submitted, driven.first_query_s, State.SUBMITTED))
        if uncertain:
            asks.append((uncertain, driven.conduct.deadline_s, State.UNKNOWN))
        for message_ids, first_s, state in asks:
            await connection.execute(
                ASK_LATER,
                {
                    "gateway": gateway_id,
                    "ids": message_ids,
                    "states": [state.value],
                    "first": first_s,
                    "until": driven.manifest.poll_until_s,
                },
            )
