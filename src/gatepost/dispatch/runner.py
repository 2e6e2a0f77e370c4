"""Drives one gateway for as long as this worker holds its lease: look ahead, intent, submit, record.

A message crosses the line in `_submit` and nowhere else, after its intent is committed and only while the lease
outlives the write. The number of messages between intent and record is bounded by `window`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import structlog
from psycopg import OperationalError
from psycopg_pool import AsyncConnectionPool

from gatepost.dispatch import look_ahead, store
from gatepost.dispatch.brakes import Brakes
from gatepost.dispatch.decide import DATABASE_LOST, WORKER_LOST
from gatepost.dispatch.driven import Driven
from gatepost.dispatch.ending import end
from gatepost.dispatch.grouping import Grouping
from gatepost.dispatch.look_ahead import LookAhead
from gatepost.dispatch.outcomes import close
from gatepost.dispatch.pacing import Pacer, TooFast
from gatepost.dispatch.recorder import Recorder
from gatepost.dispatch.sender_paces import SenderPaces
from gatepost.dispatch.slots import Flight, Slots
from gatepost.dispatch.store import Due, LeaseLost
from gatepost.dispatch.submitting import Submitter
from gatepost.dispatch.witness import Witness
from gatepost.messages import receipts
from gatepost.messages.clock import DatabaseClock
from gatepost.sms.ids import IdSource
from gatepost.sms.outcomes import Outcome, not_sent, unknown
from gatepost.transport.driver import Driver

log = structlog.get_logger()

RECORD_BUFFER = 500
WAVE = 300
WRITE_MARGIN_S = 0.5
HOUSEKEEPING_S = 5.0
RECONNECT_S = 0.25

Pool = AsyncConnectionPool[Any]


class Runner:
    """One gateway under one fence. `lease_until` is on the monotonic clock and moves as the lease is renewed.

    `shared_pacer`: of the account that the gateway shares with others; its own where it is the first of them.
    """

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
        clock: DatabaseClock,
        shared_pacer: Pacer | None = None,
    ) -> None:
        self.driven = driven
        self.fence = fence
        self.lease_until = lease_until
        self._pool = pool
        self._ids = ids
        self._is_sending = is_sending
        self.clock = clock
        self._pacer = Pacer(driven.rate, not_before)
        self.shared_pacer = shared_pacer or (Pacer(driven.shared.rate, not_before) if driven.shared else None)
        self._pacers = [pacer for pacer in (self._pacer, self.shared_pacer) if pacer]
        self._sender_paces = SenderPaces(driven.grouping.paced, not_before)
        self._brakes = Brakes(self._pacer, driven.refuses_everything, self.shared_pacer)
        self._told: tuple[str, float | None] = (driven.paused_why, driven.slowed_to)
        self._queue = LookAhead()
        self._recorder = Recorder(pool, fence, ids, lambda: self.driven, self._left_window)
        self.witness = Witness()
        self._submitter = Submitter(driver, self.check_line, self._brakes.learn, clock.now, self.witness)
        self._wake = asyncio.Event()
        self._slots = Slots(self._submit, self._wake.set)
        self._open: dict[int, int] = {}
        self._open_messages = 0
        self._is_stopping = False
        self._next_permit_at = 0.0
        self._last_housekeeping = 0.0

    @property
    def window(self) -> int:
        """W: at most so many messages are between intent and record."""
        return self.driven.parallel * self.driven.grouping.limit + RECORD_BUFFER

    def wake(self) -> None:
        """Something may be due: a hint, losing it costs a poll interval."""
        self._queue.wake()
        self._wake.set()

    def reconfigure(self, driven: Driven) -> None:
        """New settings apply from the next group on."""
        before, self.driven = self.driven, driven
        self._pacer.change_rate(driven.rate)
        self._sender_paces.change_rates(driven.grouping.paced, time.monotonic())
        if self.shared_pacer and driven.shared:
            self.shared_pacer.change_rate(driven.shared.rate)
        if driven.version != before.version:
            self._brakes.release()
        self._last_housekeeping = 0.0
        self._queue.clear()
        self._wake.set()

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
            await end(driving, recorder)
            await self._slots.cancel()

    async def _drive(self) -> None:
        await self._until_database(self._adopt)
        while not self._is_stopping:
            self._wake.clear()
            try:
                await self._housekeep()
                await self._tell()
                has_opened = await self._open_what_is_allowed()
            except OperationalError as error:
                log.warning("engine_waits_for_database", gateway=self.driven.id, cause=type(error).__name__)
                await asyncio.sleep(RECONNECT_S)
                await self._until_database(self._account_for_open)
                continue
            if not has_opened:
                await self._sleep()
        await self._slots.landed()
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
        await self._close_rows(rows, unknown(WORKER_LOST))

    async def _account_for_open(self) -> None:
        """After the database was away."""
        self._queue.clear()
        await self._close_unaccounted()
        self.wake()

    async def _close_unaccounted(self) -> None:
        """An intent of ours whose commit we never learnt of was never sent. Not to be called beside an intent."""
        async with self._pool.connection() as connection:
            rows = await store.unaccounted(connection, self.driven.id, self.fence, list(self._open))
        await self._close_rows(rows, not_sent(DATABASE_LOST, retry_after_s=0.0))

    async def _close_rows(self, rows: list[tuple[Any, ...]], outcome: Outcome) -> None:
        for submission_id, _, message_ids, generations, senders, intent_at, is_resend in rows:
            items = await self._items(message_ids, generations, senders)
            now = self.clock.now()
            self._enter_window(submission_id, len(items))
            self._recorder.put(
                close(
                    self.driven,
                    submission_id,
                    items,
                    [outcome] * len(items),
                    intent_at=intent_at,
                    now=now,
                    is_resend=is_resend,
                )
            )
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
            has_more = await store.refresh_holds(connection, self.driven.id, self._is_sending())
            if self.clock.is_steady:
                await store.expire(connection, self.driven.id)
        if has_more:
            self._last_housekeeping = 0.0
            self._wake.set()
        await self._close_unaccounted()

    async def _tell(self) -> None:
        """Store what the operator should know: that the gateway is paused, or slower than it may be."""
        slowed_to = min((pacer.slowed_to for pacer in self._pacers if pacer.slowed_to), default=None)
        now = (self._brakes.why, round(slowed_to, 1) if slowed_to else None)
        if now != self._told:
            async with self._pool.connection() as connection:
                await store.tell(connection, self.driven.id, *now)
            self._told = now

    async def _open_what_is_allowed(self) -> bool:
        """Commit intents for what pacing, slots and the window allow now, and let it go. False: nothing to do."""
        driven = self.driven
        self._next_permit_at = 0.0
        if not (driven.may_send and self._is_sending()):
            return False
        if not self._slots.is_low and self._queue.is_fresh:
            return False
        waiting = self._sender_paces.waiting(time.monotonic())
        await self._queue.fill(self._pool, driven.id, driven.grouping, waiting)
        # What is not recorded yet is still open, and cannot be opened again.
        repeat = next((one for one in self._queue.repeats if one not in self._open), None)
        if repeat is not None and self._has_room(0, 0):
            self._queue.repeats.discard(repeat)
            await self._repeat(driven, repeat)
            return True
        groups = self._groups() if self._slots.is_low or self._queue.is_urgent else []
        if groups:
            await self._open_groups(driven, groups)
        return bool(groups)

    def _groups(self) -> list[list[Due]]:
        """What may leave now, with permits taken."""
        grouping = self.driven.grouping
        if self._brakes.is_probing:
            grouping = replace(grouping, limit=1)
        groups: list[list[Due]] = []
        messages = 0
        while messages < WAVE and self._has_room(len(groups), messages):
            group = self._queue.take(grouping, self._sender_paces.waiting(time.monotonic()))
            if not group:
                self._note_missing_permit(self._sender_paces.wait_s(time.monotonic()))
                break
            self._take_permits(group, grouping)
            groups.append(group)
            messages += len(group)
        return groups

    async def _open_groups(self, driven: Driven, groups: list[list[Due]]) -> None:
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
            for submission_id, serial, message_ids in opened:
                leaving = [items.pop(message_id) for message_id in message_ids]
                is_resend = any(item.is_unknown for item in leaving)
                self._let_go(Flight(submission_id, serial, leaving, driven, is_resend))
            if items:
                await store.block_suppressed(connection, list(items))

    async def _repeat(self, driven: Driven, submission_id: int) -> None:
        async with self._pool.connection() as connection:
            row = await store.repeat(connection, self.driven.id, self.fence, submission_id)
        if row is not None:
            _, serial, message_ids, generations, senders = row
            items = await self._items(message_ids, generations, senders)
            self._take_permits(items, driven.grouping)
            self._let_go(Flight(submission_id, serial, items, driven, is_resend=True))

    def _has_room(self, groups: int, messages: int) -> bool:
        """For one more request beside so many that are being opened."""
        now = time.monotonic()
        wait_s = self._wait_s(now)
        self._note_missing_permit(wait_s)
        if self._is_stopping or wait_s > 0 or now + WRITE_MARGIN_S > self.lease_until:
            return False
        if self._open_messages + messages + self.driven.grouping.limit > self.window:
            return False
        limit = 1 if self._brakes.is_probing else self.driven.parallel + self._slots.ahead
        return self._slots.busy + groups < limit

    def _wait_s(self, now: float) -> float:
        return max(self._brakes.wait_s(now), *[pacer.wait_s(now) for pacer in self._pacers])

    def _note_missing_permit(self, wait_s: float) -> None:
        """None is missing where there is nothing to wait for."""
        self._next_permit_at = time.monotonic() + wait_s if wait_s > 0 else 0.0

    def _take_permits(self, items: list[Due], grouping: Grouping) -> None:
        now = time.monotonic()
        units = grouping.units(items)
        for pacer in self._pacers:
            pacer.permit(now, units)
        self._sender_paces.permit(now, items, grouping.units)

    def _let_go(self, flight: Flight) -> None:
        self._enter_window(flight.id, len(flight.items))
        self._slots.put(flight, 1 if self._brakes.is_probing else self.driven.parallel)

    def _enter_window(self, submission_id: int, messages: int) -> None:
        self._open[submission_id] = messages
        self._open_messages += messages

    def _left_window(self, submission_ids: list[int]) -> None:
        for submission_id in submission_ids:
            self._open_messages -= self._open.pop(submission_id, 0)
        if self._slots.is_low:
            self._wake.set()

    async def _submit(self, flight: Flight) -> None:
        self._recorder.put(await self._submitter.submit(flight))

    def check_line(self, flight: Flight) -> None:
        """The last look before bytes leave: the lease must outlive the write, and the pace must hold at the socket.

        Raises LeaseLost or TooFast.
        """
        now = time.monotonic()
        if now + WRITE_MARGIN_S > self.lease_until:
            raise LeaseLost
        if self._brakes.wait_s(now) > 0:
            raise TooFast
        grouping = flight.driven.grouping
        units = grouping.units(flight.items)
        for pacer in self._pacers:
            pacer.check(now, units)
        self._sender_paces.check(now, flight.items, grouping.units)
        for pacer in self._pacers:
            pacer.written(now, units)
        self._sender_paces.written(now, flight.items, grouping.units)

    async def _sleep(self) -> None:
        """Until there is news, or the permit that was missing is due: its moment may have come since it was missed."""
        is_told = self._queue.is_stale and not self._slots.is_low
        wait_s = look_ahead.FRESH_S if is_told else look_ahead.POLL_S
        if self._queue and self._next_permit_at:
            wait_s = min(wait_s, max(0.0, self._next_permit_at - time.monotonic()))
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._wake.wait()
