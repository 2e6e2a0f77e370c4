"""What a callback or a feed brought, on disk: receipts to their messages, inbound messages, opt-outs."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

from gatepost.messages import receipts
from gatepost.messages.storable import as_text
from gatepost.providers.base import Inbound, Item, OptOut, Receipt
from gatepost.routing.store import LAST_WROTE
from gatepost.sms.ids import IdSource
from gatepost.sms.msisdn import InvalidNumber, parse

MAX_TEXT = 20_000
MAX_NUMBER = 30
MAX_DIGITS = 20
MAX_URL = 4000
MAX_PARTS = 255

INSERT = """
    insert into inbound_message (gateway_id, workspace_id, kind, sender, recipient, text, dedupe_key,
                                 answers_message_id, provider_at)
    values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    on conflict (gateway_id, dedupe_key) do nothing returning id
"""
MEDIA = """
    insert into inbound_media (message_id, content_type, name, url, body) values (%s, %s, %s, %s, %s)
"""
# Whoever wrote to this number last through this gateway gets the answer.
CONVERSATION = """
    select id, workspace_id from message
     where gateway_id = %s and to_digits = %s and created_at > now() - interval '30 days'
       and workspace_id = any(%s) order by id desc limit 1
"""
# Two parts that come at the same time must not each miss the other.
ALONE = "select pg_advisory_xact_lock(hashtextextended(%s, 0))"
PART = """
    insert into inbound_part (gateway_id, sender, reference, number, count, text) values (%s, %s, %s, %s, %s, %s)
    on conflict do nothing
"""
PARTS = """
    select number, text from inbound_part
     where gateway_id = %s and sender = %s and reference = %s and received_at > now() - interval '1 day'
     order by number
"""
FORGET_PARTS = "delete from inbound_part where gateway_id = %s and sender = %s and reference = %s"
SUPPRESS = """
    insert into suppression (workspace_id, digits, reason, source)
    select workspace, %s, %s, 'provider' from unnest(%s::bigint[]) as workspace on conflict do nothing
"""
UNSUPPRESS = "delete from suppression where digits = %s and source = 'provider' and workspace_id = any(%s)"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A gateway as its inbound messages meet it. `prefixes` are cut from numbers, longest first, at most one."""

    gateway_id: int
    workspace_ids: tuple[int, ...]
    prefixes: tuple[str, ...] = ()
    inbound_number: str = ""
    takes_inbound: bool = True


async def store_items(connection: AsyncConnection[Any], arrival: Arrival, items: Sequence[Item], ids: IdSource) -> None:
    """Everything of one callback; repeating it changes nothing. Commits."""
    reports = [item for item in items if isinstance(item, Receipt)]
    others = [item for item in items if not isinstance(item, Receipt)]
    if others:
        async with connection.transaction():
            for item in others:
                if isinstance(item, OptOut):
                    await _opt_out(connection, arrival, item)
                elif arrival.takes_inbound:
                    await _inbound(connection, arrival, item)
    await receipts.apply(connection, arrival.gateway_id, reports, ids)


async def _inbound(connection: AsyncConnection[Any], arrival: Arrival, item: Inbound) -> None:
    text, key = item.text, _dedupe_key(item)
    if item.part is not None and _is_part(item.part):
        joined = await _join(connection, arrival, item)
        if joined is None:
            return
        text, key = joined, _hash(item.sender, item.part[0], joined)
    sender = number(item.sender, arrival.prefixes)
    cursor = await connection.execute(CONVERSATION, [arrival.gateway_id, sender, list(arrival.workspace_ids)])
    conversation = await cursor.fetchone()
    only = arrival.workspace_ids[0] if len(arrival.workspace_ids) == 1 else None
    workspace_id = conversation[1] if conversation else only
    cursor = await connection.execute(
        INSERT,
        [
            arrival.gateway_id,
            workspace_id,
            item.kind,
            sender[:MAX_NUMBER],
            number(item.recipient or arrival.inbound_number, arrival.prefixes)[:MAX_NUMBER],
            as_text(text, MAX_TEXT),
            key,
            conversation[0] if conversation else None,
            item.at,
        ],
    )
    row = await cursor.fetchone()
    if row and workspace_id is not None:
        await connection.execute(LAST_WROTE, [workspace_id, sender[:MAX_NUMBER], arrival.gateway_id])
    for media in item.media if row else ():
        await connection.execute(
            MEDIA,
            [
                row[0] if row else None,
                as_text(media.content_type, 100),
                as_text(media.name, 200),
                as_text(media.url, MAX_URL),
                media.body,
            ],
        )


async def _join(connection: AsyncConnection[Any], arrival: Arrival, item: Inbound) -> str | None:
    """The whole text once every part is there, else None."""
    assert item.part is not None
    reference, position, count = item.part
    place = [arrival.gateway_id, as_text(item.sender, MAX_NUMBER), as_text(reference, 100)]
    await connection.execute(ALONE, ["\x1f".join(map(str, place))])
    await connection.execute(PART, [*place, position, count, as_text(item.text, MAX_TEXT)])
    cursor = await connection.execute(PARTS, place)
    parts = await cursor.fetchall()
    if len(parts) < count:
        return None
    await connection.execute(FORGET_PARTS, place)
    return "".join(text for _, text in parts)


async def _opt_out(connection: AsyncConnection[Any], arrival: Arrival, item: OptOut) -> None:
    digits = number(item.number, arrival.prefixes)[:MAX_DIGITS]
    workspaces = list(arrival.workspace_ids)
    if item.back_in:
        await connection.execute(UNSUPPRESS, [digits, workspaces])
    else:
        await connection.execute(SUPPRESS, [digits, as_text(item.words, 200), workspaces])


def number(text: str, prefixes: Sequence[str]) -> str:
    """Digits in E.164 where it is a number; an alphanumeric or short sender stays as it is.

    Prefixes are cut only where what remains is no longer an international number (a short code, a national number).
    """
    raw = as_text(text, MAX_TEXT).strip()
    try:
        return parse(raw if raw.startswith("+") else f"+{raw}")
    except InvalidNumber:
        cut = next((prefix for prefix in prefixes if raw.startswith(prefix)), "")
        return raw[len(cut) :].lstrip("+") if cut else raw.lstrip("+")


def _is_part(part: tuple[str, int, int]) -> bool:
    """Whether it can be one; what cannot is a message of its own."""
    _, position, count = part
    return 1 <= position <= count <= MAX_PARTS


def _dedupe_key(item: Inbound) -> str:
    if item.id:
        return as_text(f"id:{item.id}", 220)
    return _hash(item.sender, item.recipient, item.at.isoformat() if item.at else "", item.text, str(item.part))


def _hash(*values: str) -> str:
    return "hash:" + hashlib.sha256("\x1f".join(values).encode("utf-8", "replace")).hexdigest()
