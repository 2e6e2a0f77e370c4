"""Idempotency keys: the answer to a request that named one is kept for 72 hours; after that nothing is known of it.

A key that is older counts as free at once, whenever its row is deleted.
"""

from collections.abc import Callable
from typing import Final

from django.db import connection

FORGOTTEN_AT_ONCE: Final = 5000

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
