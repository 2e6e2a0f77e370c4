"""Group commit: requests that arrive while one group commits form the next one. An answer leaves after its commit."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from gatepost.intake.http import AWAY, unavailable
from gatepost.messages.accept import Denied, Snapshot, Taken, Wish, accept, numbers_of
from gatepost.messages.store import Origin, Stored, insert
from gatepost.problems import Problem
from gatepost.sms.ids import IdSource

log = structlog.get_logger()

MAX_GROUP = 20_000
MAX_WAITING = 200_000

SUPPRESSED = "select digits, workspace_id from suppression where digits = any(%s)"
CLAIM_KEYS = """
    insert into idempotency_key (workspace_id, key, body_hash, answer)
    select * from unnest(%s::bigint[], %s::text[], %s::bytea[], %s::bytea[])
    on conflict do nothing returning workspace_id, key
"""
KNOWN_KEYS = """
    select i.workspace_id, i.key, i.body_hash, i.answer from idempotency_key i
      join unnest(%s::bigint[], %s::text[]) as k(workspace_id, key)
        on i.workspace_id = k.workspace_id and i.key = k.key
"""

Answers = list[Taken | Denied]
Render = Callable[[list[int | None], Answers], bytes]


@dataclass(slots=True, eq=False)
class Job:
    """One request: who asks for what, and how its answer is written. `result` is set once it is on disk."""

    origin: Origin
    wishes: list[Wish]
    peer: str
    render: Render
    key: str = ""
    body_hash: bytes = b""
    result: asyncio.Future[bytes] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    answers: Answers = field(default_factory=list)
    ids: list[int | None] = field(default_factory=list)
    body: bytes = b""

    @property
    def stored(self) -> Stored:
        pairs = [(i, a) for i, a in zip(self.ids, self.answers, strict=True) if i is not None and isinstance(a, Taken)]
        return Stored(self.origin, [i for i, _ in pairs], [a for _, a in pairs])


def hash_of(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()


class Committer:
    """Takes jobs and commits them in groups, one group at a time."""

    def __init__(
        self,
        pool: AsyncConnectionPool[Any],
        snapshot_of: Callable[[int], Awaitable[Snapshot]],
        ids: IdSource,
    ) -> None:
        self._pool = pool
        self._snapshot_of = snapshot_of
        self._ids = ids
        self._waiting: list[Job] = []
        self._messages_waiting = 0
        self._has_work = asyncio.Event()

    async def accept(self, job: Job) -> bytes:
        """The answer, once everything in it is on disk. Raises Problem."""
        if self._messages_waiting > MAX_WAITING:
            raise Problem("too_many_requests", headers={"Retry-After": "1"})
        self._waiting.append(job)
        self._messages_waiting += len(job.wishes)
        self._has_work.set()
        return await job.result

    async def run(self) -> None:
        """Until cancelled; then nobody is left waiting."""
        group: list[Job] = []
        try:
            while True:
                await self._has_work.wait()
                group = self._next_group()
                await self._commit_or_fail(group)
        finally:
            _fail([*group, *self._waiting], unavailable())

    async def _commit_or_fail(self, group: list[Job]) -> None:
        """What is to blame for a failure fails alone."""
        try:
            await self._commit(group)
        except AWAY as error:
            log.warning("accept_without_database", cause=type(error).__name__)
            _fail(group, unavailable())
        except Problem as problem:
            await self._one_by_one(group, problem)
        except Exception as error:
            if len(group) == 1:
                log.exception("accept_failed", cause=type(error).__name__)
            await self._one_by_one(group, Problem("internal_error"))

    def _next_group(self) -> list[Job]:
        group: list[Job] = []
        size = 0
        keys: set[tuple[int, str]] = set()
        rest: list[Job] = []
        for job in self._waiting:
            key = (job.origin.workspace_id, job.key)
            # Two requests with one idempotency key: the second waits to find the first one's answer.
            if (group and size + len(job.wishes) > MAX_GROUP) or (job.key and key in keys):
                rest.append(job)
                continue
            keys.add(key)
            group.append(job)
            size += len(job.wishes)
        self._waiting = rest
        self._messages_waiting -= size
        if not rest:
            self._has_work.clear()
        return group

    async def _one_by_one(self, group: list[Job], problem: Problem) -> None:
        if len(group) == 1:
            _fail(group, problem)
            return
        for job in group:
            await self._commit_or_fail([job])

    async def _commit(self, group: list[Job]) -> None:
        snapshots = {job.origin.workspace_id: await self._snapshot_of(job.origin.workspace_id) for job in group}
        now = datetime.now(UTC)
        async with self._pool.connection(timeout=5.0) as connection, connection.transaction():
            suppressed = await _suppressed(connection, group, snapshots)
            for job in group:
                self._decide(job, snapshots[job.origin.workspace_id], suppressed, now)
            known = await _claim_keys(connection, group)
            batches = [stored for job in group if job not in known and (stored := job.stored).ids]
            if batches:
                async with connection.cursor() as cursor:
                    await insert(cursor, batches, now)
        for job in group:
            _resolve(job, known.get(job, job.body))

    def _decide(self, job: Job, snapshot: Snapshot, suppressed: dict[int | None, set[str]], now: datetime) -> None:
        numbers = suppressed.get(None, set()) | suppressed.get(job.origin.workspace_id, set())
        snapshot = replace(snapshot, now=now, suppressed=frozenset(numbers))
        origin = job.origin
        job.answers = accept(job.wishes, snapshot, job.peer, kind=origin.kind, campaign_id=origin.campaign_id)
        fresh = iter(self._ids.take(sum(isinstance(answer, Taken) for answer in job.answers)))
        job.ids = [next(fresh) if isinstance(answer, Taken) else None for answer in job.answers]
        job.body = job.render(job.ids, job.answers)


async def _suppressed(
    connection: AsyncConnection[Any], group: Sequence[Job], snapshots: dict[int, Snapshot]
) -> dict[int | None, set[str]]:
    """Suppressed numbers among those of the group, by workspace (None: everywhere)."""
    digits = {
        number
        for job in group
        for number in numbers_of(job.wishes, snapshots[job.origin.workspace_id].default_country)
        if number
    }
    found: dict[int | None, set[str]] = {}
    if digits:
        cursor = await connection.execute(SUPPRESSED, [list(digits)])
        for number, workspace_id in await cursor.fetchall():
            found.setdefault(workspace_id, set()).add(number)
    return found


async def _claim_keys(connection: AsyncConnection[Any], group: Sequence[Job]) -> dict[Job, bytes | Problem]:
    """Jobs whose idempotency key is taken, with the answer of the first request or the conflict."""
    # In one order everywhere, so that two front processes never wait for each other.
    keyed = {(job.origin.workspace_id, job.key): job for job in sorted(group, key=_name) if job.key}
    if not keyed:
        return {}
    # A request of which nothing is taken claims no key: corrected, it may be tried again under the same one.
    claiming = {key: job for key, job in keyed.items() if job.stored.ids}
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


def _name(job: Job) -> tuple[int, str]:
    return job.origin.workspace_id, job.key


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
