"""Runs a schedule against an installation under load, and says what came of it."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from tests.faults.arena import BATCH, EGRESS, REPORTING, SETTINGS, SINGLE, Arena, fake_provider
from tests.faults.database import CrashingDatabase, crashing_database
from tests.faults.ledger import Ledger
from tests.faults.nemesis import Nemesis
from tests.faults.proxy import Proxy, running_proxy
from tests.faults.schedule import Blow, Schedule
from tests.support.django_database import at_database
from tests.support.installation import Process, installation

Say = Callable[[str], None]

QUEUE_AT_LEAST = 60
FEED_EVERY_S = 0.2
WEB_AGAIN_S = 0.5
POST_SIZE = 30
GIVE_UP_SHARE = 0.02
SETTLE_TIMEOUT_S = 120.0
KILL_EVERY_S = 10.0
CRASH_EVERY_S = 5.0
STARTS = 20
THREADS = 64
SOME_FAULTS = {
    "answer": 90.0,
    "slow": 1,
    "same_id": 0.5,
    "drop": 1,
    "reset": 1,
    "vanish": 1,
    "huge": 0.2,
    "html": 0.5,
    "cut_off": 0.5,
    "half": 0.5,
    "bad_json": 0.5,
    "charset": 0.5,
    "no_id": 0.5,
    "empty": 0.5,
    "error": 0.5,
    "refuse": 0.5,
    "too_late": 0.2,
    "reject": 0.3,
    "redirect": 0.2,
    "throttle": 0.2,
}
SOME_ORDERS = {"once": 6, "early": 1, "late": 1, "twice": 1, "in_order": 1, "reordered": 1, "none": 1}
BEATS = "select 1 from worker where pid = %s and seen_at > now() - interval '5 seconds'"
WAITING = "select gateway_id, count(*) from outbox group by gateway_id"


@dataclass(slots=True)
class Siege:
    """An arena whose database crashes and whose lines may be harmed, and what was done to it so far."""

    arena: Arena
    database: CrashingDatabase
    lines: dict[str, Proxy]
    schedule: Schedule
    say: Say
    web: Process | None = None
    planned_kills: int = 0
    worker_kills: int = 0
    web_kills: int = 0
    other_blows: int = 0
    harms: int = 0

    @property
    def kills(self) -> int:
        return self.worker_kills + self.web_kills

    async def run_blows(self) -> None:
        """The whole schedule: every place its blows one after the other, and what follows them."""
        self.planned_kills = self.schedule.kills
        async with self._beside(self._harm), asyncio.TaskGroup() as places:
            for blows in self.schedule.blows:
                places.create_task(self._place(blows))

    async def run_turns(self, minutes: float, places: int) -> None:
        """One of the workers is killed every ten seconds, and another one starts."""
        turns = random.Random(f"{self.schedule.seed} turns")
        workers = [await self._successor() for _ in range(places)]
        self.planned_kills = int(minutes * 60 / KILL_EVERY_S)
        began = time.monotonic()
        for n in range(1, self.planned_kills + 1):
            await asyncio.sleep(max(0.0, began + n * KILL_EVERY_S - time.monotonic()))
            place = turns.randrange(places)
            await self.arena.nemesis.strike(workers[place], workers[place].kill, wait_s=0.0)
            self.worker_kills += 1
            workers[place] = await self._successor()

    async def run_crashes(self, count: int, workers: int) -> None:
        """The database crashes every five seconds."""
        for _ in range(workers):
            await self._successor()
        for _ in range(count):
            await asyncio.sleep(CRASH_EVERY_S)
            await self._crash()

    async def _place(self, blows: tuple[Blow, ...]) -> None:
        """A worker, and after each blow its successor."""
        nemesis = self.arena.nemesis
        worker = await self._successor()
        for blow in blows:
            if blow.kind == "kill":
                await nemesis.strike(worker, worker.kill, wait_s=blow.wait_s)
                worker = await self._successor()
                self.worker_kills += 1
                await self._what_follows(self.worker_kills)
                continue
            self.other_blows += 1
            if blow.kind == "freeze":
                await nemesis.strike(worker, worker.freeze, wait_s=blow.wait_s)
                await asyncio.sleep(blow.lasts_s)
                worker.thaw()
            else:
                await nemesis.strike(worker, worker.popen.terminate, wait_s=blow.wait_s)
                await asyncio.to_thread(worker.stop)
                worker = await self._successor()

    async def _successor(self) -> Process:
        """A new worker. One that meets no database ends, and whoever supervises it starts another."""
        for _ in range(STARTS):
            worker = self.arena.gatepost.start_worker()
            while worker.is_alive:
                if await self._look(BEATS, worker.pid):
                    return worker
                await asyncio.sleep(FEED_EVERY_S)
            assert "The database does not answer" in worker.last_words(), worker.last_words()
            await asyncio.sleep(1.0)
        raise AssertionError(f"no worker starts:\n{worker.last_words()}")

    async def _what_follows(self, kills: int) -> None:
        """What the schedule has after so many kills of workers."""
        if kills in self.schedule.web_kills:
            assert self.web is not None
            self.web.kill()
            self.web_kills += 1
        if kills in self.schedule.crashes:
            await self._crash()

    async def _keep_web(self) -> None:
        """Starts another web process whenever there is none, as whoever supervises it would."""
        while True:
            if self.web is None or not self.web.is_alive:
                self.web = self.arena.gatepost.spawn_web()
            await asyncio.sleep(WEB_AGAIN_S)

    async def _crash(self) -> None:
        outage = await asyncio.to_thread(self.database.crash)
        self.arena.disturbances.append((outage.down_at, outage.up_at))

    async def _harm(self) -> None:
        for harm in self.schedule.harms():
            await asyncio.sleep(harm.after_s)
            line = self.lines[harm.between]
            with self.arena.disturbed():
                await asyncio.to_thread(line.do, **harm.settings)
                try:
                    await asyncio.sleep(harm.lasts_s)
                finally:
                    line.heal()
            self.harms += 1

    def run(self, attack: Callable[[], Awaitable[None]]) -> None:
        """The attack under load, and then peace."""

        async def whole() -> None:
            # Orders that wait for an API that is away must not keep the line that leads to it from being healed.
            asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
            async with self._beside(self._keep_web):
                async with self._fed():
                    await attack()
                await self._settle()

        asyncio.run(whole())

    @asynccontextmanager
    async def _fed(self) -> AsyncIterator[None]:
        """Inside the block every gateway's queue is kept filled, and progress is told."""
        is_over = asyncio.Event()
        async with self._beside(self._burst, self._tell), asyncio.TaskGroup() as feeding:
            feeding.create_task(self._feed(is_over))
            yield
            is_over.set()

    @asynccontextmanager
    async def _beside(self, *works: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
        """These works run beside the block; the first that fails ends it."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_run(work)) for work in works]
            yield
            for task in tasks:
                task.cancel()

    async def _feed(self, is_over: asyncio.Event) -> None:
        """Returns once every order is acknowledged or given up."""
        chance = random.Random(f"{self.schedule.seed} feed")
        async with asyncio.TaskGroup() as posts:
            fed: dict[int, asyncio.Task[None]] = {}
            while not is_over.is_set():
                waiting = dict(await self._look(WAITING))
                for gateway_id in self.arena.gateways:
                    is_posting = gateway_id in fed and not fed[gateway_id].done()
                    if waiting.get(gateway_id, 0) < QUEUE_AT_LEAST and not is_posting:
                        gives_up = chance.random() < GIVE_UP_SHARE
                        fed[gateway_id] = posts.create_task(asyncio.to_thread(self._post, gateway_id, gives_up))
                await asyncio.sleep(FEED_EVERY_S)

    def _post(self, gateway_id: int, gives_up: bool) -> None:
        """An order, repeated until it is acknowledged; one that is given up after its first try proves more."""
        ledger = self.arena.ledger
        order = ledger.order(gateway_id, POST_SIZE)
        if gives_up:
            ledger.post(order)
        else:
            ledger.post_until_acknowledged(order, timeout_s=120.0)

    async def _burst(self) -> None:
        chance = random.Random(f"{self.schedule.seed} bursts")
        gateways = list(self.arena.gateways.values())
        while True:
            await asyncio.sleep(chance.uniform(2.0, 8.0))
            await asyncio.to_thread(self.arena.burst, chance.choice(gateways), chance.randint(1, 20))

    async def _tell(self) -> None:
        began = time.monotonic()
        while True:
            await asyncio.sleep(10.0)
            minutes, seconds = divmod(int(time.monotonic() - began), 60)
            accepted = await asyncio.to_thread(self.arena.count_accepted)
            self.say(
                f"{minutes:3d}:{seconds:02d}  {self.kills}/{self.planned_kills} kills, "
                f"{len(self.database.outages)}/{len(self.schedule.crashes)} database crashes, {self.harms} harms, "
                f"{len(self.arena.ledger.acknowledged)} acknowledged, {accepted} accepted by the provider"
            )

    async def _look(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        while True:
            try:
                return await asyncio.to_thread(self.arena.gatepost.rows, statement, *parameters)
            except psycopg.OperationalError:
                await asyncio.sleep(FEED_EVERY_S)

    async def _settle(self) -> None:
        """The faults stop; the provider behaves."""
        for line in self.lines.values():
            await asyncio.to_thread(line.heal)
        self.arena.script((0.0, 0.02))
        await asyncio.to_thread(self.arena.settle, SETTLE_TIMEOUT_S)


async def _run(work: Callable[[], Awaitable[None]]) -> None:
    await work()


@contextmanager
def siege(folder: Path, schedule: Schedule, gateways: int, say: Say) -> Iterator[Siege]:
    """Everything of it but the workers; every third gateway takes batches. Django must be allowed to connect."""
    with ExitStack() as stack:
        enter = stack.enter_context
        provider_port, log = enter(fake_provider(folder, schedule.seed))
        database = enter(crashing_database())
        lines = {
            "worker and provider": enter(running_proxy(folder, "127.0.0.1", provider_port, "provider-line")),
            "processes and database": enter(running_proxy(folder, "127.0.0.1", database.port, "database-line")),
        }
        gatepost = enter(
            installation(
                folder,
                EGRESS,
                database=at_database(database.dsn),
                entrance=database.through(lines["processes and database"].port),
                **SETTINGS,
            )
        )
        entrance = lines["worker and provider"].port
        nemesis = Nemesis(gatepost, schedule.seed)
        arena = Arena(gatepost, provider_port, entrance, log, schedule.seed, Ledger(gatepost), nemesis)
        for n in range(gateways):
            wire = BATCH | {"max_recipients": 5} if n % 3 == 2 else SINGLE
            arena.add_gateway(f"gateway-{n}", wire | REPORTING, parallel=3 if n % 3 == 2 else 5)
        arena.script((0.1, 0.5), **SOME_FAULTS)
        arena.report(**SOME_ORDERS)
        running = Siege(arena, database, lines, schedule, say)
        running.web = gatepost.start_web()
        yield running
