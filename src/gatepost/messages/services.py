"""Accepting messages from a thread (console, tasks, test send): the same rules and rows as at the front."""

import hashlib
import threading
from collections.abc import Sequence

from django.db import connection, transaction

from gatepost.messages.accept import accept
from gatepost.messages.idempotency import CLAIM_KEYS
from gatepost.messages.models import IdempotencyKey
from gatepost.messages.snapshots import load_for
from gatepost.messages.store import Origin, Rows, insert_sync
from gatepost.messages.wishes import Denied, Taken, Wish
from gatepost.problems import Fault, Problem
from gatepost.sms.ids import IdSource

_lock = threading.Lock()
_ids: IdSource | None = None


def id_source() -> IdSource:
    """This process's source of ids; its node number is drawn once."""
    global _ids  # noqa: PLW0603 - one source per process is the point
    with _lock:
        if _ids is None:
            with connection.cursor() as cursor:
                cursor.execute("select nextval('node_number')")
                _ids = IdSource(cursor.fetchone()[0])
        return _ids


def accept_now(origin: Origin, wishes: Sequence[Wish], *, peer: str | None = None) -> list[tuple[int, Taken] | Denied]:
    """One answer per wish, in order: the id of what is on disk once the caller's transaction commits, or the denial."""
    snapshot = load_for(origin.workspace_id, wishes, origin.kind)
    answers = accept(wishes, snapshot, peer, kind=origin.kind, campaign_id=origin.campaign_id)
    taken = [answer for answer in answers if isinstance(answer, Taken)]
    ids = id_source().take(len(taken))
    if taken:
        with transaction.atomic(), connection.cursor() as cursor:
            rows = Rows(snapshot.now)
            rows.add(origin, ids, taken)
            insert_sync(cursor.cursor, rows)
    numbered = iter(zip(ids, taken, strict=True))
    return [next(numbered) if isinstance(answer, Taken) else answer for answer in answers]


def accept_one(origin: Origin, wish: Wish, *, peer: str | None = None) -> int:
    """The id of the message. Raises Problem with the denial's code."""
    answer = accept_now(origin, [wish], peer=peer)[0]
    if isinstance(answer, Denied):
        faults = [Fault(answer.field, answer.code, answer.words)] if answer.field else []
        raise Problem(answer.code, answer.words, faults=faults, remedy=answer.remedy)
    return answer[0]


def accept_once(origin: Origin, wish: Wish, token: str, *, peer: str | None = None) -> tuple[int, bool]:
    """The id of the message, and whether it was taken now: the same wish with the same token is taken once.

    `token` stands for one form that was shown to one person. Raises Problem as accept_one does.
    """
    body_hash = hashlib.sha256(repr(wish).encode("utf-8", "replace")).digest()
    key = f"console:{origin.user_id}:{token[:60]}:{body_hash.hex()}"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(CLAIM_KEYS, [[origin.workspace_id], [key], [body_hash], [b""]])
        if cursor.fetchone() is None:
            return int(bytes(IdempotencyKey.objects.get(workspace_id=origin.workspace_id, key=key).answer)), False
        message_id = accept_one(origin, wish, peer=peer)
        IdempotencyKey.objects.filter(workspace_id=origin.workspace_id, key=key).update(answer=str(message_id).encode())
    return message_id, True
