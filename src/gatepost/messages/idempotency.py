"""Idempotency keys: the answer to a request that named one is kept for 72 hours; after that nothing is known of it.

A key that is older counts as free at once, whenever its row is deleted.
"""

import hashlib
from collections.abc import Callable
from typing import Final

from django.db import connection, transaction

from gatepost.messages.models import IdempotencyKey
from gatepost.problems import Problem

FORGOTTEN_AT_ONCE: Final = 5000
LONGEST_KEY: Final = 200

CLAIM_KEYS: Final = """
    insert into idempotency_key as known (workspace_id, key, body_hash, answer)
    select * from unnest(%s::bigint[], %s::text[], %s::bytea[], %s::bytea[])
    on conflict (workspace_id, key) do update
       set body_hash = excluded.body_hash, answer = excluded.answer, created_at = now()
     where known.created_at < now() - interval '72 hours'
    returning workspace_id, key
"""
"""Returns those that were free; what is returned is the caller's once its transaction commits."""

# One that is being claimed anew is left alone.
FORGET: Final = """
    delete from idempotency_key where id = any(array(
           select id from idempotency_key where created_at < now() - interval '72 hours'
            order by created_at limit %s for update skip locked))
"""


def once(workspace_id: int, key: str, body: bytes, make: Callable[[], str]) -> str:
    """The answer to a request: made now, in one transaction with the key, or what was made for it before.

    Without a key it is made each time. Raises Problem `idempotency_conflict` where the key was used with another body,
    `bad_idempotency_key`, and whatever `make` raises; the key is then free again.
    """
    if not key:
        return make()
    if len(key) > LONGEST_KEY or not key.isprintable():
        raise Problem("bad_idempotency_key")
    body_hash = hashlib.sha256(body).digest()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(CLAIM_KEYS, [[workspace_id], [key], [body_hash], [b""]])
        mine = IdempotencyKey.objects.filter(workspace_id=workspace_id, key=key)
        if cursor.fetchone() is None:
            known = mine.get()
            if bytes(known.body_hash) != body_hash:
                raise Problem("idempotency_conflict")
            return bytes(known.answer).decode()
        answer = make()
        mine.update(answer=answer.encode())
    return answer


def forget_old(before_each: Callable[[], None]) -> int:
    """Delete keys that are older, some at a time, each time committed; how many. `before_each` may raise to stop."""
    count = 0
    while True:
        before_each()
        with connection.cursor() as cursor:
            cursor.execute(FORGET, [FORGOTTEN_AT_ONCE])
            deleted = int(cursor.rowcount)
        count += deleted
        if deleted < FORGOTTEN_AT_ONCE:
            return count
