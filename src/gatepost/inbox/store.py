"""What a callback or a feed brought, on disk: receipts to their messages, inbound messages, opt-outs.

An inbound message that names the message it answers proves that this one arrived, so it settles one whose fate is
unknown."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

from gatepost.messages import receipts
from gatepost.messages.storable import KEY, as_text
from gatepost.providers.base import Inbound, Item, OptOut, Receipt
from gatepost.routing.store import LAST_WROTE
from gatepost.sms.ids import IdSource, from_ref, to_ref
from gatepost.sms.msisdn import InvalidNumber, parse
from gatepost.sms.states import State

MAX_TEXT = 20_000
MAX_NUMBER = 30
MAX_DIGITS = 20
MAX_URL = 4000
MAX_PARTS = 255
PROOF = "The recipient answered it"

INSERT = """
    insert into inbound_message (gateway_id, workspace_id, kind, sender, recipient, text, dedupe_key,
                                 answers_message_id, provider_at)
    values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    on conflict (gateway_id, dedupe_key) do nothing returning id
"""
MEDIA = """
    insert into inbound_media (message_id, content_type, name, url, body) values (%s, %s, %s, %s, %s)
"""
# By the provider's id of the message or of a part, or by our reference. Where one id stands for several messages, it is
# the one to whoever answers.
ANSWERED = """
    with named as (
             select id from message where gateway_id = %(gateway)s and provider_ref = any(%(keys)s)
             union
             select message_id from message_part where gateway_id = %(gateway)s and key = any(%(keys)s)
             union
             select id from message
              where id = any(%(ids)s) and (gateway_id = %(gateway)s or %(gateway)s = any(tried))
         )
    select m.id, m.workspace_id, m.state from named join message m on m.id = named.id
     where m.workspace_id = any(%(workspaces)s) order by m.to_digits = %(sender)s desc, m.id desc limit 1
"""
# Whoever wrote to this number last through this gateway gets the answer.
CONVERSATION = """
    select id, workspace_id, state from message
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
                else:
                    reports += await _inbound(connection, arrival, item)
    await receipts.apply(connection, arrival.gateway_id, reports, ids)


@dataclass(frozen=True, slots=True)
class _Ours:
    """The message that an inbound one answers."""

    id: int
    workspace_id: int
    state: str


async def _inbound(connection: AsyncConnection[Any], arrival: Arrival, item: Inbound) -> list[Receipt]:
    """Keep it, where the gateway takes inbound messages. Returns what it proves, also when it comes again: whoever
    stopped after it was kept has not applied that yet."""
    answered = await _answered(connection, arrival, item) if item.answers else None
    if arrival.takes_inbound:
        await _keep(connection, arrival, item, answered)
    if answered is None or answered.state != State.UNKNOWN:
        return []
    return [Receipt(State.DELIVERED, "", ref=to_ref(answered.id), words=PROOF, at=item.at)]


async def _answered(connection: AsyncConnection[Any], arrival: Arrival, item: Inbound) -> _Ours | None:
    """The message that the provider names."""
    keys = [as_text(key, KEY) for key in item.answers]
    parameters = {
        "gateway": arrival.gateway_id,
        "keys": keys,
        "ids": [parsed[0] for key in keys if (parsed := from_ref(key))],
        "workspaces": list(arrival.workspace_ids),
        "sender": number(item.sender, arrival.prefixes),
    }
    row = await (await connection.execute(ANSWERED, parameters)).fetchone()
    return _Ours(*row) if row else None


async def _conversation(connection: AsyncConnection[Any], arrival: Arrival, sender: str) -> _Ours | None:
    """The newest message that went to the sender, where the provider names none."""
    cursor = await connection.execute(CONVERSATION, [arrival.gateway_id, sender, list(arrival.workspace_ids)])
    row = await cursor.fetchone()
    return _Ours(*row) if row else None


async def _keep(connection: AsyncConnection[Any], arrival: Arrival, item: Inbound, answered: _Ours | None) -> None:
    text, key = item.text, _dedupe_key(item)
    if item.part is not None and _is_part(item.part):
        joined = await _join(connection, arrival, item)
        if joined is None:
            return
        text, key = joined, _hash(item.sender, item.part[0], joined)
    sender = number(item.sender, arrival.prefixes)
    answered = answered or await _conversation(connection, arrival, sender)
    only = arrival.workspace_ids[0] if len(arrival.workspace_ids) == 1 else None
    workspace_id = answered.workspace_id if answered else only
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
            answered.id if answered else None,
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
