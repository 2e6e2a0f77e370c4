"""Asks providers: the state of messages that were submitted, whether an unknown one was ever seen, and what is new in
a feed. Asking never re-sends, except where the provider says it never saw the message."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import structlog
from psycopg import AsyncConnection, OperationalError
from psycopg_pool import AsyncConnectionPool

from gatepost.dispatch import statements as sql
from gatepost.dispatch.debug import log_asked, log_fed
from gatepost.dispatch.driven import Driven
from gatepost.dispatch.pacing import Pacer, TooFast
from gatepost.dispatch.runner import Runner
from gatepost.messages import receipts
from gatepost.providers.base import Commit, Context, Flow, Found, Item, Later, Receipt, Sent
from gatepost.providers.manifest import Feed
from gatepost.sms.ids import IdSource, from_ref, to_ref
from gatepost.sms.states import State
from gatepost.transport.driver import Driver, FlowResult
from gatepost.transport.traces import Exchange

log = structlog.get_logger()

LOOK_S = 1.0
LEAST_WAIT_S = 0.005
FIRST_AGAIN_S = 30.0
LAST_AGAIN_S = 3600.0
AFTER_FAILURE_S = 60.0

T = TypeVar("T")
StoreItems = Callable[[AsyncConnection[Any], int, Sequence[Item]], Awaitable[None]]


class Asker:
    """Asks for one gateway, beside its runner and only while the runner's lease holds."""

    def __init__(
        self,
        runner: Runner,
        pool: AsyncConnectionPool[Any],
        driver: Driver,
        ids: IdSource,
        store_items: StoreItems,
    ) -> None:
        self._runner = runner
        self._pool = pool
        self._driver = driver
        self._ids = ids
        self._store_items = store_items
        self._feeds_due: dict[str, float] = {}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._ask_states()
                for feed in self._runner.driven.manifest.feeds:
                    if self._runner.driven.provider.poll and self._feeds_due.get(feed.name, 0.0) <= time.monotonic():
                        await self._poll(feed)
            except TooFast:
                log.info("asking_waits_for_its_turn", gateway=self._runner.driven.id)
            except OperationalError as error:
                log.warning("asking_waits_for_database", cause=type(error).__name__)
            except Exception:
                # What one answer stumbles over must not stop the gateway's sending.
                log.exception("asking_failed", gateway=self._runner.driven.id)
                await asyncio.sleep(AFTER_FAILURE_S)
            await asyncio.sleep(LOOK_S)

    async def _run(
        self, flow: Callable[[], Flow[T]], on_commit: Callable[[Commit], Awaitable[None]] | None = None
    ) -> FlowResult[T]:
        """Where the account has a limit, asking counts against it as sending does, and waits for its turn. Raises
        TooFast where what was to be asked did not fit in after all: then it is asked another time."""
        driven = self._runner.driven
        # Where messages or segments are counted, questions are not.
        pacer = self._runner.shared_pacer if driven.grouping.counts == "requests" else None
        stopped: list[TooFast] = []

        def count() -> None:
            assert pacer is not None
            try:
                pacer.written(time.monotonic())
            except TooFast as too_fast:
                stopped.append(too_fast)
                raise

        if pacer is not None:
            await _permit(pacer)
        result = await self._driver.run_flow(
            flow,
            driven.provider,
            driven.account,
            on_commit=on_commit,
            before_write=count if pacer is not None else None,
            link=driven.link,
        )
        if stopped:
            raise stopped[0]
        return result

    async def _ask_states(self) -> None:
        driven = self._runner.driven
        if not (driven.provider.query or driven.provider.find):
            return
        async with self._pool.connection() as connection:
            cursor = await connection.execute(sql.TO_ASK, [driven.id, max(driven.manifest.query_limit, 1)])
            rows = await cursor.fetchall()
        uncertain = [_sent(row) for row in rows if row[1] == State.UNKNOWN.value]
        submitted = [_sent(row) for row in rows if row[1] != State.UNKNOWN.value]
        if submitted and driven.provider.query:
            await self._query(submitted)
        if uncertain and driven.provider.find:
            await self._find(uncertain)
        if rows:
            async with self._pool.connection() as connection:
                await connection.execute(sql.ASKED, [FIRST_AGAIN_S, LAST_AGAIN_S, [row[0] for row in rows]])
                await connection.execute(sql.GIVE_UP_ASKING, [driven.id])

    async def _query(self, sent: list[Sent]) -> None:
        driven = self._runner.driven
        query = driven.provider.query
        assert query is not None
        result = await self._run(lambda: query(tuple(sent), driven.account, self._context()))
        await self._log(driven, sent, result.exchanges)
        found: list[Receipt] = result.value or []
        if found:
            async with self._pool.connection() as connection:
                await receipts.apply(connection, driven.id, found, self._ids)

    async def _find(self, sent: list[Sent]) -> None:
        """What the provider has seen is submitted; what it never saw goes back to the queue."""
        driven = self._runner.driven
        find = driven.provider.find
        assert find is not None
        result = await self._run(lambda: find(tuple(sent), driven.account, self._context()))
        await self._log(driven, sent, result.exchanges)
        answers: dict[str, Found] = result.value or {}
        seen = [
            Receipt(found.state or State.SUBMITTED, "found", keys=found.keys, ref=ref, words="found at the provider")
            for ref, found in answers.items()
            if found.seen
        ]
        never = [parsed[0] for ref, found in answers.items() if not found.seen and (parsed := from_ref(ref))]
        async with self._pool.connection() as connection:
            await receipts.apply(connection, driven.id, seen, self._ids)
            keys = [(f.keys[0], p[0]) for r, f in answers.items() if f.seen and f.keys and (p := from_ref(r))]
            if keys:
                await connection.execute(sql.NAME_FOUND, [list(column) for column in zip(*keys, strict=True)])
            if never:
                await connection.execute(
                    sql.SEND_AGAIN, {"ids": never, "state": "queued", "why": "the provider never saw it", "by": ""}
                )
        if never:
            self._runner.wake()

    async def _poll(self, feed: Feed) -> None:
        driven = self._runner.driven
        poll = driven.provider.poll
        assert poll is not None
        async with self._pool.connection() as connection:
            cursor = await connection.execute(sql.CURSOR, [driven.id, feed.name])
            row = await cursor.fetchone()
        if row and row[1] > self._runner.clock.now():
            return
        start = row[0] if row else ""
        came: list[Item] = []
        result = await self._run(
            lambda: poll(feed.name, start, driven.account, self._context()),
            on_commit=lambda commit: self._commit(feed, commit, came),
        )
        log_fed(driven, came, result.exchanges)
        later = result.value if isinstance(result.value, Later) else Later(max(feed.every_s, AFTER_FAILURE_S), start)
        async with self._pool.connection() as connection:
            await connection.execute(sql.MOVE_CURSOR, [driven.id, feed.name, later.cursor or start, later.after_s])
        self._feeds_due[feed.name] = time.monotonic() + later.after_s

    async def _commit(self, feed: Feed, commit: Commit, came: list[Item]) -> None:
        came += commit.items
        async with self._pool.connection() as connection, connection.transaction():
            await self._store_items(connection, self._runner.driven.id, commit.items)
            await connection.execute(sql.MOVE_CURSOR, [self._runner.driven.id, feed.name, commit.cursor, 0.0])

    async def _log(self, driven: Driven, sent: Sequence[Sent], exchanges: Sequence[Exchange]) -> None:
        """Providers repeat the text of a message when they are asked for its state."""
        if not driven.is_debugged:
            return
        ids = [parsed[0] for one in sent if (parsed := from_ref(one.ref))]
        async with self._pool.connection() as connection:
            cursor = await connection.execute("select body from message where id = any(%s)", [ids])
            log_asked(driven, sent, [row[0] for row in await cursor.fetchall()], exchanges)

    def _context(self) -> Context:
        driven = self._runner.driven
        nonce = to_ref(self._ids.take()[0])
        return Context(
            now=self._runner.clock.now(), nonce=nonce, receipt_url=driven.receipt_url, inbound_url=driven.inbound_url
        )


async def _permit(pacer: Pacer) -> None:
    while True:
        now = time.monotonic()
        if pacer.permit(now):
            return
        await asyncio.sleep(max(LEAST_WAIT_S, pacer.wait_s(now)))


def _sent(row: tuple[Any, ...]) -> Sent:
    message_id, _, generation, provider_ref, parts, digits, sender, serial, submitted_at, asked = row
    keys = tuple(parts) or ((provider_ref,) if provider_ref else ())
    return Sent(to_ref(message_id, generation), keys, digits, sender, serial or 0, submitted_at, asked)
