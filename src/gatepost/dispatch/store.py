"""The engine's statements. Everything that must hold across a crash holds because of what is committed here.

Intent: one statement checks the lease's fence, deletes outbox rows and inserts submissions. Record: one statement
closes submissions of that fence and moves their messages. Recovery: open submissions of an older fence are adopted and
recorded as unknown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from psycopg import AsyncConnection, OperationalError
from psycopg.errors import IdleInTransactionSessionTimeout
from psycopg.types.json import Jsonb

from gatepost.dispatch import statements as sql

Connection = AsyncConnection[Any]
AWAY = (OperationalError, IdleInTransactionSessionTimeout)
"""What says that the database is away, or that it gave up a transaction of ours that stood still."""


class Due(NamedTuple):
    """An outbox row that is due, with what its message says."""

    message_id: int
    workspace_id: int
    lane: int
    accepted_at: datetime
    expires_at: datetime
    group_key: int
    attempts: int
    generation: int
    resend_of: int | None
    sender_override: str | None
    to: str
    sender: str
    text: str
    encoding: str
    segments: int
    validity_s: int | None
    kind: str
    is_unknown: bool


class Opened(NamedTuple):
    """A submission whose intent is committed: these messages, in this order, may cross the line now."""

    id: int
    serial: int
    message_ids: list[int]


@dataclass(slots=True)
class Recorded:
    """One message's outcome as it is written. `due_at`: back to the outbox then."""

    submission_id: int
    message_id: int
    attempts: int
    generation: int
    state: str | None = None
    keys: tuple[str, ...] = ()
    segments: int | None = None
    price: Decimal | None = None
    unit: str | None = None
    refusal: str | None = None
    code: str | None = None
    words: str | None = None
    used_sender: str | None = None
    due_at: datetime | None = None
    again_generation: int = 0
    again_sender: str | None = None
    again_key: int = 0
    again_of: int | None = None
    event: str = ""
    detail: dict[str, Any] | None = None


@dataclass(slots=True)
class Closing:
    """A submission that is to be closed, with the outcomes of its messages and what was kept of the exchange."""

    submission_id: int
    cause: str | None
    status: int | None
    latency_ms: int | None
    messages: list[Recorded]
    traces: list[dict[str, Any]]


class LeaseLost(Exception):
    """Another worker drives the gateway now; nothing was written."""


async def due(connection: Connection, gateway_id: int, lane: int, known: Sequence[int], limit: int) -> list[Due]:
    """Due rows of a lane that are not in memory yet, oldest first."""
    cursor = await connection.execute(
        sql.DUE, {"gateway": gateway_id, "lane": lane, "known": list(known), "limit": limit}
    )
    return [Due(*row) for row in await cursor.fetchall()]


async def intent(
    connection: Connection,
    *,
    gateway_id: int,
    fence: int,
    groups: Sequence[Sequence[Due]],
    submission_ids: Sequence[int],
    settings_version: int,
) -> list[Opened]:
    """Commit the intent for groups; what was cancelled, held, suppressed or taken meanwhile is left out.

    Raises LeaseLost where nothing was opened because the fence has moved on.
    """
    rows = [(n, position, item) for n, group in enumerate(groups, 1) for position, item in enumerate(group)]
    cursor = await connection.execute(
        sql.INTENT,
        {
            "gateway": gateway_id,
            "fence": fence,
            "ids": [item.message_id for _, _, item in rows],
            "groups": [n for n, _, _ in rows],
            "positions": [position for _, position, _ in rows],
            "digits": [item.to for _, _, item in rows],
            "generations": [item.generation for _, _, item in rows],
            "senders": [item.sender_override for _, _, item in rows],
            "submissions": list(submission_ids),
            "version": settings_version,
            "resend": [any(item.is_unknown for item in group) for group in groups],
        },
    )
    opened = [Opened(*row) for row in await cursor.fetchall()]
    if not opened:
        await require_lease(connection, gateway_id, fence)
    return opened


async def require_lease(connection: Connection, gateway_id: int, fence: int) -> None:
    cursor = await connection.execute("select fence from gateway_lease where gateway_id = %s", [gateway_id])
    row = await cursor.fetchone()
    if row is None or row[0] != fence:
        raise LeaseLost


async def record(connection: Connection, gateway_id: int, fence: int, closings: Sequence[Closing]) -> None:
    """Close submissions with their outcomes, all or nothing. Raises LeaseLost where the fence has moved on."""
    # Everyone who moves messages takes them in the order of their ids, so that nobody waits in a circle.
    messages = sorted((m for closing in closings for m in closing.messages), key=lambda message: message.message_id)
    async with connection.transaction(), connection.cursor() as cursor:
        await cursor.execute(sql.RECORD, _record_parameters(gateway_id, fence, closings, messages))
        row = await cursor.fetchone()
        if row is None or not row[1]:
            raise LeaseLost
        # What an earlier try of ours has already closed (its commit was not heard of) is not written twice.
        closed = set(row[0])
        closings = [closing for closing in closings if closing.submission_id in closed]
        messages = [message for message in messages if message.submission_id in closed]
        parts = [(key, message.message_id) for message in messages if len(message.keys) > 1 for key in message.keys]
        if parts:
            await cursor.execute(sql.PARTS, [gateway_id, *(list(column) for column in zip(*parts, strict=True))])
        events = [(m.message_id, m.event, Jsonb(m.detail or {})) for m in messages if m.event]
        if events:
            await cursor.execute(sql.EVENTS, [list(column) for column in zip(*events, strict=True)])
        traces = [(closing.submission_id, Jsonb(trace)) for closing in closings for trace in closing.traces]
        if traces:
            await cursor.execute(sql.EXCHANGES, [gateway_id, *(list(column) for column in zip(*traces, strict=True))])


def _record_parameters(
    gateway_id: int, fence: int, closings: Sequence[Closing], messages: Sequence[Recorded]
) -> dict[str, Any]:
    return {
        "gateway": gateway_id,
        "fence": fence,
        "submission": [closing.submission_id for closing in closings],
        "cause": [closing.cause for closing in closings],
        "status": [closing.status for closing in closings],
        "latency": [closing.latency_ms for closing in closings],
        "of": [message.submission_id for message in messages],
        "message": [message.message_id for message in messages],
        "state": [message.state for message in messages],
        "key": [message.keys[0] if message.keys else None for message in messages],
        "segments": [message.segments for message in messages],
        "price": [message.price for message in messages],
        "unit": [message.unit for message in messages],
        "refusal": [message.refusal for message in messages],
        "code": [message.code for message in messages],
        "words": [message.words for message in messages],
        "attempts": [message.attempts for message in messages],
        "generation": [message.generation for message in messages],
        "used_sender": [message.used_sender for message in messages],
        "due": [message.due_at for message in messages],
        "again_generation": [message.again_generation for message in messages],
        "again_sender": [message.again_sender for message in messages],
        "again_key": [message.again_key for message in messages],
        "again_of": [message.again_of for message in messages],
    }


async def take_lease(
    connection: Connection, gateway_id: int, worker_id: str, ttl_s: float, gap_s: float
) -> tuple[int, float] | None:
    """(fence, seconds until the first send is allowed) of a gateway nobody drives, else None. Commits."""
    cursor = await connection.execute(
        sql.TAKE_LEASE, {"gateway": gateway_id, "worker": worker_id, "ttl": ttl_s, "gap": gap_s}
    )
    row = await cursor.fetchone()
    return (row[0], row[1]) if row else None


async def renew_leases(
    connection: Connection, worker_id: str, fences: dict[int, int], ttl_s: float, gap_s: float
) -> set[int]:
    """The gateways of `fences` (gateway to fence) that are still ours, for `ttl_s` from now. Commits."""
    cursor = await connection.execute(
        sql.RENEW_LEASES,
        {"worker": worker_id, "ttl": ttl_s, "gap": gap_s, "gateways": list(fences), "fences": list(fences.values())},
    )
    return {row[0] for row in await cursor.fetchall()}


async def release_lease(connection: Connection, gateway_id: int, fence: int) -> None:
    """Give a gateway up at once: an orderly stop. Commits."""
    await connection.execute(sql.RELEASE_LEASE, [gateway_id, fence])


async def repeat(connection: Connection, gateway_id: int, fence: int, submission_id: int) -> tuple[Any, ...] | None:
    """Reopen a submission to repeat it unchanged: (id, serial, message_ids, generations, senders), or None."""
    cursor = await connection.execute(sql.REPEAT, {"gateway": gateway_id, "fence": fence, "submission": submission_id})
    return await cursor.fetchone()


async def messages_of(connection: Connection, message_ids: Sequence[int]) -> dict[int, Due]:
    """The messages of a submission as they would be due, by id."""
    cursor = await connection.execute(sql.MESSAGES_OF, [list(message_ids)])
    return {row[0]: Due(*row) for row in await cursor.fetchall()}


async def adopt(
    connection: Connection, gateway_id: int, fence: int, open_ids: Sequence[int] = ()
) -> list[tuple[Any, ...]]:
    """Open submissions of older owners, now under our fence: what they did is unknown.

    To be called before the first intent of this fence; repeated, it leaves out `open_ids`.
    """
    cursor = await connection.execute(sql.ADOPT, {"gateway": gateway_id, "fence": fence, "open": list(open_ids)})
    return await cursor.fetchall()


async def unaccounted(
    connection: Connection, gateway_id: int, fence: int, open_ids: Sequence[int]
) -> list[tuple[Any, ...]]:
    """Open submissions of this fence besides `open_ids`."""
    cursor = await connection.execute(sql.UNACCOUNTED, [gateway_id, fence, list(open_ids)])
    return await cursor.fetchall()


async def block_suppressed(connection: Connection, message_ids: Sequence[int]) -> None:
    """Messages whose number was suppressed after they were accepted become blocked."""
    await connection.execute(sql.SUPPRESSED, {"ids": list(message_ids)})


async def expire(connection: Connection, gateway_id: int) -> None:
    """What is past its expiry leaves the queue: expired, or (where an attempt is unknown) still unknown."""
    await connection.execute(sql.EXPIRE, [gateway_id])


async def refresh_holds(connection: Connection, gateway_id: int, is_sending: bool) -> None:
    """Hold or release what is queued, as the switches of gateway, workspace and installation say."""
    await connection.execute(sql.REFRESH_HOLDS, {"gateway": gateway_id, "enabled": is_sending})
