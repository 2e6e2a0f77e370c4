"""The engine's statements. Everything that must hold across a crash holds because of what is committed here.

Intent: one statement checks the lease's fence, deletes outbox rows and inserts submissions. Record: one statement
closes submissions of that fence and moves their messages. Recovery: open submissions of an older fence are adopted and
recorded as unknown.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, NamedTuple

from psycopg import AsyncConnection, OperationalError
from psycopg.errors import IdleInTransactionSessionTimeout

from gatepost.dispatch import statements as sql
from gatepost.messages.columns import moments, plain, texts, transposed
from gatepost.messages.detour import Detour

Connection = AsyncConnection[Any]
Share = tuple[int, int, int]
"""Lane, workspace, and campaign (0 for what belongs to none)."""
Place = tuple[datetime, int]
"""When a message is due, and its id: the order of the queue."""
HELD_AT_ONCE = 5000
AWAY = (OperationalError, IdleInTransactionSessionTimeout)
"""What says that the database is away, or that it gave up a transaction of ours that stood still."""


class Due(NamedTuple):
    """An outbox row that is due, with what its message says."""

    message_id: int
    workspace_id: int
    campaign_id: int
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
    due_at: datetime | None = None

    @property
    def used_sender(self) -> str:
        """The sender ID under which it is submitted."""
        return self.sender_override or self.sender


class Opened(NamedTuple):
    """A submission whose intent is committed: these messages, in this order, may cross the line now."""

    id: int
    serial: int
    message_ids: list[int]


class Recorded(NamedTuple):
    """One message's outcome as it is written. `due_at`: back to the outbox then. `to_find`: the provider is to be asked
    whether it ever saw the message."""

    submission_id: int
    message_id: int
    attempts: int
    generation: int
    state: str | None = None
    key: str | None = None
    segments: int | None = None
    price: Decimal | None = None
    unit: str | None = None
    refusal: str | None = None
    code: str | None = None
    words: str | None = None
    used_sender: str | None = None
    due_at: datetime | None = None
    again_generation: int | None = None
    again_sender: str | None = None
    again_key: int | None = None
    again_of: int | None = None
    to_find: bool | None = None


@dataclass(slots=True)
class Closing:
    """A submission that is to be closed, with the outcomes of its messages and what was kept of the exchange.

    `keys`: the provider's ids of messages that have several. `events`: (message id, kind, detail). `detours`: other
    ways, to be taken once this is recorded.
    """

    submission_id: int
    cause: str | None
    status: int | None
    latency_ms: int | None
    messages: list[Recorded] = field(default_factory=list)
    keys: dict[int, tuple[str, ...]] = field(default_factory=dict)
    events: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)
    traces: list[dict[str, Any]] = field(default_factory=list)
    detours: list[Detour] = field(default_factory=list)


class Asking(NamedTuple):
    """After how many seconds the state of what is submitted is asked for (None: never), and of what is unknown whether
    it was seen; and until when."""

    query_after_s: float | None = None
    find_after_s: float = 0.0
    until_s: float = 0.0


NEVER = Asking()


class LeaseLost(Exception):
    """Another worker drives the gateway now; nothing was written."""


async def shares(connection: Connection, gateway_id: int) -> list[Share]:
    """Whose messages wait, due or not."""
    cursor = await connection.execute(sql.SHARES, {"gateway": gateway_id})
    return await cursor.fetchall()


async def due(connection: Connection, gateway_id: int, after: Mapping[Share, Place | None], limit: int) -> list[Due]:
    """Due rows of each of these shares, oldest first and at most `limit` of each.

    `after`: the place behind which to look, None for the beginning of the share.
    """
    lanes, workspaces, campaigns = transposed(list(after), 3)
    places = [place or (None, None) for place in after.values()]
    cursor = connection.cursor(binary=True)
    await cursor.execute(
        sql.DUE,
        {
            "gateway": gateway_id,
            "lanes": plain(lanes),
            "workspaces": plain(workspaces),
            "campaigns": plain(campaigns),
            "after": moments([due_at for due_at, _ in places]),
            "after_ids": plain([message_id for _, message_id in places]),
            "limit": limit,
        },
    )
    return [Due._make(row) for row in await cursor.fetchall()]


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
    rows = [
        (item.message_id, n, position, item.to, item.generation or None, item.sender_override)
        for n, group in enumerate(groups, 1)
        for position, item in enumerate(group)
    ]
    ids, grp, positions, digits, generations, senders = transposed(rows, 6)
    cursor = await connection.execute(
        sql.INTENT,
        {
            "gateway": gateway_id,
            "fence": fence,
            "ids": plain(ids),
            "groups": plain(grp),
            "positions": plain(positions),
            "digits": texts(digits),
            "generations": plain(generations),
            "senders": texts(senders),
            "submissions": plain(submission_ids),
            "version": settings_version,
            "resend": plain([any(item.is_unknown for item in group) or None for group in groups]),
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


async def record(
    connection: Connection, gateway_id: int, fence: int, closings: Sequence[Closing], asking: Asking = NEVER
) -> None:
    """Close submissions with their outcomes, all or nothing; commits. Raises LeaseLost where the fence has moved on.

    What an earlier try of ours has already closed (its commit was not heard of) is not written twice.
    """
    while closings:
        cursor = await connection.execute(sql.RECORD, record_parameters(gateway_id, fence, closings, asking))
        row = await cursor.fetchone()
        if row is None or not row[1]:
            raise LeaseLost
        if row[0]:
            return
        ids = [closing.submission_id for closing in closings]
        cursor = await connection.execute(sql.OPEN_OF, [ids, fence])
        still_open = {one for (one,) in await cursor.fetchall()}
        closings = [closing for closing in closings if closing.submission_id in still_open]


def record_parameters(
    gateway_id: int, fence: int, closings: Sequence[Closing], asking: Asking = NEVER
) -> dict[str, Any]:
    """For RECORD."""
    # Everyone who moves messages takes them in the order of their ids, so that nobody waits in a circle.
    messages = sorted((m for closing in closings for m in closing.messages), key=attrgetter("message_id"))
    columns = dict(zip(Recorded._fields, transposed(messages, len(Recorded._fields)), strict=True))
    parts = [(key, of) for closing in closings for of, keys in closing.keys.items() for key in keys]
    events = [event for closing in closings for event in closing.events]
    traces = [(closing.submission_id, trace) for closing in closings for trace in closing.traces]
    return {
        "gateway": gateway_id,
        "fence": fence,
        "closings": len(closings),
        "query_after": asking.query_after_s,
        "find_after": asking.find_after_s,
        "query_until": asking.until_s,
        "submission": plain([closing.submission_id for closing in closings]),
        "cause": texts([closing.cause for closing in closings]),
        "status": plain([closing.status for closing in closings]),
        "latency": plain([closing.latency_ms for closing in closings]),
        "of": plain(columns["submission_id"]),
        "message": plain(columns["message_id"]),
        "due": moments(columns["due_at"]),
        **{name: plain(columns[name]) for name in _NUMBERS},
        **{name: texts(columns[name]) for name in _TEXTS},
        "part_key": texts([key for key, _ in parts]),
        "part_of": plain([of for _, of in parts]),
        "event_of": plain([of for of, _, _ in events]),
        "event": texts([kind for _, kind, _ in events]),
        "detail": texts([json.dumps(detail) for _, _, detail in events]),
        "trace_of": plain([of for of, _ in traces]),
        "trace": texts([json.dumps(trace) for _, trace in traces]),
    }


_NUMBERS = ("attempts", "generation", "segments", "price", "again_generation", "again_key", "again_of", "to_find")
_TEXTS = ("state", "key", "unit", "refusal", "code", "words", "used_sender", "again_sender")


async def take_lease(
    connection: Connection, gateway_id: int, worker_id: str, ttl_s: float, gap_s: float, leader_id: int | None = None
) -> tuple[int, float] | None:
    """(fence, seconds until the first send is allowed) of a gateway nobody drives, else None. Commits.

    `leader_id`: the gateway whose lease the worker must hold; None or the gateway itself where there is none.
    """
    leader_id = gateway_id if leader_id is None else leader_id
    values = {"gateway": gateway_id, "worker": worker_id, "ttl": ttl_s, "gap": gap_s, "leader": leader_id}
    cursor = await connection.execute(sql.TAKE_LEASE, values)
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


async def refresh_holds(connection: Connection, gateway_id: int, is_sending: bool) -> bool:
    """Hold or release what is queued, as the switches of gateway, workspace and installation say; some at a time.

    Returns whether there is more to do.
    """
    is_full = False
    for statement in (sql.HOLD, sql.RELEASE):
        cursor = await connection.execute(
            statement, {"gateway": gateway_id, "enabled": is_sending, "limit": HELD_AT_ONCE}
        )
        is_full = is_full or cursor.rowcount >= HELD_AT_ONCE
    return is_full


async def tell(connection: Connection, gateway_id: int, why: str, slowed_to: float | None) -> None:
    """Store why a gateway is paused (empty: it is not), and the pace it was slowed to in units per second."""
    await connection.execute(sql.TELL, {"gateway": gateway_id, "why": why, "slowed_to": slowed_to})
