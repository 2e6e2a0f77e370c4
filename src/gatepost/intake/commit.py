"""Group commit: requests that arrive while one group commits form the next one. An answer leaves after its commit.

Under load two groups are under way at a time: while PostgreSQL stores one, the next is decided on. One-time codes have
groups of their own, so that none waits for thousands of other messages.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import attrgetter
from typing import Any, cast

import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from gatepost.intake.http import AWAY, unavailable
from gatepost.messages.accept import accept, numbers_of
from gatepost.messages.idempotency import CLAIM_KEYS
from gatepost.messages.store import Origin, Rows, insert
from gatepost.messages.wishes import Denied, Snapshot, Taken, Wish
from gatepost.problems import Problem
from gatepost.sms.ids import IdSource

log = structlog.get_logger()

MAX_GROUP = 5_000
MAX_WAITING = 200_000
LANES = 2
OVERLAP_FROM = 250
"""Messages that must wait before a second group is begun: small groups cost more than they win."""
FEW = 10
"""A request with more messages is no hurry."""
BREATH = 100
"""Messages that are decided on, or made rows of, before others get their turn."""
COMMIT_TIMEOUT_S = 15.0

SUPPRESSED = "select digits, workspace_id from suppression where digits = any(string_to_array(%s, ','))"
KNOWN_KEYS = """
    select i.workspace_id, i.key, i.body_hash, i.answer from idempotency_key i
      join unnest(%s::bigint[], %s::text[]) as k(workspace_id, key)
        on i.workspace_id = k.workspace_id and i.key = k.key
"""

Answers = list[Taken | Denied]
Render = Callable[[Answers, Iterator[int]], bytes]
"""Writes the answer; the ids are those of what was taken, in order."""
Name = tuple[int, str]


@dataclass(slots=True, eq=False)
class Job:
    """One request: who asks for what, and how its answer is written. `result` is set once it is on disk."""

    origin: Origin
    wishes: Sequence[Wish]
    peer: str
    render: Render
    key: str = ""
    body_hash: bytes = b""
    result: asyncio.Future[bytes] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    answers: Answers = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    body: bytes = b""

    @property
    def name(self) -> Name:
        return self.origin.workspace_id, self.key

    @property
    def is_urgent(self) -> bool:
        """Whether it holds nothing but one-time codes."""
        return len(self.wishes) <= FEW and all(wish.priority == "code" for wish in self.wishes)


def hash_of(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()


@dataclass(slots=True, eq=False)
class _Line:
    """Jobs that wait, and the lanes that take them: so many at most."""

    most_lanes: int
    jobs: list[Job] = field(default_factory=list)
    messages: int = 0
    lanes: set[asyncio.Task[None]] = field(default_factory=set)

    def put(self, job: Job) -> None:
        self.jobs.append(job)
        self.messages += len(job.wishes)

    def take(self, fits: Callable[[Job], bool]) -> list[Job]:
        group: list[Job] = []
        rest: list[Job] = []
        for job in self.jobs:
            (group if fits(job) else rest).append(job)
        self.jobs = rest
        self.messages -= sum(len(job.wishes) for job in group)
        return group

    @property
    def needs_lane(self) -> bool:
        if not self.jobs:
            return False
        return not self.lanes or (len(self.lanes) < self.most_lanes and self.messages >= OVERLAP_FROM)


class Committer:
    """Takes jobs and commits them in groups."""

    def __init__(
        self,
        pool: AsyncConnectionPool[Any],
        snapshot_of: Callable[[int], Awaitable[Snapshot]],
        ids: IdSource,
        now: Callable[[], datetime],
    ) -> None:
        self._pool = pool
        self._snapshot_of = snapshot_of
        self._ids = ids
        self._now = now
        self._codes = _Line(most_lanes=1)
        self._others = _Line(LANES)
        self._open_keys: set[Name] = set()

    async def accept(self, job: Job) -> bytes:
        """The answer, once everything in it is on disk. Raises Problem."""
        if self._codes.messages + self._others.messages > MAX_WAITING:
            raise Problem("too_many_requests", headers={"Retry-After": "1"})
        line = self._codes if job.is_urgent else self._others
        line.put(job)
        self._open_lane(line)
        return await job.result

    async def stop(self) -> None:
        """What is under way or waits is not acknowledged any more."""
        lanes = [*self._codes.lanes, *self._others.lanes]
        for lane in lanes:
            lane.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)
        _fail([*self._codes.jobs, *self._others.jobs], unavailable())

    def _open_lane(self, line: _Line) -> None:
        if line.needs_lane:
            line.lanes.add(asyncio.create_task(self._run(line)))

    async def _run(self, line: _Line) -> None:
        """Until nothing waits that may go; what a cancelled lane leaves behind is not acknowledged."""
        group: list[Job] = []
        try:
            while group := self._next_group(line):
                await self._commit_or_fail(line, group)
                self._give_back_keys(line, group)
        finally:
            _fail(group, unavailable())
            # Now, not in a callback: who comes in between would find a lane that takes nothing any more.
            line.lanes.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    def _give_back_keys(self, line: _Line, group: list[Job]) -> None:
        """In the other line somebody may have waited for one of them."""
        self._open_keys.difference_update(job.name for job in group)
        self._open_lane(self._others if line is self._codes else self._codes)

    async def _commit_or_fail(self, line: _Line, group: list[Job]) -> None:
        """What is to blame for a failure fails alone."""
        try:
            await self._commit(group)
        except TimeoutError:
            log.warning("accept_timed_out", waiting=len(line.jobs))
            _fail([*group, *line.take(lambda job: True)], unavailable())
        except AWAY as error:
            log.warning("accept_without_database", cause=type(error).__name__)
            _fail(group, unavailable())
        except Problem as problem:
            await self._one_by_one(line, group, problem)
        except Exception as error:
            if len(group) == 1:
                log.exception("accept_failed", cause=type(error).__name__)
            await self._one_by_one(line, group, Problem("internal_error"))

    def _next_group(self, line: _Line) -> list[Job]:
        size = 0

        def fits(job: Job) -> bool:
            nonlocal size
            # Two requests with one idempotency key: the second waits to find the first one's answer.
            if (size and size + len(job.wishes) > MAX_GROUP) or (job.key and job.name in self._open_keys):
                return False
            size += len(job.wishes)
            if job.key:
                self._open_keys.add(job.name)
            return True

        return line.take(fits)

    async def _one_by_one(self, line: _Line, group: list[Job], problem: Problem) -> None:
        if len(group) == 1:
            _fail(group, problem)
            return
        for job in group:
            await self._commit_or_fail(line, [job])

    async def _commit(self, group: list[Job]) -> None:
        snapshots = {job.origin.workspace_id: await self._snapshot_of(job.origin.workspace_id) for job in group}
        now = self._now()
        async with asyncio.timeout(COMMIT_TIMEOUT_S), self._pool.connection() as connection:
            await self._decide(connection, group, snapshots, now)
            known = await _store(connection, group, now)
        for job in group:
            _resolve(job, known.get(job, job.body))

    async def _decide(
        self, connection: AsyncConnection[Any], group: list[Job], snapshots: dict[int, Snapshot], now: datetime
    ) -> None:
        numbers = [numbers_of(job.wishes, snapshots[job.origin.workspace_id].default_country) for job in group]
        suppressed = await _suppressed(connection, numbers)
        everywhere = suppressed.get(None, set())
        snapshots = {
            workspace_id: replace(
                snapshot, now=now, suppressed=frozenset(everywhere | suppressed.get(workspace_id, set()))
            )
            for workspace_id, snapshot in snapshots.items()
        }
        since_breath = 0
        for job, its_numbers in zip(group, numbers, strict=True):
            job.answers = []
            for start in range(0, len(job.wishes), BREATH):
                part = slice(start, start + BREATH)
                snapshot = snapshots[job.origin.workspace_id]
                job.answers += accept(
                    job.wishes[part],
                    snapshot,
                    job.peer,
                    kind=job.origin.kind,
                    campaign_id=job.origin.campaign_id,
                    numbers=its_numbers[part],
                )
                since_breath += len(job.wishes[part])
                if since_breath >= BREATH:
                    since_breath = 0
                    await asyncio.sleep(0)
            job.taken = [answer for answer in job.answers if isinstance(answer, Taken)]
            job.ids = self._ids.take(len(job.taken))
            job.body = job.render(job.answers, iter(job.ids))


async def _suppressed(
    connection: AsyncConnection[Any], numbers: Sequence[Sequence[str | None]]
) -> dict[int | None, set[str]]:
    """Suppressed numbers among those of the group, by workspace (None: everywhere)."""
    digits = {number for each in numbers for number in each if number}
    found: dict[int | None, set[str]] = {}
    if digits:
        cursor = await connection.execute(SUPPRESSED, [",".join(digits)])
        for number, workspace_id in await cursor.fetchall():
            found.setdefault(workspace_id, set()).add(number)
    return found


async def _store(connection: AsyncConnection[Any], group: Sequence[Job], now: datetime) -> dict[Job, bytes | Problem]:
    """Commits, all or nothing; the jobs whose answer was given before."""
    if not any(job.key for job in group):
        await _insert(connection, group, now)
        return {}
    async with connection.transaction():
        known = await _claim_keys(connection, group)
        await _insert(connection, [job for job in group if job not in known], now)
    return known


async def _insert(connection: AsyncConnection[Any], group: Sequence[Job], now: datetime) -> None:
    rows = Rows(now)
    for job in group:
        for start in range(0, len(job.ids), BREATH):
            rows.add(job.origin, job.ids[start : start + BREATH], job.taken[start : start + BREATH])
            if start:
                await asyncio.sleep(0)
    if rows:
        await insert(connection, rows)


async def _claim_keys(connection: AsyncConnection[Any], group: Sequence[Job]) -> dict[Job, bytes | Problem]:
    """Jobs whose idempotency key is taken, with the answer of the first request or the conflict."""
    # In one order everywhere, so that two front processes never wait for each other.
    keyed = {job.name: job for job in sorted(group, key=attrgetter("name")) if job.key}
    if not keyed:
        return {}
    # A request of which nothing is taken claims no key: corrected, it may be tried again under the same one.
    claiming = {key: job for key, job in keyed.items() if job.ids}
    columns = [
        [workspace_id for workspace_id, _ in claiming],
        [key for _, key in claiming],
        [job.body_hash for job in claiming.values()],
        [job.body for job in claiming.values()],
    ]
    cursor = await connection.execute(CLAIM_KEYS, columns)
    ours = {(row[0], row[1]) for row in await cursor.fetchall()}
    taken = [key for key in keyed if key not in ours]
    if not taken:
        return {}
    cursor = await connection.execute(KNOWN_KEYS, [[key[0] for key in taken], [key[1] for key in taken]])
    known: dict[Job, bytes | Problem] = {}
    for workspace_id, key, body_hash, body in await cursor.fetchall():
        job = keyed[workspace_id, key]
        known[job] = bytes(body) if bytes(body_hash) == job.body_hash else Problem("idempotency_conflict")
    return known


def _resolve(job: Job, outcome: bytes | Problem) -> None:
    if job.result.done():
        return
    if isinstance(outcome, Problem):
        job.result.set_exception(outcome)
    else:
        job.result.set_result(outcome)


def _fail(group: Sequence[Job], problem: Problem) -> None:
    for job in group:
        _resolve(job, problem)
