"""What people may do with messages in the queue or in doubt; every change is one statement over many messages."""

import json
from collections.abc import Sequence

from django.db import connection, transaction

from gatepost.dispatch import detours
from gatepost.dispatch.statements import SEND_AGAIN
from gatepost.gateways.models import Gateway
from gatepost.routing import health_store
from gatepost.routing.models import RoutingChange
from gatepost.workspaces.models import Workspace
from gatepost.workspaces.services import audit

LEAVE = """
    with left_so as (update message set left_at = now() where id = any(%(ids)s) and state = 'unknown' returning id),
         dropped as (delete from outbox o using left_so where o.message_id = left_so.id),
         unasked as (delete from status_query q using left_so where q.message_id = left_so.id)
    insert into message_event (message_id, kind, detail) select id, 'left', %(detail)s::jsonb from left_so
    returning message_id
"""
CANCEL = """
    with taken as (delete from outbox o using message m
                    where o.message_id = any(%(ids)s) and m.id = o.message_id and m.state = 'queued'
                   returning o.message_id),
         cancelled as (update message m set state = 'cancelled', state_at = now() from taken
                        where m.id = taken.message_id and m.state = 'queued' returning m.id)
    insert into message_event (message_id, kind, detail) select id, 'cancelled', %(detail)s::jsonb from cancelled
    returning message_id
"""
SCOPED = "select id from message where workspace_id = %s and id = any(%s)"


def send_again(workspace_id: int, message_ids: Sequence[int], *, actor: str) -> list[int]:
    """Submit unknown messages once more, knowing that they may arrive twice; the ids that it was done for: what is
    unknown, as long as its gateway is there."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            SEND_AGAIN,
            {"ids": _own(workspace_id, message_ids), "state": "unknown", "why": "a person decided", "by": actor},
        )
        rows = cursor.fetchall()
        for gateway_id in {row[1] for row in rows}:
            cursor.execute("select pg_notify('gatepost_outbox', %s)", [str(gateway_id)])
    return [row[0] for row in rows]


def leave(workspace_id: int, message_ids: Sequence[int], *, actor: str) -> list[int]:
    """Leave unknown messages as they are: nothing is sent again; a later receipt still resolves them."""
    return _run(LEAVE, workspace_id, message_ids, actor)


def cancel(workspace_id: int, message_ids: Sequence[int], *, actor: str) -> list[int]:
    """Take messages out of the queue; the ids that were still in it."""
    return _run(CANCEL, workspace_id, message_ids, actor)


def move_queue(gateway: Gateway, workspace: Workspace, *, actor: str, campaign_id: int | None = None) -> int:
    """What of the workspace (of one campaign) waits for the gateway takes the next one of its route; how many did.

    What has no other way stays, and so does what is unknown.
    """
    count = detours.move_queue(gateway, f"moved by {actor}", workspace=workspace, campaign_id=campaign_id)
    if count:
        words = f"{count} message{'s' if count > 1 else ''} that waited for {gateway} went to other gateways."
        health_store.note(gateway, RoutingChange.ChangeKind.MOVED, words, workspace=workspace, actor=actor)
        audit(actor, "gateway.move_queue", gateway, workspace, count=count)
    return count


def _run(statement: str, workspace_id: int, message_ids: Sequence[int], actor: str) -> list[int]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, {"ids": _own(workspace_id, message_ids), "detail": json.dumps({"by": actor})})
        return [row[0] for row in cursor.fetchall()]


def _own(workspace_id: int, message_ids: Sequence[int]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(SCOPED, [workspace_id, list(message_ids)])
        return [row[0] for row in cursor.fetchall()]
