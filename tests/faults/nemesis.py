"""Kills, freezes and stops processes at moments drawn from a seed, and only while messages are in flight."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import psycopg
from tests.support.installation import Installation, Process

T = TypeVar("T")

MID_FLIGHT_TIMEOUT_S = 40.0
LOOK_EVERY_S = 0.02
LAST_STATEMENT_S = 0.2
"""How long the database may take to begin with what it was asked before the blow."""
LONGEST_STATEMENT_S = 2.0
"""How long it may go on with it: on a busy machine everything takes long."""

DRIVEN_BY = """
    select l.gateway_id from gateway_lease l join worker w on w.id = l.worker_id
     where w.pid = %s and l.expires_at > now()
"""
IN_FLIGHT = """
    select gateway_id, array_agg(message_id) from submission, unnest(message_ids) as message_id
     where done_at is null and gateway_id = any(%s) group by gateway_id
"""

UNDER_WAY = """
    select pid, query_start from pg_stat_activity
     where datname = current_database() and application_name = 'gatepost worker' and state = 'active'
"""


@dataclass(frozen=True, slots=True)
class Strike:
    """What a signal met: the gateways that the worker drove, and the messages that each of them had between intent and
    record.

    `at` and `gone_at`: seconds since 1970, before the signal and after its effect.
    """

    at: float
    gone_at: float
    driven: tuple[int, ...]
    in_flight: dict[int, set[int]]
    is_kill: bool

    @property
    def message_ids(self) -> set[int]:
        return set().union(*self.in_flight.values())


@dataclass(slots=True)
class Nemesis:
    """Acts on the workers of one installation."""

    installation: Installation
    seed: int
    strikes: list[Strike] = field(default_factory=list)
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    async def strike(
        self, worker: Process, blow: Callable[[], None], at_most_wait_s: float = 0.7, wait_s: float | None = None
    ) -> Strike:
        """Deal the blow while the worker has messages in flight: `wait_s` after such a moment was met, by default a
        random while. Waits for such a moment; should the last message land just before the blow, it meets nothing."""
        deadline = time.monotonic() + MID_FLIGHT_TIMEOUT_S
        await self._until_in_flight(worker, deadline)
        await asyncio.sleep(self._random.uniform(0, at_most_wait_s) if wait_s is None else wait_s)
        await self._until_in_flight(worker, deadline)
        gateway_ids = await self._patiently(lambda: self.driven_by(worker), deadline)
        at = time.time()
        blow()
        gone_at = time.time()
        is_kill = not worker.is_alive
        await asyncio.sleep(LAST_STATEMENT_S)
        if is_kill:
            await self._until_executed(deadline)
        in_flight = await self._patiently(lambda: self.in_flight(gateway_ids), deadline)
        met = Strike(at, gone_at, tuple(gateway_ids), in_flight, is_kill)
        self.strikes.append(met)
        return met

    def driven_by(self, worker: Process) -> list[int]:
        return [row[0] for row in self.installation.rows(DRIVEN_BY, worker.pid)]

    def in_flight(self, gateway_ids: list[int]) -> dict[int, set[int]]:
        return {gateway_id: set(ids) for gateway_id, ids in self.installation.rows(IN_FLIGHT, gateway_ids)}

    async def _until_in_flight(self, worker: Process, deadline: float) -> None:
        while not await self._patiently(lambda: self.in_flight(self.driven_by(worker)), deadline):
            assert worker.is_alive, worker.last_words()
            assert time.monotonic() < deadline, f"{worker.name} never had a message in flight:\n{worker.last_words()}"
            await asyncio.sleep(LOOK_EVERY_S)

    async def _until_executed(self, deadline: float) -> None:
        """The dead worker's last statements: no living one's takes long."""
        ends = time.monotonic() + LONGEST_STATEMENT_S
        left = set(await self._patiently(self._under_way, deadline))
        while left and time.monotonic() < ends:
            await asyncio.sleep(LOOK_EVERY_S)
            left &= set(await self._patiently(self._under_way, deadline))

    def _under_way(self) -> list[tuple[object, ...]]:
        return self.installation.rows(UNDER_WAY)

    async def _patiently(self, look: Callable[[], T], deadline: float) -> T:
        """The nemesis does not mind that the database is away for a while."""
        while True:
            try:
                return await asyncio.to_thread(look)
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, "the database did not come back"
                await asyncio.sleep(LOOK_EVERY_S)
