"""A worker process: beats, takes its share of the gateways, runs a runner for each, and gives them up in order."""

import asyncio
import math
import os
import secrets
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import OperationalError as OrmOperationalError
from psycopg import AsyncConnection, OperationalError
from psycopg_pool import AsyncConnectionPool

from gatepost.dispatch import statements as sql
from gatepost.dispatch import store, stranded
from gatepost.dispatch.asking import Asker, StoreItems
from gatepost.dispatch.driven import UNREADABLE, Driven, load
from gatepost.dispatch.ending import end
from gatepost.dispatch.runner import Runner
from gatepost.dispatch.store import LeaseLost
from gatepost.dispatch.threads import in_thread
from gatepost.dispatch.watching import Watch
from gatepost.messages.clock import DatabaseClock
from gatepost.problems import Problem
from gatepost.processes.liveness import lively
from gatepost.sms.ids import IdSource
from gatepost.transport.driver import Driver

log = structlog.get_logger()

LEASE_S = 3.5
PACE_GAP_S = 1.0
BEAT_S = 1.0
STANDSTILL_S = LEASE_S / 2
RECONNECT_S = 0.5
CONNECT_S = 2.0
UNDRIVEN_EVERY_S = 5.0


@dataclass(slots=True)
class Lead:
    """A gateway this worker drives. `tasks`: the runner's, the asker's and the watch's."""

    runner: Runner
    tasks: tuple[asyncio.Task[None], ...]
    is_leaving: bool = False

    @property
    def driven(self) -> Driven:
        return self.runner.driven

    @property
    def is_following(self) -> bool:
        """Whether it is driven because of another gateway of its account."""
        return self.driven.leader_id != self.driven.id

    @property
    def is_staying(self) -> bool:
        return not self.is_leaving and not self.tasks[0].done()

    def leave(self) -> None:
        """Open nothing more. The lease is kept, and renewed, until what is open is recorded."""
        self.is_leaving = True
        self.runner.stop()


class Worker:
    """Drives its share of the gateways until `stop`."""

    def __init__(
        self,
        dsn: str,
        driver: Driver,
        store_items: StoreItems,
        *,
        provider_limits: Mapping[str, float],
        is_sending: bool = True,
    ) -> None:
        self.id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._dsn = lively(dsn)
        self._driver = driver
        self._store_items = store_items
        self._limits = provider_limits
        self._is_sending = is_sending
        self._pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
            self._dsn,
            min_size=2,
            max_size=12,
            open=False,
            timeout=CONNECT_S,
            # The pool's own patience doubles; giving up at once lets the next who asks try anew.
            reconnect_timeout=RECONNECT_S,
            kwargs={"autocommit": True, "application_name": "gatepost worker"},
            configure=_let_go_of_locks,
        )
        self._clock = DatabaseClock()
        self._leads: dict[int, Lead] = {}
        self._unloadable: dict[int, str] = {}
        self._kept_undriven_at = 0.0
        self._stopping = asyncio.Event()
        self.has_begun = asyncio.Event()
        """Set once it has taken its share of the gateways."""
        self._ids = IdSource(0)

    async def run(self) -> None:
        """Until stopped; then everything open is recorded and every lease released."""
        await self._pool.open()
        await self._draw_node()
        listener = asyncio.create_task(self._listen())
        try:
            while not self._stopping.is_set():
                await self._beat()
                await self._pause(BEAT_S)
        finally:
            await end(listener)
            await self._give_up_all()
            await self._pool.close()

    def stop(self) -> None:
        self._stopping.set()

    async def _draw_node(self) -> None:
        while not self._stopping.is_set():
            try:
                async with self._pool.connection() as connection:
                    self._ids = IdSource(await _number(connection, "select nextval('node_number')"))
                return
            except OperationalError as error:
                log.warning("worker_waits_for_database", cause=type(error).__name__)
                await self._pause(RECONNECT_S)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            pass

    async def _beat(self) -> None:
        try:
            async with self._pool.connection() as connection:
                cursor = await connection.execute(sql.BEAT, [self.id, socket.gethostname(), os.getpid()])
                for (database_now,) in await cursor.fetchall():
                    self._clock.note(database_now)
                await self._renew(connection)
                await self._reap()
                await self._follow_settings(connection)
                await self._take_share(connection)
                await self._keep_undriven(connection)
            self.has_begun.set()
        except OperationalError as error:
            log.warning("worker_waits_for_database", cause=type(error).__name__)

    async def _renew(self, connection: AsyncConnection[Any]) -> None:
        if not self._leads:
            return
        until = time.monotonic() + LEASE_S
        fences = {gateway_id: lead.runner.fence for gateway_id, lead in self._leads.items()}
        ours = await store.renew_leases(connection, self.id, fences, LEASE_S, PACE_GAP_S)
        for gateway_id, lead in self._leads.items():
            if gateway_id in ours and lead.driven.leader_id in ours:
                lead.runner.lease_until = until
            else:
                for task in lead.tasks:
                    task.cancel()

    async def _reap(self) -> None:
        """Forget runners that have ended; their gateways are taken anew, by us or another worker. A leader's lease is
        kept until its followers are gone, so that nobody else begins to drive their account before."""
        for gateway_id, lead in sorted(self._leads.items(), key=lambda one: not one[1].is_following):
            ended = [task for task in lead.tasks if task.done()]
            if not ended or self._has_followers(gateway_id):
                continue
            results = await end(*lead.tasks)
            del self._leads[gateway_id]
            for result in results:
                if isinstance(result, Exception) and not isinstance(result, LeaseLost):
                    log.error("runner_failed", gateway=gateway_id, exc_info=result)
            await self._release(gateway_id, lead.runner)

    async def _follow_settings(self, connection: AsyncConnection[Any]) -> None:
        """A change is told by a notice; should that be lost, it is seen here."""
        cursor = await connection.execute(sql.CHANGED_AT, [list(self._leads)])
        seen = {gateway_id: (own, (newest, count)) for gateway_id, own, newest, count in await cursor.fetchall()}
        for gateway_id, lead in list(self._leads.items()):
            if gateway_id not in seen:
                lead.leave()
                continue
            changed_at, neighbours = seen[gateway_id]
            shared = lead.driven.shared
            if changed_at != lead.driven.changed_at or (shared and neighbours != shared.seen):
                await self._reconfigure(gateway_id, lead)
        for lead in self._leads.values():
            leader = self._leads.get(lead.driven.leader_id)
            if leader is None or not leader.is_staying:
                lead.leave()

    async def _reconfigure(self, gateway_id: int, lead: Lead) -> None:
        driven = await self._load(gateway_id)
        if driven is None:
            return
        before = lead.driven
        if driven.leader_id != before.leader_id or (driven.shared is None) != (before.shared is None):
            # It is taken anew, beside the others of its account.
            lead.leave()
        else:
            lead.runner.reconfigure(driven)

    def _has_followers(self, gateway_id: int) -> bool:
        return any(lead.driven.leader_id == gateway_id and lead.is_following for lead in self._leads.values())

    async def _take_share(self, connection: AsyncConnection[Any]) -> None:
        # Who died is not counted any more when its leases run out.
        cursor = await connection.execute(sql.LIVING, [LEASE_S])
        held = dict(await cursor.fetchall())
        share = _share(held, self.id, await _number(connection, sql.COUNT_GATEWAYS))
        cursor = await connection.execute(sql.FREE_GATEWAYS)
        for (gateway_id,) in await cursor.fetchall():
            if gateway_id not in self._leads and (self._staying() < share or self._leads_an_account()):
                await self._take(connection, gateway_id, may_lead=self._staying() < share)
        if self._staying() > share:
            next(lead for lead in self._leads.values() if lead.is_staying and not lead.is_following).leave()

    def _staying(self) -> int:
        """How many count for our share: those that follow another one go where that one is."""
        return sum(lead.is_staying and not lead.is_following for lead in self._leads.values())

    def _leads_an_account(self) -> bool:
        return any(lead.driven.shared for lead in self._leads.values())

    async def _take(self, connection: AsyncConnection[Any], gateway_id: int, *, may_lead: bool) -> None:
        driven = await self._load(gateway_id)
        if driven is None:
            return
        leader = self._leads.get(driven.leader_id)
        if driven.leader_id == gateway_id:
            if not may_lead:
                return
        elif leader is None or not leader.is_staying:
            return
        until = time.monotonic() + LEASE_S
        taken = await store.take_lease(connection, gateway_id, self.id, LEASE_S, PACE_GAP_S, driven.leader_id)
        if taken is None:
            return
        fence, wait_s = taken
        runner = Runner(
            driven,
            fence,
            pool=self._pool,
            driver=self._driver,
            ids=self._ids,
            lease_until=min(until, leader.runner.lease_until) if leader else until,
            not_before=time.monotonic() + wait_s,
            is_sending=lambda: self._is_sending,
            clock=self._clock,
            shared_pacer=leader.runner.shared_pacer if leader else None,
        )
        asker = Asker(runner, self._pool, self._driver, self._ids, self._store_items)
        watch = Watch(lambda: runner.driven, runner.witness, self._pool, self._clock.now)
        tasks = tuple(asyncio.create_task(each.run()) for each in (runner, asker, watch))
        self._leads[gateway_id] = Lead(runner, tasks)
        log.info("gateway_taken", gateway=gateway_id, fence=fence)

    async def _load(self, gateway_id: int) -> Driven | None:
        """A gateway whose settings cannot be read waits for its operator; the others go on."""
        try:
            driven = await in_thread(load, gateway_id, self._limits)
        except OrmOperationalError as error:
            log.warning("worker_waits_for_database", cause=type(error).__name__)
            return None
        except Exception as fault:
            if gateway_id not in self._unloadable:
                log.exception("gateway_cannot_be_driven", gateway=gateway_id)
            self._unloadable[gateway_id] = UNREADABLE + _in_words(fault)
            return None
        self._unloadable.pop(gateway_id, None)
        return driven

    async def _keep_undriven(self, connection: AsyncConnection[Any]) -> None:
        """What waits at a gateway that cannot be driven expires all the same, and its operator reads why; what waits
        at one that is gone is led away."""
        if time.monotonic() - self._kept_undriven_at < UNDRIVEN_EVERY_S:
            return
        self._kept_undriven_at = time.monotonic()
        for gateway_id, why in self._unloadable.items():
            await store.expire(connection, gateway_id)
            await store.tell(connection, gateway_id, why, None)
        for gateway_id in await stranded.gateways(connection):
            await stranded.lead_away(connection, gateway_id)

    async def _give_up_all(self) -> None:
        """Record everything that is open, keeping the leases until then, and release them."""
        for lead in self._leads.values():
            lead.leave()
        renewing = asyncio.create_task(self._renew_while_stopping())
        await asyncio.gather(*(lead.tasks[0] for lead in self._leads.values()), return_exceptions=True)
        await end(renewing)
        await self._reap()
        try:
            async with self._pool.connection() as connection:
                await connection.execute(sql.GONE, [self.id])
        except OperationalError:
            log.warning("worker_left_without_saying_so")

    async def _renew_while_stopping(self) -> None:
        while True:
            try:
                async with self._pool.connection() as connection:
                    await self._renew(connection)
            except OperationalError as error:
                log.warning("worker_waits_for_database", cause=type(error).__name__)
            await asyncio.sleep(BEAT_S)

    async def _release(self, gateway_id: int, runner: Runner) -> None:
        try:
            async with self._pool.connection() as connection:
                await store.release_lease(connection, gateway_id, runner.fence)
        except OperationalError:
            log.warning("lease_left_to_expire", gateway=gateway_id)

    async def _listen(self) -> None:
        """Wake-ups are hints: without them the runners look by themselves."""
        while True:
            try:
                async with await AsyncConnection.connect(self._dsn, autocommit=True) as connection:
                    await connection.execute("listen gatepost_outbox")
                    await connection.execute("listen gatepost_config")
                    async for notice in connection.notifies():
                        await self._hear(notice.channel, notice.payload)
            except OperationalError:
                await asyncio.sleep(RECONNECT_S)

    async def _hear(self, channel: str, payload: str) -> None:
        lead = self._leads.get(int(payload)) if payload.isdigit() else None
        if lead is None:
            return
        if channel == "gatepost_outbox":
            lead.runner.wake()
            return
        await self._reconfigure(int(payload), lead)


def _in_words(fault: Exception) -> str:
    """What kept a gateway from being read, for its operator; only our own problems may be quoted."""
    if isinstance(fault, Problem):
        return f"{fault.detail} {fault.remedy}".strip()
    return f"its settings cannot be read ({type(fault).__name__}). The worker's log says more."


async def _let_go_of_locks(connection: AsyncConnection[Any]) -> None:
    """A worker that stands still inside a transaction must not keep its successor from the lease."""
    await connection.execute(f"set idle_in_transaction_session_timeout = '{STANDSTILL_S:g}s'")


def _share(held: Mapping[str, int], worker_id: str, gateways: int) -> int:
    """How many gateways the worker may drive, given what each living one holds: its part rounded up, but rounded down
    while another has less than that. Otherwise four workers with three each would leave nothing for a fifth."""
    least = gateways // max(1, len(held))
    is_short = any(count < least for other, count in held.items() if other != worker_id)
    return least if is_short else math.ceil(gateways / max(1, len(held)))


async def _number(connection: AsyncConnection[Any], statement: str, *parameters: float) -> int:
    cursor = await connection.execute(statement, parameters or None)
    row = await cursor.fetchone()
    return int(row[0]) if row else 0
