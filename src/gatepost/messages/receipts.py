"""Receipts meet messages: found or parked, folded through the state machine, written in one transaction per group.

Receipts may come early, late, twice and in any order; the same set always ends in the same final state. A receipt that
finds nothing is parked: it may have overtaken our own record of the submit, which claims what is parked afterwards.
Both sides write first and look second, so that one of them always sees the other; a sweep catches a crash between.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from gatepost.messages.columns import plain, texts
from gatepost.messages.kept_receipts import as_storable, from_json, keys_of, to_json
from gatepost.providers.base import Receipt
from gatepost.sms.ids import IdSource, from_ref
from gatepost.sms.states import FINAL, State, after_receipt

# "offset 0" has each key looked up, whatever was known of the tables when the plan was made.
MATCH = """
    with r as (select * from unnest(%(n)s::int[], %(ref)s::bigint[], %(to)s::text[], %(serial)s::int[])
                   as r(n, ref, digits, serial)),
         k as (select * from unnest(%(key_n)s::int[], %(position)s::int[], %(key)s::text[]) as k(n, position, key)),
         candidate as (
             select n, -1 as position, m.id, null::text as part_key
               from r join message m on m.id = r.ref
                                    and (m.gateway_id = %(gateway)s or %(gateway)s = any(m.tried))
             union all
             select n, position, m.id, null
               from k cross join lateral (
                    select id from message where gateway_id = %(gateway)s and provider_ref = k.key offset 0) m
             union all
             select n, position, p.message_id, p.key
               from k cross join lateral (
                    select message_id, key from message_part
                     where gateway_id = %(gateway)s and key = k.key offset 0) p
             union all
             select n, 1000, m.id, null
               from r join submission s on s.gateway_id = %(gateway)s and s.serial = r.serial
                      join message m on m.id = any(s.message_ids) and m.to_digits = r.digits
              where r.serial is not null
         )
    select distinct on (n) n, id, part_key from candidate order by n, position, part_key nulls last, id desc
"""
# What waits in the queue for the first time has not left yet, so no provider can speak of it. The workspaces are named
# for the index, which begins with them.
NEWEST_OPEN = """
    select distinct on (m.to_digits) m.to_digits, m.id from message m
     where m.workspace_id = any(array(select id from workspace)) and m.to_digits = any(%(digits)s)
       and m.gateway_id = %(gateway)s and m.state in ('submitted', 'unknown', 'queued')
       and m.created_at > now() - interval '7 days'
       and not (m.state = 'queued' and m.attempts = 0 and exists (select from outbox o where o.message_id = m.id))
     order by m.to_digits, m.id desc
"""
LOCK = """
    select id, state, generation, coalesce(gateway_id <> %s, false) from message
     where id = any(%s) order by id for update
"""
# Both lists one below the other: joined here, without statistics, they would take the square of their length.
MATCH_AND_LOCK = f"""
    with found as ({MATCH}),
         locked as (select id, state, generation, coalesce(gateway_id <> %(gateway)s, false) as was_left from message
                     where id = any(array(select id from found)) order by id for update)
    select n, id, part_key, null::text as state, null::smallint as generation, null::bool as was_left from found
    union all select null, id, null, state, generation, was_left from locked
"""  # noqa: S608 - of nothing but the statement above
# Whoever opens an intent passes over what is locked here, and what an intent has taken is gone.
WAITING = "select message_id from outbox where message_id = any(%s) order by message_id for update"
NAME = "select name from gateway where id = %s"
MOVE_PARTS = """
    update message_part p set state = r.state from unnest(%s::text[], %s::text[]) as r(key, state)
     where p.gateway_id = %s and p.key = r.key and p.state = any(%s)
"""
PARTS = "select message_id, state from message_part where message_id = any(%s) and gateway_id = %s"
# A provider that reports a message has it: whatever was to be sent again must not be.
RECORD = """
    with moved as (update message m set
                          state = r.state, state_at = now(),
                          refusal = case when r.state not in ('submitted', 'delivered')
                                         then coalesce(r.refusal, m.refusal) end,
                          code = coalesce(r.code, m.code), words = coalesce(r.words, m.words),
                          price = coalesce(r.price, m.price), price_unit = coalesce(r.unit, m.price_unit)
                     from unnest(%(moved)s::bigint[], %(state)s::text[], %(refusal)s::text[], %(code)s::text[],
                                 %(words)s::text[], %(price)s::numeric[], %(unit)s::text[])
                              as r(id, state, refusal, code, words, price, unit)
                    where m.id = r.id),
         unqueued as (delete from outbox where message_id = any(%(moved)s)),
         asked_no_more as (delete from status_query where message_id = any(%(final)s))
    insert into message_event (message_id, kind, detail)
    select id, 'receipt', detail::jsonb from unnest(%(told)s::bigint[], %(detail)s::text[]) as r(id, detail)
"""
PARK = """
    insert into orphan_receipt (receipt_id, gateway_id, key, receipt)
    select * from unnest(%s::bigint[], %s::bigint[], %s::text[], %s::jsonb[])
"""
CLAIM = """
    delete from orphan_receipt o using
           (select distinct receipt_id from orphan_receipt where gateway_id = %s and key = any(%s)) as found
     where o.receipt_id = found.receipt_id returning o.receipt_id, o.receipt
"""
FINDABLE = """
    select o.key from orphan_receipt o
     where o.gateway_id = %(gateway)s
       and (exists (select from message m where m.gateway_id = %(gateway)s and m.provider_ref = o.key)
            or exists (select from message_part p where p.gateway_id = %(gateway)s and p.key = o.key))
     limit 10000
"""
NOT_FINAL = [state.value for state in State if state not in FINAL]


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a group: how many receipts met their message, and how many were parked."""

    matched: int
    parked: int


@dataclass(slots=True)
class _Fold:
    """A message as its receipts are folded into it. `generation`: of the reference that it has, or gets next.

    `was_left`: it went on from the gateway that reports, to another one; `is_waiting`: which has not been handed it.
    """

    state: State
    before: State
    generation: int
    was_left: bool = False
    is_waiting: bool = False
    last: Receipt | None = None


async def apply(
    connection: AsyncConnection[Any], gateway_id: int, receipts: Sequence[Receipt], ids: IdSource
) -> Applied:
    """Record receipts of one gateway. Commits; what found nothing is parked and looked at once more."""
    if not receipts:
        return Applied(0, 0)
    receipts = [as_storable(receipt) for receipt in receipts]
    parked = await _apply_known(connection, gateway_id, receipts, ids)
    if parked:
        claimed = await claim(connection, gateway_id, [key for receipt in parked for key in keys_of(receipt)], ids)
        return Applied(len(receipts) - len(parked) + claimed, len(parked) - claimed)
    return Applied(len(receipts), 0)


async def claim(connection: AsyncConnection[Any], gateway_id: int, keys: Sequence[str], ids: IdSource) -> int:
    """Take parked receipts of these keys (`keys_of`) and try them again; how many met a message now. Commits."""
    async with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(CLAIM, [gateway_id, list(keys)])
        found = {row["receipt_id"]: row["receipt"] for row in await cursor.fetchall()}
        if not found:
            return 0
        receipts = [from_json(found[receipt_id]) for receipt_id in sorted(found)]
        parked = await _fold_all(connection, gateway_id, receipts, ids)
        return len(receipts) - len(parked)


async def findable(connection: AsyncConnection[Any], gateway_id: int) -> list[str]:
    """Keys of parked receipts whose message is known by now: somebody stopped between recording and claiming."""
    cursor = await connection.execute(FINDABLE, {"gateway": gateway_id})
    return [row[0] for row in await cursor.fetchall()]


async def _apply_known(
    connection: AsyncConnection[Any], gateway_id: int, receipts: Sequence[Receipt], ids: IdSource
) -> list[Receipt]:
    # No pipeline: inside one the server does not give up a transaction of ours that stands still, with its locks.
    async with connection.transaction():
        return await _fold_all(connection, gateway_id, receipts, ids)


async def _fold_all(
    connection: AsyncConnection[Any], gateway_id: int, receipts: Sequence[Receipt], ids: IdSource
) -> list[Receipt]:
    """Within the caller's transaction; the receipts that found nothing, parked."""
    found, folds = await _match(connection, gateway_id, receipts)
    orphans = [receipt for n, receipt in enumerate(receipts) if n not in found]
    matched = [(*found[n], receipt) for n, receipt in enumerate(receipts) if n in found]
    if matched:
        await _fold(connection, gateway_id, matched, folds)
    if orphans:
        await _park(connection, gateway_id, orphans, ids)
    return orphans


async def _match(
    connection: AsyncConnection[Any], gateway_id: int, receipts: Sequence[Receipt]
) -> tuple[dict[int, tuple[int, str | None]], dict[int, _Fold]]:
    """Receipt number to (message id, part key), and the messages by id, locked."""
    parameters = _keys_to_match(gateway_id, receipts)
    by_number = {
        n: receipt.to
        for n, receipt in enumerate(receipts)
        if receipt.to and not receipt.ref and not receipt.keys and receipt.serial is None
    }
    async with connection.cursor() as cursor:
        if not by_number:
            await cursor.execute(MATCH_AND_LOCK, parameters)
            rows = await cursor.fetchall()
            found = {row[0]: (row[1], row[2]) for row in rows if row[0] is not None}
            return found, _folds([(row[1], *row[3:]) for row in rows if row[0] is None])
        # What numbers stand for has to be known before anything is locked: all locks are taken in one order.
        await cursor.execute(MATCH, parameters)
        found = {n: (message_id, part_key) for n, message_id, part_key in await cursor.fetchall()}
        await cursor.execute(NEWEST_OPEN, {"gateway": gateway_id, "digits": list(set(by_number.values()))})
        newest = dict(await cursor.fetchall())
        found |= {n: (newest[digits], None) for n, digits in by_number.items() if digits in newest}
        await cursor.execute(LOCK, [gateway_id, sorted({message_id for message_id, _ in found.values()})])
        return found, _folds(await cursor.fetchall())


def _folds(rows: Sequence[tuple[int, str, int, bool]]) -> dict[int, _Fold]:
    return {
        message_id: _Fold(State(state), State(state), generation, was_left)
        for message_id, state, generation, was_left in rows
    }


def _keys_to_match(gateway_id: int, receipts: Sequence[Receipt]) -> dict[str, Any]:
    """For MATCH."""
    ours = [from_ref(receipt.ref) for receipt in receipts]
    keys = [(n, i, key) for n, receipt in enumerate(receipts) for i, key in enumerate(receipt.keys)]
    return {
        "gateway": gateway_id,
        "n": plain(range(len(receipts))),
        "ref": plain([parsed[0] if parsed else None for parsed in ours]),
        "to": texts([receipt.to or None for receipt in receipts]),
        "serial": plain([receipt.serial for receipt in receipts]),
        "key_n": plain([n for n, _, _ in keys]),
        "position": plain([i for _, i, _ in keys]),
        "key": texts([key for _, _, key in keys]),
    }


async def _fold(
    connection: AsyncConnection[Any],
    gateway_id: int,
    matched: list[tuple[int, str | None, Receipt]],
    folds: dict[int, _Fold],
) -> None:
    async with connection.cursor() as cursor:
        matched = [found for found in matched if found[0] in folds]
        name = await _look_after_left(cursor, gateway_id, folds)
        await _move_parts(cursor, gateway_id, matched, folds)
        for message_id, part_key, receipt in matched:
            fold = folds[message_id]
            if part_key is None and receipt.state is not None and not _is_superseded(receipt, fold):
                _step(fold, receipt.state, receipt)
        moved = [(message_id, fold) for message_id, fold in folds.items() if fold.state is not fold.before]
        await cursor.execute(RECORD, _columns(moved) | _events(matched, folds, name))


async def _look_after_left(cursor: Any, gateway_id: int, folds: dict[int, _Fold]) -> str:
    """Which of the messages that left the gateway still wait for their next one. Its name, if there are any."""
    left = [message_id for message_id, fold in folds.items() if fold.was_left]
    if not left:
        return ""
    await cursor.execute(WAITING, [left])
    for (message_id,) in await cursor.fetchall():
        folds[message_id].is_waiting = True
    await cursor.execute(NAME, [gateway_id])
    row = await cursor.fetchone()
    return str(row[0]) if row else ""


def _is_superseded(receipt: Receipt, fold: _Fold) -> bool:
    """It says once more that an attempt failed whose refusal has already led to another one."""
    parsed = from_ref(receipt.ref)
    return parsed is not None and parsed[1] < fold.generation and receipt.state is not State.DELIVERED


def _step(fold: _Fold, reported: State, receipt: Receipt) -> None:
    """A gateway that the message has left says nothing of what the next one does with it. That it arrived nevertheless
    counts as long as nobody else was handed it: then nobody is to be."""
    if fold.was_left and not (fold.is_waiting and reported is State.DELIVERED):
        return
    state = after_receipt(fold.state, reported)
    if state is not fold.state:
        fold.state, fold.last = state, receipt


async def _move_parts(
    cursor: Any, gateway_id: int, matched: list[tuple[int, str | None, Receipt]], folds: dict[int, _Fold]
) -> None:
    """Delivered when all parts are; failed as soon as one is."""
    states: dict[str, State] = {}
    concerned: dict[int, list[Receipt]] = {}
    for message_id, key, receipt in matched:
        if key is not None and receipt.state is not None:
            states[key] = after_receipt(states.get(key, State.SUBMITTED), receipt.state)
            concerned.setdefault(message_id, []).append(receipt)
    if not states:
        return
    await cursor.execute(MOVE_PARTS, [list(states), list(states.values()), gateway_id, NOT_FINAL])
    await cursor.execute(PARTS, [list(concerned), gateway_id])
    by_message: dict[int, list[State]] = {}
    for message_id, state in await cursor.fetchall():
        by_message.setdefault(message_id, []).append(State(state))
    for message_id, parts in by_message.items():
        whole = _whole(parts)
        said = concerned[message_id]
        if whole is not None:
            # The words are those of the part that decided.
            _step(folds[message_id], whole, next((one for one in said if one.state is whole), said[-1]))


def _whole(parts: list[State]) -> State | None:
    failed = [state for state in parts if state in FINAL and state not in (State.DELIVERED, State.UNCONFIRMED)]
    if failed:
        return failed[0]
    if all(state is State.DELIVERED for state in parts):
        return State.DELIVERED
    return State.UNCONFIRMED if all(state in FINAL for state in parts) else None


def _columns(moved: list[tuple[int, _Fold]]) -> dict[str, str | None]:
    last = [fold.last for _, fold in moved]
    return {
        "moved": plain([message_id for message_id, _ in moved]),
        "state": texts([fold.state.value for _, fold in moved]),
        "refusal": texts([receipt.refusal.value if receipt and receipt.refusal else None for receipt in last]),
        "code": texts([_trouble(fold, fold.last.code if fold.last else "") for _, fold in moved]),
        "words": texts([_trouble(fold, fold.last.words if fold.last else "") for _, fold in moved]),
        "price": plain([receipt.price.amount if receipt and receipt.price else None for receipt in last]),
        "unit": texts([receipt.price.unit if receipt and receipt.price else None for receipt in last]),
        "final": plain([message_id for message_id, fold in moved if fold.state in FINAL]),
    }


def _trouble(fold: _Fold, text: str) -> str | None:
    return text or None if fold.state not in (State.DELIVERED, State.SUBMITTED) else None


def _events(
    matched: Sequence[tuple[int, str | None, Receipt]], folds: dict[int, _Fold], name: str
) -> dict[str, str | None]:
    """`name`: of the gateway that reports, kept with messages that have left it."""
    details = [
        to_json(receipt) | ({"gateway": name} if folds[message_id].was_left else {})
        for message_id, _, receipt in matched
    ]
    return {
        "told": plain([message_id for message_id, _, _ in matched]),
        "detail": texts([json.dumps(detail) for detail in details]),
    }


async def _park(connection: AsyncConnection[Any], gateway_id: int, receipts: Sequence[Receipt], ids: IdSource) -> None:
    rows = [
        (receipt_id, gateway_id, key, Jsonb(to_json(receipt)))
        for receipt_id, receipt in zip(ids.take(len(receipts)), receipts, strict=True)
        for key in keys_of(receipt) or [f"to:{receipt.to}"]
    ]
    await connection.execute(PARK, [list(column) for column in zip(*rows, strict=True)])
