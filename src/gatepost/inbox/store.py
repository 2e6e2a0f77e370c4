"""What a callback or a feed brought, on disk: receipts to their messages, inbound messages, opt-outs."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

from gatepost.messages import receipts
from gatepost.providers.base import Inbound, Item, OptOut, Receipt
from gatepost.sms.ids import IdSource
from gatepost.sms.msisdn import InvalidNumber, parse

MAX_TEXT = 20_000
MAX_NUMBER = 30

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
    text = item.text
    if item.part is not None:
        joined = await _join(connection, arrival, item)
        if joined is None:
            return
        text = joined
    sender = number(item.sender, arrival.prefixes)
    cursor = await connection.execute(CONVERSATION, [arrival.gateway_id, sender, list(arrival.workspace_ids)])
    conversation = await cursor.fetchone()
    only = arrival.workspace_ids[0] if len(arrival.workspace_ids) == 1 else None
    cursor = await connection.execute(
        INSERT,
        [
            arrival.gateway_id,
            conversation[1] if conversation else only,
            item.kind,
            sender[:MAX_NUMBER],
            number(item.recipient or arrival.inbound_number, arrival.prefixes)[:MAX_NUMBER],
            clean(text)[:MAX_TEXT],
            _dedupe_key(item),
            conversation[0] if conversation else None,
            item.at,
        ],
    )
    row = await cursor.fetchone()
    for media in item.media if row else ():
        await connection.execute(
            MEDIA,
            [row[0] if row else None, clean(media.content_type)[:100], clean(media.name)[:200], media.url, media.body],
        )


async def _join(connection: AsyncConnection[Any], arrival: Arrival, item: Inbound) -> str | None:
    """The whole text once every part is there, else None."""
    assert item.part is not None
    reference, position, count = item.part
    place = [arrival.gateway_id, item.sender[:MAX_NUMBER], reference[:100]]
    await connection.execute(PART, [*place, position, count, clean(item.text)[:MAX_TEXT]])
    cursor = await connection.execute(PARTS, place)
    parts = await cursor.fetchall()
    if len(parts) < count:
        return None
    await connection.execute(FORGET_PARTS, place)
    return "".join(text for _, text in parts)


async def _opt_out(connection: AsyncConnection[Any], arrival: Arrival, item: OptOut) -> None:
    digits = number(item.number, arrival.prefixes)
    workspaces = list(arrival.workspace_ids)
    if item.back_in:
        await connection.execute(UNSUPPRESS, [digits, workspaces])
    else:
        await connection.execute(SUPPRESS, [digits, clean(item.words)[:200], workspaces])


def number(text: str, prefixes: Sequence[str]) -> str:
    """Digits in E.164 where it is a number; an alphanumeric or short sender stays as it is.

    Prefixes are cut only where what remains is no longer an international number (a short code, a national number).
    """
    raw = clean(text).strip()
    try:
        return parse(raw if raw.startswith("+") else f"+{raw}")
    except InvalidNumber:
        cut = next((prefix for prefix in prefixes if raw.startswith(prefix)), "")
        return raw[len(cut) :].lstrip("+") if cut else raw.lstrip("+")


def clean(text: str) -> str:
    """Without what PostgreSQL cannot keep: NUL and halves of surrogate pairs."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _dedupe_key(item: Inbound) -> str:
    if item.id:
        return clean(f"id:{item.id}")[:220]
    seed = "\x1f".join((item.sender, item.recipient, item.at.isoformat() if item.at else "", item.text, str(item.part)))
    return "hash:" + hashlib.sha256(seed.encode("utf-8", "replace")).hexdigest()
