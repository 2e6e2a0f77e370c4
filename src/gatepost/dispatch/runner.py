"""Drives one gateway for as long as this worker holds its lease: look ahead, intent, submit, record.

A message crosses the line in `_submit` and nowhere else, after its intent is committed and only while the lease
outlives the write. The number of messages between intent and record is bounded by `window`.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import structlog
from psycopg import OperationalError
from psycopg_pool import AsyncConnectionPool

from gatepost.dispatch import store
from gatepost.dispatch.debug import log_submit
from gatepost.dispatch.decide import backoff_s, pauses_gateway
from gatepost.dispatch.driven import Driven
from gatepost.dispatch.grouping import LaneBuffer
from gatepost.dispatch.line import Gate, as_json, as_message, last_status
from gatepost.dispatch.outcomes import close
from gatepost.dispatch.pacing import Pacer
from gatepost.dispatch.recorder import Entry, Recorder
from gatepost.dispatch.store import Due, LeaseLost, Opened
from gatepost.messages import receipts
from gatepost.providers.base import Batch, Context
from gatepost.sms.ids import IdSource, to_ref
from gatepost.sms.outcomes import Kind, Outcome, not_sent, unknown
from gatepost.transport.driver import Driver, SubmitResult
from gatepost.transport.traces import Exchange

log = structlog.get_logger()

LANES = (0, 1, 2)
RECORD_BUFFER = 200
LOOK_AHEAD = 1000
POLL_S = 1.0
WRITE_MARGIN_S = 0.5
HOUSEKEEPING_S = 5.0
PAUSE_AFTER = 5
PROBE_EVERY_S = 30.0
KEPT_PER_HOUR = 3
RECONNECT_S = 0.25
RETRY_AT_GATE_S = 0.05

Pool = AsyncConnectionPool[Any]


class Runner:
    """One gateway under one fence. `lease_until` is on the monotonic clock and moves as the lease is renewed."""

    def __init__(
        self,
        driven: Driven,
        fence: int,
        *,
        pool: Pool,
        driver: Driver,
        ids: IdSource,
        lease_until: float,
        not_before: float,
        is_sending: Callable[[], bool],
    ) -> None:
        self.driven = driven
        self.fence = fence
        self.lease_until = lease_until
        self._pool = pool
        self._driver = driver
        self._ids = ids
        self._is_sending = is_sending
        self._pacer = Pacer(driven.rate, not_before)
        self._lanes = {lane: LaneBuffer() for lane in LANES}
        self._is_stale = dict.fromkeys(LANES, True)
        self._repeats: set[int] = set()
        self._recorder = Recorder(pool, fence, ids, lambda: self.driven, self._left_window)
        self._open: dict[int, int] = {}
        self._wake = asyncio.Event()
        self._is_stopping = False
        self._in_flight: dict[int, asyncio.Task[None]] = {}
        self._last_look = 0.0
        self._last_housekeeping = 0.0
        self._bad_in_a_row = 0
        self._failures_in_a_row = 0
        self._kept: Counter[int] = Counter()

    @property
    def window(self) -> int:
        """W: at most so many messages are between intent and record."""
        return self.driven.parallel * self.driven.grouping.limit + RECORD_BUFFER

    @property
    def _open_messages(self) -> int:
        return sum(self._open.values())

    def wake(self) -> None:
        """Something may be due: a hint, losing it costs a poll interval."""
        self._is_stale = dict.fromkeys(LANES, True)
        self._wake.set()

    def reconfigure(self, driven: Driven) -> None:
        """New settings apply from the next group on."""
        self.driven = driven
        self._pacer.change_rate(driven.rate)
        self._bad_in_a_row = 0
        self._last_housekeeping = 0.0
        for buffer in self._lanes.values():
            buffer.clear()
        self.wake()

    def stop(self) -> None:
        """Open nothing more; `run` returns once everything that is open is recorded."""
        self._is_stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Until stopped, or until the lease is lost (LeaseLost)."""
        recorder = asyncio.create_task(self._recorder.run())
        driving = asyncio.create_task(self._drive())
        try:
            done, _ = await asyncio.wait((recorder, driving), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (driving, recorder, *self._in_flight.values()):
                task.cancel()
            await asyncio.gather(driving, recorder, *self._in_flight.values(), return_exceptions=True)

    async def _drive(self) -> None:
        await self._until_database(self._adopt)
        while not self._is_stopping:
            self._wake.clear()
            try:
                await self._housekeep()
                await self._look_ahead()
                has_opened = await self._open_what_is_allowed()
            except OperationalError as error:
                log.warning("engine_waits_for_database", gateway=self.driven.id, cause=type(error).__name__)
                await asyncio.sleep(RECONNECT_S)
                await self._until_database(self._account_for_open)
                continue
            if not has_opened:
                await self._sleep()
        while self._in_flight:
            await asyncio.wait(self._in_flight.values())
        await self._recorder.drained()

    async def _until_database(self, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await step()
                return
            except OperationalError:
                await asyncio.sleep(RECONNECT_S)

    async def _adopt(self) -> None:
        """Submissions that an earlier owner left open: their bytes may have left, so they are unknown."""
        async with self._pool.connection() as connection:
            rows = await store.adopt(connection, self.driven.id, self.fence, list(self._open))
            parked = await receipts.findable(connection, self.driven.id)
            await receipts.claim(connection, self.driven.id, parked, self._ids)
        await self._close_rows(rows, unknown("worker lost"))

    async def _account_for_open(self) -> None:
        """After the database was away."""
        for buffer in self._lanes.values():
            buffer.clear()
        await self._close_unaccounted()
        self.wake()

    async def _close_unaccounted(self) -> None:
        """An intent of ours whose commit we never learnt of was never sent. Not to be called beside an intent."""
        async with self._pool.connection() as connection:
            rows = await store.unaccounted(connection, self.driven.id, self.fence, list(self._open))
        await self._close_rows(rows, not_sent("database lost before sending", retry_after_s=0.0))

    async def _close_rows(self, rows: list[tuple[Any, ...]], outcome: Outcome) -> None:
        for submission_id, _, message_ids, generations, senders, intent_at, is_resend in rows:
            items = await self._items(message_ids, generations, senders)
            outcomes = {to_ref(item.message_id, item.generation): outcome for item in items}
            entry = close(
                self.driven,
                submission_id,
                items,
                outcomes,
                intent_at=intent_at,
                now=datetime.now(UTC),
                is_resend=is_resend,
            )
            self._open[submission_id] = len(items)
            self._recorder.put(entry)
        if rows:
            await self._recorder.drained()

    async def _items(
        self, message_ids: list[int], generations: list[int] | None, senders: list[str] | None
    ) -> list[Due]:
        async with self._pool.connection() as connection:
            found = await store.messages_of(connection, message_ids)
        items = []
        for n, message_id in enumerate(message_ids):
            if message_id in found:
                generation = generations[n] if generations else 0
                sender = (senders[n] or None) if senders else None
                items.append(found[message_id]._replace(generation=generation, sender_override=sender))
        return items

    async def _housekeep(self) -> None:
        if time.monotonic() - self._last_housekeeping < HOUSEKEEPING_S:
            return
        self._last_housekeeping = time.monotonic()
        async with self._pool.connection() as connection:
            await store.refresh_holds(connection, self.driven.id, self._is_sending())
            await store.expire(connection, self.driven.id)
        await self._close_unaccounted()

    async def _look_ahead(self) -> None:
        now = time.monotonic()
        is_time = now - self._last_look >= POLL_S
        for lane in LANES:
            buffer = self._lanes[lane]
            is_low = len(buffer) < min(self.window, LOOK_AHEAD) // 2 + 1
            if not is_low or not (self._is_stale[lane] or is_time):
                continue
            self._last_look = now
            self._is_stale[lane] = False
            async with self._pool.connection() as connection:
                items = await store.due(connection, self.driven.id, lane, list(buffer), LOOK_AHEAD)
            # A full page means that there is more: the next look need not wait for a wake-up.
            self._is_stale[lane] = len(items) == LOOK_AHEAD
            repeated = {item.resend_of for item in items if item.resend_of is not None}
            self._repeats |= repeated
            buffer.add((item for item in items if item.resend_of is None), self.driven.grouping)

    async def _open_what_is_allowed(self) -> bool:
        """Commit intents for what pacing, slots and the window allow now, and let it go. False: nothing to do."""
        driven = self.driven
        # What is not recorded yet is still open, and cannot be opened again.
        repeat = next((submission_id for submission_id in self._repeats if submission_id not in self._open), None)
        if repeat is not None and self._has_room():
            self._repeats.discard(repeat)
            return await self._repeat(driven, repeat)
        groups: list[list[Due]] = []
        while self._has_room(len(groups), sum(map(len, groups))):
            group = self._next_group()
            if not group:
                break
            self._pacer.permit(time.monotonic(), self._units(group))
            groups.append(group)
        if not groups:
            return False
        async with self._pool.connection() as connection:
            opened = await store.intent(
                connection,
                gateway_id=driven.id,
                fence=self.fence,
                groups=groups,
                submission_ids=self._ids.take(len(groups)),
                settings_version=driven.version,
            )
        items = {item.message_id: item for group in groups for item in group}
        for one in opened:
            is_resend = any(items[message_id].is_unknown for message_id in one.message_ids)
            self._go(driven, one, [items[message_id] for message_id in one.message_ids], is_resend)
        left_out = items.keys() - {message_id for one in opened for message_id in one.message_ids}
        if left_out:
            async with self._pool.connection() as connection:
                await store.block_suppressed(connection, list(left_out))
        return True

    async def _repeat(self, driven: Driven, submission_id: int) -> bool:
        async with self._pool.connection() as connection:
            row = await store.repeat(connection, self.driven.id, self.fence, submission_id)
        if row is not None:
            _, serial, message_ids, generations, senders = row
            items = await self._items(message_ids, generations, senders)
            self._pacer.permit(time.monotonic(), self._units(items))
            self._go(driven, Opened(submission_id, serial, message_ids), items, is_resend=True)
        return True

    def _has_room(self, groups: int = 0, messages: int = 0) -> bool:
        now = time.monotonic()
        if self._is_stopping or self._pacer.wait_s(now) > 0 or now + WRITE_MARGIN_S > self.lease_until:
            return False
        is_probing = self._bad_in_a_row >= PAUSE_AFTER
        parallel = 1 if is_probing else self.driven.parallel
        next_size = self.driven.grouping.limit
        has_window = self._open_messages + messages + next_size <= self.window
        return len(self._in_flight) + groups < parallel and has_window

    def _next_group(self) -> list[Due]:
        for lane in LANES:
            group = self._lanes[lane].take(self.driven.grouping)
            if group:
                return group
        return []

    def _units(self, items: list[Due]) -> int:
        if self.driven.counts == "messages":
            return len(items)
        if self.driven.counts == "segments":
            return sum(item.segments for item in items)
        return 1

    def _go(self, driven: Driven, opened: Opened, items: list[Due], is_resend: bool) -> None:
        self._open[opened.id] = len(items)
        task = asyncio.create_task(self._submit(driven, opened, items, is_resend))
        self._in_flight[opened.id] = task
        task.add_done_callback(lambda _: self._landed(opened.id))

    def _landed(self, submission_id: int) -> None:
        self._in_flight.pop(submission_id, None)
        self._wake.set()

    def _left_window(self, submission_ids: list[int]) -> None:
        for submission_id in submission_ids:
            self._open.pop(submission_id, None)
        self._wake.set()

    async def _submit(self, driven: Driven, opened: Opened, items: list[Due], is_resend: bool) -> None:
        intent_at = datetime.now(UTC)
        exchanges: list[Exchange] = []
        try:
            entry, exchanges = await self._attempt(driven, opened, items, is_resend, intent_at)
        except Exception:
            # A fault of ours, and bytes may have left: what is not mentioned is unknown.
            log.exception("submit_failed", gateway=driven.id)
            now = datetime.now(UTC)
            entry = close(driven, opened.id, items, {}, intent_at=intent_at, now=now, is_resend=is_resend)
        self._recorder.put(entry)
        log_submit(driven, items, exchanges)

    async def _attempt(
        self, driven: Driven, opened: Opened, items: list[Due], is_resend: bool, intent_at: datetime
    ) -> tuple[Entry, list[Exchange]]:
        gate = Gate(self.check_line, self._units(items))
        result = await self._driver.run_submit(
            driven.provider,
            Batch(tuple(as_message(item) for item in items)),
            driven.account,
            self._context(driven, opened, intent_at, is_resend),
            link=driven.link,
            # However many steps come before it, nothing of this submission is written after its deadline.
            deadline=time.monotonic() + driven.link.total_timeout_s,
            before_write=gate.open,
        )
        outcomes = result.outcomes
        if gate.is_shut:
            outcomes = dict.fromkeys(outcomes, not_sent(gate.why, retry_after_s=RETRY_AT_GATE_S))
        else:
            self._learn(result)
        entry = close(
            driven,
            opened.id,
            items,
            outcomes,
            intent_at=intent_at,
            now=datetime.now(UTC),
            is_resend=is_resend,
            status=last_status(result),
            latency_ms=result.latency_ms,
            traces=self._traces(items, result),
        )
        return entry, result.exchanges

    def check_line(self, units: int) -> None:
        """The last look before bytes leave: the lease must outlive the write, and the pace must hold at the socket.

        Raises LeaseLost or TooFast.
        """
        now = time.monotonic()
        if now + WRITE_MARGIN_S > self.lease_until:
            raise LeaseLost
        self._pacer.written(now, units)

    def _context(self, driven: Driven, opened: Opened, now: datetime, is_resend: bool) -> Context:
        return Context(
            now=now,
            nonce=to_ref(opened.id),
            serial=opened.serial,
            is_resend=is_resend,
            receipt_url=driven.receipt_url,
            inbound_url=driven.inbound_url,
        )

    def _traces(self, items: list[Due], result: SubmitResult) -> list[dict[str, Any]]:
        """Kept for tests and for whatever is not plainly accepted, and for the first few of an hour."""
        is_plain = all(outcome.kind is Kind.ACCEPTED for outcome in result.outcomes.values())
        hour = int(time.time() // 3600)
        if is_plain and not any(item.kind == "test" for item in items):
            if self._kept[hour] >= KEPT_PER_HOUR:
                return []
            self._kept = Counter({hour: self._kept[hour] + 1})
        return [as_json(exchange) for exchange in result.exchanges]

    def _learn(self, result: SubmitResult) -> None:
        """What this answer says of the gateway as a whole."""
        outcomes = list(result.outcomes.values())
        now = time.monotonic()
        if any(pauses_gateway(outcome) for outcome in outcomes):
            self._bad_in_a_row += 1
            if self._bad_in_a_row >= PAUSE_AFTER:
                self._pacer.pause(now + PROBE_EVERY_S)
        elif any(outcome.kind is Kind.ACCEPTED for outcome in outcomes):
            self._bad_in_a_row = 0
        slow = [o for o in outcomes if o.kind is Kind.THROTTLED and not o.is_recipient_only]
        if slow:
            self._pacer.pause(now + max(o.retry_after_s or 1.0 for o in slow))
        was_unreachable = not result.is_sent and any(outcome.kind is Kind.NOT_SENT for outcome in outcomes)
        self._failures_in_a_row = self._failures_in_a_row + 1 if was_unreachable else 0
        if was_unreachable:
            self._pacer.pause(now + min(5.0, backoff_s(self._failures_in_a_row)))

    async def _sleep(self) -> None:
        wait_s = self._pacer.wait_s(time.monotonic()) if any(self._lanes.values()) else POLL_S
        try:
            await asyncio.wait_for(self._wake.wait(), min(wait_s or POLL_S, POLL_S))
        except TimeoutError:
            pass
