"""Storing accepted messages: message rows and outbox rows go in together, by COPY, in the caller's transaction."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from psycopg import AsyncCursor, Cursor

from gatepost.messages.accept import Taken

Row = tuple[object, ...]

COPY_MESSAGES = """
    copy message (id, workspace_id, gateway_id, kind, lane, created_at, state_at, due_at, expires_at, to_digits, sender,
                  sender_reason, body, encoding, segments, validity_s, client_ref, tag, route, campaign_id,
                  api_key_id, user_id)
    from stdin
"""
COPY_OUTBOX = """
    copy outbox (message_id, gateway_id, workspace_id, campaign_id, lane, due_at, expires_at, group_key, held)
    from stdin
"""
NOTIFY_OUTBOX = "select pg_notify('gatepost_outbox', gateway::text) from unnest(%s::bigint[]) as gateway"


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asked for messages, and as what kind."""

    workspace_id: int
    kind: str = "single"
    api_key_id: int | None = None
    user_id: int | None = None
    campaign_id: int | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """Messages that are to be stored, each with its id."""

    origin: Origin
    ids: list[int]
    taken: list[Taken]


def message_rows(batches: Iterable[Stored], now: object) -> Iterator[Row]:
    for batch in batches:
        origin = batch.origin
        for message_id, taken in zip(batch.ids, batch.taken, strict=True):
            yield (
                message_id,
                origin.workspace_id,
                taken.gateway_id,
                origin.kind,
                taken.lane,
                now,
                now,
                taken.send_at,
                taken.expires_at,
                taken.to,
                taken.sender,
                taken.sender_reason,
                taken.text,
                taken.encoding,
                taken.segments,
                taken.validity_s,
                taken.client_ref,
                taken.tag,
                taken.route,
                origin.campaign_id,
                origin.api_key_id,
                origin.user_id,
            )


def outbox_rows(batches: Iterable[Stored]) -> Iterator[Row]:
    for batch in batches:
        origin = batch.origin
        for message_id, taken in zip(batch.ids, batch.taken, strict=True):
            yield (
                message_id,
                taken.gateway_id,
                origin.workspace_id,
                origin.campaign_id,
                taken.lane,
                taken.due_at,
                taken.expires_at,
                taken.group_key,
                taken.held,
            )


def gateways_of(batches: Iterable[Stored]) -> list[int]:
    return sorted({taken.gateway_id for batch in batches for taken in batch.taken})


async def insert(cursor: AsyncCursor[Row], batches: list[Stored], now: object) -> None:
    """Store and wake the workers; takes effect with the caller's commit."""
    async with cursor.copy(COPY_MESSAGES) as copy:
        for row in message_rows(batches, now):
            await copy.write_row(row)
    async with cursor.copy(COPY_OUTBOX) as copy:
        for row in outbox_rows(batches):
            await copy.write_row(row)
    await cursor.execute(NOTIFY_OUTBOX, [gateways_of(batches)])


def insert_sync(cursor: Cursor[Row], batches: list[Stored], now: object) -> None:
    """The same for callers that live in a thread (console, tasks)."""
    with cursor.copy(COPY_MESSAGES) as copy:
        for row in message_rows(batches, now):
            copy.write_row(row)
    with cursor.copy(COPY_OUTBOX) as copy:
        for row in outbox_rows(batches):
            copy.write_row(row)
    cursor.execute(NOTIFY_OUTBOX, [gateways_of(batches)])
